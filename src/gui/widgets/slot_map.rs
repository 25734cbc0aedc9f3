//! The 16384 slots as cells of a map: one rectangle with a texture of a texel a cell.
//!
//! With the lines between the cells that is some 1000 vertices whatever the cells' colours are (a rectangle a slot would be
//! 65536), and crisp at any zoom: cells are whole pixels, and only those in view are painted. What the cells look like is
//! worked out when it changes, not in each frame.

mod camera;
mod layout;
mod paint;
mod scale;
mod shades;
mod texels;

use std::sync::Arc;

use egui::{
    Event, EventFilter, Key, Modifiers, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo,
};

use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::Role as NodeRole;
use crate::engine::snapshot::{ClusterView, NO_OWNER};
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::slot_words as words;
use crate::gui::summary;
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;
use crate::workspace::settings::{MapLayout, MapMode};

use camera::{Camera, Grid};
use layout::{LastLayout, Layout};
use paint::Picture;
use texels::Texels;

pub use shades::{LastShades, NOT_TOLD, Only, Shades, SlotState, ZERO, figure_of, owner_class};

/// Room for the numbers of rows, points.
const GUTTER: f32 = 40.0;
/// Room for the owners of bands, points.
const WIDE_GUTTER: f32 = 112.0;
/// How much a press of `+` enlarges.
pub const ZOOM_STEP: f32 = 1.5;
/// How far an arrow key with Alt moves what is seen, points.
const PAN_STEP: f32 = 48.0;
/// Scrolled points that double the size.
const SCROLL_TO_DOUBLE: f32 = 160.0;

/// What the map remembers from frame to frame.
#[derive(Debug, Default)]
pub struct MapState {
    camera: Camera,
    /// Where a selection began.
    anchor: Option<Slot>,
    /// What was selected before the drag that goes on, where it adds to that.
    before: SlotSet,
    /// The slot to go to in the next frame.
    wanted: Option<Slot>,
    /// What a button beside the map asked for: a factor, or 0 for everything.
    zoom_by: Option<f32>,
    /// Size of a cell as last painted, as a multiple of what fits.
    shown_zoom: f32,
    layout: LastLayout,
    texels: Texels,
}

impl MapState {
    /// Lets the map go to a slot.
    pub fn go_to(&mut self, slot: Slot) {
        self.wanted = Some(slot);
    }

    /// Enlarges by a factor; 0 shows everything.
    pub fn zoom(&mut self, factor: f32) {
        self.zoom_by = Some(factor);
    }

    /// The zoom, 1 where everything is seen.
    #[must_use]
    pub fn shown_zoom(&self) -> f32 {
        self.shown_zoom.max(1.0)
    }
}

/// What the map shows.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The cluster.
    pub cluster: &'a ClusterView,
    /// What colours mean.
    pub mode: MapMode,
    /// How cells are laid out.
    pub layout: MapLayout,
    /// The slot that is outlined.
    pub pinned: Option<Slot>,
    /// Slots with an edge around them; the others are dimmed.
    pub selection: &'a SlotSet,
    /// What its colours are.
    pub shades: &'a Arc<Shades>,
}

/// What the person does with the map.
#[derive(Debug, Default)]
pub struct MapResponse {
    /// The slot under the pointer.
    pub hovered: Option<Slot>,
    /// The slot that was clicked or reached by keyboard in this frame.
    pub picked: Option<Slot>,
    /// Whether it was clicked.
    pub clicked: bool,
    /// What is selected from now on.
    pub selected: Option<SlotSet>,
    /// A mode that was chosen by its number.
    pub mode: Option<MapMode>,
    /// The other layout was chosen by key.
    pub flip: bool,
    /// Escape was pressed.
    pub escaped: bool,
}

/// The modes in the order of their keys, from 1 on.
pub const MODES: [MapMode; 7] =
    [MapMode::Owner, MapMode::Keys, MapMode::Memory, MapMode::Cpu, MapMode::NetIn, MapMode::NetOut, MapMode::State];

/// Shows the map as large as `space` allows.
pub fn slot_map(ui: &mut Ui, shown: &Shown<'_>, state: &mut MapState, space: Vec2) -> MapResponse {
    let pixels = ui.pixels_per_point();
    let gutter = if shown.layout == MapLayout::Bands { WIDE_GUTTER } else { GUTTER };
    let space = space.max(Vec2::splat(f32::from(layout::COLUMNS)) + Vec2::new(gutter, 0.0));
    let (outer, _) = ui.allocate_exact_size(space, Sense::hover());
    let view = Rect::from_min_max(Pos2::new(outer.left() + gutter, outer.top()), outer.max);
    let view = Rect::from_min_max(snap(view.min, pixels), snap(view.max, pixels));
    let layout = state.layout.of(shown.cluster, shown.layout);
    let grid = state.camera.grid(view, layout.rows(), pixels);
    let response = ui.allocate_rect(grid.rect(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name_of(shown.cluster)));
    let mut said = MapResponse::default();
    move_camera(ui, &response, state, &layout, &grid);
    pointer(ui, &response, shown, state, &layout, &grid, &mut said);
    keyboard(ui, &response, shown, state, &layout, &grid, &mut said);
    let grid = state.camera.grid(view, layout.rows(), pixels);
    state.shown_zoom = grid.zoom();
    let left = Rect::from_min_max(outer.min, Pos2::new(view.left(), outer.bottom()));
    let picture = Picture { layout: &layout, grid: &grid, shades: shown.shades };
    paint::cells(ui, &picture, &mut state.texels);
    paint_over(ui, shown, &picture, &response, &said, left);
    said
}

