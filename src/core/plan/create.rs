//! The plan that makes a cluster out of empty nodes: who is master, which slots, who copies whom, which commands.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::core::slot::{SLOT_COUNT, Slot, SlotRange};
use crate::core::topology::{NodeAddr, NodeId};
use crate::core::version::ServerVersion;

/// The fewest masters with which a cluster can agree that one has failed.
pub const MIN_MASTERS: usize = 3;

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CreatePlanError {
    /// Too few nodes for three masters with so many replicas.
    #[error(
        "a cluster needs at least {MIN_MASTERS} masters: with {nodes} nodes and {replicas} replicas per master there are only {masters}. At least {} nodes are required",
        MIN_MASTERS * (replicas + 1)
    )]
    TooFewNodes {
        /// Nodes given.
        nodes: usize,
        /// Replicas per master asked for.
        replicas: usize,
        /// Masters that come out.
        masters: usize,
    },
    /// More masters than slots.
    #[error("{0} masters can't share 16384 slots")]
    TooManyMasters(usize),
    /// An address twice.
    #[error("{0} is given twice")]
    Twice(NodeAddr),
}

/// A node that can take part: empty, asked, known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where it listens.
    pub addr: NodeAddr,
    /// What it calls itself.
    pub id: NodeId,
    /// Its version.
    pub version: ServerVersion,
}

/// A master of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMaster {
    /// The node.
    pub node: Candidate,
    /// The slots it gets.
    pub slots: SlotRange,
    /// The config epoch it gets; replicas get epochs after the masters'.
    pub epoch: u64,
}

/// A replica of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedReplica {
    /// The node.
    pub node: Candidate,
    /// The master it is to copy.
    pub master: NodeId,
    /// The config epoch it gets.
    pub epoch: u64,
}

/// How well masters and replicas are spread over hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Affinity {
    /// No replica shares a host with its master or a sibling.
    Perfect,
    /// Siblings share a host.
    SiblingsTogether,
    /// A replica shares its master's host.
    WithMaster,
}

/// The plan of a creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePlan {
    /// Masters in slot order.
    pub masters: Vec<PlannedMaster>,
    /// Replicas, grouped by master in the masters' order.
    pub replicas: Vec<PlannedReplica>,
    /// How the nodes spread over hosts.
    pub affinity: Affinity,
}

/// The slots of each of `masters` masters, as redis-cli computes them: in **f32**, `lround` of the running cursor.
/// (f64 gives other bounds from 78 masters on.) Source: `clusterManagerCommandCreate` in redis-cli.c.
///
/// Every master gets at least one slot for 1 to 16384 masters; more give an empty list.
#[must_use]
pub fn allocate_slots(masters: usize) -> Vec<SlotRange> {
    let count = usize::from(SLOT_COUNT);
    if masters == 0 || masters > count {
        return Vec::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "the loss is the point: redis-cli computes in C float")]
    let per_node = f32::from(SLOT_COUNT) / masters as f32;
    let (mut cursor, mut first) = (0.0_f32, 0_u16);
    let mut ranges = Vec::with_capacity(masters);
    for i in 0..masters {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just below")]
        let mut last = (cursor + per_node - 1.0).round().max(0.0) as u32;
        if last > u32::from(SLOT_COUNT) || i == masters - 1 {
            last = u32::from(SLOT_COUNT) - 1;
        }
        let last = u16::try_from(last.max(u32::from(first))).unwrap_or(SLOT_COUNT - 1).min(SLOT_COUNT - 1);
        if let (Ok(from), Ok(to)) = (Slot::new(first), Slot::new(last)) {
            ranges.push(SlotRange { first: from, last: to });
        }
        first = last + 1;
        cursor += per_node;
    }
    ranges
}
