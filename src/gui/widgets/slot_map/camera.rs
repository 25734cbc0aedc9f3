//! Which part of the map is seen, and how large: from everything down to single cells with numbers.

use egui::{Pos2, Rect, Vec2};

use super::layout::COLUMNS;

/// The largest cell, points.
const LARGEST: f32 = 60.0;
/// A cell that is searched for is shown at least so large, points.
const FOUND: f32 = 16.0;

/// The person's choice of part and size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Size of a cell as a multiple of the size at which everything fits.
    pub zoom: f32,
    /// The point in the middle of the view: column and row.
    pub center: Pos2,
}

impl Default for Camera {
    fn default() -> Self {
        Self { zoom: 1.0, center: Pos2::ZERO }
    }
}

/// Where cells are on the screen. Cells and their distances are whole pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// The screen's part that shows the map.
    pub view: Rect,
    /// The upper left corner of the first cell; outside the view where that begins further on.
    pub origin: Pos2,
    /// Side of a cell, points.
    pub cell: f32,
    /// How many rows there are.
    pub rows: u32,
    /// Side of a cell where everything fits, points.
    fit: f32,
    /// Pixels in a point.
    pixels: f32,
}

impl Camera {
    /// Where the cells are. What is smaller than the view stands at its upper left.
    #[must_use]
    pub fn grid(&self, view: Rect, rows: u32, pixels: f32) -> Grid {
        let columns = f32::from(COLUMNS);
        #[expect(clippy::cast_precision_loss, reason = "at most 16384 rows")]
        let room = (view.width() / columns).min(view.height() / rows.max(1) as f32);
        let fit = (room * pixels).floor().max(1.0) / pixels;
        let cell = Grid::cell_of(fit, self.zoom, pixels);
        let mut grid = Grid { view, origin: view.min, cell, rows, fit, pixels };
        let size = grid.size();
        let middle = view.center() - self.center.to_vec2() * cell;
        let place = |middle: f32, from: f32, view: f32, size: f32| {
            if size <= view { from } else { middle.clamp(from + view - size, from) }
        };
        grid.origin = Pos2::new(
            place(middle.x, view.left(), view.width(), size.x),
            place(middle.y, view.top(), view.height(), size.y),
        );
        grid.origin = Pos2::new((grid.origin.x * pixels).round(), (grid.origin.y * pixels).round()) / pixels;
        grid
    }

    /// Larger or smaller by a factor; what is at `at` stays there.
    pub fn zoom_at(&mut self, grid: &Grid, at: Pos2, factor: f32) {
        let point = grid.point_at(at);
        let most = LARGEST / grid.fit;
        let zoom = (self.zoom * factor).clamp(1.0, most.max(1.0));
        let cell = Grid::cell_of(grid.fit, zoom, grid.pixels);
        self.center = Pos2::ZERO + (point - (at - grid.view.center()) / cell).to_vec2();
        self.zoom = zoom;
    }

    /// Moves what is seen by so many points.
    pub fn pan(&mut self, grid: &Grid, by: Vec2) {
        // From where the view really is: the centre may lie where it can't be shown.
        self.center = grid.point_at(grid.view.center()) - by / grid.cell;
    }

    /// Moves as little as needed for a cell to be seen whole, with some around it.
    pub fn reveal(&mut self, grid: &Grid, row: u32, column: u16) {
        let cell = grid.cell_rect(row, column).expand(grid.cell * 1.5);
        let room = grid.view;
        let past = |low: f32, high: f32, from: f32, to: f32| {
            if low < from {
                from - low
            } else if high > to {
                to - high
            } else {
                0.0
            }
        };
        let by = Vec2::new(
            past(cell.left(), cell.right(), room.left(), room.right()),
            past(cell.top(), cell.bottom(), room.top(), room.bottom()),
        );
        if by != Vec2::ZERO {
            self.pan(grid, by);
        }
    }

    /// Goes to a cell, and near enough to see it well.
    pub fn go_to(&mut self, grid: &Grid, row: u32, column: u16) {
        if grid.cell < FOUND {
            self.zoom = (FOUND / grid.fit).max(1.0);
        }
        self.center = Grid::middle(row, column);
    }
}

impl Grid {
    /// Side of a cell at a zoom: whole pixels.
    fn cell_of(fit: f32, zoom: f32, pixels: f32) -> f32 {
        (fit * zoom * pixels).round().clamp(1.0, (LARGEST * pixels).round()) / pixels
    }

    /// Width and height of all cells.
    #[must_use]
    pub fn size(&self) -> Vec2 {
        #[expect(clippy::cast_precision_loss, reason = "at most 16384 rows")]
        let size = Vec2::new(f32::from(COLUMNS), self.rows as f32) * self.cell;
        size
    }

    /// The part of the screen with cells.
    #[must_use]
    pub fn rect(&self) -> Rect {
        Rect::from_min_size(self.origin, self.size()).intersect(self.view)
    }

    /// Size of a cell as a multiple of the size at which everything fits.
    #[must_use]
    pub fn zoom(&self) -> f32 {
        self.cell / self.fit
    }

