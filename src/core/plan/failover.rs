//! Failovers on request: which replica takes which master's slots, in which of the server's three ways, and why.
//!
//! The server knows three (`clusterCommand` and `clusterHandleSlaveFailover` in cluster.c, the same from Redis 3.0 to
//! 8.x and in Valkey):
//!
//! * `CLUSTER FAILOVER`: the master holds its clients back until the replica has everything, then the masters vote.
//!   Nothing is lost. Needs the master, the replica's link to it, and a majority.
//! * `CLUSTER FAILOVER FORCE`: the master is not asked; the masters vote. Needs a majority.
//! * `CLUSTER FAILOVER TAKEOVER`: nobody is asked; the replica raises its own configuration epoch and claims the slots.
//!
//! "OK" only means that the server will try: whoever sends the command has to look for the outcome.

use std::cmp::Reverse;
use std::fmt;

use thiserror::Error;

use super::NodeCommand;
use crate::core::count::counted;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId, Role};

/// What a failover is planned from: a node as it is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNow {
    /// Where it listens.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
    /// Its role.
    pub role: Role,
    /// The master it copies.
    pub master: Option<NodeId>,
    /// The slots it owns.
    pub slots: SlotSet,
    /// Its configuration epoch; for a replica, its master's.
    pub epoch: u64,
    /// Whether it answers us.
    pub answers: bool,
    /// Whether the cluster calls it failed.
    pub failed: bool,
    /// For a replica: whether its link to the master is up.
    pub link_up: Option<bool>,
    /// Its replication offset, bytes: for a replica, how far it has copied.
    pub offset: Option<u64>,
    /// For a replica: seconds since it last heard its master.
    pub silent_secs: Option<u64>,
    /// For a replica: whether it has had no link to its master since it started.
    pub never_linked: bool,
    /// Whether it is of a build whose nodes do not hear each other's votes.
    pub deaf: bool,
}

impl NodeNow {
    /// Whether it serves: it answers, and the cluster does not call it failed.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.answers && !self.failed
    }

    fn is_serving_master(&self) -> bool {
        self.role == Role::Master && !self.slots.is_empty()
    }
}

/// The server's three ways, from the gentlest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailoverMode {
    /// With the master's help: no write is lost.
    Plain,
    /// Without the master, by vote.
    Force,
    /// Without the master and without a vote.
    Takeover,
}

impl FailoverMode {
    /// All of them, the gentlest first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Force, Self::Takeover];

    /// `plain`, `force` or `takeover`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Force => "force",
            Self::Takeover => "takeover",
        }
    }

    /// The words of the command.
    #[must_use]
    pub fn command(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &["CLUSTER", "FAILOVER"],
            Self::Force => &["CLUSTER", "FAILOVER", "FORCE"],
            Self::Takeover => &["CLUSTER", "FAILOVER", "TAKEOVER"],
        }
    }
}

/// The masters that can vote, of those that count. A majority counts every master with slots, the lost ones too
/// (`clusterUpdateState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Votes {
    /// Masters that serve.
    pub can: usize,
    /// Masters with slots.
    pub of: usize,
}

impl Votes {
    fn among(nodes: &[NodeNow]) -> Self {
        let masters = || nodes.iter().filter(|n| n.is_serving_master());
        Self { can: masters().filter(|n| n.is_alive()).count(), of: masters().count() }
    }

    /// How many votes elect.
    #[must_use]
    pub fn needed(self) -> usize {
        self.of / 2 + 1
    }

    /// Whether an election can be won.
    #[must_use]
    pub fn suffice(self) -> bool {
        self.can >= self.needed()
    }
}

/// Why just this mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The master serves: it can help.
    MasterServes,
    /// The master is lost, and the others can vote.
    MasterLost,
    /// Too few masters are left for a vote.
    NoMajority(Votes),
    /// The nodes of this build never elect a master, most likely because votes do not reach them.
    Deaf,
    /// The person asked for it.
    Asked,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MasterServes => f.write_str("the master answers and can help"),
            Self::MasterLost => f.write_str("the master is lost, and enough masters are left to vote"),
            Self::NoMajority(votes) => write!(
                f,
                "only {} of {} masters can vote and {} would be needed: the cluster can't elect a master by itself",
                votes.can,
                votes.of,
                votes.needed()
            ),
            Self::Deaf => f.write_str("the nodes of this server build never elect a new master"),
            Self::Asked => f.write_str("as asked for"),
        }
    }
}

