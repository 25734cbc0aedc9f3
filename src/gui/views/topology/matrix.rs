//! The matrix of nodes, painted as one mesh: a rectangle for each run of equal cells of a row. Where a cell would be
//! smaller than a pixel, one stands for a block of them and shows the worst in it; zooming leads down to single pairs.

use std::sync::Arc;

use egui::{
    Align2, Color32, EventFilter, FontId, Key, Mesh as Shape, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2,
};

use crate::core::regard::Regard;
use crate::core::topology::NodeAddr;
use crate::engine::snapshot::ClusterView;
use crate::gui::i18n::tr;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;

use super::Whole;
use super::links::regard_name;

/// The largest cell, points.
const LARGEST: f32 = 44.0;
/// Rows have names from this size of a cell on, points.
const NAMED: f32 = 11.0;
/// Cells have signs in them from this size on, points.
const SIGNED: f32 = 12.0;
/// Room for names, points.
const NAMES: f32 = 104.0;
/// Room at the edges where there are no names, points.
const EDGE: f32 = 6.0;
/// Zooming by a button or a key.
const STEP: f32 = 1.5;

/// The matrix' state.
#[derive(Debug, Default)]
pub struct MatrixUi {
    /// The chosen pair: who thinks, and of whom.
    pub pinned: Option<(NodeAddr, NodeAddr)>,
    /// The kind of pair under the pointer in the legend: only those are shown.
    pub only: Option<Regard>,
    /// Size of a cell as a multiple of that at which everything fits; 0 counts as 1.
    zoom: f32,
}

/// The colour of a cell.
pub(super) fn color(colors: &Palette, regard: Regard) -> Color32 {
    match regard {
        Regard::Itself => colors.window,
        Regard::Fine => colors.calm,
        Regard::Silent => colors.unknown(),
        Regard::Joining => colors.arriving,
        Regard::Unlinked => colors.leaving,
        Regard::Unknown => colors.disputed,
        Regard::Suspected => colors.tone(Tone::Warn),
        Regard::Failed => colors.hatch,
    }
}

/// What stands in a cell besides its colour.
fn sign(regard: Regard) -> Option<&'static str> {
    match regard {
        Regard::Itself | Regard::Fine | Regard::Silent => None,
        Regard::Joining => Some("+"),
        Regard::Unlinked => Some("–"),
        Regard::Unknown => Some("0"),
        Regard::Suspected => Some("?"),
        Regard::Failed => Some("×"),
    }
}

/// Where the cells are.
struct Grid {
    area: Rect,
    cell: f32,
    /// How many rows and columns one painted cell stands for.
    block: usize,
    size: usize,
}

impl Grid {
    fn rect(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Rect {
        let at = |column: usize, row: usize| self.area.min + Vec2::new(column as f32, row as f32) * self.cell;
        Rect::from_min_max(at(columns.start, rows.start), at(columns.end, rows.end))
    }

    fn at(&self, pos: Pos2) -> Option<(usize, usize)> {
        let place = pos - self.area.min;
        let (row, column) = (bits::fits(place.y, self.cell), bits::fits(place.x, self.cell));
        let inside = place.x >= 0.0 && place.y >= 0.0 && row < self.size && column < self.size;
        inside.then_some((row, column))
    }

    /// Rows and columns in view.
    fn seen(&self, clip: Rect) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |from: f32, to: f32, start: f32| {
            let first = bits::fits(from - start, self.cell);
            let last = bits::fits(to - start, self.cell) + 1;
            first.min(self.size)..last.min(self.size)
        };
        (range(clip.top(), clip.bottom(), self.area.top()), range(clip.left(), clip.right(), self.area.left()))
    }
}

/// Shows the matrix; a click chooses a pair.
pub(super) fn matrix_ui(ui: &mut Ui, cluster: &ClusterView, whole: &Whole, state: &mut MatrixUi, space: Vec2) {
    let size = whole.mesh.size().max(1);
    state.zoom = state.zoom.max(1.0);
    let fit_of = |edge: f32| ((space.x.min(space.y) - edge - 14.0) / size as f32).min(LARGEST);
    let named = fit_of(NAMES) * state.zoom >= NAMED;
    let edge = if named { NAMES } else { EDGE };
    let fit = fit_of(edge).max(0.05);
    state.zoom = state.zoom.min((LARGEST / fit).max(1.0));
    let cell = fit * state.zoom;
    let scroll = egui::ScrollArea::both().id_salt("matrix").auto_shrink([false, false]);
    scroll.show(ui, |ui| {
        let whole_size = Vec2::splat(cell * size as f32 + edge + 4.0);
        let (outer, _) = ui.allocate_exact_size(whole_size, Sense::hover());
        let area = Rect::from_min_size(outer.min + Vec2::splat(edge), Vec2::splat(cell * size as f32));
        let block = bits::fits(1.0, cell * ui.pixels_per_point() * 1.001) + 1;
        let grid = Grid { area, cell, block, size: whole.mesh.size() };
        let response = ui.allocate_rect(area, Sense::click());
        let name = name_of(whole);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Canvas, true, &name));
        zoom(ui, &response, state);
        choose(ui, cluster, whole, &response, &grid, state);
        paint(ui, whole, &grid, state);
        if named {
            names(ui, cluster, whole, &grid, outer);
        }
        marks(ui, cluster, whole, &response, &grid, state);
    });
}

