//! One cluster of the actor: all that is known of it, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::core::history::History;
use crate::core::nodes::{Nodes, alike};
use crate::core::plan::create::CreatePlan;
use crate::core::plan::moves::{Master, MovePlan};
use crate::core::slot::SlotSet;
use crate::core::timeline::OwnerLog;
use crate::core::topology::{NodeAddr, Role, View};
use crate::engine::assemble::{Known, Shards, assemble};
use crate::engine::command::Auth;
use crate::engine::diagnose::likely_cause;
use crate::engine::figures::{history_row, millis};
use crate::engine::fix::FixLook;
use crate::engine::job::JobKind;
use crate::engine::poll::{PollPlan, poll};
use crate::engine::process::Exit;
use crate::engine::slot_figures::SlotDetails;
use crate::engine::snapshot::{
    ClusterView, HalfMade, HalfMoved, Health, NodeView, Phase, ProcessState, ProcessView, SlotKeys,
};
use crate::engine::supervise::{ProcessFacts, process_state};
use crate::workspace::document::{ClusterDoc, MoveJournal, OnClose, ProcessRecord};
use crate::workspace::journal::JournalFile;
use crate::workspace::store::Workspace;

use super::jobs::Job;
use super::slots::Measuring;
use super::watcher::{Probes, WatchPlan, watch_processes};
use super::{Report, addrs_of};

/// The pace of polls while somebody looks.
pub(super) const LOOKED_AT: Duration = Duration::from_millis(950);

