//! Paints the cells in view: their colours as one texture, over it a mesh of hatching and lines; then outlines and
//! numbers.

use std::sync::Arc;

use egui::{Align2, Color32, FontId, Mesh, Painter, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2};

use crate::core::slot::{Slot, SlotSet};
use crate::engine::snapshot::{ClusterView, NO_OWNER};
use crate::gui::format;
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;
use crate::workspace::settings::MapMode;

use super::camera::Grid;
use super::layout::{COLUMNS, EMPTY, Layout};
use super::shades::{Shades, figure_of};
use super::texels::Texels;

/// How much of the ground's colour a line between blocks has.
const BLOCK_LINE: f32 = 0.4;
/// The same for a line between two cells.
const CELL_LINE: f32 = 0.12;
/// Cells have lines between them from this size on, pixels.
const LEAST_CELL: f32 = 4.0;
/// Cells have their number in them from this size on, points.
const NUMBERED: f32 = 34.0;
/// And what they measure below it from this size on, points.
const MEASURED: f32 = 46.0;

/// Where and what is painted.
pub struct Picture<'a> {
    /// What cells there are.
    pub layout: &'a Arc<Layout>,
    /// Where they are.
    pub grid: &'a Grid,
    /// What they look like.
    pub shades: &'a Arc<Shades>,
}

/// Each maximal run of equal cells of a row: first column, how many, class. Empty cells make no run.
pub fn runs(row: &[u16], class: impl Fn(u16) -> u16) -> impl Iterator<Item = (u16, u16, u16)> {
    let mut column = 0;
    let key = move |slot: u16| (slot != EMPTY).then(|| class(slot));
    let mut rest = row;
    std::iter::from_fn(move || {
        loop {
            let first = key(*rest.first()?);
            let count = rest.iter().take_while(|slot| key(**slot) == first).count();
            let at = column;
            rest = &rest[count..];
            let count = u16::try_from(count).unwrap_or(COLUMNS);
            column += count;
            if let Some(class) = first {
                return Some((at, count, class));
            }
        }
    })
}

/// The cells, with hatching and lines.
pub fn cells(ui: &Ui, picture: &Picture<'_>, texels: &mut Texels) {
    let colors = Palette::of(ui);
    let Picture { layout, grid, shades } = picture;
    ui.painter().add(texels.mesh(ui, layout, shades, grid));
    let mut mesh = Mesh::default();
    if shades.are_hatched() {
        hatches(&mut mesh, picture, colors);
    }
    lines(&mut mesh, picture, 1.0 / ui.pixels_per_point(), colors.window);
    ui.painter().add(mesh);
}

/// The hatching, over each run of equal cells of a row.
fn hatches(mesh: &mut Mesh, picture: &Picture<'_>, colors: &Palette) {
    let Picture { layout, grid, shades } = picture;
    let (rows, columns) = grid.seen();
    for row in rows {
        let Some(slots) = layout.row(row).and_then(|row| row.get(usize::from(columns.start)..usize::from(columns.end)))
        else {
            continue;
        };
        for (column, count, class) in runs(slots, |slot| shades.class(slot)) {
            if let Some(distance) = shades.shade(class, colors).hatch {
                let rect = grid.run(row, columns.start + column, count).intersect(grid.view);
                hatch(mesh, rect, distance, colors.hatch);
            }
        }
    }
}

/// Lines between the cells where they are large enough, and stronger ones around every sixteenth row and column, so that
/// the square reads as a map of cells.
fn lines(mesh: &mut Mesh, picture: &Picture<'_>, pixel: f32, ground: Color32) {
    let grid = picture.grid;
    let every = if grid.cell >= LEAST_CELL * pixel { 1 } else { 16 };
    // Bands have rows of their own each: only columns have blocks.
    let blocks = picture.layout.bands.is_empty();
    let color = |block: bool| ground.gamma_multiply(if block { BLOCK_LINE } else { CELL_LINE });
    let (rows, columns) = grid.seen();
    let area = grid.rect();
    for row in rows.filter(|row| row % every == 0 && *row > 0 && (blocks || every == 1)) {
        let top = grid.cell_rect(row, 0).top();
        let line = Rect::from_min_max(Pos2::new(area.left(), top), Pos2::new(area.right(), top + pixel));
        mesh.add_colored_rect(line.intersect(grid.view), color(blocks && row % 16 == 0));
    }
    for column in columns.filter(|column| u32::from(*column) % every == 0 && *column > 0) {
        let left = grid.cell_rect(0, column).left();
        let line = Rect::from_min_max(Pos2::new(left, area.top()), Pos2::new(left + pixel, area.bottom()));
        mesh.add_colored_rect(line.intersect(grid.view), color(column % 16 == 0));
    }
}

