//! Everything that can be asked of the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::core::plan::create::CreatePlan;
use crate::core::plan::failover::{FailoverMode, FailoverPlan};
use crate::core::plan::fix::FixPlan;
use crate::core::plan::moves::MovePlan;
use crate::core::secret::Secret;
use crate::core::slot::Slot;
use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::workspace::document::OnClose;

use super::fix::FixWish;
use super::growth::{Leaver, Newcomer};
use super::job::JobId;
use super::look::Subject;
use super::safekeeping::RestoreWish;
use super::tls::Tls;

/// How servers are spoken to that Slotdeck did not configure itself: as whom, and whether in TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// ACL user; empty for the default user.
    pub user: String,
    /// Password; empty for none.
    pub password: Secret,
    /// How connections are secured; `None`: not at all.
    pub tls: Option<Tls>,
}

impl Auth {
    /// The same connections without a login.
    #[must_use]
    pub fn nobody(&self) -> Self {
        Self { tls: self.tls.clone(), ..Self::default() }
    }
}

/// Work for the engine. Answers come through the `Snapshot` and the `Event`s.
#[derive(Debug, Clone)]
pub enum Command {
    /// Look for server programs in all usual places.
    FindServers,
    /// The same, and inside every distribution of WSL: those that are stopped start.
    FindServersInWsl,
    /// Ask this file whether it is a usable server program, and remember it if so.
    ProbeServer(PathBuf),
    /// Judge a draft: `Snapshot::draft` answers with the same `generation`.
    CheckDraft {
        /// Grows with each edit.
        generation: u64,
        /// The draft.
        spec: Box<ClusterSpec>,
        /// Files that the user edited by hand, by port.
        edited: BTreeMap<u16, String>,
    },
    /// Write the files and start the processes. The cluster appears in the snapshot as `Unformed`.
    Launch {
        /// What to launch.
        spec: Box<ClusterSpec>,
        /// Files that the user edited by hand, by port.
        edited: BTreeMap<u16, String>,
    },
    /// Make servers that run already known under a name: as a cluster to watch, or as nodes to make one of.
    Attach {
        /// The name to remember them by.
        name: String,
        /// Where they listen; one suffices for a cluster.
        addrs: Vec<NodeAddr>,
        /// How to log in.
        auth: Auth,
    },
    /// Inspect the nodes and put a create plan into the snapshot.
    PlanCreate {
        /// The cluster.
        cluster: String,
        /// Replicas per master; `None` takes the spec's number.
        replicas: Option<u16>,
    },
    /// Execute the confirmed plan, exactly that one.
    ApplyCreate {
        /// The cluster.
        cluster: String,
        /// The plan that was shown.
        plan: Arc<CreatePlan>,
    },
    /// After a failed creation: go on with the same plan.
    ResumeCreate {
        /// The cluster.
        cluster: String,
    },
    /// After a failed creation: reset exactly the nodes that it touched.
    ResetTouched {
        /// The cluster.
        cluster: String,
    },
    /// Start the processes again.
    Start {
        /// The cluster.
        cluster: String,
    },
    /// Stop the processes.
    Stop {
        /// The cluster.
        cluster: String,
    },
    /// Stop the processes and forget the cluster.
    Delete {
        /// The cluster.
        cluster: String,
        /// Also remove the files that were made for it.
        wipe: bool,
    },
    /// Make replicas masters, by exactly these plans.
    Failover {
        /// The cluster.
        cluster: String,
        /// The plans that were shown, made by [`plan`](crate::core::plan::failover::plan) from a snapshot.
        plans: Arc<[FailoverPlan]>,
    },
    /// Move slots with their keys, by exactly this plan.
    MoveSlots {
        /// The cluster.
        cluster: String,
        /// The plan that was shown.
        plan: Arc<MovePlan>,
    },
    /// Let a node join.
    AddNode {
        /// The cluster.
        cluster: String,
        /// The node.
        new: Box<Newcomer>,
    },
    /// Let a node leave, its slots first.
    RemoveNode {
        /// The cluster.
        cluster: String,
        /// The node, with the plan that was shown.
        who: Box<Leaver>,
    },
    /// Copy the whole cluster into a folder.
    Backup {
        /// The cluster.
        cluster: String,
        /// The folder, which is made where it is missing.
        folder: PathBuf,
    },
    /// Put a backup into the cluster.
    Restore {
        /// The cluster.
        cluster: String,
        /// Which, and how.
        wish: RestoreWish,
    },
    /// Go on with a move of slots that was left half-way, exactly this one.
    ResumeMove {
        /// The cluster.
        cluster: String,
        /// The whole plan of the move, as its record has it.
        plan: Arc<MovePlan>,
    },
    /// Forget such a move: what has moved stays where it is, and so does the rest.
    ForgetMove {
        /// The cluster.
        cluster: String,
        /// The whole plan of the move.
        plan: Arc<MovePlan>,
    },
    /// Look for damage of slots and plan its repair: `ClusterView::fix` answers with the same wish.
    PlanFix {
        /// The cluster.
        cluster: String,
        /// How far to look, and what may be lost.
        wish: FixWish,
    },
    /// Repair slots, by exactly this plan.
    Fix {
        /// The cluster.
        cluster: String,
        /// The plan that was shown.
        plan: Arc<FixPlan>,
        /// The wish that it was made for.
        wish: FixWish,
    },
    /// Stop a job at its next safe point.
    CancelJob(JobId),
    /// Count the keys of a slot, once.
    CountKeys {
        /// The cluster.
        cluster: String,
        /// The slot.
        slot: Slot,
    },
    /// Measure the slots of this cluster, and of no other, until told otherwise; `None` ends that.
    MeasureSlots(Option<String>),
    /// Look closely at this of this cluster, and at nothing else, until told otherwise; `None` ends that. The same again is
    /// fetched at once.
    LookAt(Option<(String, Subject)>),
    /// List the first keys of a slot, once.
    LookIntoSlot {
        /// The cluster.
        cluster: String,
        /// The slot.
        slot: Slot,
        /// How many keys at most.
        limit: u32,
    },
    /// Fetch the beginning of a key's value, once.
    PreviewKey {
        /// The cluster.
        cluster: String,
        /// The key, any bytes.
        key: Arc<[u8]>,
    },
    /// What closing the window does to a cluster's servers.
    SetOnClose {
        /// The cluster.
        cluster: String,
        /// What to do.
        on_close: OnClose,
    },
    /// Whether somebody looks: polls are rare while nobody does.
    SetVisible(bool),
}

