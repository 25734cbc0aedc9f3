//! Removing nodes from a cluster: who must forget them, which replicas get another master, what is reset.
//!
//! redis-cli's `del-node` asks one node after the other and stops at the first that refuses; it may give a replica the
//! very master that is to go, and does not know nodes that don't answer. Here all of that is decided beforehand.

use thiserror::Error;

use crate::core::count::counted;
use crate::core::plan::NodeCommand;
use crate::core::plan::members::{
    Host, Member, NameError, fewest_replicas, hosts, member_named, members, replica_counts,
};
use crate::core::topology::{NodeAddr, NodeId, Role, Topology};

/// A replica that gets another master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehome {
    /// Where the replica answers.
    pub replica: NodeAddr,
    /// Its id.
    pub replica_id: NodeId,
    /// Where its new master answers.
    pub master: NodeAddr,
    /// The new master's id.
    pub master_id: NodeId,
}

/// What is done to remove nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovePlan {
    /// The nodes that go.
    pub nodes: Vec<Member>,
    /// Replicas of theirs that get another master first.
    pub rehome: Vec<Rehome>,
    /// The nodes that stay and answer: each is told to forget.
    pub tell: Vec<Host>,
    /// The nodes that stay and don't answer: they can't be told.
    pub silent: Vec<Member>,
}

/// Why nodes can't be removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoveRefusal {
    /// No such node.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It owns slots; the first sentence is redis-cli's.
    #[error("[ERR] Node {addr} is not empty! Reshard data away and try again.\n      {advice}")]
    NotEmpty {
        /// Its address.
        addr: String,
        /// What to do.
        advice: String,
        /// Whether only other nodes say so: they may be behind.
        hearsay: bool,
    },
    /// A master without slots that holds keys can't be reset.
    #[error(
        "[ERR] Node {addr} owns no slots but holds {}: it would be forgotten and could not be reset. If nobody needs them, send it FLUSHALL; else look at them with 'redis-cli -h {} -p {} --scan'",
        counted(*.keys, "key"), addr.host, addr.port
    )]
    HoldsKeys {
        /// Its address.
        addr: NodeAddr,
        /// How many.
        keys: u64,
    },
    /// Its replicas have nowhere to go.
    #[error("[ERR] {0} copies a master that is to be removed, and no other master answers: remove the replica as well")]
    NoHeir(NodeAddr),
}

impl RemovePlan {
    /// Plans to remove the nodes of these names (ids, beginnings of ids, addresses). `seed` is where the first node was
    /// asked; `keys` says how many keys the node at an address holds.
    ///
    /// # Errors
    /// [`RemoveRefusal`].
    pub fn new(
        topology: &Topology,
        seed: &NodeAddr,
        names: &[String],
        keys: impl Fn(&NodeAddr) -> u64,
    ) -> Result<Self, RemoveRefusal> {
        let all = members(topology, seed);
        let mut nodes: Vec<Member> = Vec::new();
        for name in names {
            let node = member_named(&all, name)?;
            if !nodes.contains(node) {
                may_go(node, seed, &keys)?;
                nodes.push(node.clone());
            }
        }
        Self::without(&all, nodes)
    }

    /// The removal of this master as it would be once all its slots have gone to others, to be shown beforehand.
    ///
    /// # Errors
    /// [`RemoveRefusal`].
    pub fn once_drained(topology: &Topology, seed: &NodeAddr, id: &NodeId) -> Result<Self, RemoveRefusal> {
        let all = members(topology, seed);
        let node = member_named(&all, id.as_str())?.clone();
        Self::without(&all, vec![node])
    }

    fn without(all: &[Member], nodes: Vec<Member>) -> Result<Self, RemoveRefusal> {
        let stay: Vec<&Member> = all.iter().filter(|m| !nodes.contains(m)).collect();
        let rehome = new_homes(all, &nodes, &stay)?;
        let tell = hosts(stay.iter().copied());
        let silent = stay.iter().filter(|m| m.at.is_none()).map(|m| (*m).clone()).collect();
        Ok(Self { nodes, rehome, tell, silent })
    }

