//! The strip at the bottom: what runs, how far it is, and what failed.

use std::collections::BTreeSet;

use egui::{ProgressBar, RichText, Ui};

use crate::engine::command::Command;
use crate::engine::job::{JobId, JobState, JobView, StepState, StepView};
use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::detail_words;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::words;

use super::bits;

/// Highest that the strip may become, points.
const HEIGHT: f32 = 260.0;

/// Which jobs are open, and which were taken off.
#[derive(Debug, Default)]
pub struct JobStripUi {
    open: BTreeSet<JobId>,
    dismissed: BTreeSet<JobId>,
}

impl JobStripUi {
    /// Takes an ended job off the strip.
    pub fn dismiss(&mut self, id: JobId) {
        self.dismissed.insert(id);
    }

    /// The jobs to show: running ones, and until they are taken off those that failed or were cancelled with work left to
    /// do. What ended well was said by a toast.
    fn shown<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a JobView> {
        let keep = |job: &JobView| match job.state {
            JobState::Running | JobState::Cancelling => true,
            JobState::Failed(_) => !self.dismissed.contains(&job.id),
            JobState::Cancelled(_) => job.kind.leaves_work() && !self.dismissed.contains(&job.id),
            JobState::Done => false,
        };
        snapshot.jobs.iter().map(AsRef::as_ref).filter(|job| keep(job)).collect()
    }

    /// Whether there is anything to show.
    #[must_use]
    pub fn is_empty(&self, snapshot: &Snapshot) -> bool {
        self.shown(snapshot).is_empty()
    }
}

/// Shows the strip's content.
#[must_use]
pub fn job_strip_ui(ui: &mut Ui, snapshot: &Snapshot, state: &mut JobStripUi) -> Option<Action> {
    let mut action = None;
    let area = egui::ScrollArea::vertical().max_height(HEIGHT).min_scrolled_height(HEIGHT).auto_shrink([false, true]);
    area.show(ui, |ui| {
        for job in state.shown(snapshot) {
            ui.push_id(job.id, |ui| {
                let got = job_ui(ui, job, &mut state.open);
                action = got.or(action.take());
            });
        }
    });
    action
}

fn job_ui(ui: &mut Ui, job: &JobView, open: &mut BTreeSet<JobId>) -> Option<Action> {
    let mut action = None;
    let is_open = open.contains(&job.id);
    ui.horizontal(|ui| {
        let (icon, name) =
            if is_open { (Icon::Collapse, tr!("job.hide_steps")) } else { (Icon::Expand, tr!("job.show_steps")) };
        if bits::icon_button(ui, icon, name).clicked() && !open.remove(&job.id) {
            open.insert(job.id);
        }
        let colors = Palette::of(ui);
        let title = tr!("job.title", job = words::job(job.kind), cluster = job.cluster);
        match &job.state {
            JobState::Failed(_) => bits::state(ui, Tone::Bad, Icon::Error, title),
            JobState::Cancelled(_) => bits::state(ui, Tone::Warn, Icon::Warning, title),
            _ => bits::state(ui, Tone::Busy, Icon::Busy, title),
        };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            action = ending_ui(ui, job);
            ui.label(RichText::new(format::took(job.took)).color(colors.weak));
            progress_ui(ui, job);
        });
    });
    if let JobState::Failed(why) | JobState::Cancelled(why) = &job.state {
        ui.indent("why", |ui| ui.add(egui::Label::new(why).wrap()));
    }
    if is_open {
        ui.indent("steps", |ui| job.steps.iter().for_each(|step| step_ui(ui, step)));
    }
    action
}

/// Cancel while it runs, dismiss when it has failed.
fn ending_ui(ui: &mut Ui, job: &JobView) -> Option<Action> {
    match job.state {
        JobState::Running => ui.button(tr!("job.cancel")).clicked().then_some(Action::Do(Command::CancelJob(job.id))),
        JobState::Cancelling => {
            bits::weak(ui, words::job_state(&job.state));
            None
        }
        _ => bits::icon_button(ui, Icon::Close, tr!("job.dismiss")).clicked().then_some(Action::DismissJob(job.id)),
    }
}

