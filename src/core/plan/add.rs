//! Adding empty nodes to a cluster: as masters without slots, or as replicas.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::core::capability::Capabilities;
use crate::core::plan::NodeCommand;
use crate::core::plan::create::{Candidate, meet};
use crate::core::plan::members::{
    Host, Member, NameError, fewest_replicas, hosts, member_named, members, replica_counts,
};
use crate::core::topology::{NodeAddr, NodeId, Role, Topology};
use crate::core::version::ServerVersion;

/// What the new nodes are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Masters without slots.
    Masters,
    /// Replicas of this master (an id, the beginning of one, an address), else each of the master with fewest replicas.
    Replicas(Option<String>),
}

/// A master that a new node is to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its id.
    pub id: NodeId,
    /// Where it answers.
    pub at: NodeAddr,
}

/// A node to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Where it answers, with its bus port where that is not port + 10000.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
    /// Its version.
    pub version: ServerVersion,
    /// The master that it is to copy; `None` for a master.
    pub master: Option<Heading>,
}

/// What is done to add nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddPlan {
    /// The new nodes.
    pub newcomers: Vec<Newcomer>,
    /// The nodes that they meet: all that answer.
    pub hosts: Vec<Host>,
    /// The cluster's nodes that do not answer: they hear of the new ones by gossip when they are back.
    pub silent: Vec<NodeAddr>,
    /// New masters that can't read keys of these nodes' versions: such keys can't be moved to them.
    pub unreadable: Vec<(NodeAddr, ServerVersion)>,
}

/// Why nodes can't be added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddRefusal {
    /// redis-cli's words.
    #[error("[ERR] No such master ID {0}")]
    NoSuchMaster(String),
    /// Several nodes answer to the name.
    #[error(transparent)]
    Ambiguous(NameError),
    /// The node of this id is no master.
    #[error("[ERR] No such master ID {0}: {1} is a replica")]
    NotAMaster(String, String),
    /// The master does not answer.
    #[error("[ERR] {0} does not answer: a replica could not copy it")]
    MasterSilent(String),
    /// No master answers.
    #[error("[ERR] no master of the cluster answers: a replica would have nothing to copy")]
    NoMaster,
    /// One node under two addresses, or given twice.
    #[error("[ERR] {0} is given twice")]
    Twice(NodeAddr),
    /// The bus speaks otherwise.
    #[error("[ERR] {0} is {1}, and the cluster's {2} is {3}: nodes before and after 4.0 don't understand each other")]
    OtherBus(NodeAddr, ServerVersion, NodeAddr, ServerVersion),
    /// A replica could not load what its master sends.
    #[error("[ERR] {0} is {1} and can't load the data of its master {2}, which is {3}: give it a newer server")]
    TooOld(NodeAddr, ServerVersion, NodeAddr, ServerVersion),
}

impl AddPlan {
    /// Plans to add these empty nodes to the cluster of the node asked at `seed`. `versions` are those of its nodes that
    /// answer, by address.
    ///
    /// # Errors
    /// [`AddRefusal`].
    pub fn new(
        topology: &Topology,
        seed: &NodeAddr,
        candidates: &[Candidate],
        versions: &BTreeMap<NodeAddr, ServerVersion>,
        wish: &Wish,
    ) -> Result<Self, AddRefusal> {
        for (i, one) in candidates.iter().enumerate() {
            if candidates[..i].iter().any(|other| other.id == one.id) {
                return Err(AddRefusal::Twice(one.addr.clone()));
            }
            let strange = versions.iter().find(|(_, version)| !Capabilities::share_a_bus(one.version, **version));
            if let Some((addr, version)) = strange {
                return Err(AddRefusal::OtherBus(one.addr.clone(), one.version, addr.clone(), *version));
            }
        }
        let mut all = members(topology, seed);
        // One that was a member and was reset is as good as any other.
        all.retain(|member| candidates.iter().all(|one| one.id != member.id));
        let newcomers = match wish {
            Wish::Masters => candidates.iter().map(|one| newcomer(one, None)).collect(),
            Wish::Replicas(name) => replicas(&all, candidates, versions, name.as_deref())?,
        };
        let silent = all.iter().filter(|m| m.at.is_none()).filter_map(|m| m.addr.clone());
        Ok(Self {
            unreadable: unreadable(&newcomers, versions),
            newcomers,
            hosts: hosts(&all),
            silent: silent.collect(),
        })
    }

