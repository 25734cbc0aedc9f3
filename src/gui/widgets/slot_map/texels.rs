//! The colours of the cells as a texture, a texel a cell: however many shades there are, the graphics card gets one
//! rectangle, and neither zooming nor moving the map makes anything anew.

use std::fmt;
use std::sync::Arc;

use egui::{Color32, ColorImage, Mesh, Pos2, Rect, TextureHandle, TextureOptions, Ui};

use crate::gui::theme::Palette;

use super::camera::Grid;
use super::layout::{COLUMNS, EMPTY, Layout};
use super::shades::Shades;

/// Rows of a texture. Further rows stand in a strip right of them: 16384 rows, the most there can be, make a texture of
/// 2048 by 1024, which every graphics card takes.
const STRIP: u32 = 1024;

/// The texture that was made last.
#[derive(Default)]
pub struct Texels(Option<Made>);

/// A texture, and what it shows.
struct Made {
    layout: Arc<Layout>,
    shades: Arc<Shades>,
    colors: &'static Palette,
    texture: TextureHandle,
}

impl fmt::Debug for Texels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Texels").field(&self.0.as_ref().map(|made| made.texture.id())).finish()
    }
}

impl Made {
    /// Whether it still shows the cells as they are. A poll brings another snapshot in which most often all is the same.
    fn shows(&self, layout: &Arc<Layout>, shades: &Arc<Shades>, colors: &'static Palette) -> bool {
        std::ptr::eq(self.colors, colors)
            && (Arc::ptr_eq(&self.shades, shades) || self.shades == *shades)
            && (Arc::ptr_eq(&self.layout, layout) || self.layout == *layout)
    }
}

impl Texels {
    /// The cells in view, as rectangles of the texture.
    pub fn mesh(&mut self, ui: &Ui, layout: &Arc<Layout>, shades: &Arc<Shades>, grid: &Grid) -> Mesh {
        let colors = Palette::of(ui);
        let kept = self.0.take();
        let made = match kept {
            Some(made) if made.shows(layout, shades, colors) => made,
            kept => {
                let image = image(layout, shades, colors);
                let texture = match kept {
                    Some(Made { mut texture, .. }) => {
                        texture.set(image, TextureOptions::NEAREST);
                        texture
                    }
                    None => ui.ctx().load_texture("slot map", image, TextureOptions::NEAREST),
                };
                Made { layout: Arc::clone(layout), shades: Arc::clone(shades), colors, texture }
            }
        };
        let mut mesh = Mesh::with_texture(made.texture.id());
        for (rect, uv) in rectangles(layout.rows(), grid) {
            mesh.add_rect_with_uv(rect, uv, Color32::WHITE);
        }
        self.0 = Some(made);
        mesh
    }
}

/// Columns and rows of the texture of so many rows of cells.
fn size(rows: u32) -> [u32; 2] {
    [rows.div_ceil(STRIP).max(1) * u32::from(COLUMNS), rows.clamp(1, STRIP)]
}

/// The colour of each cell; what is no slot lets the ground through.
fn image(layout: &Layout, shades: &Shades, colors: &Palette) -> ColorImage {
    let [width, height] = size(layout.rows()).map(|side| usize::try_from(side).unwrap_or(1));
    let (columns, strip) = (usize::from(COLUMNS), usize::try_from(STRIP).unwrap_or(1));
    let mut image = ColorImage::filled([width, height], Color32::TRANSPARENT);
    // Neighbours are often of one class.
    let mut last = None;
    for (at, slot) in layout.cells.iter().enumerate().filter(|(_, slot)| **slot != EMPTY) {
        let class = shades.class(*slot);
        let color = match last {
            Some((known, color)) if known == class => color,
            _ => shades.shade(class, colors).color,
        };
        last = Some((class, color));
        let (row, column) = (at / columns, at % columns);
        image.pixels[row % strip * width + row / strip * columns + column] = color;
    }
    image
}

