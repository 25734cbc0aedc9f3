//! The one loop that owns the engine's state. Commands, answers of nodes, ends of jobs come in; snapshots and events go
//! out. Everything slow runs in tasks of its own and reports back, so the loop itself never waits for a server or a
//! disk for long.

mod cluster;
mod clusters;
mod commands;
mod jobs;
mod looks;
mod news;
mod slots;
mod watcher;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::core::plan::create::CreatePlan;
use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;
use crate::workspace::store::Workspace;

use super::children::Children;
use super::command::Command;
use super::discover::Search;
use super::event::{Event, Level, What};
use super::fix::FixLook;
use super::handle::Waker;
use super::job::{JobId, JobState, StepView};
use super::look::{Look, Subject};
use super::poll::PollEvent;
use super::snapshot::{DraftReport, Servers, SlotKeys, Snapshot};
use super::wsl::Wake;

use cluster::Cluster;
use jobs::Job;
use looks::Looking;
use slots::SlotNews;
use watcher::Probes;

/// How many reports may wait for the loop.
const REPORTS: usize = 512;
/// Changes within this time are published together: at most twenty pictures a second, whatever happens.
const COALESCE: Duration = Duration::from_millis(50);
/// After a picture at least so many times what it took passes before the next one, so that a cluster of a thousand nodes,
/// whose answers come over half a second, does not spend it on pictures.
const REST_FACTOR: u32 = 12;
/// The longest such rest.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How often the documents on disk are compared with what is known (another program may have changed them).
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// What the engine's own tasks report to the loop.
#[derive(Debug)]
enum Report {
    /// A poll's news of a cluster.
    Poll(String, PollEvent),
    /// What a look at a cluster's processes and logs found.
    Processes(String, Box<Probes>),
    /// A job's steps changed.
    Steps(JobId, Vec<StepView>),
    /// A job ended.
    JobEnded(JobId, JobState),
    /// The answer to a draft.
    Draft(Arc<DraftReport>),
    /// The search for servers ended.
    Servers(Search),
    /// A chosen file was asked for its version.
    Probed(PathBuf, Result<ServerVersion, String>),
    /// A plan was made, or could not be.
    Planned(String, Result<Arc<CreatePlan>, String>),
    /// A cluster was looked at for damage.
    FixLooked(String, Box<FixLook>),
    /// The keys of a slot were counted.
    Counted(String, SlotKeys),
    /// What was found out about slots and keys.
    Slots(String, SlotNews),
    /// What a close look saw.
    Looked(Arc<Look>),
}

/// The engine's state and its ways out.
pub(super) struct Actor {
    workspace: Workspace,
    snapshots: watch::Sender<Arc<Snapshot>>,
    events: mpsc::Sender<Event>,
    waker: Waker,
    reports: mpsc::Sender<Report>,
    inbox: Option<mpsc::Receiver<Report>>,
    children: Children,
    clusters: BTreeMap<String, Cluster>,
    jobs: Vec<Job>,
    next_job: JobId,
    servers: Servers,
    draft: Option<Arc<DraftReport>>,
    draft_task: Option<AbortOnDropHandle<()>>,
    visible: bool,
    /// The cluster whose slots are to be measured.
    measured: Option<String>,
    /// What is to be looked at closely.
    looked_at: Option<(String, Subject)>,
    /// The look at it.
    looking: Option<Looking>,
    fingerprint: u64,
    sent_events: u64,
    publish_at: Option<Instant>,
    /// No picture before this.
    rest_until: Instant,
}

impl Actor {
    /// An actor over a workspace, with nothing loaded yet.
    pub(super) fn new(
        workspace: Workspace,
        snapshots: watch::Sender<Arc<Snapshot>>,
        events: mpsc::Sender<Event>,
        waker: Waker,
    ) -> Self {
        let (reports, inbox) = mpsc::channel(REPORTS);
        Self {
            workspace,
            snapshots,
            events,
            waker,
            reports,
            inbox: Some(inbox),
            children: Children::of_a_window(),
            clusters: BTreeMap::new(),
            jobs: Vec::new(),
            next_job: 1,
            servers: Servers::default(),
            draft: None,
            draft_task: None,
            visible: true,
            measured: None,
            looked_at: None,
            looking: None,
            fingerprint: 0,
            sent_events: 0,
            publish_at: None,
            rest_until: Instant::now(),
        }
    }

