//! What this wizard has started: the cluster, and the jobs that belong to this attempt.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::plan::create::CreatePlan;
use crate::engine::event::{Event, What};
use crate::engine::job::{JobId, JobKind, JobView};
use crate::engine::snapshot::{ClusterView, NodeView, ProcessState, Snapshot};
use crate::gui::words;

/// A launched cluster on its way.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Its name.
    pub cluster: String,
    /// The newest job from before: older ones are not ours.
    after: Option<JobId>,
    /// Whether the engine took the launch. Before, a cluster of this name would be somebody else's.
    launched: bool,
    /// Whether a plan was asked for.
    pub plan_asked: bool,
    /// The plan that was confirmed; it must not be asked about again.
    pub confirmed: Option<Arc<CreatePlan>>,
    /// Why the engine refused something, if it did.
    pub refused: Option<String>,
    /// The nodes whose logs are open.
    pub opened: BTreeSet<u16>,
    /// Whether the person wants to stay on the launch page though a plan is there.
    pub stay: bool,
}

impl Run {
    /// A run that begins now.
    pub(super) fn new(cluster: String, snapshot: &Snapshot) -> Self {
        Self {
            cluster,
            after: newest_job(snapshot),
            launched: false,
            plan_asked: false,
            confirmed: None,
            refused: None,
            opened: BTreeSet::new(),
            stay: false,
        }
    }

    /// Looks whether the engine has taken the launch.
    pub(super) fn observe(&mut self, snapshot: &Snapshot) {
        self.launched |= self.job(snapshot, &[JobKind::Launch]).is_some();
    }

    /// The job that works on the cluster right now, whoever began it.
    pub(super) fn active_job(&self, snapshot: &Snapshot) -> Option<JobId> {
        let active = |job: &&Arc<JobView>| job.cluster == self.cluster && !job.state.is_over();
        snapshot.jobs.iter().find(active).map(|job| job.id)
    }

    /// Whether something was begun that must be taken back: a cluster, or a launch that is about to make one.
    pub(super) fn started(&self, snapshot: &Snapshot) -> bool {
        let launching = self.job(snapshot, &[JobKind::Launch]).is_some_and(|job| !job.state.is_over());
        launching || self.view(snapshot).is_some()
    }

    /// Jobs from here on count, earlier ones no more.
    pub(super) fn begin_again(&mut self, snapshot: &Snapshot) {
        self.after = newest_job(snapshot);
        self.refused = None;
    }

    /// The cluster as the engine sees it; `None` until it has begun and after it was removed.
    pub(super) fn view<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a ClusterView> {
        snapshot.clusters.get(&self.cluster).filter(|_| self.launched).map(Arc::as_ref)
    }

    /// The newest job of these kinds in this run.
    pub(super) fn job<'a>(&self, snapshot: &'a Snapshot, kinds: &[JobKind]) -> Option<&'a JobView> {
        let mine = |job: &&Arc<JobView>| {
            job.cluster == self.cluster && kinds.contains(&job.kind) && self.after.is_none_or(|after| job.id > after)
        };
        snapshot.jobs.iter().rev().find(mine).map(Arc::as_ref)
    }

    /// The plan that waits for an answer.
    pub(super) fn plan<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Arc<CreatePlan>> {
        let old = |plan: &&Arc<CreatePlan>| self.confirmed.as_ref().is_some_and(|done| Arc::ptr_eq(done, plan));
        self.view(snapshot)?.plan.as_ref().filter(|plan| !old(plan))
    }

    /// Why there is no plan though one was asked for.
    pub(super) fn no_plan<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a str> {
        if !self.plan_asked || self.plan(snapshot).is_some() {
            return None;
        }
        let why = self.view(snapshot).and_then(|view| view.plan_error.as_deref());
        why.or(self.refused.as_deref())
    }

    /// An event that tells why something was not done.
    pub(super) fn note(&mut self, event: &Event) {
        let mine = event.cluster.as_ref().is_none_or(|name| *name == self.cluster);
        if mine && matches!(event.what, What::Refused(..)) {
            self.refused = Some(words::what(&event.what));
        }
    }
}

/// Whether every server answers.
pub(super) fn all_run(view: &ClusterView) -> bool {
    let runs = |node: &NodeView| matches!(node.process.state, ProcessState::Running { .. });
    !view.nodes.is_empty() && view.nodes.iter().all(runs)
}

fn newest_job(snapshot: &Snapshot) -> Option<JobId> {
    snapshot.jobs.iter().map(|job| job.id).max()
}
