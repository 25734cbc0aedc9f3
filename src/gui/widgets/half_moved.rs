//! A move of slots that was left half-way: how much is left, and the two questions before it is gone on with or forgotten.

use egui::Ui;

use crate::engine::command::Command;
use crate::engine::snapshot::{ClusterView, HalfMoved, Snapshot};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;

use super::bits;
use super::confirm::buttons;
use super::move_dialog::line_ui;

/// How much of it is left.
#[must_use]
pub fn sum(half: &HalfMoved) -> String {
    let all = format::count(half.plan.slot_count() as u64);
    match half.rest.slot_count() {
        0 => tr!("resume.all_there", all = all),
        left => tr!("resume.unfinished", left = format::count(left as u64), all = all),
    }
}

/// The dialog before going on.
#[must_use]
pub fn resume_ui(ui: &mut Ui, snapshot: &Snapshot, name: &str) -> Option<Action> {
    bits::subtitle(ui, tr!("resume.title", cluster = name));
    let Some((cluster, half)) = shown(snapshot, name) else { return Some(Action::Withdraw) };
    ui.label(sum(&half));
    half.rest.moves().iter().for_each(|one| line_ui(ui, cluster, one));
    ui.add_space(4.0);
    ui.label(tr!("moves.explain"));
    let command = Command::ResumeMove { cluster: name.to_owned(), plan: half.plan.clone() };
    buttons(ui, &tr!("resume.yes"), true, command)
}

/// The question before forgetting.
#[must_use]
pub fn forget_ui(ui: &mut Ui, snapshot: &Snapshot, name: &str) -> Option<Action> {
    bits::subtitle(ui, tr!("resume.forget_title", cluster = name));
    let Some((_, half)) = shown(snapshot, name) else { return Some(Action::Withdraw) };
    ui.label(sum(&half));
    ui.label(tr!("resume.forget_text"));
    let command = Command::ForgetMove { cluster: name.to_owned(), plan: half.plan.clone() };
    buttons(ui, &tr!("confirm.forget"), true, command)
}

/// The move as the snapshot has it; the question ends where somebody else has ended the move.
fn shown<'a>(snapshot: &'a Snapshot, name: &str) -> Option<(&'a ClusterView, std::sync::Arc<HalfMoved>)> {
    let cluster = snapshot.clusters.get(name)?;
    Some((cluster, cluster.half_moved.clone()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::core::plan::moves::MovePlan;
    use crate::core::slot::Slot;
    use crate::gui::action::Confirm;
    use crate::gui::views::overview::overview_ui;
    use crate::gui::widgets::confirm::confirm_ui;
    use crate::gui::{samples, testing};

    /// 400 slots from the first master to the third, of which 280 have arrived.
    fn cluster() -> ClusterView {
        let moves = |range: std::ops::Range<u16>| {
            MovePlan::of(range.map(|number| (samples::id(0), samples::id(2), Slot::new(number).unwrap())))
        };
        let half = HalfMoved { plan: Arc::new(moves(0..400)), rest: moves(280..400) };
        ClusterView { half_moved: Some(Arc::new(half)), ..samples::healthy() }
    }

    #[test]
    fn the_overview_tells_of_it_and_offers_both_ways_out() {
        let snapshot = samples::snapshot(cluster());
        let mut harness = testing::harness(None, move |ui, action: &mut Option<Action>| {
            *action = overview_ui(ui, &snapshot, &cluster()).or(action.take());
        });
        harness.run();
        harness.get_by_label_contains("120 of its 400 slots");
        harness.get_by_label("Forget it…").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::Ask(Confirm::ForgetMove { .. }))));
        harness.get_by_label("Go on with it…").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::Ask(Confirm::Resume { .. }))));
    }

    #[test]
    fn going_on_shows_what_is_left_and_sends_the_whole_plan() {
        let question = Confirm::Resume { cluster: "orders".to_owned() };
        let snapshot = samples::snapshot(cluster());
        let mut harness = testing::harness((question, None), move |ui, (question, answer): &mut (_, _)| {
            let got = confirm_ui(ui, &snapshot, question);
            *answer = got.or(answer.take());
        });
        harness.run();
        harness.get_by_label_contains("127.0.0.1:7000 → 127.0.0.1:7002: 120 slots (280-399)");
        harness.get_by_label("Go on").click();
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!() };
        let Action::Confirmed(Command::ResumeMove { plan, .. }) = &actions[0] else { panic!("{actions:?}") };
        assert_eq!(plan.slot_count(), 400);
    }
}