/// The bar, and the step that is under way with its number.
fn progress_ui(ui: &mut Ui, job: &JobView) {
    let (done, total) = job.progress();
    if !job.state.is_over() {
        #[expect(clippy::cast_precision_loss, reason = "a handful of steps")]
        let part = done as f32 / total.max(1) as f32;
        ui.add(ProgressBar::new(part).desired_width(120.0).desired_height(8.0));
        bits::weak(ui, format!("{}/{total}", (done + 1).min(total)));
    }
    if let Some(now) = job.steps.iter().find(|s| s.state == StepState::Running) {
        let text = if now.detail.is_none() {
            words::step(now.step)
        } else {
            format!("{}: {}", words::step(now.step), detail_words::detail(&now.detail))
        };
        ui.add(egui::Label::new(RichText::new(text)).truncate());
    }
}

fn step_ui(ui: &mut Ui, step: &StepView) {
    let colors = Palette::of(ui);
    let (tone, icon) = match step.state {
        StepState::Pending => (Tone::Quiet, Icon::Unknown),
        StepState::Running => (Tone::Busy, Icon::Busy),
        StepState::Done => (Tone::Good, Icon::Ok),
        StepState::Failed(_) => (Tone::Bad, Icon::Error),
        StepState::Skipped => (Tone::Quiet, Icon::Next),
    };
    ui.horizontal(|ui| {
        bits::state(ui, tone, icon, words::step(step.step));
        match &step.state {
            StepState::Pending => {}
            StepState::Skipped => {
                bits::weak(ui, tr!("job.skipped"));
            }
            StepState::Failed(why) => {
                ui.add(egui::Label::new(RichText::new(why).color(colors.tone(Tone::Bad))).wrap());
            }
            StepState::Running | StepState::Done => {
                bits::weak(ui, format::took(step.took));
                if !step.detail.is_none() {
                    bits::weak(ui, detail_words::detail(&step.detail));
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::engine::job::JobKind;
    use crate::gui::{samples, testing};

    type Seen = (JobStripUi, Option<Action>);

    fn strip(state: JobState) -> egui_kittest::Harness<'static, Seen> {
        let snapshot = Snapshot { jobs: vec![Arc::new(samples::job(state))], ..Snapshot::default() };
        let mut harness = testing::harness((JobStripUi::default(), None), move |ui, (strip, action): &mut Seen| {
            let got = job_strip_ui(ui, &snapshot, strip);
            *action = got.or(action.take());
        });
        harness.run();
        harness
    }

    #[test]
    fn a_running_job_says_its_step_and_can_be_cancelled() {
        let mut harness = strip(JobState::Running);
        harness.get_by_label_contains("Wait for the cluster to join: 4 of 6 nodes know all others");
        harness.get_by_label("5/6");
        harness.get_by_label("Cancel").click();
        harness.run();
        assert!(matches!(harness.state().1, Some(Action::Do(Command::CancelJob(9)))));
    }

    #[test]
    fn a_failed_job_says_why_and_stays_until_dismissed() {
        let mut harness = strip(JobState::Failed("the nodes can't reach each other".to_owned()));
        harness.get_by_label("the nodes can't reach each other");
        harness.get_by_label("Dismiss").click();
        harness.run();
        assert!(matches!(harness.state().1, Some(Action::DismissJob(9))));
        harness.state_mut().0.dismiss(9);
        harness.run();
        assert!(harness.query_by_label("Dismiss").is_none());
    }

    #[test]
    fn what_a_cancelled_move_left_stays_until_dismissed() {
        let shown = |kind| {
            let state = JobState::Cancelled("stopped as asked; 300 slots of the plan are not moved".to_owned());
            let job = JobView { kind, ..samples::job(state) };
            let snapshot = Snapshot { jobs: vec![Arc::new(job)], ..Snapshot::default() };
            let mut harness = testing::harness((JobStripUi::default(), None), move |ui, (strip, action): &mut Seen| {
                let got = job_strip_ui(ui, &snapshot, strip);
                *action = got.or(action.take());
            });
            harness.run();
            let told = harness.query_by_label_contains("300 slots of the plan are not moved").is_some();
            told && harness.query_by_label("Dismiss").is_some()
        };
        assert!(shown(JobKind::MoveSlots));
        assert!(!shown(JobKind::Stop), "nothing is left of it that would have to be done");
    }

    #[test]
    fn steps_unfold_with_their_times() {
        let mut harness = strip(JobState::Running);
        harness.get_by_label("Show the steps").click();
        harness.run();
        harness.get_by_label_contains("Check the cluster on every node");
        harness.get_by_label("363 ms");
    }
}
