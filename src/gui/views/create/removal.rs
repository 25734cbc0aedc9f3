//! Taking back what the wizard has started: the running job ends first, then the servers stop and their files go.

use crate::engine::command::Command;
use crate::engine::event::{Event, What};
use crate::engine::job::{JobKind, JobState};
use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::words;

use super::run::Run;

/// A removal under way.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    /// What is removed.
    run: Run,
    /// Whether the command was sent.
    sent: bool,
    /// Why the engine did not take it.
    refused: Option<String>,
    /// Whether the wizard is to be left afterwards.
    pub then_leave: bool,
}

/// How a removal stands.
pub(super) enum Progress {
    /// Nothing to do but wait.
    Waiting,
    /// Send this.
    Send(Action),
    /// It is gone.
    Gone,
    /// It could not be removed: the run is the person's again, with the reason.
    Failed(Box<Run>),
}

impl Removal {
    /// Begins: the action, if there is one, ends the job that is in the way.
    pub(super) fn begin(run: Run, then_leave: bool, snapshot: &Snapshot) -> (Self, Option<Action>) {
        let cancel = run.active_job(snapshot).map(|job| Action::Do(Command::CancelJob(job)));
        (Self { run, sent: false, refused: None, then_leave }, cancel)
    }

    /// The cluster's name.
    pub(super) fn cluster(&self) -> &str {
        &self.run.cluster
    }

    /// Hears whether the engine refused it. A command that could not be sent names no cluster.
    pub(super) fn note(&mut self, event: &Event) {
        let What::Refused(command, _) = &event.what else { return };
        let mine = match &event.cluster {
            Some(cluster) => *cluster == self.run.cluster,
            None => matches!(*command, "delete" | "cancel job"),
        };
        if mine {
            self.refused = Some(words::what(&event.what));
        }
    }

    /// Looks how it stands; called every frame.
    pub(super) fn advance(&mut self, snapshot: &Snapshot) -> Progress {
        let active = self.run.active_job(snapshot).is_some();
        if !active && self.run.view(snapshot).is_none() {
            return Progress::Gone;
        }
        if let Some(why) = self.refused.take() {
            return self.failed(why);
        }
        if active {
            return Progress::Waiting;
        }
        if !self.sent {
            self.sent = true;
            self.run.begin_again(snapshot);
            let cluster = self.run.cluster.clone();
            return Progress::Send(Action::Confirmed(Command::Delete { cluster, wipe: true }));
        }
        match self.run.job(snapshot, &[JobKind::Delete]).map(|job| &job.state) {
            Some(JobState::Failed(why)) => self.failed(why.clone()),
            Some(JobState::Cancelled(_)) => self.failed(tr!("create.removal_cancelled")),
            _ => Progress::Waiting,
        }
    }

    fn failed(&self, why: String) -> Progress {
        let mut run = self.run.clone();
        run.refused = Some(why);
        run.stay = true;
        Progress::Failed(Box::new(run))
    }
}
