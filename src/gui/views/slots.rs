//! The slot map with its legend, and everything about the pinned slot.

use egui::{RichText, Ui, Vec2};

use crate::core::slot::{self, SLOT_COUNT, Slot};
use crate::engine::command::Command;
use crate::engine::snapshot::{ClusterView, NO_OWNER, NodeView, Standing};
use crate::gui::action::Action;
use crate::gui::failover;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::summary;
use crate::gui::theme::{GAP, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::failover_dialog::failover_button;
use crate::gui::widgets::long_list::long_list;
use crate::gui::widgets::node_table;
use crate::gui::widgets::slot_map;

/// Width of the inspection panel, points.
const PANEL: f32 = 262.0;

/// Width of the names of values in the panel, points.
const NAMES: f32 = 54.0;

/// The screen's state.
#[derive(Debug, Default)]
pub struct SlotsUi {
    /// The slot that the panel is about.
    pub pinned: Option<Slot>,
    key: String,
    /// The owner whose legend entry is under the pointer.
    only: Option<u16>,
}

/// Shows the map and the panel beside it.
#[must_use]
pub fn slots_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi) -> Option<Action> {
    let mut action = None;
    let panel = egui::Panel::right("slot-panel").exact_size(PANEL).resizable(false).show_separator_line(false);
    panel.frame(egui::Frame::new().inner_margin(egui::Margin { left: 12, ..egui::Margin::ZERO })).show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            key_ui(ui, state);
            ui.add_space(GAP);
            action = inspect_ui(ui, cluster, state.pinned);
            ui.add_space(GAP);
            state.only = legend_ui(ui, cluster);
        });
    });
    bits::title(ui, tr!("slots.title"));
    ui.add_space(4.0);
    let map = slot_map::slot_map(ui, cluster, ui.available_size(), state.pinned, state.only);
    if let Some(slot) = map.picked
        && state.pinned != Some(slot)
    {
        state.pinned = Some(slot);
    }
    if ui.input(|i| i.pointer.primary_clicked()) && map.picked.is_some() && map.hovered.is_some() {
        action = action.or_else(|| count_keys(cluster, map.picked));
    }
    action
}

/// Asks for the number of keys where somebody can answer.
fn count_keys(cluster: &ClusterView, slot: Option<Slot>) -> Option<Action> {
    let slot = slot?;
    cluster.owner_of(slot)?;
    Some(Action::Do(Command::CountKeys { cluster: cluster.name.clone(), slot }))
}

/// "Which slot has this key?"
fn key_ui(ui: &mut Ui, state: &mut SlotsUi) {
    bits::subtitle(ui, tr!("slots.find_key"));
    let field = bits::search_field(ui, &mut state.key, tr!("slots.key_hint"), ui.available_width() - 24.0);
    if state.key.is_empty() {
        return;
    }
    let slot = slot::key_slot(state.key.as_bytes());
    let tag = slot::hash_tag(state.key.as_bytes());
    ui.horizontal_wrapped(|ui| {
        let label = tr!("slots.key_slot", slot = slot);
        let enter = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        if ui.link(label).clicked() || enter {
            state.pinned = Some(slot);
        }
        if tag.len() < state.key.len() {
            bits::weak(ui, tr!("slots.key_tag", tag = String::from_utf8_lossy(tag)));
        }
    });
}

/// Everything about the pinned slot.
fn inspect_ui(ui: &mut Ui, cluster: &ClusterView, pinned: Option<Slot>) -> Option<Action> {
    let colors = Palette::of(ui);
    let mut action = None;
    colors.card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let Some(slot) = pinned else {
            bits::weak(ui, tr!("slots.pin_hint"));
            return;
        };
        ui.horizontal(|ui| {
            bits::subtitle(ui, tr!("slots.slot", slot = slot));
            action = bits::copy_button(ui, tr!("slots.copy_slot"), &slot.to_string());
        });
        let range = summary::run_around(&cluster.slot_owner, slot).to_string();
        Action::note(&mut action, copy_row(ui, tr!("slots.range"), None, &range, tr!("slots.copy_range"), &range));
        let Some(owner) = cluster.owner_of(slot) else {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.no_owner"));
            return;
        };
        let (addr, color) = (owner.addr.to_string(), bits::shard_color(colors, owner));
        Action::note(
            &mut action,
            copy_row(ui, tr!("slots.owner"), Some(color), &addr, tr!("slots.copy_address"), &addr),
        );
        if let Some(id) = &owner.id {
            let copied = copy_row(ui, tr!("slots.id"), None, id.short(), tr!("slots.copy_id"), id.as_str());
            Action::note(&mut action, copied);
        }
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
        Action::note(&mut action, keys_ui(ui, cluster, slot));
        Action::note(&mut action, failover_button(ui, cluster, owner));
    });
    action
}

/// A replica, and a button that makes it the master where it can become one.
fn replica_row(ui: &mut Ui, cluster: &ClusterView, name: String, replica: &NodeView) -> Option<Action> {
    row(ui, name, |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let asked = failover::question(cluster, replica).ok().filter(|_| failover::concerns(cluster, replica));
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

/// A named value on one line.
fn row<R>(ui: &mut Ui, name: String, value: impl FnOnce(&mut Ui) -> R) -> R {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(NAMES, ui.spacing().interact_size.y), egui::Sense::hover());
        let text = RichText::new(name).small().color(colors.weak);
        ui.put(rect, egui::Label::new(text).halign(egui::Align::LEFT).truncate());
        value(ui)
    })
    .inner
}

