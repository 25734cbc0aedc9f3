//! What the engine knows, as plain data: one value a frame, shared by `Arc`, never changed after it is published.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::build::Build;
use crate::core::check::Finding;
use crate::core::history::History;
use crate::core::limits::{Limit, can_fail_over, limits};
use crate::core::plan::create::CreatePlan;
use crate::core::plan::moves::MovePlan;
use crate::core::slot::{Slot, SlotSet};
use crate::core::spec::{ClusterSpec, Problem, ServerExe};
use crate::core::timeline::OwnerLog;
pub use crate::core::timeline::{Health, Standing};
use crate::core::tls::TlsOptions;
use crate::core::topology::{NodeAddr, NodeId, Role, Topology};
use crate::core::version::ServerVersion;
use crate::workspace::document::OnClose;

use super::fix::FixLook;
use super::job::JobView;
use super::look::Look;
use super::process::Exit;
use super::slot_figures::SlotDetails;

/// Everything a frontend may show.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// How many events were sent up to now.
    pub events: u64,
    /// The server programs of this machine.
    pub servers: Servers,
    /// The answer to the last `CheckDraft`.
    pub draft: Option<Arc<DraftReport>>,
    /// Every remembered cluster by name.
    pub clusters: BTreeMap<String, Arc<ClusterView>>,
    /// Running and lately ended jobs, oldest first.
    pub jobs: Vec<Arc<JobView>>,
    /// The folder in which new clusters are proposed to live.
    pub clusters_dir: PathBuf,
    /// The close look that goes on.
    pub look: Option<Arc<Look>>,
}

/// The server programs found on this machine.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// Whether the search still runs.
    pub searching: bool,
    /// What was found, best first.
    pub found: Vec<FoundServer>,
    /// The distributions of WSL that were not looked into because they are stopped.
    pub asleep: Vec<String>,
}

/// A file that is, or was taken for, a server program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundServer {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
    /// Its version, or why it can't be used.
    pub version: Result<ServerVersion, String>,
    /// Whose build it is.
    pub build: Build,
}

impl FoundServer {
    /// What is known that a cluster of this server can't do, worst first.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        self.version.as_ref().map(|version| limits(self.build, *version)).unwrap_or_default()
    }

    /// It as a spec names it; `None` where it can't be used.
    #[must_use]
    pub fn exe(&self) -> Option<ServerExe> {
        let version = *self.version.as_ref().ok()?;
        Some(ServerExe { path: self.path.clone(), version, build: self.build })
    }
}

/// How a server program was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Chosen by the user now or earlier.
    Chosen,
    /// In the folder of the app, or a folder `redis` in it.
    BesideApp,
    /// On the PATH.
    Path,
    /// In a folder where installers and package managers put it.
    KnownFolder,
    /// Inside WSL.
    Wsl,
}

/// What the engine says of a wizard's draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftReport {
    /// The number that came with the `CheckDraft`: an answer to an older draft is told by it.
    pub generation: u64,
    /// Everything wrong, in field order.
    pub problems: Vec<Problem>,
    /// The file of each node, in port order, edits included.
    pub files: Vec<DraftFile>,
}

/// A generated (or edited) redis.conf that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftFile {
    /// The node's client port.
    pub port: u16,
    /// Where it will be written.
    pub path: PathBuf,
    /// Its text, the password shown as `********`.
    pub text: String,
    /// Whether the user edited it.
    pub edited: bool,
}