/// What lies over the cells and beside them.
fn paint_over(ui: &Ui, shown: &Shown<'_>, picture: &Picture<'_>, response: &Response, said: &MapResponse, left: Rect) {
    paint::moving(ui, shown.cluster, picture);
    paint::selection(ui, picture, said.selected.as_ref().unwrap_or(shown.selection));
    paint::numbers(ui, shown.cluster, shown.mode, picture);
    paint::names(ui, shown.cluster, picture, left);
    if let Some(slot) = said.hovered {
        paint::outline(ui, picture, slot, 1.0);
        if !response.dragged() {
            response.clone().on_hover_text_at_pointer(describe(shown, slot));
        }
    }
    if let Some(slot) = said.picked.or(shown.pinned) {
        paint::outline(ui, picture, slot, 2.0);
    }
    if response.has_focus() {
        let colors = Palette::of(ui);
        ui.painter().rect_stroke(
            picture.grid.rect().expand(2.0),
            2.0,
            Stroke::new(1.0, colors.accent),
            StrokeKind::Outside,
        );
    }
}

fn snap(pos: Pos2, pixels: f32) -> Pos2 {
    Pos2::new((pos.x * pixels).round(), (pos.y * pixels).round()) / pixels
}

/// The wheel and pinching zoom at the pointer; the middle or right button drags; buttons and searches go where they say.
fn move_camera(ui: &Ui, response: &Response, state: &mut MapState, layout: &Layout, grid: &Grid) {
    let camera = &mut state.camera;
    if let Some(factor) = state.zoom_by.take() {
        if factor == 0.0 {
            *camera = Camera::default();
        } else {
            camera.zoom_at(grid, grid.view.center(), factor);
        }
    }
    if let Some(slot) = state.wanted.take() {
        let (row, column) = layout.cell(slot);
        camera.go_to(grid, row, column);
    }
    if let Some(at) = response.hover_pos() {
        let (scrolled, pinched) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
        let factor = (scrolled.y / SCROLL_TO_DOUBLE).exp2() * pinched;
        if (factor - 1.0).abs() > 1e-4 {
            camera.zoom_at(grid, at, factor);
        }
        if scrolled.x.abs() > 0.0 {
            camera.pan(grid, Vec2::new(scrolled.x, 0.0));
        }
    }
    if response.dragged_by(PointerButton::Middle) || response.dragged_by(PointerButton::Secondary) {
        camera.pan(grid, response.drag_delta());
    }
}

/// A click pins, with Shift it selects up to there; dragging selects, with Ctrl besides what is selected.
fn pointer(
    ui: &Ui,
    response: &Response,
    shown: &Shown<'_>,
    state: &mut MapState,
    layout: &Layout,
    grid: &Grid,
    said: &mut MapResponse,
) {
    let at = |pos: Pos2| grid.cell_at(pos).and_then(|(row, column)| layout.slot(row, column));
    said.hovered = response.hover_pos().and_then(at);
    let modifiers = ui.input(|input| input.modifiers);
    let here = response.interact_pointer_pos().and_then(at);
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if response.drag_started_by(PointerButton::Primary) {
        let from = ui.input(|input| input.pointer.press_origin()).and_then(at);
        state.anchor = if modifiers.shift { state.anchor.or(shown.pinned).or(from) } else { from };
        state.before = if modifiers.command { shown.selection.clone() } else { SlotSet::new() };
    }
    if response.dragged_by(PointerButton::Primary)
        && let (Some(from), Some(to)) = (state.anchor, here)
    {
        let mut selected = state.before.clone();
        selected.extend(layout.between(from, to));
        said.selected = Some(selected);
    }
    if response.clicked()
        && let Some(slot) = here
    {
        if modifiers.shift
            && let Some(from) = state.anchor.or(shown.pinned)
        {
            said.selected = Some(layout.between(from, slot).collect());
        } else if modifiers.command {
            let mut selected = shown.selection.clone();
            if !selected.remove(slot) {
                selected.insert(slot);
            }
            said.selected = Some(selected);
            state.anchor = Some(slot);
        } else {
            said.picked = Some(slot);
            said.clicked = true;
            state.anchor = Some(slot);
        }
    }
}

