//! The shapes of `--json`: one object on standard output, described in docs/slotctl.md. Fields are added, never renamed.

use std::path::PathBuf;

use serde::Serialize;

use crate::core::build::Build;
use crate::core::check::Finding;
use crate::core::limits::{Limit, Weight, can_fail_over};
use crate::core::topology::{Node, NodeAddr, Role, Topology};
use crate::engine::snapshot::FoundServer;

use super::steps::StepJson;

/// A failure.
#[derive(Debug, Serialize)]
pub struct FailureJson {
    /// Always false.
    pub ok: bool,
    /// What failed, where, and what to do.
    pub error: String,
}

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeJson {
    /// `host:port`.
    pub addr: String,
    /// Its id; null where it is not known.
    pub id: Option<String>,
    /// `master` or `replica`; null where it is not known.
    pub role: Option<Role>,
    /// The id of the master it copies.
    pub master: Option<String>,
    /// Its slots as ranges with commas between, `0-99,512`; empty for none.
    pub slots: String,
    /// How many slots these are.
    pub slot_count: usize,
    /// Keys, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// Process id, for a server started here that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its log file, for a server started here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

impl NodeJson {
    /// A node as it sees itself.
    #[must_use]
    pub fn of(addr: &NodeAddr, node: &Node) -> Self {
        Self {
            addr: addr.to_string(),
            id: Some(node.id.to_string()),
            role: Some(node.role),
            master: node.master.as_ref().map(ToString::to_string),
            slots: node.slots.to_string(),
            slot_count: node.slots.len(),
            keys: None,
            pid: None,
            log: None,
        }
    }
}

/// Every node that answered, by address.
#[must_use]
pub fn nodes_of(topology: &Topology) -> Vec<NodeJson> {
    topology.views.iter().filter_map(|(addr, view)| Some(NodeJson::of(addr, view.me()?))).collect()
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingJson {
    /// Whether the cluster can't be called whole because of it.
    pub error: bool,
    /// What it is, in words.
    pub text: String,
}

/// The findings.
#[must_use]
pub fn findings_of(findings: &[Finding]) -> Vec<FindingJson> {
    findings.iter().map(|f| FindingJson { error: f.is_error(), text: f.to_string() }).collect()
}

/// `check` and `create`.
#[derive(Debug, Serialize)]
pub struct CheckJson {
    /// Whether the cluster is whole.
    pub ok: bool,
    /// The nodes that answer.
    pub nodes: Vec<NodeJson>,
    /// What is wrong, worst first.
    pub findings: Vec<FindingJson>,
    /// Keys in all masters, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// The steps of a creation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepJson>,
    /// The command that repairs what is wrong with slots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// `servers`.
#[derive(Debug, Serialize)]
pub struct ServersJson {
    /// Whether one of them can be used.
    pub ok: bool,
    /// What was found, best first.
    pub servers: Vec<ServerJson>,
}

/// A server program.
#[derive(Debug, Serialize)]
pub struct ServerJson {
    /// The file.
    pub path: PathBuf,
    /// `Redis 7.0.15`; null where it can't be used.
    pub version: Option<String>,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose build it is: `upstream`, `zkteco`, `unknown`, …
    pub build: Build,
    /// Whether a replica takes over by itself when its master is lost; null where nobody has seen it.
    pub can_fail_over: Option<bool>,
    /// What its clusters are known to lack, worst first.
    pub limits: Vec<LimitJson>,
}

/// Something that a server can't do.
#[derive(Debug, Serialize)]
pub struct LimitJson {
    /// Its name for programs, `no_automatic_failover`.
    pub limit: Limit,
    /// `serious`, `warning` or `note`.
    pub weight: Weight,
    /// It in words.
    pub text: String,
    /// What was seen, and what helps.
    pub why: &'static str,
}

impl From<Limit> for LimitJson {
    fn from(limit: Limit) -> Self {
        Self { limit, weight: limit.weight(), text: limit.to_string(), why: limit.why() }
    }
}

impl From<&FoundServer> for ServerJson {
    fn from(found: &FoundServer) -> Self {
        Self {
            path: found.path.clone(),
            version: found.version.as_ref().ok().map(ToString::to_string),
            error: found.version.as_ref().err().cloned(),
            build: found.build,
            can_fail_over: found.version.as_ref().ok().and_then(|version| can_fail_over(found.build, *version)),
            limits: found.limits().into_iter().map(Into::into).collect(),
        }
    }
}
