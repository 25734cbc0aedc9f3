//! Is the cluster whole? Views and link states in, findings out.

use super::slot::{Slot, SlotSet};
use super::topology::{NodeAddr, NodeId};

/// What one node says beyond CLUSTER NODES.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeHealth {
    /// `cluster_state:ok` in CLUSTER INFO; `None` where it was not asked.
    pub state_ok: Option<bool>,
    /// `master_link_status:up` in INFO replication; `None` for masters or where it was not asked.
    pub link_up: Option<bool>,
}

/// One thing that is wrong. `Display` says it in English; the window translates by variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Slots that nobody owns.
    Uncovered(SlotSet),
    /// A node does not answer.
    Unreachable(NodeAddr, String),
    /// A node whose process is known as failed by the cluster.
    Failed(NodeAddr),
    /// A node says `cluster_state:fail`.
    StateFail(NodeAddr),
    /// A slot is open (migrating or importing) on a node.
    OpenSlot {
        /// The slot.
        slot: Slot,
        /// The node that has it open.
        node: NodeAddr,
        /// Whether it is on its way out (else in).
        migrating: bool,
        /// The partner.
        partner: NodeId,
    },
    /// These nodes see other slot owners than the first node does.
    SlotsDisagree(Vec<NodeAddr>),
    /// These nodes see other roles or masters than the nodes themselves report.
    RolesDisagree(Vec<NodeAddr>),
    /// A node does not know some other node of the cluster.
    Unknown {
        /// The node that does not know.
        by: NodeAddr,
        /// The nodes it does not know.
        missing: Vec<NodeAddr>,
    },
    /// A replica's link to its master is down.
    LinkDown(NodeAddr),
    /// A master has no replica.
    NoReplica(NodeAddr),
}

impl Finding {
    /// Whether the cluster can't be called whole because of it (a missing replica is only worth knowing).
    #[must_use]
    pub fn is_error(&self) -> bool {
        !matches!(self, Finding::NoReplica(_))
    }
}
