//! The steps of an operation as lines: redis-cli's for `create`, one with its time for each step otherwise.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::engine::job::{Step, StepState, StepView};
use crate::engine::steps::Report;

use super::progress::{TAKE_BACK, row_width};
use super::terminal::Terminal;
use super::text::Text;

/// What one change of a step prints.
type Words = fn(&mut Text, &StepView);

/// What was printed so far.
#[derive(Default)]
struct Told {
    states: Vec<StepState>,
    /// The running step's line, which stands unended.
    running: String,
}

/// Prints each change of each step once. Where a person looks on, the running step stands below with what it waits for.
fn printer(terminal: Terminal, words: Words, show_running: bool) -> Report {
    let told: Mutex<Told> = Mutex::default();
    Arc::new(move |steps: &[StepView]| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = terminal.text();
        changes(&mut text, &told.states, steps, words);
        told.states = steps.iter().map(|step| step.state.clone()).collect();
        let running = if show_running && terminal.is_live() { running_line(steps, row_width()) } else { String::new() };
        let text = text.into_string();
        if !text.is_empty() || running != told.running {
            let take_back = if told.running.is_empty() { "" } else { TAKE_BACK };
            terminal.print(&format!("{take_back}{text}{running}"));
            told.running = running;
        }
    })
}

fn changes(text: &mut Text, before: &[StepState], steps: &[StepView], words: Words) {
    for (i, step) in steps.iter().enumerate() {
        let before = before.get(i).unwrap_or(&StepState::Pending);
        if *before == step.state {
            continue;
        }
        // A step that ran and ended between two looks is told in both states.
        if *before == StepState::Pending && matches!(step.state, StepState::Done | StepState::Failed(_)) {
            words(text, &StepView { state: StepState::Running, ..step.clone() });
        }
        words(text, step);
    }
}

/// The running step and what it waits for, short enough for one row.
fn running_line(steps: &[StepView], width: usize) -> String {
    let Some(step) = steps.iter().find(|step| step.state == StepState::Running) else { return String::new() };
    let detail = if step.detail.is_none() { String::new() } else { format!(": {}", step.detail) };
    format!("       …  {}{detail}", step.step).chars().take(width).collect()
}

/// redis-cli's lines of a creation.
#[must_use]
pub fn redis_report(terminal: Terminal) -> Report {
    printer(terminal, redis_words, false)
}

fn redis_words(text: &mut Text, view: &StepView) {
    match (view.step, &view.state) {
        (Step::AssignSlots, StepState::Done) => text.info(">>> Nodes configuration updated"),
        (Step::AssignEpochs, StepState::Running) => text.info(">>> Assign a different config epoch to each node"),
        (Step::Meet, StepState::Running) => text.info(">>> Sending CLUSTER MEET messages to join the cluster"),
        (Step::AwaitJoin, StepState::Running) => text.line("Waiting for the cluster to join"),
        // redis-cli ends its row of dots here.
        (Step::AwaitJoin, StepState::Done) => text.line(""),
        _ => {}
    }
}

/// A line with its time for each step that ended.
#[must_use]
pub fn timed_report(terminal: Terminal) -> Report {
    printer(terminal, timed_words, true)
}

fn timed_words(text: &mut Text, view: &StepView) {
    match &view.state {
        StepState::Done => text.line(format_args!("{}  {}", seconds(view.took), view.step)),
        StepState::Failed(_) => text.error(format_args!("{}  {}: failed", seconds(view.took), view.step)),
        StepState::Pending | StepState::Running | StepState::Skipped => {}
    }
}

/// `  0.04 s`: eight wide, so that the words after it line up.
fn seconds(took: Duration) -> String {
    format!("{:6.2} s", took.as_secs_f64())
}

/// A step as JSON shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepJson {
    /// What it did.
    pub step: String,
    /// `done`, `failed`, `skipped` or `pending`.
    pub state: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// The steps for JSON.
#[must_use]
pub fn steps_json(steps: &[StepView]) -> Vec<StepJson> {
    let state = |state: &StepState| match state {
        StepState::Pending | StepState::Running => "pending",
        StepState::Done => "done",
        StepState::Failed(_) => "failed",
        StepState::Skipped => "skipped",
    };
    steps
        .iter()
        .map(|s| StepJson { step: s.step.to_string(), state: state(&s.state), seconds: s.took.as_secs_f64() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::detail::Detail;

    fn view(step: Step, state: StepState) -> StepView {
        StepView { step, state, detail: Detail::None, took: Duration::from_millis(1234) }
    }

    fn told(words: Words, views: &[StepView]) -> String {
        let mut text = Text::default();
        for view in views {
            words(&mut text, view);
        }
        text.into_string()
    }

    #[test]
    fn a_creation_is_told_in_redis_clis_lines() {
        let mut views = Vec::new();
        for step in crate::engine::create::CREATE_STEPS {
            views.push(view(step, StepState::Running));
            views.push(view(step, StepState::Done));
        }
        assert_eq!(
            told(redis_words, &views),
            ">>> Nodes configuration updated\n>>> Assign a different config epoch to each node\n\
             >>> Sending CLUSTER MEET messages to join the cluster\nWaiting for the cluster to join\n\n"
        );
    }

    #[test]
    fn a_step_that_ended_between_two_looks_is_not_missed() {
        let mut text = Text::default();
        changes(&mut text, &[], &[view(Step::AwaitJoin, StepState::Done)], redis_words);
        assert_eq!(text.into_string(), "Waiting for the cluster to join\n\n");
    }

    #[test]
    fn the_running_step_fits_a_row() {
        let mut waiting = view(Step::AwaitJoin, StepState::Running);
        waiting.detail = "集".repeat(100).into();
        let line = running_line(&[view(Step::Meet, StepState::Done), waiting], 78);
        assert!(line.starts_with("       …  Wait for the cluster to join: 集") && line.chars().count() == 78, "{line}");
        assert_eq!(running_line(&[view(Step::Meet, StepState::Done)], 78), "");
    }

    #[test]
    fn each_ended_step_is_one_line_with_its_time() {
        let views = [
            view(Step::WriteFiles, StepState::Running),
            view(Step::WriteFiles, StepState::Done),
            view(Step::StartProcesses, StepState::Failed("no".into())),
        ];
        assert_eq!(
            told(timed_words, &views),
            "  1.23 s  Write the configuration files\n  1.23 s  Start the server processes: failed\n"
        );
    }
}
