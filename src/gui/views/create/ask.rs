//! The wizard's own questions: leaving, going back after the launch, and a plan that was not confirmed.

use egui::{Frame, Id, Modal, Ui};

use crate::engine::snapshot::Snapshot;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::icon_button::icon_button;

use super::CreateUi;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Leave before anything was started?
    LeaveDraft,
    /// Leave while servers run: keep them or remove them?
    LeaveServers,
    /// Leave while the cluster is being made?
    LeaveCreating,
    /// Change the settings: the servers have to go first.
    BackFromLaunch,
    /// The plan was not confirmed: keep the servers or remove them?
    PlanCancelled,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on with the wizard.
    Stay,
    /// Leave; servers that run are kept.
    Leave,
    /// Stop the servers and remove what was made.
    Remove,
}

/// The open question, if there is one.
pub(super) fn ask_ui(ui: &Ui, snapshot: &Snapshot, state: &CreateUi) -> Option<Answer> {
    let ask = state.ask?;
    let modal = Modal::new(Id::unique("create_ask")).frame(Frame::popup(ui.style()).inner_margin(16)).show(ui, |ui| {
        ui.set_width(440.0);
        let (title, text) = match ask {
            Ask::LeaveDraft => (tr!("create.ask.leave"), tr!("create.ask.leave_draft")),
            Ask::LeaveServers => (tr!("create.ask.leave"), tr!("create.ask.leave_servers")),
            Ask::LeaveCreating => (tr!("create.ask.leave"), tr!("create.ask.leave_creating")),
            Ask::BackFromLaunch => (tr!("create.ask.back"), tr!("create.ask.back_text")),
            Ask::PlanCancelled => (tr!("create.ask.cancelled"), tr!("create.ask.leave_servers")),
        };
        ui.heading(title);
        ui.label(text);
        if offers_removal(ask) {
            what_goes(ui, snapshot, state);
        }
        ui.add_space(8.0);
        buttons(ui, ask)
    });
    modal.inner.or_else(|| modal.should_close().then_some(Answer::Stay))
}

fn offers_removal(ask: Ask) -> bool {
    !matches!(ask, Ask::LeaveDraft | Ask::LeaveCreating)
}

/// What "remove" removes, by name.
fn what_goes(ui: &mut Ui, snapshot: &Snapshot, state: &CreateUi) {
    let Some(run) = &state.run else { return };
    let view = run.view(snapshot);
    ui.add_space(4.0);
    ui.label(tr!("create.ask.remove_what", n = view.map_or(state.draft.node_count(), |view| view.nodes.len())));
    let dir = view.and_then(|view| view.spec.as_ref()).map(|spec| spec.dir.display().to_string());
    ui.monospace(dir.unwrap_or_else(|| state.draft.dir.clone()));
}

/// The harmless answer first.
fn buttons(ui: &mut Ui, ask: Ask) -> Option<Answer> {
    let mut answer = None;
    ui.horizontal_wrapped(|ui| {
        let stay = ui.add(theme::primary(Palette::of(ui), tr!("create.ask.stay")));
        if ui.memory(|memory| memory.focused().is_none()) {
            stay.request_focus();
        }
        if stay.clicked() {
            answer = Some(Answer::Stay);
        }
        match ask {
            Ask::LeaveDraft | Ask::LeaveCreating => {
                if ui.button(tr!("create.ask.yes_leave")).clicked() {
                    answer = Some(Answer::Leave);
                }
            }
            Ask::LeaveServers | Ask::PlanCancelled => {
                if ui.button(tr!("create.ask.keep")).clicked() {
                    answer = Some(Answer::Leave);
                }
            }
            Ask::BackFromLaunch => {}
        }
        if offers_removal(ask) && icon_button(ui, Icon::Delete, tr!("create.ask.remove")).clicked() {
            answer = Some(Answer::Remove);
        }
    });
    answer
}