/// Arrow keys move the pin by one cell, Page keys by sixteen rows, Home and End to the ends; with Shift they select,
/// with Alt they move what is seen. `+`, `-` and 0 zoom, digits choose the mode, L the layout.
fn keyboard(
    ui: &Ui,
    response: &Response,
    shown: &Shown<'_>,
    state: &mut MapState,
    layout: &Layout,
    grid: &Grid,
    said: &mut MapResponse,
) {
    let focused = response.has_focus();
    // Letters and digits also work before anything has the focus.
    if !bits::keys_reach(ui) || (!focused && ui.memory(|memory| memory.focused().is_some())) {
        return;
    }
    if focused {
        let keep =
            EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, keep));
    }
    let pressed = |key: Key| ui.input(|input| input.key_pressed(key));
    let modifiers = ui.input(|input| input.modifiers);
    said.escaped = pressed(Key::Escape);
    if !modifiers.any() || modifiers.shift_only() {
        let camera = &mut state.camera;
        let middle =
            shown.pinned.map(|slot| layout.cell(slot)).map(|(row, column)| grid.cell_rect(row, column).center());
        let middle = middle.filter(|pos| grid.view.contains(*pos)).unwrap_or(grid.view.center());
        if pressed(Key::Plus) || pressed(Key::Equals) {
            camera.zoom_at(grid, middle, ZOOM_STEP);
        } else if pressed(Key::Minus) {
            camera.zoom_at(grid, middle, 1.0 / ZOOM_STEP);
        } else if pressed(Key::Num0) {
            *camera = Camera::default();
        }
    }
    if !modifiers.any() {
        let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7];
        // By what was held when the key went down: Ctrl+5 may come and go within one frame.
        let bare = |key: Key| ui.input(|input| input.events.iter().any(|event| is_bare(event, key)));
        said.mode = digits.iter().position(|key| bare(*key)).and_then(|at| MODES.get(at)).copied();
        said.flip = bare(Key::L);
    }
    if focused {
        arrows(ui, modifiers, shown, state, layout, grid, said);
    }
}

/// Whether this key went down alone.
fn is_bare(event: &Event, wanted: Key) -> bool {
    matches!(event, Event::Key { key, pressed: true, modifiers, .. } if *key == wanted && !modifiers.any())
}

fn arrows(
    ui: &Ui,
    modifiers: Modifiers,
    shown: &Shown<'_>,
    state: &mut MapState,
    layout: &Layout,
    grid: &Grid,
    said: &mut MapResponse,
) {
    let moves = [
        (Key::ArrowLeft, (-1, 0)),
        (Key::ArrowRight, (1, 0)),
        (Key::ArrowUp, (0, -1)),
        (Key::ArrowDown, (0, 1)),
        (Key::PageUp, (0, -16)),
        (Key::PageDown, (0, 16)),
    ];
    let pressed = |key: Key| ui.input(|input| input.key_pressed(key));
    let step = moves.iter().find(|(key, _)| pressed(*key)).map(|(_, by)| *by);
    if let (true, Some((columns, rows))) = (modifiers.alt, step) {
        #[expect(clippy::cast_precision_loss, reason = "-16 to 16")]
        let by = Vec2::new(columns as f32, rows as f32) * -PAN_STEP;
        state.camera.pan(grid, by);
        return;
    }
    let to = match (shown.pinned, step) {
        _ if pressed(Key::Home) => Some(layout.end(true)),
        _ if pressed(Key::End) => Some(layout.end(false)),
        (Some(slot), Some((columns, rows))) => Some(layout.step(slot, columns, rows)),
        (None, Some(_)) => Some(layout.end(true)),
        _ => None,
    };
    let Some(to) = to else { return };
    if modifiers.shift {
        let from = *state.anchor.get_or_insert(shown.pinned.unwrap_or(to));
        said.selected = Some(layout.between(from, to).collect());
    } else {
        state.anchor = Some(to);
    }
    let (row, column) = layout.cell(to);
    state.camera.reveal(grid, row, column);
    said.picked = Some(to);
}

/// What the tooltip says of a slot.
fn describe(shown: &Shown<'_>, slot: Slot) -> String {
    let cluster = shown.cluster;
    let range = summary::run_around(&cluster.slot_owner, slot);
    let mut text = match cluster.owner_of(slot) {
        Some(node) => tr!("slots.hover", slot = slot, node = node.addr, range = range),
        None => tr!("slots.hover_none", slot = slot, range = range),
    };
    if let Some(figure) = figure_of(shown.mode) {
        let value = cluster.slots.figures.as_ref().and_then(|figures| figures.at(figure, slot));
        let value = value.map_or(tr!("map.not_told"), |value| format::figure(figure, value));
        text = format!("{text}\n{}: {value}", words::map_mode(shown.mode));
    }
    match SlotState::of(cluster, slot) {
        SlotState::Stable => {}
        state => text = format!("{text}\n{}", words::slot_state(state)),
    }
    text
}

/// What a screen reader says of the map.
fn name_of(cluster: &ClusterView) -> String {
    let masters = cluster.nodes.iter().filter(|n| n.role == Some(NodeRole::Master) && !n.slots.is_empty()).count();
    let owned = cluster.slot_owner.iter().filter(|owner| **owner != NO_OWNER).count();
    tr!("slots.map_name", masters = masters, without = usize::from(SLOT_COUNT) - owned)
}

#[cfg(test)]
#[path = "slot_map_tests.rs"]
mod tests;
