//! A cluster in numbers, and its nodes by shard: computed from the snapshot, for the views that need it.

use crate::core::slot::{SLOT_COUNT, Slot, SlotRange};
use crate::core::topology::Role;
use crate::engine::snapshot::{ClusterView, NO_OWNER, NodeView, Reach, Standing};

/// The sums over all nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Masters, but for lost ones that were replaced.
    pub masters: usize,
    /// Replicas.
    pub replicas: usize,
    /// Nodes that answered last time.
    pub live: usize,
    /// Slots that have an owner.
    pub covered: usize,
    /// Keys on masters (replicas hold the same ones).
    pub keys: u64,
    /// Used memory of all nodes, bytes.
    pub memory: u64,
    /// Commands a second on all nodes.
    pub ops: u64,
    /// Whether some of the sums count values that are old or lack a node.
    pub partial: bool,
}

impl Totals {
    /// The sums of a cluster.
    #[must_use]
    pub fn of(cluster: &ClusterView) -> Self {
        let mut totals =
            Self { covered: cluster.slot_owner.iter().filter(|o| **o != NO_OWNER).count(), ..Self::default() };
        for node in cluster.nodes.iter() {
            match node.role {
                // A master that was replaced while it was down still calls itself one: it serves nothing.
                Some(Role::Master) if node.slots.is_empty() && node.is_stale() => {}
                Some(Role::Master) => totals.masters += 1,
                Some(Role::Replica) => totals.replicas += 1,
                None => {}
            }
            totals.live += usize::from(node.reach == Reach::Live);
            match &node.stats {
                Some(stats) => {
                    // Keys of a master without slots are the ones that its heir serves by now.
                    let serves = node.role == Some(Role::Master) && !node.slots.is_empty();
                    totals.keys += if serves { stats.keys } else { 0 };
                    totals.memory += stats.used_memory;
                    totals.ops += if node.is_stale() { 0 } else { stats.ops_per_sec };
                    totals.partial |= node.is_stale();
                }
                None => totals.partial = true,
            }
        }
        totals
    }
}

/// The nodes that share slots: a master and its copies.
#[derive(Debug, Clone)]
pub struct Shard<'a> {
    /// The number that gives the colour; `None` for nodes that belong to no shard.
    pub number: Option<usize>,
    /// The one that serves the slots.
    pub master: Option<&'a NodeView>,
    /// The others, in the cluster's order.
    pub others: Vec<&'a NodeView>,
}

/// The nodes by shard, in the order of the shards' numbers; nodes without one stand at the end. Neighbours of one shard
/// make a [`Shard`]: of a large cluster only those in view need to.
#[must_use]
pub fn by_shard(cluster: &ClusterView) -> Vec<&NodeView> {
    let mut nodes: Vec<&NodeView> = cluster.nodes.iter().collect();
    nodes.sort_by_key(|n| n.shard.unwrap_or(usize::MAX));
    nodes
}

impl<'a> Shard<'a> {
    /// The shard of nodes that all have the same number.
    #[must_use]
    pub fn of(nodes: &[&'a NodeView]) -> Self {
        let number = nodes.first().and_then(|n| n.shard);
        // After a failover the lost master may still call itself one: the master is the one with slots, then the one
        // that works.
        let rank = |n: &&NodeView| (n.slots.is_empty(), n.standing == Standing::Failed);
        let masters = nodes.iter().copied().filter(|n| n.role == Some(Role::Master));
        let master = masters.min_by_key(rank).filter(|_| number.is_some());
        let others = nodes.iter().copied().filter(|n| !master.is_some_and(|m| std::ptr::eq(m, *n))).collect();
        Self { number, master, others }
    }
}

/// The longest run of slots around this one that has the same owner (or none).
#[must_use]
pub fn run_around(owners: &[u16], slot: Slot) -> SlotRange {
    let at = |i: usize| owners.get(i).copied().unwrap_or(NO_OWNER);
    let owner = at(slot.index());
    let (mut first, mut last) = (slot.index(), slot.index());
    while first > 0 && at(first - 1) == owner {
        first -= 1;
    }
    while last + 1 < usize::from(SLOT_COUNT) && at(last + 1) == owner {
        last += 1;
    }
    let to_slot = |i: usize| u16::try_from(i).ok().and_then(|i| Slot::new(i).ok()).unwrap_or(slot);
    SlotRange { first: to_slot(first), last: to_slot(last) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    #[test]
    fn a_healthy_cluster_adds_up() {
        let totals = Totals::of(&samples::healthy());
        assert_eq!((totals.masters, totals.replicas, totals.live, totals.covered), (3, 3, 6, 16384));
        assert!(!totals.partial && totals.keys > 0);
    }

    #[test]
    fn a_promoted_replica_heads_its_shard() {
        let cluster = samples::failed_over();
        let nodes = by_shard(&cluster);
        let shards: Vec<_> = nodes.chunk_by(|a, b| a.shard == b.shard).map(Shard::of).collect();
        assert_eq!(shards.len(), 3);
        let first = &shards[0];
        assert_eq!(first.master.unwrap().addr.port, 7003);
        assert_eq!(first.others[0].addr.port, 7000);
        assert_eq!(Totals::of(&cluster).masters, 3, "the lost master counts no more");
    }

    #[test]
    fn a_run_ends_where_the_owner_changes() {
        let cluster = samples::uncovered();
        let at = |n: u16| run_around(&cluster.slot_owner, Slot::new(n).unwrap()).to_string();
        assert_eq!(at(0), "0-5460");
        assert_eq!(at(5500), "5461-10922");
        assert_eq!(at(16383), "10923-16383");
    }
}