/// One cluster of the actor.
#[derive(Debug)]
pub(super) struct Cluster {
    pub doc: ClusterDoc,
    pub auth: Auth,
    pub plan: Option<Arc<CreatePlan>>,
    pub plan_error: Option<Arc<str>>,
    pub fix: Option<Arc<FixLook>>,
    /// The record of a move of slots that was left half-way.
    pub half_moved: Option<Arc<MovePlan>>,
    pub slot_keys: Option<SlotKeys>,
    /// What is known of single slots; the states among it come with each view.
    pub slots: SlotDetails,
    /// The measuring of its slots, while somebody looks.
    pub measuring: Option<Measuring>,
    /// Whether the settings of an interrupted creation were put back, or at least tried, by this run.
    pub restored: bool,
    /// A choice that waits until nobody else writes the document.
    pub on_close_wish: Option<OnClose>,
    pub known: BTreeMap<NodeAddr, Known>,
    pub probes: Probes,
    pub exits: BTreeMap<NodeAddr, Exit>,
    pub shards: Shards,
    pub polled_at: Option<SystemTime>,
    pub history: Arc<History>,
    pub owners: Arc<OwnerLog>,
    /// A round of answers is complete and not yet in the history.
    pub round_done: bool,
    pub busy_elsewhere: bool,
    /// Slots that a program was seen moving in the last whole round of answers, and in this one.
    pub moving: [SlotSet; 2],
    pub stale: bool,
    pub shown: Option<Arc<ClusterView>>,
    pub poll_plan: watch::Sender<PollPlan>,
    pub watch_plan: watch::Sender<WatchPlan>,
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl Cluster {
    pub(super) fn new(doc: ClusterDoc, auth: Auth, reports: mpsc::Sender<Report>) -> Self {
        let name = doc.name.clone();
        let (poll_plan, poll_rx) = watch::channel(PollPlan {
            addrs: Vec::new(),
            auth: auth.clone(),
            every: LOOKED_AT,
            closely: false,
            urge: 0,
        });
        let (watch_plan, watch_rx) = watch::channel(WatchPlan { every: LOOKED_AT, ..WatchPlan::default() });
        let (poll_tx, mut poll_events) = mpsc::channel(64);
        let (poll_name, poll_reports) = (name.clone(), reports.clone());
        let tasks = [
            tokio::spawn(poll(poll_rx, poll_tx)),
            tokio::spawn(async move {
                while let Some(event) = poll_events.recv().await {
                    if poll_reports.send(Report::Poll(poll_name.clone(), event)).await.is_err() {
                        return;
                    }
                }
            }),
            tokio::spawn(watch_processes(name, watch_rx, reports)),
        ];
        Self {
            shards: doc.shards.clone(),
            doc,
            auth,
            plan: None,
            plan_error: None,
            fix: None,
            half_moved: None,
            slot_keys: None,
            slots: SlotDetails::default(),
            measuring: None,
            restored: false,
            on_close_wish: None,
            known: BTreeMap::new(),
            probes: Probes::new(),
            exits: BTreeMap::new(),
            polled_at: None,
            history: Arc::default(),
            owners: Arc::default(),
            round_done: false,
            busy_elsewhere: false,
            moving: [SlotSet::new(), SlotSet::new()],
            stale: true,
            shown: None,
            poll_plan,
            watch_plan,
            _tasks: tasks.map(AbortOnDropHandle::new),
        }
    }

    /// Where its nodes were last seen to own slots and to know each other.
    pub(super) fn looks_formed(&self) -> bool {
        self.known
            .values()
            .filter_map(|k| k.answer.as_ref())
            .any(|a| a.view.nodes.len() > 1 && !a.view.covered().is_empty())
    }

    fn any_process(&self) -> bool {
        self.probes.values().any(|probe| probe.pid.is_some())
    }

    pub(super) fn phase(&self, job: Option<&Job>) -> Phase {
        let forming = job.is_some_and(|j| matches!(j.kind, JobKind::Create | JobKind::Reset));
        let local = self.doc.spec.is_some();
        if local && !self.doc.wanted && !self.any_process() && job.is_none_or(|j| j.kind != JobKind::Launch) {
            Phase::Stopped
        } else if forming || self.doc.creating.is_some() || !(self.doc.formed || self.looks_formed()) {
            Phase::Unformed
        } else {
            Phase::Formed
        }
    }

    fn processes(&self, job: Option<&Job>) -> BTreeMap<NodeAddr, ProcessView> {
        let Some(spec) = &self.doc.spec else { return BTreeMap::new() };
        // Another program says so in the document before it stops the first server.
        let elsewhere = self.busy_elsewhere && !self.doc.wanted;
        let stopping = elsewhere || job.is_some_and(|j| matches!(j.kind, JobKind::Stop | JobKind::Delete));
        spec.addrs()
            .into_iter()
            .map(|addr| {
                let probe = self.probes.get(&addr);
                let record = self.doc.processes.get(&addr.port).copied();
                let log = probe.map(|p| p.log.clone()).unwrap_or_default();
                let known = self.known.get(&addr);
                let error = known.and_then(|k| k.error.as_deref());
                let facts = ProcessFacts {
                    pid: probe.filter(|p| p.record == record).and_then(|p| p.pid),
                    answers: known.is_some_and(|k| k.answer.is_some() && k.error.is_none()),
                    loading: error.is_some_and(|e| e.contains("LOADING")),
                    wanted: self.doc.wanted && probe.is_some_and(|p| p.record == record),
                    stopping,
                    recorded: record.is_some(),
                    exit: self.exits.get(&addr).copied(),
                    cause: likely_cause(&log).map(|cause| cause.to_string()),
                };
                let mut state = process_state(&facts);
                // A server that answered before and is silent now still runs.
                if let (ProcessState::Starting { pid }, true) = (&state, known.is_some_and(|k| k.answer.is_some())) {
                    state = ProcessState::Running { pid: *pid };
                }
                (addr, ProcessView { state, log_tail: log })
            })
            .collect()
    }

    fn half_made(&self, job: Option<&Job>) -> Option<Arc<HalfMade>> {
        let journal = self.doc.creating.as_ref().filter(|_| job.is_none() && !self.busy_elsewhere)?;
        let reason = journal.reason.clone().unwrap_or_else(|| "the creation was interrupted".to_owned());
        Some(Arc::new(HalfMade { touched: journal.touched.clone(), reason }))
    }

    /// Writes down who owns which slot where that has changed since the last picture.
    fn remember_owners(&mut self, nodes: &[NodeView], slot_owner: &[u16]) {
        let same = |shown: &Arc<ClusterView>| {
            *shown.slot_owner == *slot_owner && shown.nodes.iter().map(|n| &n.addr).eq(nodes.iter().map(|n| &n.addr))
        };
        if self.owners.is_empty() || !self.shown.as_ref().is_some_and(same) {
            let owners = slot_owner.iter().map(|place| nodes.get(usize::from(*place)).map(|node| &node.addr));
            Arc::make_mut(&mut self.owners).record(millis(SystemTime::now()), owners);
        }
    }

    /// What of a move is still to be done, by what each master says of itself.
    fn half_moved(&self, job: Option<&Job>, nodes: &[NodeView]) -> Option<Arc<HalfMoved>> {
        let plan = self.half_moved.as_ref().filter(|_| job.is_none() && !self.busy_elsewhere)?;
        let master = |node: &NodeView| {
            let id = node.id.clone().filter(|_| node.role == Some(Role::Master))?;
            Some(Master { addr: node.addr.clone(), id, slots: node.slots.clone() })
        };
        let masters: Vec<Master> = nodes.iter().filter_map(master).collect();
        Some(Arc::new(HalfMoved { plan: plan.clone(), rest: plan.rest(&masters) }))
    }

    /// The cluster as shown; the same value as before where nothing changed.
    pub(super) fn view(&mut self, workspace: &Workspace, jobs: &[Job]) -> Arc<ClusterView> {
        if let (false, Some(shown)) = (self.stale, &self.shown) {
            return shown.clone();
        }
        let job = jobs.iter().find(|job| job.cluster == self.doc.name && !job.state.is_over());
        self.busy_elsewhere = job.is_none() && workspace.locked_by(&self.doc.name).is_some();
        let phase = self.phase(job);
        let processes = self.processes(job);
        let mut assembled = assemble(&self.known, &processes, phase, &mut self.shards);
        let [mut moving, now] = self.moving.clone();
        moving.union_with(&now);
        assembled.pardon(&moving);
        if std::mem::take(&mut self.round_done) && phase != Phase::Stopped {
            let row = history_row(&assembled.nodes, &self.known, self.polled_at.unwrap_or_else(SystemTime::now));
            Arc::make_mut(&mut self.history).record(row);
        }
        if phase == Phase::Formed && assembled.health != Health::Unknown {
            self.remember_owners(&assembled.nodes, &assembled.slot_owner);
        }
        let half_moved = self.half_moved(job, &assembled.nodes);
        let view = Arc::new(ClusterView {
            name: self.doc.name.clone(),
            spec: self.doc.spec.clone().map(Arc::new),
            phase,
            health: assembled.health,
            findings: assembled.findings.into(),
            nodes: assembled.nodes.into(),
            slot_owner: assembled.slot_owner.into(),
            plan: self.plan.clone(),
            plan_error: self.plan_error.clone(),
            half_made: self.half_made(job),
            half_moved,
            fix: self.fix.clone(),
            slot_keys: self.slot_keys.clone(),
            slots: SlotDetails { states: assembled.slot_states, ..self.slots.clone() },
            topology: assembled.topology,
            on_close: self.on_close_wish.unwrap_or(self.doc.on_close),
            tls: self.auth.tls.as_ref().map(|tls| Arc::new(tls.options().clone())),
            history: self.history.clone(),
            owners: self.owners.clone(),
            polled_at: self.polled_at,
            busy_elsewhere: self.busy_elsewhere,
        });
        self.stale = false;
        self.shown = Some(view.clone());
        view
    }

    /// Slots that a node has open may be under way by a program's move, this one's or another's: then its record is in use.
    pub(super) fn note_moving(&mut self, workspace: &Workspace) {
        let nodes: Vec<NodeAddr> = self.known.keys().cloned().collect();
        if let Some(journal) = JournalFile::<MoveJournal>::under_way(workspace, &nodes) {
            self.moving[1].union_with(&journal.plan.slots());
        }
    }

    /// Whom to ask: the document's nodes, and those that they know.
    pub(super) fn poll_addrs(&self) -> Vec<NodeAddr> {
        let mut addrs = addrs_of(&self.doc);
        let answered: BTreeSet<_> = self.known.values().filter_map(|k| Some(&k.answer.as_ref()?.view.myself)).collect();
        let views = self.known.values().filter(|k| k.error.is_none()).filter_map(|k| k.answer.as_ref());
        // Mostly every node has answered, and no view knows another: one walk tells.
        let lists = alike(views.map(|a| (&a.view.nodes, ()))).into_iter().map(|told| told.nodes);
        let telling = lists.filter(|nodes| !nodes.keys().eq(answered.iter().copied()));
        let others = telling.flat_map(Nodes::values).filter(|n| !n.flags.handshake && !answered.contains(&n.id));
        for addr in others.filter_map(|n| n.addr.clone()).filter(|a| !a.host.is_empty()) {
            if !addrs.iter().any(|a| a.same_place(&addr)) {
                addrs.push(addr);
            }
        }
        // Nodes that were found through others stay, so that they are still watched when those others are gone.
        let asked: BTreeSet<_> = addrs.iter().cloned().collect();
        let found = self.known.iter().filter(|(addr, known)| known.answer.is_some() && !asked.contains(addr));
        addrs.extend(found.map(|(addr, _)| addr.clone()));
        addrs
    }

    /// Nodes that left are not asked any more: those that no other node that answers knows, and that are not written down.
    pub(super) fn let_go(&mut self) {
        let written = addrs_of(&self.doc);
        let views: Vec<_> = self
            .known
            .iter()
            .filter(|(_, k)| k.error.is_none())
            .filter_map(|(addr, k)| Some((addr.clone(), k.answer.as_ref()?.view.clone())))
            .filter(|(_, view)| view.nodes.len() > 1)
            .collect();
        if views.is_empty() {
            return;
        }
        self.known.retain(|addr, known| {
            let Some(id) = known.answer.as_ref().map(|answer| answer.view.myself.clone()) else { return true };
            let knows = |(other, view): &(NodeAddr, Arc<View>)| other != addr && view.nodes.contains_key(&id);
            // One that answers and still knows others itself is a member that was cut off.
            let cut_off = known.error.is_none() && known.answer.as_ref().is_some_and(|a| a.view.nodes.len() > 1);
            cut_off || written.contains(addr) || views.iter().any(knows)
        });
    }

    pub(super) fn node_dirs(&self) -> BTreeMap<NodeAddr, (PathBuf, Option<ProcessRecord>)> {
        let Some(spec) = &self.doc.spec else { return BTreeMap::new() };
        let entry = |addr: NodeAddr| {
            let node = (spec.node_dir(addr.port), self.doc.processes.get(&addr.port).copied());
            (addr, node)
        };
        spec.addrs().into_iter().map(entry).collect()
    }
}

/// Whether the node that said this has slots open.
pub(super) fn has_open_slots(view: &View) -> bool {
    view.me().is_some_and(|me| !(me.migrating.is_empty() && me.importing.is_empty()))
}
