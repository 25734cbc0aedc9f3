//! A list in a scroll area of which only what can be seen is laid out, and one entry more at each end: the Tab key goes
//! to that, and the area scrolls.

use egui::{Ui, UiBuilder, Vec2};

/// Shows the entries in view, each in a block of the height that `height` says, and leaves room for the others.
///
/// Works inside a vertical scroll area, after other things and before others: unlike `ScrollArea::show_rows`, entries may
/// differ in height. An entry's widgets keep their ids while others scroll away.
pub fn long_list<T>(
    ui: &mut Ui,
    entries: impl IntoIterator<Item = T>,
    height: impl Fn(&Ui, &T) -> f32,
    mut show: impl FnMut(&mut Ui, T),
) {
    let gap = ui.spacing().item_spacing.y;
    let view = ui.clip_rect().y_range();
    // Height of the entries that were left out since the last that was shown, gaps included.
    let mut unseen = 0.0;
    for (i, entry) in entries.into_iter().enumerate() {
        let height = height(ui, &entry);
        let top = ui.cursor().top() + unseen;
        if top > view.max + height || top + height < view.min - height {
            unseen += height + gap;
            continue;
        }
        leave_room(ui, &mut unseen, gap);
        let block = UiBuilder::new().scope_id(ui.scope_id().with(("entry", i)));
        ui.scope_builder(block, |ui| show(ui, entry));
    }
    leave_room(ui, &mut unseen, gap);
}

fn leave_room(ui: &mut Ui, unseen: &mut f32, gap: f32) {
    if *unseen > 0.0 {
        ui.allocate_space(Vec2::new(1.0, *unseen - gap));
        *unseen = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use egui_kittest::kittest::Queryable as _;

    use crate::gui::testing;

    /// Entries that were laid out in the last frame, and the height of the whole list.
    fn list(entries: usize, at: f32) -> (usize, f32) {
        let shown = Rc::new(Cell::new(0));
        let (count, tall) = (shown.clone(), Rc::new(Cell::new(0.0)));
        let whole = tall.clone();
        let mut harness = testing::harness((), move |ui, ()| {
            count.set(0);
            let area = egui::ScrollArea::vertical().vertical_scroll_offset(at).auto_shrink([false, false]);
            let output = area.show(ui, |ui| {
                let height = |_: &egui::Ui, i: &usize| if i.is_multiple_of(2) { 20.0 } else { 40.0 };
                super::long_list(ui, 0..entries, height, |ui, i| {
                    ui.allocate_space(egui::vec2(10.0, height(ui, &i)));
                    count.set(count.get() + 1);
                });
                ui.label("After the list");
            });
            whole.set(output.content_size.y);
        });
        harness.run();
        assert!(harness.query_by_label("After the list").is_some());
        (shown.get(), tall.get())
    }

    #[test]
    fn only_entries_in_view_are_laid_out_and_the_others_keep_their_room() {
        let (shown, tall) = list(10_000, 0.0);
        assert!(shown < 30, "{shown}");
        let (middle, still) = list(10_000, 5000.0);
        assert!((20..30).contains(&middle), "{middle}");
        assert!((tall - still).abs() < 0.01, "{tall} {still}");
        let (few, _) = list(4, 0.0);
        assert_eq!(few, 4);
    }
}