    /// CLUSTER REPLICATE for each replica that gets another master.
    #[must_use]
    pub fn rehome_commands(&self) -> Vec<NodeCommand> {
        self.rehome
            .iter()
            .map(|one| NodeCommand::new(&one.replica, ["CLUSTER", "REPLICATE", one.master_id.as_str()]))
            .collect()
    }

    /// CLUSTER FORGET of each node that goes, for each that stays and answers.
    #[must_use]
    pub fn forget_commands(&self) -> Vec<NodeCommand> {
        let of = |addr: &NodeAddr| self.nodes.iter().map(|node| forget(addr, &node.id)).collect::<Vec<_>>();
        self.tell.iter().flat_map(|host| of(&host.at)).collect()
    }

    /// CLUSTER RESET for each node that goes and answers.
    #[must_use]
    pub fn reset_commands(&self) -> Vec<NodeCommand> {
        let answering = self.nodes.iter().filter_map(|node| node.at.as_ref());
        answering.map(|addr| NodeCommand::new(addr, ["CLUSTER", "RESET", "SOFT"])).collect()
    }

    /// All commands in their order.
    #[must_use]
    pub fn commands(&self) -> Vec<NodeCommand> {
        [self.rehome_commands(), self.forget_commands(), self.reset_commands()].concat()
    }
}

/// CLUSTER FORGET of this node, for the node at this address.
#[must_use]
pub fn forget(addr: &NodeAddr, id: &NodeId) -> NodeCommand {
    NodeCommand::new(addr, ["CLUSTER", "FORGET", id.as_str()])
}

fn may_go(node: &Member, seed: &NodeAddr, keys: &impl Fn(&NodeAddr) -> u64) -> Result<(), RemoveRefusal> {
    if !node.slots.is_empty() {
        let count = counted(node.slots.len(), "slot");
        let advice = match &node.at {
            Some(_) => format!("It owns {count}: 'slotctl drain {seed} {}' moves them away.", node.id),
            None => format!(
                "It does not answer and owns {count}: let a replica take over ('slotctl failover {seed} {} \
                 --force'), or have the slots repaired ('slotctl fix {seed}').",
                node.id
            ),
        };
        let hearsay = node.own_slots.as_ref().is_none_or(crate::core::slot::SlotSet::is_empty);
        return Err(RemoveRefusal::NotEmpty { addr: node.name(), advice, hearsay });
    }
    match &node.at {
        Some(addr) if node.role == Role::Master && keys(addr) > 0 => {
            Err(RemoveRefusal::HoldsKeys { addr: addr.clone(), keys: keys(addr) })
        }
        _ => Ok(()),
    }
}

/// A new master for each replica that stays, answers and copies one that goes: the one with the fewest replicas, masters
/// with slots first. Each choice counts for the next.
fn new_homes(all: &[Member], nodes: &[Member], stay: &[&Member]) -> Result<Vec<Rehome>, RemoveRefusal> {
    let mut counts = replica_counts(all);
    let living = || stay.iter().copied().filter(|m| m.is_living_master());
    let serving = living().any(|m| !m.slots.is_empty());
    let mut homes = Vec::new();
    for replica in stay {
        let goes = replica.master.as_ref().is_some_and(|master| nodes.iter().any(|node| node.id == *master));
        let (true, Some(at)) = (goes && replica.role == Role::Replica, &replica.at) else { continue };
        let heirs = living().filter(|m| !serving || !m.slots.is_empty());
        let heir = fewest_replicas(heirs, &counts, replica.addr.as_ref());
        let Some((heir, master)) = heir.and_then(|heir| Some((heir, heir.at.clone()?))) else {
            return Err(RemoveRefusal::NoHeir(at.clone()));
        };
        *counts.entry(heir.id.clone()).or_default() += 1;
        let (replica_id, master_id) = (replica.id.clone(), heir.id.clone());
        homes.push(Rehome { replica: at.clone(), replica_id, master, master_id });
    }
    Ok(homes)
}

#[cfg(test)]
#[path = "remove_tests.rs"]
mod tests;
