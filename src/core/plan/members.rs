//! Who belongs to a cluster, by all views: adding and removing nodes are planned from it.
//!
//! A view may name nodes that have left: they were reset, or are in another cluster by now, perhaps at an address that
//! leads there. So a node that answers is a member where it and the asked node know each other; one that does not answer
//! is a member where a member knows it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::core::slot::SlotSet;
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology, View};

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Where it answered as a member; `None` where it did not answer, or has left already.
    pub at: Option<NodeAddr>,
    /// Where the other nodes find it; `None` where no view has an address.
    pub addr: Option<NodeAddr>,
    /// Its role: its own word, else the newest that others know.
    pub role: Role,
    /// The master that it copies.
    pub master: Option<NodeId>,
    /// Slots that any view gives it: a view may be behind.
    pub slots: SlotSet,
    /// Slots that it claims itself, where it answers.
    pub own_slots: Option<SlotSet>,
    /// Whether some view calls it failed.
    pub failed: bool,
}

impl Member {
    /// Its address for people: where it answered, else where it should be, else its id.
    #[must_use]
    pub fn name(&self) -> String {
        match self.at.as_ref().or(self.addr.as_ref()) {
            Some(addr) => addr.to_string(),
            None => self.id.to_string(),
        }
    }

    /// Whether it is a master that others can copy now.
    #[must_use]
    pub fn is_living_master(&self) -> bool {
        self.role == Role::Master && self.at.is_some() && !self.failed
    }
}

/// A member that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its id.
    pub id: NodeId,
    /// Where it answered us.
    pub at: NodeAddr,
    /// Where the other nodes find it.
    pub addr: NodeAddr,
}

/// The members that answer.
pub fn hosts<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<Host> {
    let host = |m: &Member| Some(Host { id: m.id.clone(), at: m.at.clone()?, addr: m.addr.clone()? });
    members.into_iter().filter_map(host).collect()
}

/// Why a name names no member.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// redis-cli's words.
    #[error("[ERR] No such node ID {0}")]
    Unknown(String),
    /// Several nodes answer to it.
    #[error("[ERR] More than one node answers to {0}, name one by its id: {ids}", ids = ids(.1))]
    Ambiguous(String, Vec<NodeId>),
}

fn ids(list: &[NodeId]) -> String {
    list.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

/// The members by id; empty where the asked node did not answer.
#[must_use]
pub fn members(topology: &Topology, seed: &NodeAddr) -> Vec<Member> {
    let Some(first) = topology.views.get(seed) else { return Vec::new() };
    let mutual: BTreeMap<&NodeId, (&NodeAddr, &View)> = topology
        .views
        .iter()
        .filter(|(_, view)| knows_each_other(first, view))
        .map(|(addr, view)| (&view.myself, (addr, view.as_ref())))
        .collect();
    let mut ids: BTreeSet<&NodeId> = mutual.keys().copied().collect();
    let named = mutual.values().flat_map(|(_, view)| view.nodes.values());
    ids.extend(named.filter(|node| !node.flags.handshake).map(|node| &node.id));
    ids.into_iter().filter_map(|id| member(id, &mutual)).collect()
}

fn knows_each_other(one: &View, other: &View) -> bool {
    one.myself == other.myself || (one.nodes.contains_key(&other.myself) && other.nodes.contains_key(&one.myself))
}

fn member(id: &NodeId, mutual: &BTreeMap<&NodeId, (&NodeAddr, &View)>) -> Option<Member> {
    let own = mutual.get(id).copied();
    let others = || mutual.values().filter(|(_, view)| view.myself != *id).filter_map(|(_, view)| view.nodes.get(id));
    let me: Option<&Node> = own.and_then(|(_, view)| view.me());
    let told = me.or_else(|| others().max_by_key(|node| (node.epoch, Reverse(node.flags.fail))))?;
    let mut slots = told.slots.clone();
    others().for_each(|node| slots.union_with(&node.slots));
    let address = |node: &Node| node.addr.clone().filter(|addr| !addr.host.is_empty());
    let addr = others().find_map(address).or_else(|| address(told)).or_else(|| own.map(|(at, _)| at.clone()));
    Some(Member {
        id: id.clone(),
        at: own.map(|(at, _)| at.clone()),
        addr,
        role: told.role,
        master: told.master.clone(),
        slots,
        own_slots: me.map(|node| node.slots.clone()),
        failed: others().any(|node| node.flags.fail),
    })
}

/// The member of this id, of an id that begins so and is the only one, or at this address.
///
/// # Errors
/// [`NameError`].
pub fn member_named<'a>(members: &'a [Member], name: &str) -> Result<&'a Member, NameError> {
    let wanted = name.to_ascii_lowercase();
    let hits: Vec<&Member> = match name.parse::<NodeAddr>() {
        Ok(addr) => {
            let at = |m: &&Member| [&m.at, &m.addr].into_iter().flatten().any(|known| known.same_place(&addr));
            members.iter().filter(at).collect()
        }
        Err(_) => members.iter().filter(|m| !wanted.is_empty() && m.id.as_str().starts_with(&wanted)).collect(),
    };
    match hits.as_slice() {
        [one] => Ok(one),
        [] => Err(NameError::Unknown(name.to_owned())),
        several => Err(NameError::Ambiguous(name.to_owned(), several.iter().map(|m| m.id.clone()).collect())),
    }
}

/// How many replicas each master has, by the replicas' own word or the newest known of them.
#[must_use]
pub fn replica_counts(members: &[Member]) -> BTreeMap<NodeId, usize> {
    let mut counts = BTreeMap::new();
    for master in members.iter().filter_map(|m| m.master.as_ref()) {
        *counts.entry(master.clone()).or_default() += 1;
    }
    counts
}

/// Of these masters the one with the fewest replicas; of several such one on another host than the replica, then the
/// first by address.
#[must_use]
pub fn fewest_replicas<'a>(
    masters: impl Iterator<Item = &'a Member>,
    counts: &BTreeMap<NodeId, usize>,
    replica: Option<&NodeAddr>,
) -> Option<&'a Member> {
    let host = |m: &Member| m.addr.as_ref().map(|addr| addr.host.clone());
    masters.min_by_key(|m| {
        let shares_host = replica.is_some_and(|replica| host(m).as_ref() == Some(&replica.host));
        (counts.get(&m.id).copied().unwrap_or_default(), shares_host, m.at.clone(), m.id.clone())
    })
}

#[cfg(test)]
#[path = "members_tests.rs"]
pub(in crate::core::plan) mod tests;
