//! Rows that are one widget each, with their cells painted in them.
//!
//! `TableBody::rows` gives each cell a `Ui` of its own that is clicked for itself. A window full of nodes has three hundred
//! cells, and these took two thirds of its frame. Here the row takes the clicks, and a cell is a text that is painted, with
//! what a screen reader says of it.

use std::sync::Arc;

use egui::accesskit;
use egui::emath::GuiRounding as _;
use egui::{
    Align, Align2, Color32, FontId, Galley, Layout, Pos2, Rect, Response, Sense, TextStyle, Ui, UiBuilder, Vec2,
};
use egui_extras::TableBody;

use crate::gui::widgets::bits;

/// A row.
pub struct Line<'a> {
    /// What it is painted in; a click anywhere in it is the row's.
    pub ui: &'a mut Ui,
    /// What the person does with it.
    pub response: Response,
    index: usize,
    /// The row and half of the room between it and its neighbours.
    around: Rect,
    /// Whether a screen reader listens.
    is_heard: bool,
    cells: &'a [Rect],
    font: &'a FontId,
}

/// Shows the rows in view of `count` rows that are so high, one more at the end, and leaves room for the others.
pub fn rows_ui(body: &mut TableBody<'_>, height: f32, count: usize, mut show: impl FnMut(usize, Line<'_>)) {
    let widths = body.widths().to_vec();
    let ui = body.ui_mut();
    let (gap, origin) = (ui.spacing().item_spacing, ui.available_rect_before_wrap().min);
    let font = TextStyle::Body.resolve(ui.style());
    let pitch = height + gap.y;
    let mut cells = Vec::with_capacity(widths.len());
    let mut left = origin.x;
    for width in &widths {
        cells.push(Rect::from_min_size(egui::pos2(left, origin.y), Vec2::new(*width, height)));
        left += width + gap.x;
    }
    let whole = cells.last().map_or(origin.x, Rect::right) - origin.x;
    let view = ui.clip_rect();
    let first = bits::fits(view.top() - origin.y, pitch).min(count);
    let end = (bits::fits(view.bottom() - origin.y, pitch) + 2).min(count);
    let mut here = cells.clone();
    for index in first..end {
        #[expect(clippy::cast_precision_loss, reason = "a thousand rows")]
        let down = Vec2::new(0.0, index as f32 * pitch);
        for (cell, place) in here.iter_mut().zip(&cells) {
            *cell = place.translate(down);
        }
        let rect = Rect::from_min_size(origin + down, Vec2::new(whole, height));
        let builder = UiBuilder::new()
            .scope_id(ui.scope_id().with(("row", index)))
            .max_rect(rect)
            .layout(Layout::left_to_right(Align::Center))
            .sense(Sense::click())
            .accessibility_role(accesskit::Role::Row);
        let mut row = ui.new_child(builder);
        row.set_min_size(rect.size());
        let response = row.response();
        // A `Ui` tells its place before it has one.
        let place =
            accesskit::Rect::new(rect.left().into(), rect.top().into(), rect.right().into(), rect.bottom().into());
        let is_heard = row.ctx().accesskit_node_builder(row.unique_id(), |node| node.set_bounds(place)).is_some();
        let around = rect.expand2(gap / 2.0).round_ui();
        show(index, Line { ui: &mut row, response, index, around, is_heard, cells: &here, font: &font });
    }
    #[expect(clippy::cast_precision_loss, reason = "a thousand rows")]
    let tall = (count as f32 * pitch - gap.y).max(0.0);
    ui.expand_to_include_rect(Rect::from_min_size(origin, Vec2::new(whole, tall)));
}

