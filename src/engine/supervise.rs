//! The state of a server process, from what is known about it: a pure function, so that every case can be written down.

use super::process::Exit;
use super::snapshot::ProcessState;

/// What is known about one node's process at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The process id, where the very process that was started still runs.
    pub pid: Option<u32>,
    /// Whether it answered the last time it was asked.
    pub answers: bool,
    /// Whether it answered that it is loading its data set.
    pub loading: bool,
    /// Whether it is meant to run.
    pub wanted: bool,
    /// Whether a job is stopping it right now.
    pub stopping: bool,
    /// Whether a process was ever recorded for the node.
    pub recorded: bool,
    /// How it ended, where that was seen.
    pub exit: Option<Exit>,
    /// The likely cause of its end, from its log.
    pub cause: Option<String>,
}

/// Where the process stands.
#[must_use]
pub fn process_state(facts: &ProcessFacts) -> ProcessState {
    match facts.pid {
        Some(pid) if facts.stopping => ProcessState::Stopping { pid },
        Some(pid) if facts.loading => ProcessState::Loading { pid },
        Some(pid) if facts.answers => ProcessState::Running { pid },
        Some(pid) => ProcessState::Starting { pid },
        None if facts.wanted && facts.recorded && !facts.stopping => {
            ProcessState::Died { how: facts.exit.unwrap_or(Exit::Unknown), cause: facts.cause.clone() }
        }
        None => ProcessState::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> ProcessFacts {
        ProcessFacts { pid: Some(7), answers: true, wanted: true, recorded: true, ..ProcessFacts::default() }
    }

    #[test]
    fn a_process_that_answers_runs() {
        assert_eq!(process_state(&running()), ProcessState::Running { pid: 7 });
    }

    #[test]
    fn one_that_does_not_answer_is_starting_and_one_that_loads_is_loading() {
        assert_eq!(process_state(&ProcessFacts { answers: false, ..running() }), ProcessState::Starting { pid: 7 });
        assert_eq!(process_state(&ProcessFacts { loading: true, ..running() }), ProcessState::Loading { pid: 7 });
    }

    #[test]
    fn stopping_wins_over_what_it_still_answers() {
        assert_eq!(process_state(&ProcessFacts { stopping: true, ..running() }), ProcessState::Stopping { pid: 7 });
    }

    #[test]
    fn an_end_nobody_asked_for_is_a_death_with_its_cause() {
        let facts =
            ProcessFacts { pid: None, exit: Some(Exit::Signal(9)), cause: Some("out of memory".into()), ..running() };
        let state = process_state(&facts);
        assert_eq!(state, ProcessState::Died { how: Exit::Signal(9), cause: Some("out of memory".into()) });
    }

    #[test]
    fn an_end_that_was_asked_for_is_none() {
        assert_eq!(process_state(&ProcessFacts { pid: None, wanted: false, ..running() }), ProcessState::Stopped);
        assert_eq!(process_state(&ProcessFacts { pid: None, stopping: true, ..running() }), ProcessState::Stopped);
        assert_eq!(process_state(&ProcessFacts { wanted: true, ..ProcessFacts::default() }), ProcessState::Stopped);
    }
}
