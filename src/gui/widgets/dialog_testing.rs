//! What the tests of the dialogs share: a question that is open over a cluster, and what was answered.

use egui_kittest::Harness;

use crate::engine::command::Command;
use crate::engine::snapshot::ClusterView;
use crate::gui::action::{Action, Confirm};
use crate::gui::widgets::confirm::confirm_ui;
use crate::gui::{samples, testing};

/// The question, and the last answer.
pub(super) type Asked = (Confirm, Option<Action>);

/// Opens the question that an action asks, over this cluster.
pub(super) fn ask_by(action: Action, shown: ClusterView) -> Harness<'static, Asked> {
    let Action::Ask(question) = action else { panic!("{action:?}") };
    ask(question, shown)
}

/// Opens a question over this cluster.
pub(super) fn ask(question: Confirm, shown: ClusterView) -> Harness<'static, Asked> {
    let snapshot = samples::snapshot(shown);
    let mut harness = testing::harness((question, None), move |ui, (question, answer): &mut Asked| {
        let got = confirm_ui(ui, &snapshot, question);
        *answer = got.or(answer.take());
    });
    harness.run();
    harness
}

/// The command that was confirmed.
pub(super) fn sent<'a>(harness: &'a Harness<'static, Asked>) -> &'a Command {
    let Some(Action::All(actions)) = &harness.state().1 else { panic!("{:?}", harness.state().1) };
    let Action::Confirmed(command) = &actions[0] else { panic!("{actions:?}") };
    command
}
