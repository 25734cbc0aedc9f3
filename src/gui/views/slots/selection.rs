//! What is selected: which slots, whose, and what they hold together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use egui::Ui;

use crate::core::slot::SlotSet;
use crate::engine::slot_figures::Figure;
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::moves;
use crate::gui::slot_words;
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;

use super::{SlotsUi, row};

/// Owners that are listed; the others are counted.
const LISTED: usize = 6;

/// The selected slots of each owner, by the owner's place among the nodes; `None` for those that nobody owns.
fn by_owner<'a>(cluster: &'a ClusterView, slots: &SlotSet) -> Vec<(Option<&'a NodeView>, usize)> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for slot in slots.iter() {
        let owner = cluster.slot_owner.get(slot.index()).copied();
        *counts.entry(owner.unwrap_or(u16::MAX)).or_default() += 1;
    }
    counts.into_iter().map(|(owner, count)| (cluster.nodes.get(usize::from(owner)), count)).collect()
}

/// The card of the selection; nothing where nothing is selected.
pub(super) fn selection_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi) -> Option<Action> {
    if state.selection.is_empty() {
        return None;
    }
    let colors = Palette::of(ui);
    let selection = state.selection.clone();
    let mut action = None;
    colors.card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            bits::subtitle(ui, tr!("map.selected", count = format::count(selection.len() as u64)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if bits::icon_button(ui, Icon::Close, tr!("map.clear")).clicked() {
                    state.selection = SlotSet::new();
                }
                let copy = bits::icon_button(ui, Icon::Copy, tr!("map.copy_selection"));
                action = copy.clicked().then(|| Action::Copy(as_text(cluster, &selection)));
            });
        });
        let ranges = selection.to_string();
        let copied = super::copy_row(ui, tr!("slots.range"), None, &ranges, tr!("map.copy_ranges"), &ranges);
        Action::note(&mut action, copied);
        let is_now = state.past.is_none();
        if is_now {
            figures_ui(ui, cluster, &selection);
        }
        let owners = by_owner(cluster, &selection);
        for (owner, count) in owners.iter().take(LISTED) {
            ui.horizontal(|ui| {
                bits::swatch(ui, owner.map_or(colors.hatch, |node| bits::shard_color(colors, node)));
                ui.label(owner.map_or(tr!("slots.uncovered"), |node| node.addr.to_string()));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.label(format::count(*count as u64));
                });
            });
        }
        if owners.len() > LISTED {
            bits::weak(ui, tr!("map.more_owners", count = owners.len() - LISTED));
        }
        let label = tr!("moves.open");
        if is_now && moves::concerns(cluster) && ui.button(Icon::Move.with(&label)).accessible_name(label).clicked() {
            action = Some(moves::ask(cluster, Some(&selection)));
        }
    });
    action
}

/// The sums of what is told.
fn figures_ui(ui: &mut Ui, cluster: &ClusterView, selection: &SlotSet) {
    let Some(figures) = &cluster.slots.figures else {
        bits::weak(ui, tr!("map.measuring"));
        return;
    };
    for figure in Figure::ALL {
        let (sum, known) = figures.sum(figure, selection);
        if known == 0 {
            continue;
        }
        row(ui, slot_words::figure(figure), |ui| {
            let all = known == selection.len();
            let text = format::figure(figure, sum);
            let label = ui.label(if all { text } else { format!("≥ {text}") });
            if !all {
                label.on_hover_text(tr!("map.partly", known = known, all = selection.len()));
            }
        });
    }
}

/// The selection for a ticket or a mail: ranges first, so that they can be taken from the first line.
fn as_text(cluster: &ClusterView, selection: &SlotSet) -> String {
    let mut text = format!("{selection}\n{}: {}\n", tr!("slots.title"), selection.len());
    for figure in Figure::ALL {
        let sum = cluster.slots.figures.as_ref().map(|figures| figures.sum(figure, selection));
        if let Some((sum, 1..)) = sum {
            let _ = writeln!(text, "{}: {}", slot_words::figure(figure), format::figure(figure, sum));
        }
    }
    for (owner, count) in by_owner(cluster, selection) {
        let owner = owner.map_or(tr!("slots.uncovered"), |node| node.addr.to_string());
        let _ = writeln!(text, "{owner}: {count}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::slot::Slot;
    use crate::engine::slot_figures::SlotFigures;
    use crate::gui::samples;

    #[test]
    fn the_text_begins_with_the_ranges_and_names_owners_and_sums() {
        let mut cluster = samples::uncovered();
        let mut figures = SlotFigures::default();
        figures.set(Figure::Keys, Slot::new(5460).unwrap(), Some(41), None);
        cluster.slots.figures = Some(Arc::new(figures));
        crate::gui::i18n::set_language(crate::gui::i18n::Language::English);
        let text = as_text(&cluster, &"5460-5461".parse().unwrap());
        assert_eq!(text, "5460-5461\nSlots: 2\nKeys: 41\n127.0.0.1:7000: 1\nWithout owner: 1\n");
    }
}
