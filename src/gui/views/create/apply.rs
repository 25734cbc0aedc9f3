//! The confirmed plan is carried out: each step with its time, then the check, or the reason and the ways out.

use std::time::Duration;

use egui::{Align, Label, Layout, RichText, Ui};

use crate::engine::job::{JobKind, JobState, JobView, StepState, StepView};
use crate::engine::snapshot::{ClusterView, Health, Snapshot};
use crate::gui::action::{Action, Confirm};
use crate::gui::detail_words;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::problem_list::{tone_icon, tone_line};
use crate::gui::words;

use super::run::Run;

/// What the apply page asks the wizard to do.
pub(super) enum ApplyTurn {
    /// Something for the app.
    Do(Action),
    /// Plan once more, then ask again.
    PlanAgain,
    /// Go on with the plan that was confirmed.
    Resume,
}

/// The creation's job.
pub(super) fn create_job<'a>(snapshot: &'a Snapshot, run: &Run) -> Option<&'a JobView> {
    run.job(snapshot, &[JobKind::Create])
}

pub(super) fn apply_page(ui: &mut Ui, snapshot: &Snapshot, run: &Run) -> Option<ApplyTurn> {
    let view = run.view(snapshot);
    if let Some(why) = &run.refused {
        tone_line(ui, Tone::Bad, why);
    }
    let Some(job) = create_job(snapshot, run) else {
        if run.refused.is_some() {
            return icon_button(ui, Icon::Refresh, tr!("create.plan.again")).clicked().then_some(ApplyTurn::PlanAgain);
        }
        tone_line(ui, Tone::Busy, tr!("create.apply.waiting"));
        return None;
    };
    steps(ui, job);
    ui.add_space(8.0);
    match &job.state {
        JobState::Running => None,
        JobState::Cancelling => {
            tone_line(ui, Tone::Busy, words::job_state(&job.state));
            None
        }
        JobState::Done => {
            if let Some(view) = view {
                result(ui, view, job.took);
            }
            None
        }
        JobState::Failed(why) => ways_out(ui, snapshot, run, why),
        JobState::Cancelled(_) => ways_out(ui, snapshot, run, &tr!("create.apply.cancelled")),
    }
}

fn steps(ui: &mut Ui, job: &JobView) {
    Palette::of(ui).card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        for step in &job.steps {
            step_row(ui, step);
        }
    });
}

fn step_row(ui: &mut Ui, step: &StepView) {
    let tone = match step.state {
        StepState::Pending | StepState::Skipped => Tone::Quiet,
        StepState::Running => Tone::Busy,
        StepState::Done => Tone::Good,
        StepState::Failed(_) => Tone::Bad,
    };
    ui.horizontal(|ui| {
        tone_icon(ui, tone);
        let text = RichText::new(words::step(step.step));
        ui.label(match step.state {
            StepState::Pending | StepState::Skipped => text.weak(),
            StepState::Running => text.strong(),
            StepState::Done | StepState::Failed(_) => text,
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            match step.state {
                StepState::Pending => {}
                StepState::Skipped => drop(ui.weak(tr!("create.apply.skipped"))),
                _ => drop(ui.monospace(format::took(step.took))),
            }
            // What a step waited for is of no use once it is over.
            if step.state != StepState::Done && !step.detail.is_none() {
                ui.add(Label::new(RichText::new(detail_words::detail(&step.detail)).weak()).truncate());
            }
        });
    });
    if let StepState::Failed(why) = &step.state {
        tone_line(ui, Tone::Bad, why);
    }
}

/// What the check on every node found.
fn result(ui: &mut Ui, view: &ClusterView, took: Duration) {
    match view.health {
        Health::Ok => {
            tone_line(ui, Tone::Good, tr!("create.apply.whole", n = view.nodes.len(), took = format::took(took)));
        }
        _ => tone_line(ui, Tone::Busy, tr!("create.apply.made", took = format::took(took))),
    }
    for finding in view.findings.iter() {
        tone_line(ui, if finding.is_error() { Tone::Bad } else { Tone::Warn }, words::finding(finding));
    }
}

/// The reason, and the two ways out: go on, or reset exactly what was touched.
fn ways_out(ui: &mut Ui, snapshot: &Snapshot, run: &Run, why: &str) -> Option<ApplyTurn> {
    let half = run.view(snapshot).and_then(|view| view.half_made.as_ref());
    let reset = run.job(snapshot, &[JobKind::Reset]);
    tone_line(ui, Tone::Bad, half.map_or(why, |half| half.reason.as_str()));
    match reset.map(|job| &job.state) {
        Some(JobState::Running | JobState::Cancelling) => {
            tone_line(ui, Tone::Busy, words::job(JobKind::Reset));
            return None;
        }
        Some(JobState::Done) => tone_line(ui, Tone::Good, tr!("create.apply.reset_done")),
        Some(JobState::Failed(why)) => tone_line(ui, Tone::Bad, why),
        Some(JobState::Cancelled(_)) | None => {}
    }
    let touched = half.map(|half| half.touched.as_slice()).unwrap_or_default();
    if !touched.is_empty() {
        let names: Vec<String> = touched.iter().map(ToString::to_string).collect();
        ui.label(tr!("create.apply.touched", nodes = names.join(", ")));
    }
    let mut turn = None;
    ui.horizontal_wrapped(|ui| {
        if half.is_some() && icon_button(ui, Icon::Next, tr!("create.apply.go_on")).clicked() {
            turn = Some(ApplyTurn::Resume);
        }
        if half.is_none() && icon_button(ui, Icon::Refresh, tr!("create.plan.again")).clicked() {
            turn = Some(ApplyTurn::PlanAgain);
        }
        let label = tr!("create.apply.reset", n = touched.len());
        if !touched.is_empty() && icon_button(ui, Icon::Reset, label).clicked() {
            let question = Confirm::Reset { cluster: run.cluster.clone(), nodes: touched.to_vec() };
            turn = Some(ApplyTurn::Do(Action::Ask(question)));
        }
    });
    turn
}
