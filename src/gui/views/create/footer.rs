//! The wizard's buttons, and why Next can't be pressed.

use egui::{Align, Button, Label, Layout, RichText, Ui};

use crate::core::spec::{Field, Problem, ProblemKind};
use crate::engine::job::{JobId, JobKind, JobState};
use crate::engine::snapshot::{Phase, Snapshot};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::plan_view::{PlanAnswer, plan_question};
use crate::gui::widgets::problem_list::tone_icon;
use crate::gui::words;

use super::run::all_run;
use super::{CreateUi, Page, apply, check, configuration, shape};

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    Next,
    Back,
    Leave,
    Export,
    Answer(PlanAnswer),
    CancelJob(JobId),
}

/// Whether one may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    /// Yes.
    Open,
    /// Soon: something is under way.
    Wait(String),
    /// No, for this reason.
    Shut(String),
}

/// Whether the present page lets one go on.
pub(super) fn gate(snapshot: &Snapshot, problems: &[Problem], state: &CreateUi) -> Gate {
    let fields = |problems: &[Problem], of: &dyn Fn(Field) -> bool| {
        if let Some(removal) = &state.removing {
            return Gate::Wait(tr!("create.gate.removing", name = removal.cluster()));
        }
        match check::first_error(problems, of) {
            Some(problem) => Gate::Shut(named(problem)),
            None if state.check.is_fresh(snapshot) => Gate::Open,
            None => Gate::Wait(tr!("create.gate.checking")),
        }
    };
    match state.page {
        Page::Server if state.draft.server_exe(&snapshot.servers.found).is_none() => {
            if snapshot.servers.searching {
                Gate::Wait(tr!("create.server.searching"))
            } else {
                Gate::Shut(words::problem(&ProblemKind::NoServer))
            }
        }
        Page::Server => match check::first_error(problems, |field| field == Field::Server) {
            Some(problem) if state.check.is_fresh(snapshot) => Gate::Shut(words::problem(&problem.kind)),
            _ => Gate::Open,
        },
        // The password of servers that others can reach is set on the next page, which lets none without pass.
        Page::Shape => {
            let not_open = |problem: &&Problem| !matches!(problem.kind, ProblemKind::BindOpen(_));
            fields(&problems.iter().filter(not_open).cloned().collect::<Vec<_>>(), &shape::is_mine)
        }
        // The last page before the launch answers for all fields.
        Page::Configuration => match check::first_error(problems, |field| !configuration::is_mine(field)) {
            Some(problem) => Gate::Shut(named(problem)),
            None => fields(problems, &configuration::is_mine),
        },
        Page::Launch => launch_gate(snapshot, state),
        Page::Plan => Gate::Open,
        Page::Done if whole(snapshot, state) => Gate::Open,
        Page::Done => Gate::Wait(String::new()),
    }
}

/// A problem away from its field: with the node whose file it is in.
fn named(problem: &Problem) -> String {
    let text = words::problem(&problem.kind);
    match problem.field {
        Field::ExtraFor(port) => tr!("create.gate.file", port = port, text = text),
        _ => text,
    }
}

fn launch_gate(snapshot: &Snapshot, state: &CreateUi) -> Gate {
    let Some(run) = &state.run else { return Gate::Shut(String::new()) };
    match run.view(snapshot) {
        Some(_) if run.plan(snapshot).is_some() => Gate::Open,
        Some(_) if run.no_plan(snapshot).is_some() => Gate::Open,
        Some(view) if all_run(view) => Gate::Wait(tr!("create.plan.waiting")),
        _ => match run.job(snapshot, &[JobKind::Launch, JobKind::Start]).map(|job| &job.state) {
            Some(JobState::Failed(_) | JobState::Cancelled(_)) => Gate::Shut(tr!("create.launch.not_all")),
            _ => Gate::Wait(tr!("create.gate.servers")),
        },
    }
}

/// Whether the cluster was made.
pub(super) fn whole(snapshot: &Snapshot, state: &CreateUi) -> bool {
    let Some(run) = &state.run else { return false };
    let done = apply::create_job(snapshot, run).is_some_and(|job| job.state == JobState::Done);
    done && run.view(snapshot).is_some_and(|view| view.phase == Phase::Formed)
}

/// Next by Enter: at once, or as soon as the check under way ends well.
pub(super) fn by_enter(gate: &Gate, state: &mut CreateUi) -> Option<Press> {
    // A plan is confirmed with its own button, never by a key that was meant for a field.
    if !state.next_wanted || state.page == Page::Plan {
        state.next_wanted = false;
        return None;
    }
    match gate {
        Gate::Open => Some(Press::Next),
        Gate::Wait(_) => None,
        Gate::Shut(_) => {
            state.next_wanted = false;
            None
        }
    }
}

/// Leave at the left, why not in the middle, Back and Next at the right.
pub(super) fn footer(ui: &mut Ui, snapshot: &Snapshot, gate: &Gate, state: &CreateUi) -> Option<Press> {
    let mut pressed = None;
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        if ui.button(tr!("create.leave")).clicked() {
            pressed = Some(Press::Leave);
        }
        let question = state.page == Page::Plan && state.run.as_ref().is_some_and(|run| run.plan(snapshot).is_some());
        if question {
            if icon_button(ui, Icon::Back, tr!("create.back")).clicked() {
                pressed = Some(Press::Back);
            }
            pressed = plan_question(ui).map(Press::Answer).or(pressed);
        } else {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                pressed = buttons(ui, snapshot, gate, state).or(pressed);
            });
        }
    });
    ui.add_space(4.0);
    pressed
}

/// From the right: Next, Back, the reason.
fn buttons(ui: &mut Ui, snapshot: &Snapshot, gate: &Gate, state: &CreateUi) -> Option<Press> {
    let mut pressed = None;
    if state.page != Page::Plan {
        let label = match state.page {
            Page::Configuration => tr!("create.launch_n", n = state.draft.node_count()),
            Page::Done => tr!("create.open"),
            _ => tr!("create.next"),
        };
        let open = *gate == Gate::Open;
        let button = if open { theme::primary(Palette::of(ui), label) } else { Button::new(label) };
        if ui.add_enabled(open, button).clicked() {
            pressed = Some(Press::Next);
        }
    }
    let job = state.run.as_ref().and_then(|run| apply::create_job(snapshot, run));
    match state.page {
        Page::Server => {}
        Page::Done => {
            if let Some(job) = job.filter(|job| job.state == JobState::Running)
                && ui.button(tr!("create.apply.cancel")).clicked()
            {
                pressed = Some(Press::CancelJob(job.id));
            }
        }
        _ => {
            if icon_button(ui, Icon::Back, tr!("create.back")).clicked() {
                pressed = Some(Press::Back);
            }
            let export = tr!("definition.export");
            if state.page == Page::Configuration && icon_button(ui, Icon::Export, export).clicked() {
                pressed = Some(Press::Export);
            }
        }
    }
    reason(ui, gate);
    pressed
}

fn reason(ui: &mut Ui, gate: &Gate) {
    let (tone, text) = match gate {
        Gate::Open => return,
        Gate::Wait(text) => (Tone::Busy, text),
        Gate::Shut(text) => (Tone::Bad, text),
    };
    if text.is_empty() {
        return;
    }
    let text = RichText::new(text).color(Palette::of(ui).tone(if tone == Tone::Busy { Tone::Quiet } else { tone }));
    ui.add(Label::new(text).truncate());
    tone_icon(ui, tone);
}
