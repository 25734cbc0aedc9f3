//! The dialogs of a node that joins and of one that leaves.

use egui::{ComboBox, DragValue, Grid, Label, ScrollArea, TextEdit, Ui};

use crate::core::topology::NodeId;
use crate::engine::command::Command;
use crate::engine::growth::{NewRole, Newcomer};
use crate::engine::snapshot::{ClusterView, NodeView, Snapshot};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::members::{self, AddDraft, Departure};
use crate::gui::moves;
use crate::gui::theme::Tone;
use crate::gui::words;

use super::bits;
use super::confirm::buttons;
use super::move_dialog::line_ui;
use super::problem_list::tone_line;

/// The tallest that the moves may grow before they scroll, points.
const MOVES_HEIGHT: f32 = 140.0;
/// Width of the inputs, points.
const INPUT: f32 = 260.0;

/// The dialog of a node that joins.
#[must_use]
pub fn add_ui(ui: &mut Ui, snapshot: &Snapshot, name: &str, draft: &mut AddDraft) -> Option<Action> {
    bits::subtitle(ui, tr!("members.add_title", cluster = name));
    let Some(cluster) = snapshot.clusters.get(name) else { return Some(Action::Withdraw) };
    ui.label(tr!("members.add_explain"));
    ui.add_space(8.0);
    if cluster.spec.as_ref().is_some_and(|spec| spec.server.is_some()) {
        ui.radio_value(&mut draft.launch, true, tr!("members.launch")).on_hover_text(tr!("members.launch_hint"));
        ui.radio_value(&mut draft.launch, false, tr!("members.running"));
        ui.add_space(4.0);
    }
    Grid::new("newcomer").num_columns(2).spacing([12.0, 6.0]).show(ui, |ui| {
        if draft.launch {
            let label = ui.label(tr!("members.port"));
            ui.add(DragValue::new(&mut draft.port).range(1..=u16::MAX)).labelled_by(label.id);
        } else {
            let label = ui.label(tr!("members.address"));
            let field = TextEdit::singleline(&mut draft.addr).hint_text("127.0.0.1:7006").desired_width(INPUT);
            ui.add(field).labelled_by(label.id);
        }
        ui.end_row();
        ui.label(tr!("members.role"));
        role_ui(ui, cluster, &mut draft.role);
        ui.end_row();
    });
    ui.add_space(8.0);
    let new = members::newcomer(cluster, draft);
    let typed = draft.launch || !draft.addr.trim().is_empty();
    match &new {
        Ok(new) => tone_line(ui, Tone::Good, said(cluster, new)),
        Err(why) if typed => tone_line(ui, Tone::Warn, why.clone()),
        Err(_) => {}
    }
    let may = new.is_ok();
    let none = || Newcomer { addr: crate::core::topology::NodeAddr::new("", 0), launch: false, role: NewRole::Master };
    let new = Box::new(new.unwrap_or_else(|_| none()));
    buttons(ui, &tr!("members.add_yes"), may, Command::AddNode { cluster: name.to_owned(), new })
}

/// What it becomes: a master, or a copy of one.
fn role_ui(ui: &mut Ui, cluster: &ClusterView, role: &mut NewRole) {
    let name = |role: &NewRole| match role {
        NewRole::Master => tr!("members.as_master"),
        NewRole::Replica(None) => tr!("members.as_any_replica"),
        NewRole::Replica(Some(id)) => tr!("members.as_replica", master = addr(cluster, id)),
    };
    let masters = moves::masters(cluster);
    let shown = ComboBox::from_id_salt("role").selected_text(name(role)).width(INPUT).show_ui(ui, |ui| {
        let copies = masters.iter().filter(|master| !master.slots.is_empty());
        let copies = copies.map(|master| NewRole::Replica(Some(master.id.clone())));
        for choice in [NewRole::Replica(None), NewRole::Master].into_iter().chain(copies) {
            let text = name(&choice);
            ui.selectable_value(role, choice, text);
        }
    });
    shown.response.accessible_name(tr!("members.role"));
}

fn addr(cluster: &ClusterView, id: &NodeId) -> String {
    cluster.node(id).map_or_else(|| id.short().to_owned(), |node| node.addr.to_string())
}

/// What will be done, in a sentence or two.
fn said(cluster: &ClusterView, new: &Newcomer) -> String {
    let joins = match &new.role {
        NewRole::Master => tr!("members.joins_as_master", node = new.addr),
        NewRole::Replica(None) => tr!("members.joins_as_any_replica", node = new.addr),
        NewRole::Replica(Some(id)) => tr!("members.joins_as_replica", node = new.addr, master = addr(cluster, id)),
    };
    if new.launch { tr!("members.launched_first", joins = joins) } else { joins }
}