    /// CLUSTER MEET of every node of the cluster, and of each new node before it, for each new node: nobody has to wait
    /// for gossip.
    #[must_use]
    pub fn meet_commands(&self) -> Vec<NodeCommand> {
        let mut commands = Vec::new();
        for (i, new) in self.newcomers.iter().enumerate() {
            let others = self.hosts.iter().map(|host| &host.addr);
            let others = others.chain(self.newcomers[..i].iter().map(|other| &other.addr));
            commands.extend(others.map(|other| meet(&new.addr, new.version, other)));
        }
        commands
    }

    /// CLUSTER REPLICATE for each new replica.
    #[must_use]
    pub fn replicate_commands(&self) -> Vec<NodeCommand> {
        let replicate = |new: &Newcomer| {
            let master = new.master.as_ref()?;
            Some(NodeCommand::new(&new.addr, ["CLUSTER", "REPLICATE", master.id.as_str()]))
        };
        self.newcomers.iter().filter_map(replicate).collect()
    }
}

fn newcomer(candidate: &Candidate, master: Option<Heading>) -> Newcomer {
    Newcomer { addr: candidate.addr.clone(), id: candidate.id.clone(), version: candidate.version, master }
}

fn replicas(
    all: &[Member],
    candidates: &[Candidate],
    versions: &BTreeMap<NodeAddr, ServerVersion>,
    name: Option<&str>,
) -> Result<Vec<Newcomer>, AddRefusal> {
    let mut counts = replica_counts(all);
    let mut newcomers = Vec::new();
    for candidate in candidates {
        let master = match name {
            Some(name) => named_master(all, name)?,
            None => fewest_replicas(all.iter().filter(|m| m.is_living_master()), &counts, Some(&candidate.addr))
                .ok_or(AddRefusal::NoMaster)?,
        };
        let at = master.at.clone().ok_or_else(|| AddRefusal::MasterSilent(master.name()))?;
        if let Some(version) = versions.get(&at)
            && !Capabilities::can_read(candidate.version, *version)
        {
            return Err(AddRefusal::TooOld(candidate.addr.clone(), candidate.version, at, *version));
        }
        *counts.entry(master.id.clone()).or_default() += 1;
        newcomers.push(newcomer(candidate, Some(Heading { id: master.id.clone(), at })));
    }
    Ok(newcomers)
}

fn named_master<'a>(all: &'a [Member], name: &str) -> Result<&'a Member, AddRefusal> {
    let member = member_named(all, name).map_err(|why| match why {
        NameError::Unknown(name) => AddRefusal::NoSuchMaster(name),
        ambiguous @ NameError::Ambiguous(..) => AddRefusal::Ambiguous(ambiguous),
    })?;
    if member.role == Role::Master { Ok(member) } else { Err(AddRefusal::NotAMaster(name.to_owned(), member.name())) }
}

fn unreadable(newcomers: &[Newcomer], versions: &BTreeMap<NodeAddr, ServerVersion>) -> Vec<(NodeAddr, ServerVersion)> {
    let newest = |new: &Newcomer| {
        let beyond = versions.values().filter(|version| !Capabilities::can_read(new.version, **version));
        beyond.max_by_key(|version| version.numbers()).map(|version| (new.addr.clone(), *version))
    };
    newcomers.iter().filter(|new| new.master.is_none()).filter_map(newest).collect()
}

#[cfg(test)]
#[path = "add_tests.rs"]
mod tests;