/// What the person should know before saying yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The master holds its clients back until the replica has everything.
    NothingLost,
    /// The masters vote; the old master is not asked.
    Voted,
    /// Nobody votes: the replica raises its epoch by itself.
    NoVotes,
    /// Writes that the replica did not get are lost; how many bytes it is behind, where that is known.
    MayLose(Option<u64>),
    /// The master that is replaced serves: what is written to it meanwhile is lost.
    MasterStillServes,
    /// The replica has copied nothing since it started.
    NothingCopied,
    /// The cluster would do it by itself before long.
    ComesByItself,
    /// The old master follows the new one when it is back.
    OldMasterFollows,
}

impl Meaning {
    /// Whether it is about what can be lost.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::NoVotes | Self::MayLose(_) | Self::MasterStillServes | Self::NothingCopied)
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLost => f.write_str(
                "The master holds its clients back until the replica has everything: no write is lost, and clients wait for a moment.",
            ),
            Self::Voted => f.write_str("The masters vote for the replica; the old master is not asked."),
            Self::NoVotes => f.write_str(
                "Nobody votes: the replica raises its own epoch and claims the slots. Where another replica was promoted unseen, one of the two loses what was written to it.",
            ),
            Self::MayLose(None) => f.write_str("Writes that did not reach the replica are lost."),
            Self::MayLose(Some(bytes)) => {
                write!(f, "Writes that did not reach the replica are lost: it was {} behind when last seen.", counted(*bytes, "byte"))
            }
            Self::MasterStillServes => f.write_str(
                "The old master still serves: what is written to it until it hears of its successor is lost.",
            ),
            Self::NothingCopied => f.write_str(
                "The replica has copied nothing from its master since it started: it may hold nothing, or old data.",
            ),
            Self::ComesByItself => {
                f.write_str("The cluster would promote a replica by itself when its node timeout is over.")
            }
            Self::OldMasterFollows => {
                f.write_str("The old master becomes a replica of the new one, or will when it is back.")
            }
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No such node.
    #[error("{0} is no node of this cluster")]
    Unknown(String),
    /// It is a master.
    #[error("{0} is a master, not a replica: name one of its replicas")]
    NotAReplica(NodeAddr),
    /// It follows a node that nobody knows, or one without slots.
    #[error("{0} is no replica of a master with slots: there is nothing to take over")]
    NothingToTake(NodeAddr),
    /// It does not answer, or is failed.
    #[error("replica {0} does not answer: it can't take over")]
    ReplicaSilent(NodeAddr),
    /// The master has no replica that could.
    #[error("master {0} has no replica that answers: start one of its nodes again")]
    NoCandidate(NodeAddr),
    /// A plain failover needs the master.
    #[error("master {0} does not serve: a plain failover needs it; force or takeover does without")]
    MasterLost(NodeAddr),
    /// A plain failover needs the link.
    #[error("replica {0} has no link to its master {1}: a plain failover needs it; wait, or use force or takeover")]
    LinkDown(NodeAddr, NodeAddr),
    /// A vote needs a majority.
    #[error("only {} of {} masters can vote and {} are needed: only a takeover works", .0.can, .0.of, .0.needed())]
    NoMajority(Votes),
    /// A vote needs ears.
    #[error("the nodes of this server build never elect a new master: only a takeover works")]
    Deaf,
    /// No master is lost.
    #[error("no master is lost")]
    NothingLost,
    /// The cluster is not what the plan was made from.
    #[error("the cluster has changed since the plan was made ({0}): look again")]
    Stale(String),
}

