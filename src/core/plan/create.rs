//! The plan that makes a cluster out of empty nodes: who is master, which slots, who copies whom, which commands.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::core::capability::Capabilities;
use crate::core::plan::NodeCommand;
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
    /// Settings that are changed while the cluster is made, and put back afterwards.
    #[serde(default)]
    pub tuned: Vec<TunedSetting>,
}

impl Candidate {
    /// CLUSTER ADDSLOTSRANGE, or ADDSLOTS with every number where the server is older than 7.0.
    #[must_use]
    pub fn add_slots_command(&self, slots: SlotRange) -> NodeCommand {
        if Capabilities::of(self.version).addslots_range {
            let (first, last) = (slots.first.to_string(), slots.last.to_string());
            NodeCommand::new(&self.addr, ["CLUSTER", "ADDSLOTSRANGE", &first, &last])
        } else {
            let head = ["CLUSTER".to_owned(), "ADDSLOTS".to_owned()];
            NodeCommand::new(&self.addr, head.into_iter().chain(slots.slots().map(|s| s.to_string())))
        }
    }
}

/// A setting that is changed for the time of the creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunedSetting {
    /// The directive.
    pub name: String,
    /// Its value before, which comes back.
    pub before: String,
    /// Its value during the creation.
    pub during: String,
}

/// A master of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMaster {
    /// The node.
    pub node: Candidate,
    /// The slots it gets.
    pub slots: SlotRange,
    /// The config epoch it gets, higher than that of any replica.
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

impl CreatePlan {
    /// Plans a cluster over these nodes, `replicas` for each master; the same nodes always give the same plan.
    ///
    /// Masters are taken host by host in turn, as redis-cli does. Replicas are then paired so that as few as possible
    /// share their master's host, and among those pairings so that siblings are apart; on a single host the first
    /// replica copies the first master, the second the second, and so on. Nodes left over become further replicas.
    ///
    /// # Errors
    /// [`CreatePlanError`] when there are too few nodes, too many masters, or an address is given twice.
    pub fn new(nodes: Vec<Candidate>, replicas: usize) -> Result<Self, CreatePlanError> {
        let masters = nodes.len() / (replicas + 1);
        if masters < MIN_MASTERS {
            return Err(CreatePlanError::TooFewNodes { nodes: nodes.len(), replicas, masters });
        }
        if masters > usize::from(SLOT_COUNT) {
            return Err(CreatePlanError::TooManyMasters(masters));
        }
        for (i, node) in nodes.iter().enumerate() {
            if nodes[..i].iter().any(|other| other.addr == node.addr || other.id == node.id) {
                return Err(CreatePlanError::Twice(node.addr.clone()));
            }
        }
        let mut chosen = interleave_hosts(nodes);
        let rest = chosen.split_off(masters);
        let pairs = pair_replicas(&chosen, &rest);
        let affinity = judge_affinity(&chosen, &rest, &pairs);
        // Replicas have the lower ones. Valkey (`clusterProcessPacket`) takes a node that turns from master to replica for an
        // old message where it has heard of its new shard first and the master's epoch is lower than its own was: it then
        // sees a master there for good.
        let masters: Vec<PlannedMaster> = (rest.len() as u64 + 1..)
            .zip(chosen)
            .zip(allocate_slots(masters))
            .map(|((epoch, node), slots)| PlannedMaster { node, slots, epoch })
            .collect();
        let mut replicas: Vec<(usize, Candidate)> = pairs.into_iter().zip(rest).collect();
        replicas.sort_by_key(|(master, _)| *master);
        let replicas = (1..)
            .zip(replicas)
            .map(|(epoch, (master, node))| PlannedReplica { node, master: masters[master].node.id.clone(), epoch })
            .collect();
        Ok(Self { masters, replicas, affinity })
    }

    /// Every node of the plan, masters first.
    pub fn nodes(&self) -> impl Iterator<Item = &Candidate> {
        self.masters.iter().map(|m| &m.node).chain(self.replicas.iter().map(|r| &r.node))
    }

