//! The 16384 slots as a square of 128 by 128, in one mesh: one rectangle for each run of equal owners in a row.
//!
//! With the lines between the cells that is some 1500 vertices for a usual cluster (a rectangle a slot would be 131072
//! and 7 ms a frame), and crisp at any zoom. Cells are whole pixels.

use egui::{
    Color32, EventFilter, Key, Mesh, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};

use crate::core::slot::{SLOT_COUNT, Slot};
use crate::core::topology::Role as NodeRole;
use crate::engine::snapshot::{ClusterView, NO_OWNER, Standing};
use crate::gui::i18n::tr;
use crate::gui::summary;
use crate::gui::theme::Palette;

use super::bits;

/// Slots in a row.
const SIDE: u16 = 128;
/// Room for the row numbers, points.
const GUTTER: f32 = 40.0;
/// Distance between hatching lines over slots without owner, points.
const HATCH: f32 = 8.0;
/// How much of the ground's colour a line between blocks has.
const BLOCK_LINE: f32 = 0.4;
/// The same for a line between two cells.
const CELL_LINE: f32 = 0.12;
/// Cells have lines between them from this size on, pixels.
const LEAST_CELL: f32 = 4.0;

/// What the person does with the map.
#[derive(Debug, Default)]
pub struct MapResponse {
    /// The slot under the pointer.
    pub hovered: Option<Slot>,
    /// The slot that was clicked or reached by keyboard in this frame.
    pub picked: Option<Slot>,
}

/// Shows the map as large as `space` allows. `pinned` is outlined; with `only`, the slots of other owners are dimmed.
pub fn slot_map(
    ui: &mut Ui,
    cluster: &ClusterView,
    space: Vec2,
    pinned: Option<Slot>,
    only: Option<u16>,
) -> MapResponse {
    let pixels = ui.pixels_per_point();
    let room = (space.x - GUTTER).min(space.y).max(f32::from(SIDE));
    let cell = (room * pixels / f32::from(SIDE)).floor().max(1.0) / pixels;
    let side = cell * f32::from(SIDE);
    let (outer, _) = ui.allocate_exact_size(Vec2::new(GUTTER + side, side), Sense::hover());
    let origin = Pos2::new((outer.left() * pixels + GUTTER * pixels).round(), (outer.top() * pixels).round()) / pixels;
    let grid = Grid { origin, cell };
    let response = ui.allocate_rect(grid.rect(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name_of(cluster)));

    paint_slots(ui, cluster, &grid, only);
    paint_rows(ui, &grid);
    let hovered = response.hover_pos().and_then(|pos| grid.slot_at(pos));
    let mut picked = response.interact_pointer_pos().and_then(|pos| grid.slot_at(pos));
    if picked.is_some() {
        response.request_focus();
    }
    picked = picked.or_else(|| keyboard(ui, &response, pinned));
    if let Some(slot) = hovered {
        outline(ui, &grid, slot, 1.0);
        response.clone().on_hover_text_at_pointer(describe(cluster, slot));
    }
    if let Some(slot) = picked.or(pinned) {
        outline(ui, &grid, slot, 2.0);
    }
    if response.has_focus() {
        let colors = Palette::of(ui);
        ui.painter().rect_stroke(grid.rect().expand(2.0), 2.0, Stroke::new(1.0, colors.accent), StrokeKind::Outside);
    }
    MapResponse { hovered, picked }
}

/// Where the cells are.
struct Grid {
    origin: Pos2,
    cell: f32,
}

impl Grid {
    fn rect(&self) -> Rect {
        Rect::from_min_size(self.origin, Vec2::splat(self.cell * f32::from(SIDE)))
    }

    /// The rectangle of `count` slots of one row, from `column` on.
    fn run(&self, row: u16, column: u16, count: u16) -> Rect {
        let min = self.origin + Vec2::new(f32::from(column), f32::from(row)) * self.cell;
        Rect::from_min_size(min, Vec2::new(f32::from(count), 1.0) * self.cell)
    }

    fn slot_at(&self, pos: Pos2) -> Option<Slot> {
        let at = (pos - self.origin) / self.cell;
        #[expect(clippy::cast_possible_truncation, reason = "checked against the side just below")]
        let (column, row) = (at.x.floor() as i32, at.y.floor() as i32);
        let inside = |n: i32| u16::try_from(n).ok().filter(|n| *n < SIDE);
        Slot::new(inside(row)? * SIDE + inside(column)?).ok()
    }
}

/// Each maximal run of equal owners within a row: row, first column, how many, owner.
fn runs(owners: &[u16]) -> impl Iterator<Item = (u16, u16, u16, u16)> {
    (0..SIDE).flat_map(move |row| {
        let start = usize::from(row) * usize::from(SIDE);
        let line = owners.get(start..start + usize::from(SIDE)).unwrap_or_default();
        let mut column = 0;
        line.chunk_by(|a, b| a == b).map(move |run| {
            let count = u16::try_from(run.len()).unwrap_or(SIDE);
            let at = column;
            column += count;
            (row, at, count, run[0])
        })
    })
}