/// The dialog of a node that leaves.
#[must_use]
pub fn remove_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    name: &str,
    node: &mut Option<NodeId>,
    stays: &mut bool,
) -> Option<Action> {
    bits::subtitle(ui, tr!("members.remove_title", cluster = name));
    let Some(cluster) = snapshot.clusters.get(name) else { return Some(Action::Withdraw) };
    Grid::new("leaver").num_columns(2).spacing([12.0, 6.0]).show(ui, |ui| {
        ui.label(tr!("members.which"));
        which_ui(ui, cluster, node);
        ui.end_row();
    });
    ui.add_space(8.0);
    let departure = node.as_ref().map(|id| members::departure(cluster, id));
    let (command, label) = match departure {
        Some(Ok(departure)) => departure_ui(ui, cluster, departure, stays),
        Some(Err(why)) => {
            tone_line(ui, Tone::Warn, why);
            (None, tr!("members.remove_yes"))
        }
        None => (None, tr!("members.remove_yes")),
    };
    let may = command.is_some();
    let idle = || Command::MoveSlots { cluster: name.to_owned(), plan: std::sync::Arc::default() };
    buttons(ui, &label, may, command.unwrap_or_else(idle))
}

fn which_ui(ui: &mut Ui, cluster: &ClusterView, node: &mut Option<NodeId>) {
    let text = |node: &NodeView| {
        let role = node.role.map(words::role).unwrap_or_default();
        tr!("members.node", node = node.addr, role = role, slots = format::count(node.slots.len() as u64))
    };
    let chosen = node.as_ref().and_then(|id| cluster.node(id));
    let shown = chosen.map_or_else(|| tr!("members.choose"), text);
    let combo = ComboBox::from_id_salt("which").selected_text(shown).width(INPUT + 60.0).show_ui(ui, |ui| {
        for one in cluster.nodes.iter() {
            let Some(id) = &one.id else { continue };
            ui.selectable_value(node, Some(id.clone()), text(one));
        }
    });
    combo.response.accessible_name(tr!("members.which"));
}

/// What leaves with it, and what is sent.
fn departure_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    departure: Departure,
    stays: &mut bool,
) -> (Option<Command>, String) {
    let Departure { who, orphans } = departure;
    let name = || cluster.name.clone();
    if who.drain.is_empty() {
        *stays = false;
    } else {
        let count = format::count(who.drain.slot_count() as u64);
        ui.label(tr!("members.drained", count = count));
        ScrollArea::vertical().max_height(MOVES_HEIGHT).show(ui, |ui| {
            ui.set_width(ui.available_width());
            who.drain.moves().iter().for_each(|one| line_ui(ui, cluster, one));
        });
        ui.add_space(4.0);
        ui.checkbox(stays, tr!("members.stays"));
    }
    if *stays {
        let count = format::count(who.drain.slot_count() as u64);
        let command = Command::MoveSlots { cluster: name(), plan: who.drain };
        return (Some(command), tr!("moves.yes", count = count));
    }
    if !orphans.is_empty() {
        ui.add(Label::new(tr!("members.orphans", nodes = words::addrs(&orphans))).wrap());
    }
    let ours = cluster.spec.as_ref().is_some_and(|spec| spec.addrs().contains(&who.addr));
    let text = if ours { tr!("members.retired") } else { tr!("members.reset") };
    ui.add(Label::new(text).wrap());
    (Some(Command::RemoveNode { cluster: name(), who: Box::new(who) }), tr!("members.remove_yes"))
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;
    use crate::gui::samples;
    use crate::gui::widgets::dialog_testing::{Asked, ask_by, sent};

    fn ask(action: Action) -> egui_kittest::Harness<'static, Asked> {
        ask_by(action, samples::healthy())
    }

    #[test]
    fn a_running_server_is_added_as_a_copy_of_whoever_has_fewest() {
        let mut harness = ask(members::ask_add(&samples::healthy()));
        assert!(harness.get_by_label("Add").accesskit_node().is_disabled(), "no address yet");
        let field = harness.get_by_label("Address");
        field.focus();
        field.type_text("127.0.0.1:7006");
        harness.run();
        harness.get_by_label_contains("127.0.0.1:7006 joins as a replica of the master with the fewest");
        harness.get_by_label("Add").click();
        harness.run();
        let Command::AddNode { new, .. } = sent(&harness) else { panic!() };
        assert_eq!((new.addr.port, &new.role, new.launch), (7006, &NewRole::Replica(None), false));
    }

    #[test]
    fn a_master_is_emptied_and_removed_or_only_emptied() {
        let mut harness = ask(members::ask_remove(&samples::healthy(), Some(samples::id(0))));
        harness.get_by_label_contains("5,461 slots go to the other masters first");
        harness.get_by_label_contains("127.0.0.1:7003");
        harness.get_by_label("Remove").click();
        harness.run();
        let Command::RemoveNode { who, .. } = sent(&harness) else { panic!() };
        assert_eq!((who.addr.port, who.drain.slot_count()), (7000, 5461));
        harness.get_by_label("Only move its slots away; it stays a member").click();
        harness.run();
        harness.get_by_label("Move 5,461 slots").click();
        harness.run();
        assert!(matches!(sent(&harness), Command::MoveSlots { plan, .. } if plan.slot_count() == 5461));
    }

    #[test]
    fn nothing_is_removed_before_a_node_is_chosen() {
        let harness = ask(members::ask_remove(&samples::healthy(), None));
        assert!(harness.get_by_label("Remove").accesskit_node().is_disabled());
    }
}
