//! A cluster's document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::core::plan::create::CreatePlan;
use crate::core::plan::moves::MovePlan;
use crate::core::rate::Rate;
use crate::core::spec::ClusterSpec;
use crate::core::tls::TlsOptions;
use crate::core::topology::{NodeAddr, NodeId};

/// What closing the window does to a cluster's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// Ask.
    #[default]
    Ask,
    /// Let them run; they are found again.
    Leave,
    /// Stop them.
    Stop,
}

/// A process that Slotdeck started: enough to find it again and never to mistake another one for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Process id.
    pub pid: u32,
    /// When the system says that it started, in seconds since 1970.
    pub started: u64,
}

/// A creation under way: what to put back and what may be reset, should it stop half-way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreateJournal {
    /// The plan that is being carried out, so that it can be gone on with.
    #[serde(default)]
    pub plan: Option<CreatePlan>,
    /// Nodes that this run changed.
    pub touched: Vec<NodeAddr>,
    /// Settings to put back: node, name, value.
    pub restore: Vec<(NodeAddr, String, String)>,
    /// Why it stopped, once it did.
    pub reason: Option<String>,
}

/// A move of slots under way. How far it has come is what the servers say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MoveJournal {
    /// The cluster's nodes that answered when it began.
    pub nodes: Vec<NodeAddr>,
    /// The plan.
    pub plan: MovePlan,
    /// Whether only key by key.
    #[serde(default)]
    pub classic: bool,
    /// Whether only atomically.
    #[serde(default)]
    pub atomic: bool,
    /// Whether keys that a target holds already were to be overwritten.
    #[serde(default)]
    pub replace: bool,
    /// `--cluster-timeout` in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// `--cluster-pipeline`.
    #[serde(default)]
    pub pipeline: Option<usize>,
    /// `--max-rate`.
    #[serde(default)]
    pub max_rate: Option<Rate>,
    /// `--pause-file`.
    #[serde(default)]
    pub pause_file: Option<PathBuf>,
}

/// A cluster as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterDoc {
    /// Version of this format: 1.
    pub version: u32,
    /// The cluster's name.
    pub name: String,
    /// What it was made from; `None` for servers that Slotdeck did not launch.
    pub spec: Option<ClusterSpec>,
    /// For servers that Slotdeck did not launch: where they were reached last.
    #[serde(default)]
    pub addrs: Vec<NodeAddr>,
    /// ACL user for such servers; their password is never stored.
    #[serde(default)]
    pub user: String,
    /// How connections to such servers are secured; `None`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsOptions>,
    /// Processes by client port.
    #[serde(default)]
    pub processes: BTreeMap<u16, ProcessRecord>,
    /// Whether it has become a cluster.
    #[serde(default)]
    pub formed: bool,
    /// Which shard each node was last seen in, by number: a master that died is still shown with those who replaced it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<NodeId, usize>,
    /// Whether its servers are meant to run.
    #[serde(default)]
    pub wanted: bool,
    /// What closing the window does.
    #[serde(default)]
    pub on_close: OnClose,
    /// A creation that has not ended well.
    #[serde(default)]
    pub creating: Option<CreateJournal>,
}

impl ClusterDoc {
    /// Where its nodes are, as far as that is written down: of servers that were launched here, where they listen.
    #[must_use]
    pub fn places(&self) -> Vec<NodeAddr> {
        self.spec.as_ref().map_or_else(|| self.addrs.clone(), ClusterSpec::addrs)
    }
}