fn paint_slots(ui: &Ui, cluster: &ClusterView, grid: &Grid, only: Option<u16>) {
    let colors = Palette::of(ui);
    // A node's colour; dimmed where the node is down, for its slots are not served.
    let of_node: Vec<Color32> = cluster
        .nodes
        .iter()
        .enumerate()
        .map(|(i, node)| {
            let color = bits::shard_color(colors, node);
            let aside = only.is_some_and(|only| usize::from(only) != i);
            if aside || node.standing == Standing::Failed { colors.dimmed(color) } else { color }
        })
        .collect();
    let mut mesh = Mesh::default();
    for (row, column, count, owner) in runs(&cluster.slot_owner) {
        let rect = grid.run(row, column, count);
        let node = cluster.nodes.get(usize::from(owner));
        let color = of_node.get(usize::from(owner)).copied().unwrap_or(colors.uncovered);
        mesh.add_colored_rect(rect, color);
        match node {
            None => hatch(&mut mesh, rect, HATCH, colors.hatch),
            Some(node) if node.standing == Standing::Failed => hatch(&mut mesh, rect, HATCH * 2.0, colors.hatch),
            Some(_) => {}
        }
    }
    lines(&mut mesh, grid, 1.0 / ui.pixels_per_point(), colors.window);
    ui.painter().add(mesh);
}

/// Lines between the cells where they are large enough, and stronger ones around every sixteenth row and column, so that
/// the square reads as a map of cells.
fn lines(mesh: &mut Mesh, grid: &Grid, pixel: f32, ground: Color32) {
    let every = if grid.cell >= LEAST_CELL * pixel { 1 } else { 16 };
    for at in (every..SIDE).step_by(usize::from(every)) {
        let color = ground.gamma_multiply(if at % 16 == 0 { BLOCK_LINE } else { CELL_LINE });
        let row = grid.run(at, 0, SIDE);
        mesh.add_colored_rect(row.with_max_y(row.top() + pixel), color);
        let column = grid.run(0, at, 1);
        mesh.add_colored_rect(column.with_max_x(column.left() + pixel).with_max_y(grid.rect().bottom()), color);
    }
}

/// Lines at 45 degrees that go on from row to row, as thin quads of the same mesh.
fn hatch(mesh: &mut Mesh, rect: Rect, distance: f32, color: Color32) {
    const WIDTH: f32 = 1.4;
    let mut line = ((rect.left() + rect.top()) / distance).floor() * distance;
    while line < rect.right() + rect.bottom() {
        let (top, bottom) = (line - rect.top(), line - rect.bottom());
        if top > rect.left() && bottom < rect.right() {
            let clip = |x: f32| x.clamp(rect.left(), rect.right());
            let first = u32::try_from(mesh.vertices.len()).unwrap_or(u32::MAX);
            mesh.colored_vertex(Pos2::new(clip(top), rect.top()), color);
            mesh.colored_vertex(Pos2::new(clip(top + WIDTH), rect.top()), color);
            mesh.colored_vertex(Pos2::new(clip(bottom + WIDTH), rect.bottom()), color);
            mesh.colored_vertex(Pos2::new(clip(bottom), rect.bottom()), color);
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first, first + 2, first + 3);
        }
        line += distance;
    }
}

/// The number of the first slot beside every sixteenth row.
fn paint_rows(ui: &Ui, grid: &Grid) {
    let colors = Palette::of(ui);
    for row in (0..SIDE).step_by(16) {
        let pos = grid.run(row, 0, 1).left_top() - Vec2::new(6.0, 0.0);
        bits::painted_text(ui, pos, egui::Align2::RIGHT_TOP, &(row * SIDE).to_string(), colors.weak);
    }
}

fn outline(ui: &Ui, grid: &Grid, slot: Slot, width: f32) {
    let colors = Palette::of(ui);
    let rect = grid.run(slot.get() / SIDE, slot.get() % SIDE, 1).expand(1.0);
    let painter = ui.painter();
    painter.rect_stroke(rect, 0.0, Stroke::new(width, colors.pin), StrokeKind::Outside);
    painter.rect_stroke(rect.expand(width), 0.0, Stroke::new(1.0, colors.window), StrokeKind::Outside);
}

/// Arrow keys move the pin by one slot or row, Page keys by sixteen rows, Home and End to the ends.
fn keyboard(ui: &Ui, response: &Response, pinned: Option<Slot>) -> Option<Slot> {
    if !response.has_focus() {
        return None;
    }
    let keep = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, keep));
    let row = i32::from(SIDE);
    let moves = [
        (Key::ArrowLeft, -1),
        (Key::ArrowRight, 1),
        (Key::ArrowUp, -row),
        (Key::ArrowDown, row),
        (Key::PageUp, -16 * row),
        (Key::PageDown, 16 * row),
        (Key::Home, -i32::from(SLOT_COUNT)),
        (Key::End, i32::from(SLOT_COUNT)),
    ];
    let step: i32 = ui.input(|input| moves.iter().filter(|(key, _)| input.key_pressed(*key)).map(|(_, by)| by).sum());
    if step == 0 {
        return None;
    }
    let Some(slot) = pinned else { return Some(Slot::FIRST) };
    let to = (i32::from(slot.get()) + step).clamp(0, i32::from(SLOT_COUNT) - 1);
    u16::try_from(to).ok().and_then(|to| Slot::new(to).ok())
}

/// What the tooltip says of a slot.
fn describe(cluster: &ClusterView, slot: Slot) -> String {
    let range = summary::run_around(&cluster.slot_owner, slot);
    match cluster.owner_of(slot) {
        Some(node) => tr!("slots.hover", slot = slot, node = node.addr, range = range),
        None => tr!("slots.hover_none", slot = slot, range = range),
    }
}

/// What a screen reader says of the map.
fn name_of(cluster: &ClusterView) -> String {
    let masters = cluster.nodes.iter().filter(|n| n.role == Some(NodeRole::Master) && !n.slots.is_empty()).count();
    let without = cluster.slot_owner.iter().filter(|owner| **owner == NO_OWNER).count();
    tr!("slots.map_name", masters = masters, without = without)
}

#[cfg(test)]
#[path = "slot_map_tests.rs"]
mod tests;
