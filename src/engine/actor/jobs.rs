//! Jobs: long work in tasks of their own, their steps, and what is done when they end.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::engine::event::{Level, What};
use crate::engine::job::{JobId, JobKind, JobState, JobView, Step, StepState, StepView};
use crate::engine::steps::Steps;

use super::{Actor, Report};

/// How many ended jobs are kept to be looked at.
const KEPT: usize = 20;
/// How long running jobs may take to put back what they changed when the engine ends.
const LAST_WORDS: Duration = Duration::from_millis(2500);

/// A job of the actor.
#[derive(Debug)]
pub(super) struct Job {
    /// Its number.
    pub id: JobId,
    /// The cluster it works on.
    pub cluster: String,
    /// What it does.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    steps: Vec<StepView>,
    cancel: CancellationToken,
    since: Instant,
    started: SystemTime,
    took: Option<Duration>,
}

impl Job {
    /// The job as shown.
    pub fn view(&self) -> JobView {
        JobView {
            id: self.id,
            cluster: self.cluster.clone(),
            kind: self.kind,
            steps: self.steps.clone(),
            state: self.state.clone(),
            started: self.started,
            took: self.took.unwrap_or_else(|| self.since.elapsed()),
        }
    }
}

impl Actor {
    /// The running job of a cluster.
    pub(super) fn running_job(&self, cluster: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.cluster == cluster && !job.state.is_over())
    }

    /// Starts a job unless one works on the cluster already. `work` gets the steps to tell, and returns how it ended.
    pub(super) fn start_job<F, W>(&mut self, kind: JobKind, cluster: &str, steps: &[Step], work: W)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
        W: FnOnce(Steps) -> F,
    {
        if self.running_job(cluster).is_some() {
            self.refuse(
                "start a job",
                Some(cluster.to_owned()),
                "another job works on this cluster; wait for it or cancel it",
            );
            return;
        }
        let id = self.next_job;
        self.next_job += 1;
        let cancel = CancellationToken::new();
        let reports = self.reporter();
        // Steps may be lost when the loop is busy; the last ones come with the end of the job.
        let report = Arc::new(move |steps: &[StepView]| {
            reports.try_send(Report::Steps(id, steps.to_vec())).ok();
        });
        let tracker = Steps::new(steps, report, cancel.clone());
        self.jobs.push(Job {
            id,
            cluster: cluster.to_owned(),
            kind,
            state: JobState::Running,
            steps: tracker.views(),
            cancel: cancel.clone(),
            since: Instant::now(),
            started: SystemTime::now(),
            took: None,
        });
        let (work, reports) = (tokio::spawn(work(tracker.clone())), self.reporter());
        tokio::spawn(async move {
            let state = match work.await {
                Ok(Ok(())) => JobState::Done,
                Ok(Err(left)) if cancel.is_cancelled() => JobState::Cancelled(left),
                Ok(Err(reason)) => JobState::Failed(reason),
                // A defect of ours must not leave the cluster locked up behind a job that never ends.
                Err(broken) => JobState::Failed(format!("the work broke off: {broken}")),
            };
            reports.send(Report::Steps(id, tracker.views())).await.ok();
            reports.send(Report::JobEnded(id, state)).await.ok();
        });
        self.forget_old_jobs();
        self.urge(cluster);
        self.changed();
    }

    fn forget_old_jobs(&mut self) {
        while self.jobs.iter().filter(|job| job.state.is_over()).count() > KEPT {
            if let Some(oldest) = self.jobs.iter().position(|job| job.state.is_over()) {
                self.jobs.remove(oldest);
            }
        }
    }

    pub(super) fn note_steps(&mut self, id: JobId, steps: Vec<StepView>) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return };
        let began = |steps: &[StepView]| steps.iter().filter(|s| s.state != StepState::Pending).count();
        let next = began(&steps) > began(&job.steps);
        job.steps = steps;
        // Each step of a launch writes the document: the cluster appears while it starts, not when all is over. So do those
        // of nodes that join or leave.
        let writes = matches!(job.kind, JobKind::Launch | JobKind::Start | JobKind::AddNode | JobKind::RemoveNode);
        if next && writes && !job.state.is_over() {
            let name = job.cluster.clone();
            self.reload_cluster(&name);
        }
        self.changed();
    }

    pub(super) fn note_job_end(&mut self, id: JobId, state: JobState) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return };
        job.state = state.clone();
        job.took = Some(job.since.elapsed());
        let (kind, cluster) = (job.kind, job.cluster.clone());
        match state {
            JobState::Done => self.tell(Level::Success, Some(cluster.clone()), What::JobDone(kind)),
            JobState::Failed(reason) => self.tell(Level::Error, Some(cluster.clone()), What::JobFailed(kind, reason)),
            JobState::Cancelled(left) => {
                let level = if kind.leaves_work() { Level::Warning } else { Level::Info };
                self.tell(level, Some(cluster.clone()), What::JobCancelled(kind, left));
            }
            JobState::Running | JobState::Cancelling => {}
        }
        // The document is what counts: the job has written there what became of the cluster.
        self.reload_cluster(&cluster);
        self.urge(&cluster);
        self.changed();
    }

    pub(super) fn cancel_job(&mut self, id: JobId) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id && !job.state.is_over()) {
            job.cancel.cancel();
            job.state = JobState::Cancelling;
            self.changed();
        }
    }

    /// Cancels every job and lets each put back what it changed.
    pub(super) async fn end_jobs(&mut self, inbox: &mut mpsc::Receiver<Report>) {
        let running: Vec<JobId> = self.jobs.iter().filter(|job| !job.state.is_over()).map(|job| job.id).collect();
        for id in running {
            self.cancel_job(id);
        }
        let ended = async {
            while self.jobs.iter().any(|job| !job.state.is_over()) {
                match inbox.recv().await {
                    Some(Report::JobEnded(id, state)) => self.note_job_end(id, state),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        timeout(LAST_WORDS, ended).await.ok();
    }
}
