//! The live check of the draft: at most one request per [`PAUSE_SECS`], and which answer is fresh.

use crate::core::spec::{Field, Problem, Severity};
use crate::engine::command::Command;
use crate::engine::snapshot::{DraftReport, Snapshot};

use super::draft::Draft;

/// The least time between two checks, in seconds: typing must not flood the engine.
const PAUSE_SECS: f64 = 0.15;
/// After so many seconds without an answer the check is sent again: the engine may have been too busy to take it.
const RETRY_SECS: f64 = 3.0;

/// Which edit was checked last.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// Grows with each edit.
    generation: u64,
    /// The generation that was sent last.
    sent: Option<u64>,
    /// When, in the window's seconds.
    sent_at: f64,
}

impl Check {
    /// Starts after whatever the engine answered before, so that an old answer is never taken for ours.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let generation = snapshot.draft.as_ref().map_or(1, |draft| draft.generation + 1);
        Self { generation, sent: None, sent_at: f64::NEG_INFINITY }
    }

    /// Something was edited.
    pub(super) fn edited(&mut self) {
        self.generation += 1;
    }

    /// The request to send now, or after how many seconds to look again.
    pub(super) fn due(&mut self, now: f64, draft: &Draft, snapshot: &Snapshot) -> (Option<Command>, Option<f64>) {
        let pause = match self.sent {
            Some(sent) if sent == self.generation && self.is_fresh(snapshot) => return (None, None),
            Some(sent) if sent == self.generation => RETRY_SECS,
            _ => PAUSE_SECS,
        };
        let wait = self.sent_at + pause - now;
        if wait > 0.0 {
            return (None, Some(wait));
        }
        self.sent = Some(self.generation);
        self.sent_at = now;
        let spec = Box::new(draft.spec(&snapshot.servers.found));
        let command = Command::CheckDraft { generation: self.generation, spec, edited: draft.edited_files() };
        (Some(command), Some(RETRY_SECS))
    }

    /// Whether the answer in the snapshot is about the draft as it stands.
    pub(super) fn is_fresh(&self, snapshot: &Snapshot) -> bool {
        snapshot.draft.as_ref().is_some_and(|report| report.generation == self.generation)
    }
}

/// The problems to show: those of the text itself, then the engine's, an older answer meanwhile.
pub(super) fn problems(draft: &Draft, report: Option<&DraftReport>) -> Vec<Problem> {
    let mut problems = draft.problems();
    // Where the text can't be read, what the engine says about the rest of the field only confuses.
    let unreadable: Vec<Field> = problems.iter().map(|problem| problem.field).collect();
    let engine = report.map(|report| report.problems.as_slice()).unwrap_or_default();
    problems.extend(engine.iter().filter(|problem| !unreadable.contains(&problem.field)).cloned());
    problems
}

/// The first error among the fields that `of` accepts.
pub(super) fn first_error(problems: &[Problem], of: impl Fn(Field) -> bool) -> Option<&Problem> {
    problems.iter().find(|problem| problem.severity == Severity::Error && of(problem.field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn edits_are_sent_at_once_then_at_most_every_pause() {
        let snapshot = Snapshot::default();
        let draft = Draft::propose(&snapshot);
        let mut check = Check::new(&snapshot);
        assert!(check.due(10.0, &draft, &snapshot).0.is_some());
        check.edited();
        let (command, wait) = check.due(10.05, &draft, &snapshot);
        assert!(command.is_none() && wait.is_some_and(|secs| secs > 0.05 && secs < 0.15));
        assert!(check.due(10.2, &draft, &snapshot).0.is_some());
        assert!(check.due(10.4, &draft, &snapshot).0.is_none());
    }

    #[test]
    fn an_answer_to_an_older_draft_is_not_fresh() {
        let mut snapshot = Snapshot::default();
        let report = DraftReport { generation: 7, problems: Vec::new(), files: Vec::new() };
        snapshot.draft = Some(Arc::new(report));
        let mut check = Check::new(&snapshot);
        assert!(!check.is_fresh(&snapshot));
        let draft = Draft::propose(&snapshot);
        let Some(Command::CheckDraft { generation, .. }) = check.due(0.0, &draft, &snapshot).0 else {
            panic!("a new wizard asks for a check");
        };
        let report = DraftReport { generation, problems: Vec::new(), files: Vec::new() };
        snapshot.draft = Some(Arc::new(report));
        assert!(check.is_fresh(&snapshot));
        check.edited();
        assert!(!check.is_fresh(&snapshot));
    }

    #[test]
    fn a_check_without_an_answer_is_sent_again() {
        let snapshot = Snapshot::default();
        let draft = Draft::propose(&snapshot);
        let mut check = Check::new(&snapshot);
        assert!(check.due(1.0, &draft, &snapshot).0.is_some());
        assert!(check.due(2.0, &draft, &snapshot).0.is_none());
        assert!(check.due(4.1, &draft, &snapshot).0.is_some());
    }
}