/// Lines at 45 degrees that go on from row to row, as thin quads of the same mesh.
pub fn hatch(mesh: &mut Mesh, rect: Rect, distance: f32, color: Color32) {
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

/// Open slots have a mark in the colour of the shard at the other side: one sees where they move.
pub fn moving(ui: &Ui, cluster: &ClusterView, picture: &Picture<'_>) {
    let colors = Palette::of(ui);
    let grid = picture.grid;
    let mut mesh = Mesh::default();
    for open in cluster.slots.states.open.iter().filter(|open| open.migrating) {
        let (row, column) = picture.layout.cell(open.slot);
        let rect = grid.cell_rect(row, column);
        if !grid.view.intersects(rect) {
            continue;
        }
        let partner = cluster.node(&open.partner).map_or(colors.strong, |node| bits::shard_color(colors, node));
        let pixel = 1.0 / ui.pixels_per_point();
        let inner = rect.shrink((grid.cell * 0.2).max(pixel)).intersect(grid.view);
        mesh.add_colored_rect(inner, colors.window);
        mesh.add_colored_rect(inner.shrink(pixel), partner);
    }
    ui.painter().add(mesh);
}

/// The edge of what is selected.
pub fn selection(ui: &Ui, picture: &Picture<'_>, selected: &SlotSet) {
    if selected.is_empty() {
        return;
    }
    let Picture { layout, grid, .. } = picture;
    let colors = Palette::of(ui);
    let width = (2.0_f32).min((grid.cell * 0.5).max(1.0 / ui.pixels_per_point()));
    let is_in = |row: Option<u32>, column: Option<u16>| {
        let slot = row.zip(column).and_then(|(row, column)| layout.slot(row, column));
        slot.is_some_and(|slot| selected.contains(slot))
    };
    let mut mesh = Mesh::default();
    let (rows, columns) = grid.seen();
    for row in rows {
        for column in columns.clone().filter(|column| is_in(Some(row), Some(*column))) {
            let rect = grid.cell_rect(row, column);
            let mut edge = |open: bool, rect: Rect| {
                if open {
                    mesh.add_colored_rect(rect.intersect(grid.view), colors.pin);
                }
            };
            edge(!is_in(row.checked_sub(1), Some(column)), rect.with_max_y(rect.top() + width));
            edge(!is_in(row.checked_add(1), Some(column)), rect.with_min_y(rect.bottom() - width));
            edge(!is_in(Some(row), column.checked_sub(1)), rect.with_max_x(rect.left() + width));
            edge(!is_in(Some(row), column.checked_add(1)), rect.with_min_x(rect.right() - width));
        }
    }
    ui.painter().add(mesh);
}

/// The frame around one slot.
pub fn outline(ui: &Ui, picture: &Picture<'_>, slot: Slot, width: f32) {
    let colors = Palette::of(ui);
    let (row, column) = picture.layout.cell(slot);
    let rect = picture.grid.cell_rect(row, column).expand(1.0);
    if !picture.grid.view.expand(1.0).contains_rect(rect) {
        return;
    }
    let painter = ui.painter();
    painter.rect_stroke(rect, 0.0, Stroke::new(width, colors.pin), StrokeKind::Outside);
    painter.rect_stroke(rect.expand(width), 0.0, Stroke::new(1.0, colors.window), StrokeKind::Outside);
}

/// The numbers of slots in large cells, and below them what they measure.
pub fn numbers(ui: &Ui, cluster: &ClusterView, mode: MapMode, picture: &Picture<'_>) {
    let Picture { layout, grid, shades } = picture;
    if grid.cell < NUMBERED {
        return;
    }
    let colors = Palette::of(ui);
    let painter = ui.painter_at(grid.view);
    let figures = figure_of(mode).filter(|_| grid.cell >= MEASURED).zip(cluster.slots.figures.as_ref());
    let (rows, columns) = grid.seen();
    for row in rows {
        for column in columns.clone() {
            let Some(slot) = layout.slot(row, column) else { continue };
            let ink = Palette::ink_on(shades.shade(shades.class(slot.get()), colors).color);
            let middle = grid.cell_rect(row, column).center();
            let up = if figures.is_some() { 7.0 } else { 0.0 };
            text(&painter, middle - Vec2::new(0.0, up), &slot.to_string(), 11.0, ink);
            if let Some((figure, figures)) = figures {
                let value =
                    figures.at(figure, slot).map_or(format::NONE.to_owned(), |v| format::figure_short(figure, v));
                text(&painter, middle + Vec2::new(0.0, 8.0), &value, 10.0, ink.gamma_multiply(0.85));
            }
        }
    }
}

fn text(painter: &Painter, middle: Pos2, text: &str, size: f32, color: Color32) {
    painter.text(middle, Align2::CENTER_CENTER, text, FontId::proportional(size), color);
}

/// What stands left of the cells: the number of a row's first slot, or a band's owner.
pub fn names(ui: &Ui, cluster: &ClusterView, picture: &Picture<'_>, area: Rect) {
    const LINE: f32 = 13.0;
    let colors = Palette::of(ui);
    let Picture { layout, grid, .. } = picture;
    let painter = ui.painter_at(area.expand2(Vec2::new(0.0, 2.0)));
    let name = |row: u32, text: &str, color: Color32| {
        let top = grid.cell_rect(row, 0).top();
        let inside = top >= grid.view.top() - 0.5 && top + LINE <= grid.view.bottom() + grid.cell;
        let at = Pos2::new(area.right() - 6.0, top + ((grid.cell - LINE) / 2.0).max(0.0));
        if inside {
            painter.text(at, Align2::RIGHT_TOP, text, FontId::proportional(11.0), color);
        }
        inside
    };
    if layout.bands.is_empty() {
        let every = [1_u16, 2, 4, 8, 16].into_iter().find(|n| f32::from(*n) * grid.cell >= LINE).unwrap_or(16);
        let every = if grid.is_cut() { u32::from(every) } else { 16 };
        for row in grid.seen().0.filter(|row| row % every == 0) {
            name(row, &(row * u32::from(COLUMNS)).to_string(), colors.weak);
        }
        return;
    }
    let mut free = f32::NEG_INFINITY;
    for (row, owner) in &layout.bands {
        let top = grid.cell_rect(*row, 0).top();
        if top < free {
            continue;
        }
        let node = cluster.nodes.get(usize::from(*owner));
        let text = match node {
            Some(node) => node.addr.to_string(),
            None if *owner == NO_OWNER => crate::gui::i18n::tr!("slots.uncovered"),
            None => continue,
        };
        if name(*row, &text, colors.text) {
            free = top + LINE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::slot::SLOT_COUNT;
    use crate::gui::samples;
    use egui::vec2;

    #[test]
    fn a_usual_cluster_needs_few_runs_and_they_cover_every_slot_once() {
        let cluster = samples::healthy();
        let layout = Layout::square();
        let class = |slot: u16| cluster.slot_owner[usize::from(slot)];
        let all: Vec<_> = (0..layout.rows()).flat_map(|row| runs(layout.row(row).unwrap(), class)).collect();
        assert_eq!(all.len(), 130);
        assert_eq!(all.iter().map(|(_, count, _)| count).sum::<u16>(), SLOT_COUNT);
    }

    #[test]
    fn empty_cells_are_not_painted() {
        let row = [EMPTY, 5, 6, EMPTY, EMPTY, 7];
        let found: Vec<_> = runs(&row, |_| 3).collect();
        assert_eq!(found, [(1, 2, 3), (5, 1, 3)]);
    }

    #[test]
    fn hatching_stays_inside_its_run() {
        let rect = Rect::from_min_size(Pos2::new(3.0, 5.0), vec2(40.0, 4.0));
        let mut mesh = Mesh::default();
        hatch(&mut mesh, rect, 8.0, Color32::WHITE);
        assert!(!mesh.vertices.is_empty());
        assert!(mesh.vertices.iter().all(|v| rect.contains(v.pos)));
    }
}