    /// The plan in the well-known form of redis-cli, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for m in &self.masters {
            lines.push(format!("M: {} {}", m.node.id, m.node.addr));
            lines.push(format!("   slots:[{}] ({} slots) master", m.slots, m.slots.count()));
        }
        for r in &self.replicas {
            lines.push(format!("S: {} {}", r.node.id, r.node.addr));
            lines.push(format!("   replicates {}", r.master));
        }
        lines
    }

    /// Every command that executing the plan sends, in order, with the ones that put settings back at the end.
    #[must_use]
    pub fn commands(&self) -> Vec<NodeCommand> {
        let mut commands = self.tune_commands();
        commands.extend(self.slot_commands());
        commands.extend(self.epoch_commands());
        commands.extend(self.meet_commands());
        commands.extend(self.replicate_commands());
        commands.extend(self.restore_commands());
        commands
    }

    /// CONFIG SET for the time of the creation.
    #[must_use]
    pub fn tune_commands(&self) -> Vec<NodeCommand> {
        self.config_commands(|setting| &setting.during)
    }

    /// CONFIG SET back to what was.
    #[must_use]
    pub fn restore_commands(&self) -> Vec<NodeCommand> {
        self.config_commands(|setting| &setting.before)
    }

    fn config_commands(&self, value: impl Fn(&TunedSetting) -> &String) -> Vec<NodeCommand> {
        self.nodes()
            .flat_map(|node| node.tuned.iter().map(move |setting| (node, setting)))
            .map(|(node, setting)| NodeCommand::new(&node.addr, ["CONFIG", "SET", &setting.name, value(setting)]))
            .collect()
    }

    /// The slots of every master.
    #[must_use]
    pub fn slot_commands(&self) -> Vec<NodeCommand> {
        self.masters.iter().map(|m| m.node.add_slots_command(m.slots)).collect()
    }

    /// CLUSTER SET-CONFIG-EPOCH, a number of its own for every node.
    #[must_use]
    pub fn epoch_commands(&self) -> Vec<NodeCommand> {
        let masters = self.masters.iter().map(|m| (&m.node, m.epoch));
        let replicas = self.replicas.iter().map(|r| (&r.node, r.epoch));
        masters
            .chain(replicas)
            .map(|(node, epoch)| NodeCommand::new(&node.addr, ["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]))
            .collect()
    }

    /// CLUSTER MEET for each pair of nodes: a full mesh does not wait for gossip to spread the word, and one MEET
    /// introduces both sides.
    #[must_use]
    pub fn meet_commands(&self) -> Vec<NodeCommand> {
        let nodes: Vec<&Candidate> = self.nodes().collect();
        let mut commands = Vec::new();
        for (i, node) in nodes.iter().enumerate() {
            commands.extend(nodes[..i].iter().map(|other| meet_command(node, other)));
        }
        commands
    }

    /// CLUSTER REPLICATE for every replica.
    #[must_use]
    pub fn replicate_commands(&self) -> Vec<NodeCommand> {
        self.replicas
            .iter()
            .map(|r| NodeCommand::new(&r.node.addr, ["CLUSTER", "REPLICATE", r.master.as_str()]))
            .collect()
    }
}

fn meet_command(node: &Candidate, other: &Candidate) -> NodeCommand {
    meet(&node.addr, node.version, &other.addr)
}

/// CLUSTER MEET of `other`, for the node of this version at `addr`. It names the bus port only where that is not port +
/// 10000 (servers before 4.0 take no third argument).
pub(super) fn meet(addr: &NodeAddr, version: ServerVersion, other: &NodeAddr) -> NodeCommand {
    let port = other.port.to_string();
    match other.bus_port {
        Some(bus) if Capabilities::of(version).meet_bus_port => {
            NodeCommand::new(addr, ["CLUSTER", "MEET", &other.host, &port, &bus.to_string()])
        }
        _ => NodeCommand::new(addr, ["CLUSTER", "MEET", &other.host, &port]),
    }
}

/// One node of each host in turn, hosts in the order of their first node.
fn interleave_hosts(nodes: Vec<Candidate>) -> Vec<Candidate> {
    let mut hosts: Vec<(String, VecDeque<Candidate>)> = Vec::new();
    for node in nodes {
        match hosts.iter_mut().find(|(host, _)| *host == node.addr.host) {
            Some((_, queue)) => queue.push_back(node),
            None => hosts.push((node.addr.host.clone(), VecDeque::from([node]))),
        }
    }
    let mut order = Vec::new();
    while hosts.iter().any(|(_, queue)| !queue.is_empty()) {
        order.extend(hosts.iter_mut().filter_map(|(_, queue)| queue.pop_front()));
    }
    order
}

/// For each node of `rest` the index of the master it copies. Every master gets `rest / masters` of them, the first
/// ones one more where that leaves a remainder.
fn pair_replicas(masters: &[Candidate], rest: &[Candidate]) -> Vec<usize> {
    let host = |node: &Candidate| node.addr.host.clone();
    // Place i of the replicas belongs to master i modulo M. First as many places as possible get a node from another
    // host than their master's (a maximum bipartite matching by augmenting paths, so that an early pick never costs a
    // later master its only good one); what is left fills the rest.
    let places = rest.len();
    let apart = |place: usize, node: usize| host(&masters[place % masters.len()]) != host(&rest[node]);
    let mut place_of: Vec<Option<usize>> = vec![None; rest.len()];
    for place in 0..places {
        augment(place, &apart, &mut place_of, &mut vec![false; rest.len()]);
    }
    let mut free = (0..places).filter(|p| !place_of.contains(&Some(*p))).collect::<VecDeque<_>>();
    let mut pairs: Vec<usize> =
        place_of.iter().map(|place| place.or_else(|| free.pop_front()).unwrap_or(0) % masters.len()).collect();
    in_order_where_equal(masters, rest, &mut pairs);
    part_siblings(masters, rest, &mut pairs);
    pairs
}

/// One augmenting path of the matching: gives `place` a node, moving others along where needed.
fn augment(
    place: usize,
    fits: &impl Fn(usize, usize) -> bool,
    place_of: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for node in 0..place_of.len() {
        if seen[node] || !fits(place, node) {
            continue;
        }
        seen[node] = true;
        let free = match place_of[node] {
            None => true,
            Some(other) => augment(other, fits, place_of, seen),
        };
        if free {
            place_of[node] = Some(place);
            return true;
        }
    }
    false
}

/// Among nodes of one host any order is as good: the first gets the first master, as a reader expects.
fn in_order_where_equal(masters: &[Candidate], rest: &[Candidate], pairs: &mut [usize]) {
    for a in 0..rest.len() {
        for b in a + 1..rest.len() {
            let same = rest[a].addr.host == rest[b].addr.host;
            if same && pairs[a] > pairs[b] && rest.len() <= masters.len() {
                pairs.swap(a, b);
            }
        }
    }
}

/// Swaps nodes between masters as long as that parts siblings without putting a replica beside its master.
fn part_siblings(masters: &[Candidate], rest: &[Candidate], pairs: &mut [usize]) {
    let mut best = affinity_score(masters, rest, pairs);
    let mut improved = best > 0;
    while improved {
        improved = false;
        for a in 0..rest.len() {
            for b in a + 1..rest.len() {
                if pairs[a] == pairs[b] || rest[a].addr.host == rest[b].addr.host {
                    continue;
                }
                pairs.swap(a, b);
                let score = affinity_score(masters, rest, pairs);
                if score < best {
                    best = score;
                    improved = true;
                } else {
                    pairs.swap(a, b);
                }
            }
        }
    }
}

/// redis-cli's anti-affinity score: 10000 for each replica on its master's host, 1 for each pair of siblings on one
/// host.
fn affinity_score(masters: &[Candidate], rest: &[Candidate], pairs: &[usize]) -> usize {
    let mut seen: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut score = 0;
    for (node, master) in rest.iter().zip(pairs) {
        let host = node.addr.host.as_str();
        if host == masters[*master].addr.host {
            score += 10_000;
        }
        let siblings = seen.entry((*master, host)).or_default();
        score += *siblings;
        *siblings += 1;
    }
    score
}

fn judge_affinity(masters: &[Candidate], rest: &[Candidate], pairs: &[usize]) -> Affinity {
    match affinity_score(masters, rest, pairs) {
        0 => Affinity::Perfect,
        score if score >= 10_000 => Affinity::WithMaster,
        _ => Affinity::SiblingsTogether,
    }
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