/// A cluster's place in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No process runs.
    Stopped,
    /// Processes are starting or running, but no slots are assigned yet.
    Unformed,
    /// It is (or was, when last seen) a cluster.
    Formed,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct ClusterView {
    /// Its name.
    pub name: String,
    /// The spec it was made from; `None` for servers that Slotdeck did not launch.
    pub spec: Option<Arc<ClusterSpec>>,
    /// Where it stands.
    pub phase: Phase,
    /// How it is.
    pub health: Health,
    /// What the check found, worst first.
    pub findings: Arc<[Finding]>,
    /// Its nodes: by port for local clusters, else by address.
    pub nodes: Arc<[NodeView]>,
    /// For each slot, the index in `nodes` of its owner; [`NO_OWNER`] where there is none.
    pub slot_owner: Arc<[u16]>,
    /// The plan that waits for an answer.
    pub plan: Option<Arc<CreatePlan>>,
    /// Why no plan could be made when one was last asked for: every node that is not fit, with what it holds.
    pub plan_error: Option<Arc<str>>,
    /// A creation that stopped half-way: what was touched, and why it stopped.
    pub half_made: Option<Arc<HalfMade>>,
    /// A move of slots that was left half-way and that nobody works on.
    pub half_moved: Option<Arc<HalfMoved>>,
    /// What the last look for damage found; `None` while one is under way.
    pub fix: Option<Arc<FixLook>>,
    /// The slot whose keys were counted last, on request.
    pub slot_keys: Option<SlotKeys>,
    /// What is known of single slots beyond their owners.
    pub slots: SlotDetails,
    /// What each node says, as far as it answered the last poll: they may differ.
    pub topology: Arc<Topology>,
    /// What closing the window does to its servers.
    pub on_close: OnClose,
    /// How connections to its servers are secured; `None`: not at all.
    pub tls: Option<Arc<TlsOptions>>,
    /// Its figures of the last half hour.
    pub history: Arc<History>,
    /// Who owned its slots when, of late.
    pub owners: Arc<OwnerLog>,
    /// When a poll last ended.
    pub polled_at: Option<SystemTime>,
    /// Another Slotdeck or slotctl is at work on it right now.
    pub busy_elsewhere: bool,
}

/// In [`ClusterView::slot_owner`]: nobody owns the slot.
pub const NO_OWNER: u16 = u16::MAX;

impl ClusterView {
    /// The owner of a slot.
    #[must_use]
    pub fn owner_of(&self, slot: Slot) -> Option<&NodeView> {
        self.nodes.get(usize::from(*self.slot_owner.get(slot.index())?))
    }

    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<&NodeView> {
        self.nodes.iter().find(|n| n.id.as_ref() == Some(id))
    }

    /// Whether a replica takes over by itself when a master is lost: `Some(false)` where one node's build is known not
    /// to, `None` where that is not known of each. Where it does not, only `CLUSTER FAILOVER TAKEOVER` helps.
    #[must_use]
    pub fn can_fail_over(&self) -> Option<bool> {
        let launched = self.spec.as_ref().and_then(|spec| spec.server.as_ref());
        let launched = launched.and_then(|server| can_fail_over(server.build, server.version));
        let nodes = self.nodes.iter().map(NodeView::can_fail_over);
        let mut said = nodes.map(|known| known.or(launched));
        let all_known = said.clone().all(|known| known == Some(true)) && !self.nodes.is_empty();
        if said.any(|known| known == Some(false)) { Some(false) } else { all_known.then_some(true) }
    }

    /// The replicas of a master.
    pub fn replicas_of<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = &'a NodeView> {
        self.nodes.iter().filter(move |n| n.master.as_ref() == Some(id))
    }
}

/// A creation that ended before the cluster was whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfMade {
    /// The nodes that the run changed, and only those: the ones a reset may touch.
    pub touched: Vec<NodeAddr>,
    /// What went wrong, where, and what that means.
    pub reason: String,
}

/// A move of slots that was left half-way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfMoved {
    /// The whole move, as its record has it.
    pub plan: Arc<MovePlan>,
    /// What of it is still to be done, by what the masters own now.
    pub rest: MovePlan,
}

/// The number of keys in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotKeys {
    /// The slot.
    pub slot: Slot,
    /// Its keys on its owner, or why they could not be counted.
    pub keys: Result<u64, String>,
    /// When they were counted.
    pub at: SystemTime,
}

/// One node: its process, what it says, and how old that is.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// Where clients reach it.
    pub addr: NodeAddr,
    /// Its id, once known.
    pub id: Option<NodeId>,
    /// Its role, once known.
    pub role: Option<Role>,
    /// The master it copies.
    pub master: Option<NodeId>,
    /// Which shard it belongs to, by number from 0: a master and its replicas share it, and a promoted replica keeps
    /// it. Colours follow this number.
    pub shard: Option<usize>,
    /// The slots it owns.
    pub slots: SlotSet,
    /// Its configuration epoch.
    pub epoch: u64,
    /// How the cluster sees it.
    pub standing: Standing,
    /// Whether its answers are fresh.
    pub reach: Reach,
    /// When its view of the cluster was told, where that was before its figures: in a large cluster the views are asked
    /// for in turn.
    pub viewed: Option<SystemTime>,
    /// What INFO said last.
    pub stats: Option<NodeStats>,
    /// The settings that INFO tells, by name; the same list while none of them changes.
    pub settings: Arc<[Setting]>,
    /// Its process, for nodes launched here.
    pub process: ProcessView,
}