/// How much harm a command can do: it decides whether and how the frontends ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Reads, or changes nothing that matters.
    None,
    /// Changes servers in a way that can be undone.
    Changes,
    /// Can end service or remove data.
    Destroys,
}

impl Command {
    /// The command in two or three words, for logs and the event list.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Command::FindServers => "find servers",
            Command::FindServersInWsl => "find servers inside WSL",
            Command::ProbeServer(_) => "probe server",
            Command::CheckDraft { .. } => "check draft",
            Command::Launch { .. } => "launch",
            Command::Attach { .. } => "attach",
            Command::PlanCreate { .. } => "plan creation",
            Command::ApplyCreate { .. } => "create cluster",
            Command::ResumeCreate { .. } => "go on with the creation",
            Command::ResetTouched { .. } => "reset touched nodes",
            Command::Start { .. } => "start",
            Command::Stop { .. } => "stop",
            Command::Delete { .. } => "delete",
            Command::Failover { .. } => "fail over",
            Command::MoveSlots { .. } => "move slots",
            Command::Backup { .. } => "back up",
            Command::Restore { .. } => "restore a backup",
            Command::AddNode { .. } => "add node",
            Command::RemoveNode { .. } => "remove node",
            Command::ResumeMove { .. } => "go on with a move of slots",
            Command::ForgetMove { .. } => "forget a move of slots",
            Command::PlanFix { .. } => "look for damage",
            Command::Fix { .. } => "repair slots",
            Command::CancelJob(_) => "cancel job",
            Command::CountKeys { .. } => "count keys",
            Command::MeasureSlots(_) => "measure slots",
            Command::LookAt(_) => "look closely",
            Command::LookIntoSlot { .. } => "look into slot",
            Command::PreviewKey { .. } => "preview key",
            Command::SetOnClose { .. } => "set close behaviour",
            Command::SetVisible(_) => "set visibility",
        }
    }

    /// How much harm it can do.
    #[must_use]
    pub fn danger(&self) -> Danger {
        match self {
            Command::Delete { .. }
            | Command::Stop { .. }
            | Command::ResetTouched { .. }
            // A replica's copy is emptied, and a server of ours ends.
            | Command::RemoveNode { .. }
            // The way to go on is lost.
            | Command::ForgetMove { .. } => Danger::Destroys,
            // Keys of masters that do not answer.
            Command::Fix { wish, .. } if wish.with_unreachable => Danger::Destroys,
            // Keys of the same names are overwritten.
            Command::Restore { wish, .. } if wish.replace => Danger::Destroys,
            // What is not voted or not waited for can lose writes.
            Command::Failover { plans, .. } if plans.iter().any(|p| p.mode != FailoverMode::Plain) => Danger::Destroys,
            Command::Launch { .. }
            | Command::Failover { .. }
            | Command::MoveSlots { .. }
            | Command::ResumeMove { .. }
            | Command::AddNode { .. }
            | Command::Restore { .. }
            | Command::Fix { .. }
            | Command::ApplyCreate { .. }
            | Command::ResumeCreate { .. }
            | Command::Start { .. } => Danger::Changes,
            Command::FindServers
            | Command::FindServersInWsl
            | Command::ProbeServer(_)
            | Command::CheckDraft { .. }
            | Command::Attach { .. }
            | Command::PlanCreate { .. }
            | Command::PlanFix { .. }
            | Command::Backup { .. }
            | Command::CancelJob(_)
            | Command::CountKeys { .. }
            | Command::MeasureSlots(_)
            | Command::LookAt(_)
            | Command::LookIntoSlot { .. }
            | Command::PreviewKey { .. }
            | Command::SetOnClose { .. }
            | Command::SetVisible(_) => Danger::None,
        }
    }
}
