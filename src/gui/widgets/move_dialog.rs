//! The dialog that moves slots: what is wanted, the plan that comes of it, and the button that carries it out.

use egui::{ComboBox, DragValue, Grid, RichText, ScrollArea, TextEdit, Ui};

use crate::core::plan::moves::{Master, MovePlan, SlotMove};
use crate::core::slot::SLOT_COUNT;
use crate::core::topology::NodeId;
use crate::engine::command::Command;
use crate::engine::snapshot::{ClusterView, Snapshot};
use crate::gui::action::Action;
use crate::gui::commands::{self, Scene};
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::moves::{self, MoveDraft, Which};
use crate::gui::theme::{Palette, Tone};

use super::bits;
use super::confirm::buttons;
use super::half_moved::sum;
use super::long_list::long_list;
use super::problem_list::tone_line;

/// The tallest that the plan may grow before it scrolls, points.
const PLAN_HEIGHT: f32 = 180.0;
/// The longest list of slots that is shown whole, letters.
const SLOTS_SHOWN: usize = 60;

/// The dialog's content.
#[must_use]
pub fn move_ui(ui: &mut Ui, snapshot: &Snapshot, name: &str, draft: &mut MoveDraft) -> Option<Action> {
    bits::subtitle(ui, tr!("moves.title", cluster = name));
    let Some(cluster) = snapshot.clusters.get(name) else { return Some(Action::Withdraw) };
    ui.label(tr!("moves.explain"));
    ui.add_space(8.0);
    which_ui(ui, draft);
    ui.add_space(4.0);
    let (masters, _) = draft.planned(cluster);
    Grid::new("moves").num_columns(2).spacing([12.0, 6.0]).show(ui, |ui| wishes_ui(ui, &masters, draft));
    ui.add_space(8.0);
    let plan = match commands::busy(&Scene { snapshot, cluster: Some(cluster) }, cluster) {
        Some(why) => Err(why),
        None => draft.planned(cluster).1,
    };
    let slots = plan.as_ref().map_or(0, |plan| plan.slot_count());
    match &plan {
        Ok(plan) if plan.is_empty() => {
            let even = draft.which == Which::Even;
            tone_line(ui, Tone::Good, if even { tr!("moves.nothing") } else { tr!("moves.nothing_there") });
        }
        Ok(plan) => {
            plan_ui(ui, cluster, plan);
            if let Some(half) = &cluster.half_moved {
                tone_line(ui, Tone::Warn, format!("{}. {}", sum(half), tr!("resume.replaced")));
            }
        }
        Err(why) => tone_line(ui, Tone::Warn, why.clone()),
    }
    let command = Command::MoveSlots { cluster: name.to_owned(), plan: plan.unwrap_or_default() };
    let label = match slots {
        0 => tr!("job.move_slots"),
        _ => tr!("moves.yes", count = format::count(slots as u64)),
    };
    buttons(ui, &label, slots > 0, command)
}

fn which_ui(ui: &mut Ui, draft: &mut MoveDraft) {
    ui.horizontal(|ui| {
        for which in Which::ALL {
            let (label, hint) = match which {
                Which::Even => (tr!("moves.even"), tr!("moves.even_hint")),
                Which::Count => (tr!("moves.count"), tr!("moves.count_hint")),
                Which::These => (tr!("moves.these"), tr!("moves.these_hint")),
            };
            ui.radio_value(&mut draft.which, which, label).on_hover_text(hint);
        }
    });
}

fn wishes_ui(ui: &mut Ui, masters: &[Master], draft: &mut MoveDraft) {
    match draft.which {
        Which::Even => {
            ui.checkbox(&mut draft.use_empty, tr!("moves.use_empty"));
            ui.end_row();
            return;
        }
        Which::Count => {
            let label = ui.label(tr!("moves.how_many"));
            ui.add(DragValue::new(&mut draft.count).range(1..=SLOT_COUNT)).labelled_by(label.id);
            ui.end_row();
            master_ui(ui, &tr!("moves.from"), &tr!("moves.from_all"), true, masters, &mut draft.from);
        }
        Which::These => {
            let label = ui.label(tr!("moves.which"));
            ui.add(TextEdit::singleline(&mut draft.slots).desired_width(260.0)).labelled_by(label.id);
            ui.end_row();
        }
    }
    master_ui(ui, &tr!("moves.to"), &tr!("moves.to_none"), false, masters, &mut draft.to);
}