impl NodeView {
    /// A node of which nothing is known but where it is.
    #[must_use]
    pub fn unknown(addr: NodeAddr) -> Self {
        Self {
            addr,
            id: None,
            role: None,
            master: None,
            shard: None,
            slots: SlotSet::new(),
            epoch: 0,
            standing: Standing::default(),
            reach: Reach::Unknown,
            viewed: None,
            stats: None,
            settings: Arc::default(),
            process: ProcessView { state: ProcessState::External, log_tail: Arc::default() },
        }
    }

    /// Whether a node of this build takes over by itself when its master is lost, or helps to elect one that does;
    /// `None` where that is not known.
    #[must_use]
    pub fn can_fail_over(&self) -> Option<bool> {
        let stats = self.stats.as_ref()?;
        can_fail_over(stats.build, stats.version?)
    }

    /// Whether the shown values are older than the last poll.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !matches!(self.reach, Reach::Live)
    }
}

/// A setting that INFO tells, with its value.
pub type Setting = (&'static str, String);

/// Whether a node answers us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Not asked yet.
    Unknown,
    /// It answered the last poll.
    Live,
    /// It answered before, but not the last time.
    Stale {
        /// When it last answered.
        since: SystemTime,
        /// What happened.
        error: String,
    },
    /// It never answered.
    Never {
        /// What happened.
        error: String,
    },
}

/// The figures of a node, from INFO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStats {
    /// Keys in all databases.
    pub keys: u64,
    /// `used_memory`, bytes.
    pub used_memory: u64,
    /// Commands a second between the last two polls, without those of the polls; `instantaneous_ops_per_sec` where
    /// there was only one poll.
    pub ops_per_sec: u64,
    /// `connected_clients`, Slotdeck's own among them.
    pub clients: u64,
    /// For a replica: whether its link to the master is up.
    pub link_up: Option<bool>,
    /// For a replica: bytes behind its master's offset, as far as both are known.
    pub lag_bytes: Option<u64>,
    /// Its replication offset, bytes: for a replica, how far it has copied.
    pub repl_offset: Option<u64>,
    /// For a replica: seconds since the master was last heard.
    pub lag_secs: Option<u64>,
    /// For a replica: whether it has had no link to its master since it started.
    pub never_linked: bool,
    /// `cluster_state` is ok in this node's eyes.
    pub state_ok: bool,
    /// The server's version.
    pub version: Option<ServerVersion>,
    /// Whose build it is, as far as INFO tells.
    pub build: Build,
    /// `process_id`.
    pub process_id: Option<u32>,
    /// `uptime_in_seconds`.
    pub uptime: Duration,
}

/// A server process that Slotdeck launched, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessView {
    /// Where it stands.
    pub state: ProcessState,
    /// The last lines of its log, oldest first; at most 200.
    pub log_tail: Arc<[String]>,
}

/// Where a process stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessState {
    /// Not a process of ours.
    External,
    /// Not running.
    Stopped,
    /// Started, not answering yet.
    Starting {
        /// Process id.
        pid: u32,
    },
    /// Answers.
    Running {
        /// Process id.
        pid: u32,
    },
    /// Alive, and reading its data set from disk.
    Loading {
        /// Process id.
        pid: u32,
    },
    /// Asked to stop.
    Stopping {
        /// Process id.
        pid: u32,
    },
    /// Ended without being asked.
    Died {
        /// How: exit code or signal.
        how: Exit,
        /// The likely cause, in words, where the log tells it.
        cause: Option<String>,
    },
}

impl ProcessState {
    /// The process id, while there is a process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self {
            ProcessState::Starting { pid }
            | ProcessState::Running { pid }
            | ProcessState::Loading { pid }
            | ProcessState::Stopping { pid } => Some(*pid),
            ProcessState::External | ProcessState::Stopped | ProcessState::Died { .. } => None,
        }
    }
}