/// Ctrl and the wheel, pinching, and the keys `+`, `-` and 0.
fn zoom(ui: &Ui, response: &Response, state: &mut MatrixUi) {
    let before = state.zoom;
    if response.hovered() {
        state.zoom *= ui.input(egui::InputState::zoom_delta);
    }
    if response.has_focus() {
        let pressed = |key: Key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::Plus) || pressed(Key::Equals) {
            state.zoom *= STEP;
        } else if pressed(Key::Minus) {
            state.zoom /= STEP;
        } else if pressed(Key::Num0) {
            state.zoom = 1.0;
        }
    }
    state.zoom = state.zoom.max(1.0);
    if (state.zoom - before).abs() > f32::EPSILON {
        ui.request_repaint();
    }
}

/// A click or the arrow keys choose a pair.
fn choose(ui: &Ui, cluster: &ClusterView, whole: &Whole, response: &Response, grid: &Grid, state: &mut MatrixUi) {
    let addr = |row: usize| whole.order.get(row).map(|at| cluster.nodes[*at].addr.clone());
    let mut chosen = response.clicked().then(|| response.interact_pointer_pos().and_then(|pos| grid.at(pos))).flatten();
    if response.clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        let keep = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, keep));
        let pressed = |key: Key| usize::from(ui.input(|input| input.key_pressed(key)));
        let moved = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight].map(pressed);
        if moved != [0; 4] {
            let (row, column) = pinned(cluster, whole, state).unwrap_or((0, 0));
            let most = grid.size.saturating_sub(1);
            let step = |at: usize, less: usize, more: usize| (at + more).saturating_sub(less).min(most);
            chosen = Some((step(row, moved[0], moved[1]), step(column, moved[2], moved[3])));
        }
    }
    if let Some((row, column)) = chosen {
        state.pinned = addr(row).zip(addr(column)).filter(|(from, to)| from != to || response.has_focus());
    }
}

fn pinned(cluster: &ClusterView, whole: &Whole, state: &MatrixUi) -> Option<(usize, usize)> {
    let row = |addr: &NodeAddr| whole.order.iter().position(|at| cluster.nodes[*at].addr == *addr);
    let (from, to) = state.pinned.as_ref()?;
    Some((row(from)?, row(to)?))
}

/// The cells in view.
fn paint(ui: &Ui, whole: &Whole, grid: &Grid, state: &MatrixUi) {
    let colors = Palette::of(ui);
    let shade = |regard: Regard| match state.only {
        Some(only) if only != regard && regard != Regard::Itself => colors.zero,
        _ => color(colors, regard),
    };
    let (rows, columns) = grid.seen(ui.clip_rect());
    let mut mesh = Shape::default();
    let gap = if grid.cell >= 5.0 { 1.0 / ui.pixels_per_point() } else { 0.0 };
    let first = rows.start / grid.block * grid.block;
    for row in (first..rows.end).step_by(grid.block) {
        let worst =
            |column: usize| whole.mesh.worst(row..(row + grid.block).min(grid.size), column..column + grid.block);
        let start = columns.start / grid.block * grid.block;
        let mut run: Option<(usize, Regard)> = None;
        let bottom = (row + grid.block).min(grid.size);
        let mut flush = |from: usize, to: usize, regard: Regard| {
            let mut rect = grid.rect(row..bottom, from..to.min(grid.size));
            rect.max -= Vec2::splat(gap);
            mesh.add_colored_rect(rect, shade(regard));
        };
        for column in (start..columns.end).step_by(grid.block) {
            let Some(regard) = worst(column) else { continue };
            match run {
                Some((_, same)) if same == regard && gap == 0.0 => {}
                _ => {
                    if let Some((from, regard)) = run {
                        flush(from, column, regard);
                    }
                    run = Some((column, regard));
                }
            }
        }
        if let Some((from, regard)) = run {
            flush(from, columns.end, regard);
        }
    }
    ui.painter().rect_filled(grid.area, 0.0, colors.window);
    ui.painter().add(Arc::new(mesh));
    signs(ui, whole, grid, (rows, columns));
}