/// A replica that takes its master's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverPlan {
    /// The node that takes over: it gets the command.
    pub replica: NodeAddr,
    /// Its id.
    pub replica_id: NodeId,
    /// The master that it replaces.
    pub master: NodeAddr,
    /// The master's id.
    pub master_id: NodeId,
    /// What is taken over.
    pub slots: SlotSet,
    /// The configuration epoch that this was planned from: it grows with every failover.
    pub epoch: u64,
    /// How.
    pub mode: FailoverMode,
    /// The mode that was asked for; `None` where the plan was to choose.
    pub wish: Option<FailoverMode>,
    /// Why so.
    pub why: Why,
    /// Bytes that the replica is behind its master, where both offsets are known.
    pub behind: Option<u64>,
    /// What the person should know.
    pub meaning: Vec<Meaning>,
}

impl FailoverPlan {
    /// The one command of the plan.
    #[must_use]
    pub fn command(&self) -> NodeCommand {
        NodeCommand::new(&self.replica, self.mode.command().iter().copied())
    }

    /// Whether the plan would be the same now.
    ///
    /// # Errors
    /// [`Refusal::Stale`] with what is different.
    pub fn still_holds(&self, nodes: &[NodeNow]) -> Result<(), Refusal> {
        let stale = |what: String| Err(Refusal::Stale(what));
        // That a build is deaf may be known from its program, which its nodes do not tell.
        let deaf = self.why == Why::Deaf;
        let nodes: Vec<NodeNow> = nodes.iter().map(|n| NodeNow { deaf: n.deaf || deaf, ..n.clone() }).collect();
        let now = match plan(&nodes, &self.replica_id, self.wish) {
            Ok(now) => now,
            Err(why) => return stale(why.to_string()),
        };
        if now.master_id != self.master_id {
            return stale(format!("{} follows {} now", self.replica, now.master));
        }
        if now.epoch != self.epoch {
            return stale(format!("the epoch of {} is {} instead of {}", self.master, now.epoch, self.epoch));
        }
        if now.mode != self.mode {
            return stale(now.why.to_string());
        }
        if now.slots != self.slots {
            return stale(format!("{} owns other slots", self.master));
        }
        Ok(())
    }
}

/// Plans that this replica takes over from its master. `wish` is the mode that a person asked for; without one the
/// gentlest that can work is taken.
///
/// # Errors
/// Why it can't be.
pub fn plan(nodes: &[NodeNow], replica: &NodeId, wish: Option<FailoverMode>) -> Result<FailoverPlan, Refusal> {
    let by_id = |id: &NodeId| nodes.iter().find(|n| n.id == *id);
    let replica = by_id(replica).ok_or_else(|| Refusal::Unknown(replica.to_string()))?;
    if replica.role != Role::Replica {
        return Err(Refusal::NotAReplica(replica.addr.clone()));
    }
    let master = replica.master.as_ref().and_then(by_id).filter(|m| m.is_serving_master());
    let master = master.ok_or_else(|| Refusal::NothingToTake(replica.addr.clone()))?;
    if !replica.answers {
        return Err(Refusal::ReplicaSilent(replica.addr.clone()));
    }
    let votes = Votes::among(nodes);
    let (mode, why) = match wish {
        Some(mode) => (mode, Why::Asked),
        None if replica.deaf => (FailoverMode::Takeover, Why::Deaf),
        None if !votes.suffice() => (FailoverMode::Takeover, Why::NoMajority(votes)),
        None if master.is_alive() => (FailoverMode::Plain, Why::MasterServes),
        None => (FailoverMode::Force, Why::MasterLost),
    };
    if mode == FailoverMode::Plain && !master.is_alive() {
        return Err(Refusal::MasterLost(master.addr.clone()));
    }
    if mode != FailoverMode::Takeover && replica.deaf {
        return Err(Refusal::Deaf);
    }
    if mode != FailoverMode::Takeover && !votes.suffice() {
        return Err(Refusal::NoMajority(votes));
    }
    if mode == FailoverMode::Plain && replica.link_up == Some(false) {
        return Err(Refusal::LinkDown(replica.addr.clone(), master.addr.clone()));
    }
    let behind = master.offset.zip(replica.offset).map(|(master, mine)| master.saturating_sub(mine));
    Ok(FailoverPlan {
        replica: replica.addr.clone(),
        replica_id: replica.id.clone(),
        master: master.addr.clone(),
        master_id: master.id.clone(),
        slots: master.slots.clone(),
        epoch: master.epoch,
        mode,
        wish,
        why,
        behind,
        meaning: meaning(mode, master, replica, behind, votes),
    })
}

