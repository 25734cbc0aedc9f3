//! One field that takes a key, a slot or ranges of slots, and says what each leads to.

use egui::text::LayoutJob;
use egui::{FontId, TextFormat, Ui};

use crate::core::slot::{self, Slot, SlotSet};
use crate::core::tag::tag_of;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;

use super::SlotsUi;

/// What a text may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Slot(Slot),
    Ranges(SlotSet),
}

/// What a text means besides being a key: a number below 16384, or ranges.
fn meaning(text: &str) -> Option<Meaning> {
    if let Ok(slot) = text.parse::<Slot>() {
        return Some(Meaning::Slot(slot));
    }
    let listed = text.contains([',', '-']);
    let set = text.parse::<SlotSet>().ok().filter(|set| listed && !set.is_empty())?;
    Some(Meaning::Ranges(set))
}

/// The field, and a line for each meaning. Enter takes the first.
pub(super) fn find_ui(ui: &mut Ui, state: &mut SlotsUi) -> Option<Action> {
    bits::subtitle(ui, tr!("map.find"));
    let width = ui.available_width() - 24.0;
    let field = bits::search_field(ui, &mut state.find, tr!("map.find_hint"), width);
    if state.find.is_empty() {
        return None;
    }
    let mut enter = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let mut action = None;
    match meaning(&state.find) {
        Some(Meaning::Slot(slot)) => {
            ui.horizontal_wrapped(|ui| {
                if ui.link(tr!("map.go_slot", slot = slot)).clicked() || std::mem::take(&mut enter) {
                    state.go_to(slot);
                }
                let tag = format!("{{{}}}", tag_of(slot));
                bits::weak(ui, tr!("map.tag_for", tag = tag)).on_hover_text(tr!("map.tag_hint", tag = tag));
                action = bits::copy_button(ui, tr!("map.copy_tag"), &tag);
            });
        }
        Some(Meaning::Ranges(set)) => {
            let label = tr!("map.select", count = format::count(set.len() as u64));
            if ui.link(label).clicked() || std::mem::take(&mut enter) {
                state.select(set);
            }
        }
        None => {}
    }
    key_ui(ui, state, enter);
    action
}

/// The text as a key: its slot, and which part of it is hashed.
fn key_ui(ui: &mut Ui, state: &mut SlotsUi, enter: bool) {
    let key = state.find.clone();
    let slot = slot::key_slot(key.as_bytes());
    ui.horizontal_wrapped(|ui| {
        bits::weak(ui, tr!("map.as_key"));
        ui.label(highlighted(ui, &key)).on_hover_text(tr!("map.hashed_hint"));
    });
    // On a line of its own: a link that is broken in two is hard to hit.
    if ui.link(tr!("slots.key_slot", slot = slot)).clicked() || enter {
        state.go_to(slot);
    }
}

/// The key with its hashed part marked.
fn highlighted(ui: &Ui, key: &str) -> LayoutJob {
    let colors = Palette::of(ui);
    let tag = slot::hash_tag(key.as_bytes());
    // The tag is a part of the key: where it lies is where the first brace is followed by it.
    let from = if tag.len() == key.len() { 0 } else { key.find('{').map_or(0, |open| open + 1) };
    let (before, rest) = key.split_at(from);
    let (tag, after) = rest.split_at(tag.len());
    let font = FontId::monospace(13.0);
    let plain = TextFormat { font_id: font.clone(), color: colors.weak, ..TextFormat::default() };
    let marked =
        TextFormat { font_id: font, color: colors.strong, background: colors.selected, ..TextFormat::default() };
    let mut job = LayoutJob::default();
    for (text, format) in [(before, plain.clone()), (tag, marked), (after, plain)] {
        job.append(text, 0.0, format);
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_slots_lists_are_ranges_and_everything_may_be_a_key() {
        assert_eq!(meaning("512"), Some(Meaning::Slot(Slot::new(512).unwrap())));
        assert_eq!(meaning("0-99,512"), Some(Meaning::Ranges("0-99,512".parse().unwrap())));
        assert_eq!(meaning("16384"), None);
        assert_eq!(meaning("order-7"), None);
        assert_eq!(meaning(","), None);
    }
}