    /// Whether a part lies outside the view.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let size = self.size();
        size.x > self.view.width() + 0.5 || size.y > self.view.height() + 0.5
    }

    /// The rectangle of a cell, also outside the view.
    #[must_use]
    pub fn cell_rect(&self, row: u32, column: u16) -> Rect {
        self.run(row, column, 1)
    }

    /// The rectangle of `count` cells of one row, from `column` on.
    #[must_use]
    pub fn run(&self, row: u32, column: u16, count: u16) -> Rect {
        #[expect(clippy::cast_precision_loss, reason = "at most 16384 rows")]
        let min = self.origin + Vec2::new(f32::from(column), row as f32) * self.cell;
        Rect::from_min_size(min, Vec2::new(f32::from(count), 1.0) * self.cell)
    }

    /// Row and column under a position.
    #[must_use]
    pub fn cell_at(&self, pos: Pos2) -> Option<(u32, u16)> {
        if !self.view.contains(pos) {
            return None;
        }
        let at = self.point_at(pos);
        let inside = |n: f32, end: u32| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, below the end")]
            let whole = n.floor().max(0.0) as u32;
            (n >= 0.0 && whole < end).then_some(whole)
        };
        let (row, column) = (inside(at.y, self.rows)?, inside(at.x, u32::from(COLUMNS))?);
        Some((row, u16::try_from(column).ok()?))
    }

    /// The rows that can be seen, and the columns.
    #[must_use]
    pub fn seen(&self) -> (std::ops::Range<u32>, std::ops::Range<u16>) {
        let (first, last) = (self.point_at(self.view.min), self.point_at(self.view.max));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what there can be")]
        let whole = |n: f32, end: u32| (n.clamp(0.0, 16_384.0) as u32).min(end);
        let column = |n: f32| u16::try_from(whole(n, u32::from(COLUMNS))).unwrap_or(COLUMNS);
        let rows = whole(first.y.floor(), self.rows)..whole(last.y.ceil(), self.rows);
        (rows, column(first.x.floor())..column(last.x.ceil()))
    }

    /// Column and row of a position, with fractions.
    fn point_at(&self, pos: Pos2) -> Pos2 {
        Pos2::ZERO + (pos - self.origin) / self.cell
    }

    fn middle(row: u32, column: u16) -> Pos2 {
        #[expect(clippy::cast_precision_loss, reason = "at most 16384 rows")]
        let middle = Pos2::new(f32::from(column) + 0.5, row as f32 + 0.5);
        middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Rect = Rect { min: Pos2::new(100.0, 50.0), max: Pos2::new(700.0, 650.0) };

    #[test]
    fn everything_fits_at_first_and_cells_are_whole_pixels() {
        for pixels in [1.0, 1.25, 2.0] {
            let grid = Camera::default().grid(VIEW, 128, pixels);
            assert!(!grid.is_cut());
            assert!((grid.cell * pixels).fract().abs() < 1e-3);
            assert_eq!(grid.cell_at(grid.origin), Some((0, 0)));
            assert_eq!(grid.seen(), (0..128, 0..128));
        }
    }

    #[test]
    fn what_is_under_the_pointer_stays_there_while_it_grows() {
        // Where all fits, the cells stand at the upper left and there is nothing to hold on to.
        let mut camera = Camera { zoom: 2.0, center: Pos2::new(60.0, 60.0) };
        let at = Pos2::new(333.0, 280.0);
        let before = camera.grid(VIEW, 128, 1.0).cell_at(at);
        for _ in 0..12 {
            let grid = camera.grid(VIEW, 128, 1.0);
            camera.zoom_at(&grid, at, 1.3);
        }
        let grid = camera.grid(VIEW, 128, 1.0);
        assert!(grid.cell > 50.0);
        let (row, column) = grid.cell_at(at).unwrap();
        let (old_row, old_column) = before.unwrap();
        assert!(row.abs_diff(old_row) <= 1 && column.abs_diff(old_column) <= 1);
        let (rows, columns) = grid.seen();
        assert!(rows.len() < 20 && columns.len() < 20, "only a part is painted");
    }

    #[test]
    fn the_view_never_leaves_the_map() {
        let mut camera = Camera { zoom: 6.0, center: Pos2::new(64.0, 64.0) };
        for _ in 0..5 {
            let grid = camera.grid(VIEW, 128, 1.0);
            camera.pan(&grid, Vec2::new(5000.0, 5000.0));
        }
        assert_eq!(camera.grid(VIEW, 128, 1.0).cell_at(VIEW.min + Vec2::splat(1.0)), Some((0, 0)));
        let grid = camera.grid(VIEW, 128, 1.0);
        camera.pan(&grid, Vec2::new(-10.0, 0.0));
        assert!(camera.grid(VIEW, 128, 1.0).origin.x < VIEW.left(), "and comes back at once");
    }

    #[test]
    fn a_cell_that_is_gone_to_is_in_the_middle_and_large() {
        let mut camera = Camera::default();
        camera.go_to(&camera.grid(VIEW, 128, 1.0), 60, 70);
        let grid = camera.grid(VIEW, 128, 1.0);
        assert!(grid.cell >= FOUND);
        assert_eq!(grid.cell_at(VIEW.center()), Some((60, 70)));
        camera.reveal(&grid, 0, 0);
        assert!(VIEW.contains_rect(camera.grid(VIEW, 128, 1.0).cell_rect(0, 0)));
    }
}