impl Line<'_> {
    /// Paints what lies behind the row: every second one is tinted.
    pub fn ground(&self, is_selected: bool) {
        let (painter, visuals) = (self.ui.painter(), self.ui.visuals());
        if self.index.is_multiple_of(2) {
            painter.rect_filled(self.around, 0.0, visuals.faint_bg_color);
        }
        if is_selected {
            painter.rect_filled(self.around, 0.0, visuals.selection.bg_fill);
        } else if self.response.hovered() {
            painter.rect_filled(self.around, 0.0, visuals.widgets.hovered.bg_fill);
        }
    }

    /// The cell of a column.
    pub fn cell(&mut self, column: usize) -> Cell<'_> {
        let rect = self.cells.get(column).copied().unwrap_or(Rect::NOTHING);
        Cell { ui: self.ui, rest: rect, is_heard: self.is_heard, font: self.font }
    }
}

/// A cell, filled from the left.
pub struct Cell<'a> {
    /// What it is painted in: the row's.
    pub ui: &'a mut Ui,
    /// What is still free of it.
    rest: Rect,
    is_heard: bool,
    font: &'a FontId,
}

impl Cell<'_> {
    /// Leaves so many points free.
    pub fn space(&mut self, width: f32) {
        self.rest.min.x = (self.rest.min.x + width).min(self.rest.max.x);
    }

    /// Takes room of this size, at most what is free, in the middle of the cell's height.
    pub fn take(&mut self, size: Vec2) -> Rect {
        let size = size.min(self.rest.size());
        let rect = Align2::LEFT_CENTER.align_size_within_rect(size, self.rest).round_ui();
        self.space(size.x + self.ui.spacing().item_spacing.x);
        rect
    }

    /// A filled square.
    pub fn swatch(&mut self, color: Color32) {
        let rect = self.take(Vec2::splat(12.0));
        self.ui.painter().rect_filled(rect, 3.0, color);
    }

    /// A text, cut where the cell ends.
    pub fn text(&mut self, text: String, color: Color32) {
        let galley = self.galley(text, color);
        let rect = self.take(galley.size());
        if self.is_heard {
            self.tell(rect, &galley);
        }
        self.paint(rect, rect.min, galley, color);
    }

    /// The same for a text that says more where the pointer rests on it.
    pub fn text_with_more(&mut self, text: String, color: Color32) -> Response {
        let galley = self.galley(text, color);
        let rect = self.take(galley.size());
        let response = self.tell(rect, &galley);
        self.paint(rect, rect.min, galley, color);
        response
    }

    /// A text at the right end, cut where the cell begins.
    pub fn number(&mut self, text: String, color: Color32) {
        let galley = self.galley(text, color);
        let rect = self.take(Vec2::new(self.rest.width(), galley.size().y));
        let at = Align2::RIGHT_CENTER.anchor_size(rect.right_center(), galley.size()).min;
        if self.is_heard {
            self.tell(rect, &galley);
        }
        self.paint(rect, at, galley, color);
    }

    /// Shows widgets in what is still free of the cell.
    pub fn widgets(self, show: impl FnOnce(&mut Ui)) {
        let builder = UiBuilder::new().max_rect(self.rest).layout(Layout::left_to_right(Align::Center));
        let mut ui = self.ui.new_child(builder);
        ui.shrink_clip_rect(self.rest);
        ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
        show(&mut ui);
    }

    fn galley(&self, text: String, color: Color32) -> Arc<Galley> {
        self.ui.painter().layout_no_wrap(text, self.font.clone(), color)
    }

    /// Makes a widget of a painted text: what a screen reader says, and what the pointer can rest on. Without either a
    /// picture is enough.
    fn tell(&mut self, rect: Rect, galley: &Galley) -> Response {
        let id = self.ui.next_auto_id();
        self.ui.skip_ahead_auto_ids(1);
        let response = self.ui.interact(rect, id, Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, galley.text()));
        response
    }

    fn paint(&self, rect: Rect, at: Pos2, galley: Arc<Galley>, color: Color32) {
        // Each part of the window that is painted in for itself is a mesh of its own: only where something is to be cut.
        if rect.left() < at.x + 1.0 && at.x + galley.size().x < rect.right() + 1.0 {
            self.ui.painter().galley(at, galley, color);
        } else {
            self.ui.painter_at(rect).galley(at, galley, color);
        }
    }
}