/// A named text with a copy button at the right end; a long one is cut and shown whole on hover.
fn copy_row(
    ui: &mut Ui,
    name: String,
    color: Option<egui::Color32>,
    shown: &str,
    copy: String,
    full: &str,
) -> Option<Action> {
    row(ui, name, |ui| {
        if let Some(color) = color {
            bits::swatch(ui, color);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let action = bits::copy_button(ui, copy, full);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let label = ui.add(egui::Label::new(shown).truncate());
                if shown != full {
                    label.on_hover_text(full);
                }
            });
            action
        })
        .inner
    })
}

/// Owner, colour, number of slots and share; the entry under the pointer is singled out on the map.
fn legend_ui(ui: &mut Ui, cluster: &ClusterView) -> Option<u16> {
    let colors = Palette::of(ui);
    bits::subtitle(ui, tr!("slots.legend"));
    let mut only = None;
    let mut covered = 0;
    let line = ui.spacing().interact_size.y;
    let has_failed = |node: &NodeView| node.standing == Standing::Failed;
    let owners = cluster.nodes.iter().enumerate().filter(|(_, n)| !n.slots.is_empty());
    let owners = owners.inspect(|(_, n)| covered += n.slots.len());
    let height = |ui: &Ui, (_, node): &(usize, &NodeView)| {
        if has_failed(node) {
            line + ui.spacing().item_spacing.y + ui.text_style_height(&egui::TextStyle::Body)
        } else {
            line
        }
    };
    long_list(ui, owners, height, |ui, (i, node)| {
        let response = entry_ui(ui, bits::shard_color(colors, node), &node.addr.to_string(), node.slots.len());
        if response.hovered() {
            only = u16::try_from(i).ok();
        }
        if has_failed(node) {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.owner_failed"));
        }
    });
    let without = usize::from(SLOT_COUNT).saturating_sub(covered);
    if without > 0 && cluster.slot_owner.contains(&NO_OWNER) {
        let response = entry_ui(ui, colors.hatch, &tr!("slots.uncovered"), without);
        if response.hovered() {
            only = Some(NO_OWNER);
        }
    }
    only
}

fn entry_ui(ui: &mut Ui, color: egui::Color32, name: &str, slots: usize) -> egui::Response {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        bits::swatch(ui, color);
        ui.label(name);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_sized(
                Vec2::new(52.0, 16.0),
                egui::Label::new(RichText::new(format::share(slots, usize::from(SLOT_COUNT))).color(colors.weak))
                    .halign(egui::Align::RIGHT),
            );
            ui.label(format::count(slots as u64));
        });
    })
    .response
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::{samples, testing};

    type Seen = (SlotsUi, Option<Action>);

    fn view(cluster: ClusterView, state: SlotsUi) -> egui_kittest::Harness<'static, Seen> {
        let mut harness = testing::harness((state, None), move |ui, (state, action): &mut Seen| {
            *action = slots_ui(ui, &cluster, state).or(action.take());
        });
        harness.run();
        harness
    }

    #[test]
    fn a_click_pins_the_slot_and_asks_for_its_keys() {
        let mut harness = view(samples::healthy(), SlotsUi::default());
        harness.get_by_label("Slot map: 3 masters, 0 slots without owner").click();
        harness.run();
        let slot = harness.state().0.pinned.unwrap();
        harness.get_by_label(&format!("Slot {slot}"));
        let Some(Action::Do(Command::CountKeys { slot: asked, .. })) = &harness.state().1 else { panic!() };
        assert_eq!(*asked, slot);
    }

    #[test]
    fn the_panel_names_owner_replica_and_range() {
        let state = SlotsUi { pinned: Slot::new(5460).ok(), ..SlotsUi::default() };
        let mut harness = view(samples::healthy(), state);
        harness.get_by_label("0-5460");
        harness.get_by_label("127.0.0.1:7003");
        harness.get_by_label("Copy the id").click();
        harness.run();
        assert!(matches!(&harness.state().1, Some(Action::Copy(id)) if *id == samples::id(0).as_str()));
    }

    #[test]
    fn a_key_leads_to_its_slot_by_its_hash_tag() {
        let state = SlotsUi { key: "{user1000}.following".to_owned(), ..SlotsUi::default() };
        let mut harness = view(samples::healthy(), state);
        harness.get_by_label_contains("user1000");
        harness.get_by_label("Slot 3443").click();
        harness.run();
        assert_eq!(harness.state().0.pinned, Slot::new(3443).ok());
    }

    #[test]
    fn slots_without_owner_stand_in_the_legend() {
        let state = SlotsUi { pinned: Slot::new(6000).ok(), ..SlotsUi::default() };
        let harness = view(samples::uncovered(), state);
        harness.get_by_label("Without owner");
        harness.get_by_label_contains("Nobody owns this slot");
    }
}