/// The part of each strip that is seen: where on the screen, and where in the texture.
#[expect(clippy::cast_precision_loss, reason = "at most 16384 rows")]
fn rectangles(count: u32, grid: &Grid) -> Vec<(Rect, Rect)> {
    let [width, height] = size(count).map(|side| side as f32);
    let (rows, columns) = grid.seen();
    let strips = rows.start / STRIP..rows.end.div_ceil(STRIP);
    let of_strip = |strip: u32| {
        let (first, end) = (rows.start.max(strip * STRIP), rows.end.min((strip + 1) * STRIP));
        let last = grid.run(end.saturating_sub(1), columns.start, columns.len().try_into().unwrap_or(COLUMNS));
        let seen = Rect::from_min_max(grid.cell_rect(first, columns.start).min, last.max).intersect(grid.view);
        let texel = |pos: Pos2| {
            let cell = (pos - grid.origin) / grid.cell;
            let left = (strip * u32::from(COLUMNS)) as f32;
            Pos2::new((left + cell.x) / width, (cell.y - (strip * STRIP) as f32) / height)
        };
        (seen, Rect::from_min_max(texel(seen.min), texel(seen.max)))
    };
    strips.map(of_strip).filter(|(seen, _)| seen.is_positive()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::slot::{Slot, SlotSet};
    use crate::gui::samples;
    use crate::gui::widgets::slot_map::camera::Camera;
    use crate::workspace::settings::MapMode;

    const VIEW: Rect = Rect { min: Pos2::new(100.0, 50.0), max: Pos2::new(700.0, 650.0) };

    /// The texel that is painted at a position.
    fn texel_at(pos: Pos2, rows: u32, grid: &Grid) -> Option<(u32, u32)> {
        let (rect, uv) = rectangles(rows, grid).into_iter().find(|(rect, _)| rect.contains(pos))?;
        let [width, height] = size(rows);
        let part = (pos - rect.min) / rect.size();
        let at = uv.min + part * uv.size();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the texture")]
        let texel = ((at.x * width as f32) as u32, (at.y * height as f32) as u32);
        Some(texel)
    }

    #[test]
    fn every_cell_has_the_colour_of_its_slot_and_gaps_have_none() {
        let colors = Palette::of_theme(egui::Theme::Dark);
        let cluster = samples::uncovered();
        let shades = Shades::of(&cluster, MapMode::Owner, colors, None, &SlotSet::new());
        for layout in [Layout::square(), Layout::bands(&cluster)] {
            let image = image(&layout, &shades, colors);
            for slot in Slot::all() {
                let (row, column) = layout.cell(slot);
                let shown = image[(usize::from(column), usize::try_from(row).unwrap())];
                assert_eq!(shown, shades.shade(shades.class(slot.get()), colors).color, "{slot}");
            }
            let clear = image.pixels.iter().filter(|pixel| **pixel == Color32::TRANSPARENT).count();
            assert_eq!(clear, layout.cells.len() - 16384);
        }
    }

    #[test]
    fn what_is_painted_at_a_position_is_the_cell_there() {
        for (rows, zoom) in [(128, 1.0), (128, 3.0), (131, 7.0), (5000, 1.0), (5000, 9.0), (16384, 30.0)] {
            let camera = Camera { zoom, center: Pos2::new(60.0, 1500.0_f32.min(rows as f32 / 2.0)) };
            let grid = camera.grid(VIEW, rows, 1.0);
            for i in 0_u16..600 {
                // Middles of pixels, as a graphics card takes them.
                let pos = VIEW.min + egui::vec2(f32::from(i) + 0.5, f32::from(i * 7 % 600) + 0.5);
                let cell = grid
                    .cell_at(pos)
                    .map(|(row, column)| (row / STRIP * u32::from(COLUMNS) + u32::from(column), row % STRIP));
                assert_eq!(texel_at(pos, rows, &grid), cell, "{rows} rows, zoom {zoom}, {pos}");
            }
        }
    }

    #[test]
    fn the_largest_map_fits_into_a_texture_that_every_card_takes() {
        assert_eq!(size(128), [128, 128]);
        assert_eq!(size(16384), [2048, 1024]);
    }
}
