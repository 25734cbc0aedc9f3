//! Everything about the pinned slot.

use egui::Ui;

use crate::core::slot::Slot;
use crate::core::tag::tag_of;
use crate::engine::slot_figures::Figure;
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::failover;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::slot_words;
use crate::gui::summary;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::failover_dialog::failover_button;
use crate::gui::widgets::node_table;
use crate::gui::widgets::slot_map::SlotState;

use super::{Hands, SlotsUi, content, copy_row, count_keys, row};

/// The card of the pinned slot.
pub(super) fn slot_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi) -> Option<Action> {
    let colors = Palette::of(ui);
    let mut action = None;
    colors.card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let Some(slot) = state.pinned else {
            bits::weak(ui, tr!("slots.pin_hint"));
            return;
        };
        ui.horizontal(|ui| {
            bits::subtitle(ui, tr!("slots.slot", slot = slot));
            action = bits::copy_button(ui, tr!("slots.copy_slot"), &slot.to_string());
        });
        let range = summary::run_around(&cluster.slot_owner, slot).to_string();
        Action::note(&mut action, copy_row(ui, tr!("slots.range"), None, &range, tr!("slots.copy_range"), &range));
        let tag = format!("{{{}}}", tag_of(slot));
        Action::note(&mut action, copy_row(ui, tr!("map.tag"), None, &tag, tr!("map.copy_tag"), &tag));
        if state.past.is_some() {
            Action::note(&mut action, owner_then_ui(ui, cluster, slot));
            return;
        }
        state_ui(ui, cluster, slot);
        if let Some(hands) = &state.hands {
            hands_ui(ui, hands);
        }
        let Some(owner) = cluster.owner_of(slot) else {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.no_owner"));
            return;
        };
        Action::note(&mut action, owner_ui(ui, cluster, owner));
        Action::note(&mut action, keys_ui(ui, cluster, slot));
        figures_ui(ui, cluster, slot);
        Action::note(&mut action, failover_button(ui, cluster, owner));
        Action::note(&mut action, content::content_ui(ui, cluster, slot, state));
    });
    action
}

/// Whether the slot moves or is disputed, and with whom.
fn state_ui(ui: &mut Ui, cluster: &ClusterView, slot: Slot) {
    let state = SlotState::of(cluster, slot);
    let tone = match state {
        SlotState::Stable | SlotState::Uncovered | SlotState::Unserved => return,
        SlotState::Migrating | SlotState::Importing => Tone::Busy,
        SlotState::Disagreed => Tone::Warn,
    };
    row(ui, tr!("map.state"), |ui| {
        bits::state(
            ui,
            tone,
            if tone == Tone::Busy { Icon::Busy } else { Icon::Warning },
            slot_words::slot_state(state),
        );
    });
    for open in cluster.slots.states.of(slot) {
        let partner = cluster.node(&open.partner);
        let partner = partner.map_or_else(|| open.partner.short().to_owned(), |node| node.addr.to_string());
        bits::weak(
            ui,
            if open.migrating {
                tr!("map.moves_to", node = open.node, partner = partner)
            } else {
                tr!("map.comes_from", node = open.node, partner = partner)
            },
        );
    }
}

/// When the slot last changed hands, as far as anybody watched.
fn hands_ui(ui: &mut Ui, hands: &Hands) {
    row(ui, tr!("slots.hands"), |ui| match &hands.last {
        Some((at, before)) => {
            let text = match before {
                Some(before) => tr!("slots.hands_from", age = format::age(*at), node = before),
                None => tr!("slots.hands_from_none", age = format::age(*at)),
            };
            ui.add(egui::Label::new(&text).truncate()).on_hover_text(format!("{text}\n{}", format::date_clock(*at)));
        }
        None => {
            bits::weak(ui, tr!("slots.hands_not", time = format::clock(hands.since)))
                .on_hover_text(tr!("slots.hands_not_hint", time = format::date_clock(hands.since)));
        }
    });
}