/// A row that chooses a master; `none` is what stands for no choice, and can be chosen again where it means something.
fn master_ui(ui: &mut Ui, label: &str, none: &str, may_be_none: bool, masters: &[Master], chosen: &mut Option<NodeId>) {
    ui.label(label);
    let shown = masters.iter().find(|m| Some(&m.id) == chosen.as_ref());
    let text = shown.map_or_else(|| none.to_owned(), |m| m.addr.to_string());
    let combo = ComboBox::from_id_salt(label).selected_text(text).width(260.0).show_ui(ui, |ui| {
        if may_be_none {
            ui.selectable_value(chosen, None, none);
        }
        for master in masters {
            let slots = format::count(master.slots.len() as u64);
            ui.selectable_value(chosen, Some(master.id.clone()), format!("{}  ({slots})", master.addr));
        }
    });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, label));
    ui.end_row();
}

fn plan_ui(ui: &mut Ui, cluster: &ClusterView, plan: &MovePlan) {
    let keys: u64 = plan.moves().iter().map(|one| moves::keys(cluster, one)).sum();
    let count = format::count(plan.slot_count() as u64);
    let colors = Palette::of(ui);
    ui.label(RichText::new(tr!("moves.sum", count = count, keys = format::count(keys))).color(colors.strong));
    ScrollArea::vertical().max_height(PLAN_HEIGHT).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let height = |ui: &Ui, _: &&SlotMove| ui.spacing().interact_size.y;
        long_list(ui, plan.moves(), height, |ui, one| line_ui(ui, cluster, one));
    });
}

/// A move in a line.
pub(super) fn line_ui(ui: &mut Ui, cluster: &ClusterView, one: &SlotMove) {
    let colors = Palette::of(ui);
    let addr = |id: &NodeId| cluster.node(id).map_or_else(|| id.short().to_owned(), |node| node.addr.to_string());
    let all = one.slots.to_string();
    let short: String = all.chars().take(SLOTS_SHOWN).collect();
    let slots = if short.len() < all.len() { format!("{short}…") } else { short };
    let count = format::count(one.slots.len() as u64);
    ui.horizontal(|ui| {
        if let Some(to) = cluster.node(&one.to) {
            bits::swatch(ui, bits::shard_color(colors, to));
        }
        let line = tr!("moves.line", from = addr(&one.from), to = addr(&one.to), count = count, slots = slots);
        ui.add(egui::Label::new(line).truncate()).on_hover_text(all);
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;
    use crate::gui::action::Confirm;
    use crate::gui::samples;
    use crate::gui::widgets::dialog_testing::{self, Asked, sent};

    fn ask(cluster: ClusterView, draft: MoveDraft) -> egui_kittest::Harness<'static, Asked> {
        let question = Confirm::Move { cluster: cluster.name.clone(), draft: Box::new(draft) };
        dialog_testing::ask(question, cluster)
    }

    #[test]
    fn the_plan_is_shown_before_it_is_carried_out_and_sent_just_so() {
        let draft =
            MoveDraft { which: Which::These, slots: "0-99".into(), to: Some(samples::id(2)), ..MoveDraft::default() };
        let mut harness = ask(samples::healthy(), draft);
        harness.get_by_label_contains("127.0.0.1:7000 → 127.0.0.1:7002: 100 slots (0-99)");
        harness.get_by_label("Move 100 slots").click();
        harness.run();
        let Command::MoveSlots { plan, .. } = sent(&harness) else { panic!() };
        assert_eq!(plan.slot_count(), 100);
    }

    #[test]
    fn nothing_can_be_sent_before_there_is_something_to_move() {
        let mut harness = ask(samples::healthy(), MoveDraft::default());
        harness.get_by_label_contains("Nothing to move");
        harness.get_by_label("A number").click();
        harness.run();
        harness.get_by_label_contains("Choose the master");
        assert!(harness.get_by_label("Move slots").accesskit_node().is_disabled());
    }

    #[test]
    fn while_another_job_works_on_the_cluster_nothing_is_sent() {
        let busy = ClusterView { busy_elsewhere: true, ..samples::healthy() };
        let draft =
            MoveDraft { which: Which::These, slots: "0-99".into(), to: Some(samples::id(2)), ..MoveDraft::default() };
        let harness = ask(busy, draft);
        assert!(harness.get_by_label("Move slots").accesskit_node().is_disabled());
    }

    #[test]
    fn a_cluster_that_is_not_whole_says_why_nothing_moves() {
        let harness = ask(samples::uncovered(), MoveDraft::default());
        harness.get_by_label_contains("Not while the cluster has this problem");
    }
}