/// Signs in the cells that are not well, so that colours are not all there is.
fn signs(ui: &Ui, whole: &Whole, grid: &Grid, (rows, columns): (std::ops::Range<usize>, std::ops::Range<usize>)) {
    if grid.cell < SIGNED {
        return;
    }
    let colors = Palette::of(ui);
    let font = FontId::proportional((grid.cell * 0.6).min(18.0));
    for row in rows {
        for column in columns.clone() {
            let Some((regard, sign)) = whole.mesh.at(row, column).and_then(|regard| Some((regard, sign(regard)?)))
            else {
                continue;
            };
            let center = grid.rect(row..row + 1, column..column + 1).center();
            ui.painter().text(
                center,
                Align2::CENTER_CENTER,
                sign,
                font.clone(),
                Palette::ink_on(color(colors, regard)),
            );
        }
    }
}

/// Who thinks at the left, of whom on top, turned by a quarter.
fn names(ui: &Ui, cluster: &ClusterView, whole: &Whole, grid: &Grid, outer: Rect) {
    let colors = Palette::of(ui);
    let font = FontId::proportional(grid.cell.clamp(9.0, 12.0));
    let name = |row: usize| whole.order.get(row).map(|at| &cluster.nodes[*at]);
    let (rows, columns) = grid.seen(ui.clip_rect());
    let cut = |text: String, color: Color32| {
        let format = egui::TextFormat::simple(font.clone(), color);
        let mut job = egui::text::LayoutJob::single_section(text, format);
        job.wrap = egui::text::TextWrapping::truncate_at_width(NAMES - 10.0);
        ui.painter().layout_job(job)
    };
    let text_color = |stale: bool| if stale { colors.weak } else { colors.text };
    for row in rows {
        let Some(node) = name(row) else { continue };
        let galley = cut(node.addr.to_string(), text_color(node.is_stale()));
        let right = Pos2::new(grid.area.left() - 6.0, grid.rect(row..row + 1, 0..1).center().y);
        let at = Align2::RIGHT_CENTER.anchor_size(right, galley.size()).min;
        ui.painter().galley(at, galley, colors.text);
    }
    for column in columns {
        let Some(node) = name(column) else { continue };
        let galley = cut(node.addr.to_string(), text_color(node.is_stale()));
        let x = grid.rect(0..1, column..column + 1).center().x - galley.size().y / 2.0;
        let at = Pos2::new(x, (grid.area.top() - 6.0).min(outer.top() + NAMES));
        ui.painter()
            .add(egui::epaint::TextShape::new(at, galley, colors.text).with_angle(-std::f32::consts::FRAC_PI_2));
    }
}

/// The pair under the pointer, and the chosen one.
fn marks(ui: &Ui, cluster: &ClusterView, whole: &Whole, response: &Response, grid: &Grid, state: &MatrixUi) {
    let colors = Palette::of(ui);
    let outline = |(row, column): (usize, usize), width: f32| {
        let rect = grid.rect(row..row + 1, column..column + 1);
        ui.painter().rect_stroke(rect, 0.0, Stroke::new(width, colors.pin), StrokeKind::Outside);
    };
    if let Some(cell) = pinned(cluster, whole, state) {
        outline(cell, 2.0);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, colors.accent);
        ui.painter().rect_stroke(grid.area.expand(2.0), 2.0, stroke, StrokeKind::Outside);
    }
    let Some((row, column)) = response.hover_pos().and_then(|pos| grid.at(pos)) else { return };
    outline((row, column), 1.0);
    let node = |row: usize| whole.order.get(row).map(|at| &cluster.nodes[*at]);
    if let (Some(from), Some(to)) = (node(row), node(column))
        && let Some(regard) = whole.mesh.at(row, column)
    {
        response.clone().on_hover_ui_at_pointer(|ui| {
            ui.label(tr!("topology.thinks", from = from.addr, to = to.addr));
            let (tone, icon) = super::links::tone(regard);
            bits::state(ui, tone, icon, regard_name(regard));
            if let Some(back) = whole.mesh.at(column, row).filter(|back| *back != regard) {
                bits::weak(ui, tr!("topology.thinks_back", regard = regard_name(back)));
            }
        });
    }
}

/// What a screen reader says of the matrix.
fn name_of(whole: &Whole) -> String {
    tr!("topology.matrix_name", nodes = whole.mesh.size(), trouble = whole.trouble, groups = whole.groups.len())
}