/// The owner of a moment that is over. Nothing else of then is known, and nothing can be asked or done there.
fn owner_then_ui(ui: &mut Ui, cluster: &ClusterView, slot: Slot) -> Option<Action> {
    let owner = cluster.owner_of(slot);
    if owner.is_none() {
        bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.no_owner"));
    }
    let action = owner.and_then(|owner| name_ui(ui, owner));
    bits::weak(ui, tr!("past.only_owners"));
    action
}

/// A node's address and id.
fn name_ui(ui: &mut Ui, owner: &NodeView) -> Option<Action> {
    let colors = Palette::of(ui);
    let (addr, color) = (owner.addr.to_string(), bits::shard_color(colors, owner));
    let mut action = copy_row(ui, tr!("slots.owner"), Some(color), &addr, tr!("slots.copy_address"), &addr);
    if let Some(id) = &owner.id {
        let copied = copy_row(ui, tr!("slots.id"), None, id.short(), tr!("slots.copy_id"), id.as_str());
        Action::note(&mut action, copied);
    }
    action
}

fn owner_ui(ui: &mut Ui, cluster: &ClusterView, owner: &NodeView) -> Option<Action> {
    let mut action = name_ui(ui, owner);
    let (word, tone, icon) = node_table::state_of(owner);
    row(ui, tr!("slots.owner_state"), |ui| {
        bits::state(ui, tone, icon, word);
    });
    let replicas: Vec<&NodeView> = owner.id.iter().flat_map(|id| cluster.replicas_of(id)).collect();
    if replicas.is_empty() {
        row(ui, tr!("slots.replicas"), |ui| bits::weak(ui, tr!("slots.no_replicas")));
    }
    for (i, replica) in replicas.iter().enumerate() {
        let name = if i == 0 { tr!("slots.replicas") } else { String::new() };
        Action::note(&mut action, replica_row(ui, cluster, name, replica));
    }
    action
}

/// A replica, and a button that makes it the master where it can become one.
fn replica_row(ui: &mut Ui, cluster: &ClusterView, name: String, replica: &NodeView) -> Option<Action> {
    row(ui, name, |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let may = failover::concerns(cluster, replica);
            let asked = may.then(|| failover::question(cluster, replica).ok()).flatten();
            let action = asked.filter(|_| bits::icon_button(ui, Icon::Failover, tr!("failover.to_this")).clicked());
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(replica.addr.to_string()).truncate());
            });
            action
        })
        .inner
    })
}

/// The number of keys as it was counted last, and a button to count again.
fn keys_ui(ui: &mut Ui, cluster: &ClusterView, slot: Slot) -> Option<Action> {
    let counted = cluster.slot_keys.as_ref().filter(|keys| keys.slot == slot);
    row(ui, tr!("slots.keys"), |ui| {
        let label = match counted {
            None => tr!("slots.count"),
            Some(keys) => {
                match &keys.keys {
                    Ok(number) => ui.label(format::count(*number)).on_hover_text(format::age(keys.at)),
                    Err(error) => {
                        bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.count_failed")).on_hover_text(error)
                    }
                };
                tr!("slots.count_again")
            }
        };
        let ask = count_keys(cluster, Some(slot));
        if counted.is_some() {
            bits::icon_button(ui, Icon::Refresh, label).clicked().then_some(ask).flatten()
        } else {
            ui.link(label).clicked().then_some(ask).flatten()
        }
    })
}

/// Memory, processor time and traffic, where they are told; what counters stand at on hover.
fn figures_ui(ui: &mut Ui, cluster: &ClusterView, slot: Slot) {
    let Some(figures) = &cluster.slots.figures else { return };
    for figure in Figure::ALL.into_iter().filter(|figure| *figure != Figure::Keys) {
        let Some(value) = figures.at(figure, slot) else { continue };
        row(ui, slot_words::figure(figure), |ui| {
            let label = ui.label(format::figure(figure, value));
            if let Some(total) = figures.total_at(figure, slot).filter(|_| figure.is_counter()) {
                label.on_hover_text(tr!("map.since_start", total = format::figure_total(figure, total)));
            }
        });
    }
}
