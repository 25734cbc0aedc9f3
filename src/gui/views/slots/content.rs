//! The first keys of the pinned slot, and the beginning of one key's value.

use std::sync::Arc;

use egui::{RichText, Ui};

use crate::core::slot::Slot;
use crate::engine::command::Command;
use crate::engine::slot_content::{KeyPreview, KeyView, MOST_KEYS, Part, Preview};
use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;

use super::SlotsUi;

/// How many keys are listed at first.
const FIRST_KEYS: u32 = 20;

/// A button that asks for the keys; then the keys, each a button that shows the beginning of its value.
pub(super) fn content_ui(ui: &mut Ui, cluster: &ClusterView, slot: Slot, state: &mut SlotsUi) -> Option<Action> {
    let ask = |limit| Some(Action::Do(Command::LookIntoSlot { cluster: cluster.name.clone(), slot, limit }));
    let Some(content) = cluster.slots.content.as_ref().filter(|content| content.slot == slot) else {
        return ui.button(Icon::Search.with(tr!("map.show_keys"))).clicked().then(|| ask(FIRST_KEYS)).flatten();
    };
    let mut action = None;
    ui.horizontal(|ui| {
        bits::subtitle(ui, tr!("map.first_keys"));
        bits::weak(ui, format::age(content.at));
        if bits::icon_button(ui, Icon::Refresh, tr!("map.refresh_keys")).clicked() {
            action = ask(content.limit);
        }
    });
    let keys = match &content.keys {
        Ok(keys) => keys,
        Err(why) => {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("map.keys_failed")).on_hover_text(why);
            return action;
        }
    };
    if keys.is_empty() {
        bits::weak(ui, tr!("map.no_keys"));
    }
    for key in keys {
        Action::note(&mut action, key_ui(ui, cluster, key, state));
    }
    let full = usize::try_from(content.limit).is_ok_and(|limit| keys.len() >= limit);
    if full && content.limit < MOST_KEYS && ui.link(tr!("map.more_keys")).clicked() {
        action = ask(MOST_KEYS);
    } else if full && content.limit >= MOST_KEYS {
        bits::weak(ui, tr!("map.most_keys", count = MOST_KEYS));
    }
    action
}

fn key_ui(ui: &mut Ui, cluster: &ClusterView, key: &KeyView, state: &mut SlotsUi) -> Option<Action> {
    let name = format::printable(&key.name);
    let is_open = state.opened.as_ref() == Some(&key.name);
    let button = ui
        .horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                bits::weak(ui, &key.kind);
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Button::selectable(is_open, RichText::new(&name).monospace()).truncate())
                })
                .inner
            })
            .inner
        })
        .inner
        .on_hover_text(facts(&name, key));
    let mut action = None;
    if button.clicked() {
        state.opened = (!is_open).then(|| Arc::clone(&key.name));
        if !is_open {
            let key = Arc::clone(&key.name);
            action = Some(Action::Do(Command::PreviewKey { cluster: cluster.name.clone(), key }));
        }
    }
    if is_open {
        Action::note(&mut action, preview_ui(ui, &name, cluster.slots.preview.as_deref(), &key.name));
    }
    action
}

/// What is known of a key, for the tooltip.
fn facts(name: &str, key: &KeyView) -> String {
    let mut facts = vec![name.to_owned(), key.kind.clone()];
    facts.extend(length(&key.kind, key.length));
    facts.extend(key.memory.map(|memory| tr!("map.takes", size = format::bytes(memory))));
    facts.push(key.ttl.map_or(tr!("map.for_ever"), |ttl| tr!("map.ttl", time = format::took(ttl))));
    facts.join("\n")
}

fn length(kind: &str, length: Option<u64>) -> Option<String> {
    let length = length?;
    Some(if kind == "string" { format::bytes(length) } else { tr!("map.elements", count = format::count(length)) })
}

fn preview_ui(ui: &mut Ui, name: &str, preview: Option<&KeyPreview>, key: &Arc<[u8]>) -> Option<Action> {
    let Some(preview) = preview.filter(|preview| preview.key == *key) else {
        bits::weak(ui, tr!("map.fetching"));
        return None;
    };
    let value = match &preview.value {
        Ok(value) => value,
        Err(why) => {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("map.keys_failed")).on_hover_text(why);
            return None;
        }
    };
    let colors = Palette::of(ui);
    let mut action = None;
    let text = part(value);
    egui::Frame::new().fill(colors.side).inner_margin(6).corner_radius(4).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            Action::note(&mut action, bits::copy_button(ui, tr!("map.copy_key"), name));
            let encoding = value.encoding.as_ref().filter(|encoding| **encoding != value.kind);
            let mut facts = vec![encoding.map_or(value.kind.clone(), |e| format!("{} ({e})", value.kind))];
            facts.extend(length(&value.kind, value.length));
            facts.extend(value.memory.map(|memory| tr!("map.takes", size = format::bytes(memory))));
            facts.push(value.ttl.map_or(tr!("map.for_ever"), |ttl| tr!("map.ttl", time = format::took(ttl))));
            ui.label(RichText::new(facts.join(" · ")).small().color(colors.weak));
        });
        ui.add(egui::Label::new(RichText::new(&text).monospace().size(12.0)).wrap());
        Action::note(&mut action, bits::copy_button(ui, tr!("map.copy_value"), &text));
    });
    action
}

/// The fetched part as text.
fn part(value: &Preview) -> String {
    match &value.part {
        Part::TooLarge => tr!("map.too_large"),
        Part::Opaque => tr!("map.opaque"),
        Part::Bytes(bytes) => {
            let rest = value.length.unwrap_or(0).saturating_sub(bytes.len() as u64);
            format!("{}{}", format::printable(bytes), more_bytes(rest))
        }
        Part::Elements(elements) => {
            let mut lines: Vec<String> = elements
                .iter()
                .map(|(name, piece)| {
                    let rest = (piece.length - piece.bytes.len()) as u64;
                    let shown = format!("{}{}", format::printable(&piece.bytes), more_bytes(rest));
                    name.as_ref().map_or(shown.clone(), |name| format!("{}: {shown}", format::printable(name)))
                })
                .collect();
            let rest = value.length.unwrap_or(0).saturating_sub(elements.len() as u64);
            if rest > 0 {
                lines.push(tr!("map.more_elements", count = format::count(rest)));
            }
            lines.join("\n")
        }
    }
}

fn more_bytes(rest: u64) -> String {
    if rest == 0 { String::new() } else { tr!("map.more_bytes", size = format::bytes(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::slot_content::Piece;

    fn value(part: Part, length: u64) -> Preview {
        Preview { kind: String::new(), encoding: None, ttl: None, length: Some(length), memory: None, part }
    }

    #[test]
    fn a_part_says_how_much_more_there_is() {
        crate::gui::i18n::set_language(crate::gui::i18n::Language::English);
        assert_eq!(part(&value(Part::Bytes(b"a\x00".to_vec()), 1026)), "a\\x00… 1.0 KiB more");
        let piece = Piece { bytes: b"v".to_vec(), length: 1 };
        let hash = value(Part::Elements(vec![(Some(b"f".to_vec()), piece)]), 3);
        assert_eq!(part(&hash), "f: v\n… 2 more");
    }
}