fn meaning(mode: FailoverMode, master: &NodeNow, replica: &NodeNow, behind: Option<u64>, votes: Votes) -> Vec<Meaning> {
    let mut list = match mode {
        FailoverMode::Plain => vec![Meaning::NothingLost],
        FailoverMode::Force => vec![Meaning::Voted, Meaning::MayLose(behind)],
        FailoverMode::Takeover => vec![Meaning::NoVotes, Meaning::MayLose(behind)],
    };
    if mode != FailoverMode::Plain && master.is_alive() {
        list.push(Meaning::MasterStillServes);
    }
    if replica.never_linked {
        list.push(Meaning::NothingCopied);
    }
    if !master.is_alive() && votes.suffice() && !replica.deaf {
        list.push(Meaning::ComesByItself);
    }
    list.push(Meaning::OldMasterFollows);
    list
}

/// The replicas of a master that answer, the best first: who has copied furthest, then who heard the master last.
#[must_use]
pub fn candidates<'a>(nodes: &'a [NodeNow], master: &NodeId) -> Vec<&'a NodeNow> {
    let mut list: Vec<&NodeNow> =
        nodes.iter().filter(|n| n.role == Role::Replica && n.master.as_ref() == Some(master) && n.answers).collect();
    list.sort_by_key(|n| {
        (
            n.failed,
            n.never_linked,
            Reverse(n.offset),
            n.link_up != Some(true),
            n.silent_secs.unwrap_or(u64::MAX),
            n.addr.clone(),
        )
    });
    list
}

/// Plans that the best replica of this master takes over.
///
/// # Errors
/// Why none can: of several reasons, the best replica's.
pub fn plan_for_master(
    nodes: &[NodeNow],
    master: &NodeId,
    wish: Option<FailoverMode>,
) -> Result<FailoverPlan, Refusal> {
    let Some(node) = nodes.iter().find(|n| n.id == *master) else { return Err(Refusal::Unknown(master.to_string())) };
    if !node.is_serving_master() {
        return Err(Refusal::NothingToTake(node.addr.clone()));
    }
    let mut first = None;
    for candidate in candidates(nodes, master) {
        match plan(nodes, &candidate.id, wish) {
            Ok(plan) => return Ok(plan),
            Err(why) => first = first.or(Some(why)),
        }
    }
    Err(first.unwrap_or_else(|| Refusal::NoCandidate(node.addr.clone())))
}

/// Plans by any node: a replica takes over itself, a master is replaced by its best replica.
///
/// # Errors
/// Why it can't be.
pub fn plan_for_node(nodes: &[NodeNow], node: &NodeId, wish: Option<FailoverMode>) -> Result<FailoverPlan, Refusal> {
    match nodes.iter().find(|n| n.id == *node) {
        Some(found) if found.role == Role::Master => plan_for_master(nodes, node, wish),
        _ => plan(nodes, node, wish),
    }
}

/// The masters with slots that do not serve, in address order.
#[must_use]
pub fn lost_masters(nodes: &[NodeNow]) -> Vec<&NodeNow> {
    let mut lost: Vec<&NodeNow> = nodes.iter().filter(|n| n.is_serving_master() && !n.is_alive()).collect();
    lost.sort_by(|a, b| a.addr.cmp(&b.addr));
    lost
}

/// Plans for every lost master: its best replica takes over.
#[must_use]
pub fn plan_for_lost(nodes: &[NodeNow], wish: Option<FailoverMode>) -> Vec<Result<FailoverPlan, Refusal>> {
    lost_masters(nodes).into_iter().map(|master| plan_for_master(nodes, &master.id, wish)).collect()
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;