    /// Runs until told to stop or until the frontend is gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        let Some(mut inbox) = self.inbox.take() else { return };
        self.reload_documents();
        self.find_servers(Wake::No);
        self.publish();
        let mut housekeeping = interval(HOUSEKEEPING);
        loop {
            let publish_at = self.publish_at.unwrap_or_else(|| Instant::now() + HOUSEKEEPING);
            tokio::select! {
                () = stop.cancelled() => break,
                command = commands.recv() => match command {
                    Some(command) => self.take(command),
                    None => break,
                },
                Some(report) = inbox.recv() => self.note(report),
                _ = housekeeping.tick() => self.keep_house(),
                () = sleep_until(publish_at), if self.publish_at.is_some() => self.publish(),
            }
        }
        // What was asked for before the end and only has to be written down still is.
        while let Ok(command) = commands.try_recv() {
            if matches!(command, Command::SetOnClose { .. }) {
                self.take(command);
            }
        }
        self.end_jobs(&mut inbox).await;
        self.grant_wishes();
        self.children.release_all();
    }

    fn note(&mut self, report: Report) {
        match report {
            Report::Poll(name, event) => self.note_poll(&name, event),
            Report::Processes(name, probes) => self.note_processes(&name, *probes),
            Report::Steps(id, steps) => self.note_steps(id, steps),
            Report::JobEnded(id, state) => self.note_job_end(id, state),
            Report::Draft(report) => {
                self.draft = Some(report);
                self.changed();
            }
            Report::Servers(search) => {
                self.servers = Servers { searching: false, found: search.found, asleep: search.asleep };
                self.changed();
            }
            Report::Probed(path, version) => self.note_probed(path, version),
            Report::Planned(name, plan) => self.note_planned(&name, plan),
            Report::FixLooked(name, look) => self.note_fix_look(&name, *look),
            Report::Counted(name, keys) => {
                if let Some(cluster) = self.clusters.get_mut(&name) {
                    cluster.slot_keys = Some(keys);
                    cluster.stale = true;
                }
                self.changed();
            }
            Report::Slots(name, news) => self.note_slots(&name, news),
            Report::Looked(news) => self.note_look(news),
        }
    }

    /// Something changed: publish soon, together with what else changes now.
    fn changed(&mut self) {
        let rested = self.rest_until;
        self.publish_at.get_or_insert_with(|| rested.max(Instant::now() + COALESCE));
    }

    fn publish(&mut self) {
        let began = Instant::now();
        self.publish_at = None;
        let old = self.snapshots.borrow().clone();
        let clusters: BTreeMap<_, _> = self
            .clusters
            .iter_mut()
            .map(|(name, cluster)| (name.clone(), cluster.view(&self.workspace, &self.jobs)))
            .collect();
        for event in news::events(&old.clusters, &clusters, SystemTime::now()) {
            self.sent_events += 1;
            self.events.try_send(event).ok();
        }
        let snapshot = Snapshot {
            events: self.sent_events,
            servers: self.servers.clone(),
            draft: self.draft.clone(),
            clusters,
            jobs: self.jobs.iter().map(|job| Arc::new(job.view())).collect(),
            clusters_dir: self.workspace.clusters_dir(),
            look: self.looking.as_ref().map(|looking| looking.last.clone()),
        };
        self.snapshots.send_replace(Arc::new(snapshot));
        self.rest_until = Instant::now() + (began.elapsed() * REST_FACTOR).min(LONGEST_REST);
        (self.waker)();
    }

    fn tell(&mut self, level: Level, cluster: Option<String>, what: What) {
        // A frontend that lets hundreds of events lie loses the newest; the snapshot still has the state.
        self.sent_events += 1;
        self.events.try_send(Event { at: SystemTime::now(), level, cluster, what }).ok();
        self.changed();
    }

    fn refuse(&mut self, label: &'static str, cluster: Option<String>, reason: impl Into<String>) {
        self.tell(Level::Error, cluster, What::Refused(label, reason.into()));
    }

    /// A report of a task, sent from wherever the task runs; the loop's end makes it pointless, not wrong.
    fn reporter(&self) -> mpsc::Sender<Report> {
        self.reports.clone()
    }
}

/// The addresses of a document: its own servers', or those it was attached to.
fn addrs_of(doc: &crate::workspace::document::ClusterDoc) -> Vec<NodeAddr> {
    doc.places()
}
