//! Epochs before slots are handed over. A master that takes a slot raises its epoch above those that it has *heard* of; one
//! that believes its own to be the highest does not (`clusterBumpConfigEpochWithoutConsensus`). If the source's is higher by
//! then, because it took slots itself a moment ago, its last ping that still claims the slot takes it from the target
//! again, and the target drops the keys of it (`clusterUpdateSlotsConfigWith`). So nothing is handed over before the target
//! has heard of the source's epoch, and while the source may still have to raise it since another master has the same.

use std::fmt;

use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology};

use super::moves::MovePlan;

/// Who has not heard of whose epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// Where the one answers that has not heard.
    pub by: NodeAddr,
    /// The other one, as nodes reach it.
    pub whom: NodeAddr,
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has not heard yet of the epoch of {}", self.by, self.whom)
    }
}

/// What has to be heard before these moves may begin. Masters that do not answer are passed over.
#[must_use]
pub fn unheard(plan: &MovePlan, topology: &Topology) -> Vec<Unheard> {
    let own: Vec<(&NodeAddr, &Node)> =
        topology.views.iter().filter_map(|(addr, view)| Some((addr, view.me()?))).collect();
    let at = |id: &NodeId| own.iter().find(|(_, node)| node.id == *id).copied();
    let mut list = Vec::new();
    for one in plan.moves() {
        let (Some((source_at, source)), Some((target_at, _))) = (at(&one.from), at(&one.to)) else { continue };
        let heard = topology.views[target_at].nodes.get(&source.id);
        if heard.is_none_or(|seen| seen.epoch < source.epoch) {
            list.push(Unheard {
                by: target_at.clone(),
                whom: place(topology, source).unwrap_or_else(|| source_at.clone()),
            });
        }
        let same = |node: &Node| node.role == Role::Master && node.id != source.id && node.epoch == source.epoch;
        for (_, other) in own.iter().filter(|(_, node)| same(node)) {
            let whom = place(topology, other);
            list.extend(whom.map(|whom| Unheard { by: source_at.clone(), whom }));
        }
    }
    list.dedup();
    list
}

/// Where other nodes see this one: it may not know its own address.
fn place(topology: &Topology, node: &Node) -> Option<NodeAddr> {
    let seen = topology.views.values().filter(|view| view.myself != node.id);
    let seen = seen.filter_map(|view| view.nodes.get(&node.id)?.addr.clone());
    seen.into_iter().find(|addr| !addr.host.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::slot::Slot;
    use crate::core::topology::View;

    fn id(i: usize) -> NodeId {
        format!("{i:x}{}", "0".repeat(39)).parse().unwrap()
    }

    fn addr(i: usize) -> NodeAddr {
        NodeAddr::new("127.0.0.1", 7000 + u16::try_from(i).unwrap())
    }

    /// Masters, of each the epochs that it knows of all.
    fn cluster(epochs: &[&[u64]]) -> Topology {
        let view = |me: usize| {
            let line = |i: usize| {
                let myself = if i == me { "myself," } else { "" };
                format!("{} {} {myself}master - 0 0 {} connected\n", id(i), addr(i), epochs[me][i])
            };
            let text: String = (0..epochs.len()).map(line).collect();
            (addr(me), Arc::new(View::parse(&text).unwrap()))
        };
        Topology { views: (0..epochs.len()).map(view).collect(), ..Topology::default() }
    }

    fn waits(epochs: &[&[u64]]) -> Vec<String> {
        let plan = MovePlan::of([(id(0), id(1), Slot::FIRST)]);
        unheard(&plan, &cluster(epochs)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_target_must_have_heard_of_its_sources_epoch() {
        assert_eq!(waits(&[&[9, 2, 3], &[9, 2, 3], &[1, 2, 3]]), Vec::<String>::new());
        let late = waits(&[&[9, 2, 3], &[1, 2, 3], &[9, 2, 3]]);
        assert_eq!(late, ["127.0.0.1:7001 has not heard yet of the epoch of 127.0.0.1:7000"]);
    }

    #[test]
    fn a_source_whose_epoch_another_master_has_may_still_raise_it() {
        let twins = waits(&[&[9, 2, 3], &[9, 2, 3], &[9, 2, 9]]);
        assert_eq!(twins, ["127.0.0.1:7000 has not heard yet of the epoch of 127.0.0.1:7002"]);
    }
}
