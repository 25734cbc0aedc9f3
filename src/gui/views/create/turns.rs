//! What follows when a button is pressed, a question is answered, or nothing at all is done.

use std::time::Duration;

use egui::Ui;

use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::gui::action::{Action, View};
use crate::gui::widgets::plan_view::PlanAnswer;

use super::ask::{Answer, Ask};
use super::removal::{Progress, Removal};
use super::run::Run;
use super::{CreateUi, Page, footer, launch, shape};

/// Asks for a new plan after a failed creation.
pub(super) fn plan_again(snapshot: &Snapshot, state: &mut CreateUi) -> Action {
    state.go(Page::Plan);
    let cluster = state.run.as_mut().map(|run| {
        run.begin_again(snapshot);
        run.plan_asked = true;
        run.cluster.clone()
    });
    Action::Do(Command::PlanCreate { cluster: cluster.unwrap_or_default(), replicas: None })
}

/// A button of the footer, or its key.
pub(super) fn turn(press: footer::Press, snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    use footer::Press;
    state.next_wanted = false;
    match press {
        Press::Next => next(snapshot, state),
        Press::Back => {
            match state.page.before() {
                Some(page) => {
                    if let Some(run) = &mut state.run {
                        run.stay = true;
                    }
                    state.go(page);
                }
                None => back_from_launch(snapshot, state),
            }
            None
        }
        Press::Export => Some(Action::ExportDefinition(Box::new(state.draft.spec(&snapshot.servers.found)))),
        Press::Leave => {
            let formed = state.page == Page::Done && footer::whole(snapshot, state);
            if formed {
                return Some(leave(state));
            }
            let creating =
                state.page == Page::Done && state.run.as_ref().is_some_and(|r| r.active_job(snapshot).is_some());
            state.ask = Some(match &state.run {
                None => Ask::LeaveDraft,
                Some(_) if creating => Ask::LeaveCreating,
                Some(_) => Ask::LeaveServers,
            });
            None
        }
        Press::Answer(PlanAnswer::Yes) => confirm(snapshot, state),
        Press::Answer(PlanAnswer::Cancel) => {
            state.ask = Some(Ask::PlanCancelled);
            None
        }
        Press::CancelJob(job) => Some(Action::Do(Command::CancelJob(job))),
    }
}

fn next(snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    match state.page {
        Page::Server => state.go(Page::Shape),
        Page::Shape => state.go(Page::Configuration),
        Page::Configuration => {
            let spec = Box::new(state.draft.spec(&snapshot.servers.found));
            state.run = Some(Run::new(spec.name.clone(), snapshot));
            state.go(Page::Launch);
            return Some(Action::Do(Command::Launch { spec, edited: state.draft.edited_files() }));
        }
        Page::Launch => state.go(Page::Plan),
        Page::Plan => {}
        Page::Done => {
            let run = state.run.as_ref()?;
            let cluster = run.cluster.clone();
            *state = CreateUi::default();
            return Some(Action::All(vec![Action::OpenCluster(cluster), Action::ShowView(View::Slots)]));
        }
    }
    None
}

/// Yes: exactly the plan that is shown.
fn confirm(snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    let run = state.run.as_mut()?;
    let plan = run.plan(snapshot)?.clone();
    run.begin_again(snapshot);
    run.confirmed = Some(plan.clone());
    let cluster = run.cluster.clone();
    state.go(Page::Done);
    Some(Action::Do(Command::ApplyCreate { cluster, plan }))
}

/// Back to the settings: nothing was started where the engine refused, else the servers must go first.
fn back_from_launch(snapshot: &Snapshot, state: &mut CreateUi) {
    let started = state.run.as_ref().is_some_and(|run| run.started(snapshot));
    if started {
        state.ask = Some(Ask::BackFromLaunch);
    } else {
        state.run = None;
        state.go(Page::Configuration);
    }
}

/// Closes the wizard; what was typed stays, what was started is the cluster list's from now on.
fn leave(state: &mut CreateUi) -> Action {
    match state.run.take() {
        Some(run) => {
            *state = CreateUi::default();
            Action::All(vec![Action::LeaveWizard, Action::OpenCluster(run.cluster)])
        }
        None => Action::LeaveWizard,
    }
}

pub(super) fn answered(answer: Answer, snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    let asked = state.ask.take();
    match answer {
        Answer::Stay => None,
        Answer::Leave => Some(leave(state)),
        Answer::Remove => {
            let then_leave = asked != Some(Ask::BackFromLaunch);
            let (removal, cancel) = Removal::begin(state.run.take()?, then_leave, snapshot);
            state.removing = Some(removal);
            state.go(Page::Configuration);
            cancel
        }
    }
}

/// Carries a removal on.
fn remove(snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    let removal = state.removing.as_mut()?;
    match removal.advance(snapshot) {
        Progress::Waiting => None,
        Progress::Send(action) => Some(action),
        Progress::Gone if removal.then_leave => {
            *state = CreateUi::default();
            Some(Action::LeaveWizard)
        }
        Progress::Gone => {
            state.removing = None;
            // Its name, ports and folder are free again.
            state.check.edited();
            None
        }
        Progress::Failed(run) => {
            state.removing = None;
            state.run = Some(*run);
            state.go(Page::Launch);
            None
        }
    }
}

/// What the wizard does without being pressed: the live check, the plan once the servers run, the page after it.
pub(super) fn by_itself(ui: &Ui, snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    if let Some(action) = remove(snapshot, state) {
        return Some(action);
    }
    if state.page <= Page::Configuration {
        shape::seek(snapshot, state);
        let now = ui.input(|input| input.time);
        let (command, wait) = state.check.due(now, &state.draft, snapshot);
        if let Some(secs) = wait {
            ui.request_repaint_after(Duration::from_secs_f64(secs));
        }
        return command.map(Action::Do);
    }
    let run = state.run.as_mut()?;
    if state.page == Page::Launch {
        if let Some(action) = launch::ask_for_plan(snapshot, run) {
            return Some(action);
        }
        if !run.stay && (run.plan(snapshot).is_some() || run.no_plan(snapshot).is_some()) {
            state.go(Page::Plan);
            ui.request_repaint();
        }
    }
    None
}
