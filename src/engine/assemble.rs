//! From the nodes' last answers to what the frontends show: a pure function. It keeps the last good values of nodes that
//! do not answer, and says how old they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::check::{Finding, check, unserved};
use crate::core::history::{Counters, Metric, Rates, rates};
use crate::core::nodes::{Alike, Nodes, alike};
use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology, View, slot_owner};

use super::figures::{counters, settings};
use super::gather::Answer;
use super::migrate::RunningTask;
use super::poll::Asked;
use super::slot_figures::{OpenSlot, SlotStates};
use super::snapshot::{
    Health, NO_OWNER, NodeStats, NodeView, Phase, ProcessState, ProcessView, Reach, Setting, Standing,
};

/// What is known of one node: its last answer, when that was, and what went wrong since.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The last good answer.
    pub answer: Option<Arc<Answer>>,
    /// When it came.
    pub at: Option<SystemTime>,
    /// When its view was told: with the answer, or before it where a cluster is too large to ask for every view each time.
    pub viewed: Option<SystemTime>,
    /// When its view was last found to say something else than before.
    pub changed: Option<SystemTime>,
    /// What happened the last time, if that was no answer.
    pub error: Option<String>,
    /// The counters of the last answer.
    pub counters: Option<Counters>,
    /// What the last two answers of one connection say of the time between them.
    pub rates: Option<Rates>,
    /// The settings that the last answer tells.
    pub settings: Arc<[Setting]>,
    /// What its server moved by itself when it was last asked.
    pub under_way: Vec<RunningTask>,
}

impl Known {
    /// Takes an answer in that came so.
    pub fn answered(&mut self, answer: Arc<Answer>, at: SystemTime, asked: Asked) {
        let now = counters(&answer.info, at, asked);
        let rates = self.counters.as_ref().and_then(|before| rates(before, &now));
        let told = settings(&answer.info);
        let settings = if *self.settings == *told { self.settings.clone() } else { told.into() };
        let viewed = Some(asked.viewed.unwrap_or(at));
        let before = self.answer.as_ref().map(|before| &before.view.nodes);
        let differs = before.is_some_and(|before| says_otherwise(before, &answer.view.nodes));
        self.changed = if differs { viewed } else { self.changed };
        (self.at, self.viewed, self.error) = (Some(at), viewed, None);
        (self.answer, self.counters) = (Some(answer), Some(now));
        (self.rates, self.settings) = (rates, settings);
    }

    /// Whether its view is older than its figures.
    fn is_old_view(&self) -> bool {
        self.viewed.is_some() && self.viewed < self.at
    }
}

/// Whether two looks at the nodes differ in more than links, which come and go.
fn says_otherwise(before: &Nodes, now: &Nodes) -> bool {
    if before.is_same(now) {
        return false;
    }
    let alike = |(a, b): (&Node, &Node)| {
        a.id == b.id
            && (a.role, a.flags, a.epoch) == (b.role, b.flags, b.epoch)
            && (&a.master, &a.slots, &a.addr) == (&b.master, &b.slots, &b.addr)
            && (&a.migrating, &a.importing) == (&b.migrating, &b.importing)
    };
    let same = before.len() == now.len() && before.values().zip(now.values()).all(alike);
    !same
}

/// Which shard a node belongs to, by id; kept from one assembly to the next so that colours stay.
pub type Shards = BTreeMap<NodeId, usize>;

/// What comes out.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// The nodes, in address order.
    pub nodes: Vec<NodeView>,
    /// Owner index by slot.
    pub slot_owner: Vec<u16>,
    /// What each node says, as far as it answered the last time.
    pub topology: Arc<Topology>,
    /// Slots that move or are disputed.
    pub slot_states: Arc<SlotStates>,
    /// The check's findings.
    pub findings: Vec<Finding>,
    /// The one line.
    pub health: Health,
}

impl Assembled {
    /// Takes slots that a program is moving just now out of what is wrong: they are open on purpose, and for a moment
    /// nodes differ about them.
    pub fn pardon(&mut self, moving: &SlotSet) {
        if moving.is_empty() {
            return;
        }
        let differ = !self.slot_states.disagreed.difference(moving).is_empty();
        self.findings.retain_mut(|finding| match finding {
            Finding::OpenSlots { slots, .. } | Finding::Disputed { slots, .. } => {
                *slots = slots.difference(moving);
                !slots.is_empty()
            }
            Finding::SlotsDisagree(_) => differ,
            _ => true,
        });
        if self.health == Health::Degraded && !self.findings.iter().any(Finding::is_error) {
            self.health = Health::Ok;
        }
    }
}

/// Assembles. `processes` holds the nodes that were launched here; others count as external.
#[must_use]
pub fn assemble(
    known: &BTreeMap<NodeAddr, Known>,
    processes: &BTreeMap<NodeAddr, ProcessView>,
    phase: Phase,
    shards: &mut Shards,
) -> Assembled {
    let topology = fresh_topology(known);
    let remembered = remembered_topology(known, &topology);
    let remembered_nodes = remembered.nodes();
    update_shards(&remembered_nodes, shards);
    let picture = Picture {
        known,
        processes,
        fresh: &topology,
        opinions: topology.opinions(),
        remembered: alike(remembered.views.values().map(|view| (&view.nodes, ()))),
        standings: standings(&topology),
        shards,
    };
    let addrs = addresses(known, processes, &topology, &remembered_nodes);
    let nodes = addrs.into_iter().map(|addr| picture.node_view(&addr)).collect();
    let nodes = with_lag(nodes, known);
    let slot_owner = owner_indices(&remembered_nodes, &nodes);
    let (findings, health) = judge(known, &topology, phase, !processes.is_empty());
    let mut slot_states = slot_states(&topology);
    add_under_way(&mut slot_states, known);
    let slot_states = Arc::new(slot_states);
    Assembled { nodes, slot_owner, topology: Arc::new(topology), slot_states, findings, health }
}

/// Only the views of nodes that answered the last time.
fn fresh_topology(known: &BTreeMap<NodeAddr, Known>) -> Topology {
    let mut topology = Topology::default();
    for (addr, k) in known {
        match (&k.error, &k.answer) {
            (None, Some(answer)) => drop(topology.views.insert(addr.clone(), answer.view.clone())),
            (Some(error), _) => drop(topology.unreachable.insert(addr.clone(), error.clone())),
            (None, None) => {}
        }
    }
    let changed = known.values().filter_map(|k| k.changed).max();
    let dated = known.iter().filter(|(_, k)| k.error.is_none() && k.is_old_view() && k.viewed < changed);
    topology.dated = dated.map(|(addr, _)| addr.clone()).collect();
    topology
}

/// The views to read roles and slots from: fresh ones where there are any, else the last good ones, so that a cluster
/// that is gone is still shown as it was.
fn remembered_topology(known: &BTreeMap<NodeAddr, Known>, fresh: &Topology) -> Topology {
    if !fresh.views.is_empty() {
        return fresh.clone();
    }
    let views = known.iter().filter_map(|(addr, k)| Some((addr.clone(), k.answer.as_ref()?.view.clone()))).collect();
    Topology { views, unreachable: fresh.unreachable.clone(), ..Topology::default() }
}

/// Every address to show: those asked, those launched, and those that only the cluster knows.
fn addresses(
    known: &BTreeMap<NodeAddr, Known>,
    processes: &BTreeMap<NodeAddr, ProcessView>,
    fresh: &Topology,
    remembered: &BTreeMap<NodeId, Node>,
) -> Vec<NodeAddr> {
    let mut addrs: Vec<NodeAddr> = known.keys().chain(processes.keys()).cloned().collect();
    let own: BTreeSet<&NodeId> = fresh.views.values().map(|view| &view.myself).collect();
    // Where anybody answered, what is remembered is what they said.
    for node in remembered.values().filter(|_| !fresh.views.is_empty()) {
        if let (Some(addr), false) = (&node.addr, own.contains(&node.id))
            && !addr.host.is_empty()
            && !addrs.iter().any(|a| a.same_place(addr))
        {
            addrs.push(addr.clone());
        }
    }
    addrs.sort();
    addrs.dedup();
    addrs
}

/// What a node's view is made from.
struct Picture<'a> {
    known: &'a BTreeMap<NodeAddr, Known>,
    processes: &'a BTreeMap<NodeAddr, ProcessView>,
    fresh: &'a Topology,
    opinions: Vec<Alike<'a, (&'a NodeAddr, &'a View)>>,
    remembered: Vec<Alike<'a, ()>>,
    standings: BTreeMap<&'a NodeId, Standing>,
    shards: &'a Shards,
}

impl Picture<'_> {
    fn node_view(&self, addr: &NodeAddr) -> NodeView {
        let k = self.known.get(addr);
        let answer = k.and_then(|k| k.answer.as_deref());
        let id = answer.map(|a| a.view.myself.clone()).or_else(|| self.id_at(addr));
        let node = id.as_ref().and_then(|id| self.authoritative(id, addr, answer.map(|a| &*a.view)));
        let stopped_or_external = ProcessView { state: ProcessState::External, log_tail: Arc::default() };
        NodeView {
            addr: addr.clone(),
            role: node.map(|n| n.role),
            master: node.and_then(|n| n.master.clone()),
            shard: id.as_ref().and_then(|id| self.shards.get(id).copied()),
            slots: node.map(|n| n.slots.clone()).unwrap_or_default(),
            epoch: node.map_or(0, |n| n.epoch),
            standing: id.as_ref().and_then(|id| self.standings.get(id).copied()).unwrap_or_default(),
            reach: reach(k),
            viewed: k.filter(|k| k.is_old_view()).and_then(|k| k.viewed),
            stats: answer.map(|answer| stats(answer, k.and_then(|k| k.rates.as_ref()))),
            settings: k.map(|k| k.settings.clone()).unwrap_or_default(),
            process: self.processes.get(addr).cloned().unwrap_or(stopped_or_external),
            id,
        }
    }

    /// The node as it sees itself if it answers; as the others see it if it does not; as it last saw itself if nobody
    /// answers.
    fn authoritative<'b>(&'b self, id: &NodeId, addr: &NodeAddr, last: Option<&'b View>) -> Option<&'b Node> {
        if let Some(me) = self.fresh.views.get(addr).and_then(|view| view.me()) {
            return Some(me);
        }
        let others = self.opinions.iter().filter_map(|opinion| opinion.nodes.get(id));
        others.max_by_key(|node| node.epoch).or_else(|| last.and_then(View::me))
    }

    fn id_at(&self, addr: &NodeAddr) -> Option<NodeId> {
        let at = |node: &&Node| node.addr.as_ref().is_some_and(|a| a.same_place(addr));
        self.remembered.iter().flat_map(|alike| alike.nodes.values()).find(at).map(|node| node.id.clone())
    }
}

/// The worst that another node says of each node that somebody complains about. A node that is called failed is cut off:
/// whom it suspects in turn it only does not see.
fn standings(fresh: &Topology) -> BTreeMap<&NodeId, Standing> {
    let opinions = fresh.opinions();
    let all = || opinions.iter().flat_map(|opinion| opinion.nodes.values());
    let failed: BTreeSet<&NodeId> = all().filter(|node| node.flags.fail).map(|node| &node.id).collect();
    let mut worst = BTreeMap::new();
    for opinion in &opinions {
        // What only one node says is no complaint about itself.
        let only = if let [(_, view)] = *opinion.of { Some(&view.myself) } else { None };
        let cut_off = opinion.of.iter().all(|(_, view)| failed.contains(&view.myself));
        for node in opinion.nodes.values().filter(|node| only != Some(&node.id)) {
            let standing = match node.flags {
                f if f.fail => Standing::Failed,
                f if f.pfail && !cut_off => Standing::Suspected,
                f if f.handshake => Standing::Joining,
                _ => continue,
            };
            let entry = worst.entry(&node.id).or_insert(standing);
            *entry = standing.max(*entry);
        }
    }
    worst
}

fn reach(known: Option<&Known>) -> Reach {
    let Some(known) = known else { return Reach::Unknown };
    match (&known.error, known.at) {
        (None, Some(_)) => Reach::Live,
        (None, None) => Reach::Unknown,
        (Some(error), Some(since)) => Reach::Stale { since, error: error.clone() },
        (Some(error), None) => Reach::Never { error: error.clone() },
    }
}

fn stats(answer: &Answer, rates: Option<&Rates>) -> NodeStats {
    let facts = answer.facts();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is never negative")]
    let ops = rates.and_then(|rates| rates.sample.get(Metric::Ops)).map(|ops| ops.round() as u64);
    NodeStats {
        keys: facts.keys,
        used_memory: facts.used_memory,
        ops_per_sec: ops.unwrap_or(facts.ops_per_sec),
        clients: facts.clients,
        link_up: answer.health.link_up,
        lag_bytes: None,
        repl_offset: facts.copied.or(facts.written),
        lag_secs: facts.silent_secs,
        never_linked: facts.never_linked,
        state_ok: answer.health.state_ok.unwrap_or(false),
        version: facts.version,
        build: facts.build,
        process_id: facts.process_id,
        uptime: facts.uptime,
    }
}

/// How many bytes each replica is behind its master: the difference of their offsets, as both said in one poll.
fn with_lag(mut nodes: Vec<NodeView>, known: &BTreeMap<NodeAddr, Known>) -> Vec<NodeView> {
    let facts = |addr: &NodeAddr| Some(known.get(addr)?.answer.as_ref()?.facts());
    let masters: BTreeMap<NodeId, u64> =
        nodes.iter().filter_map(|n| Some((n.id.clone()?, facts(&n.addr)?.written?))).collect();
    for node in &mut nodes {
        let behind = node.master.as_ref().and_then(|m| masters.get(m)).copied();
        let mine = facts(&node.addr).and_then(|facts| facts.copied);
        if let (Some(stats), Some(master), Some(mine)) = (&mut node.stats, behind, mine) {
            stats.lag_bytes = Some(master.saturating_sub(mine));
        }
    }
    nodes
}

/// Gives each master with slots a shard number and its replicas the same. A replica that was promoted keeps the number
/// of its old master, and so does the old master when it comes back as a replica.
fn update_shards(nodes: &BTreeMap<NodeId, Node>, shards: &mut Shards) {
    let mut masters: Vec<&Node> = nodes.values().filter(|n| n.role == Role::Master && !n.slots.is_empty()).collect();
    masters.sort_by_key(|n| n.slots.iter().next());
    // Also those of masters without slots, emptied or replaced: nobody else is to be taken for one of their shard.
    let known = nodes.values().filter(|n| n.role == Role::Master);
    let mut taken: BTreeSet<usize> = known.filter_map(|n| shards.get(&n.id).copied()).collect();
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    for master in masters {
        // A node that left and came back may remember a number that is another one's by now.
        if shards.get(&master.id).is_some_and(|number| shown.contains(number)) {
            shards.remove(&master.id);
        }
        if !shards.contains_key(&master.id) {
            let free = (0..=taken.len()).find(|number| !taken.contains(number)).unwrap_or_default();
            taken.insert(free);
            shards.insert(master.id.clone(), free);
        }
        shown.extend(shards.get(&master.id));
    }
    for replica in nodes.values().filter(|n| n.role == Role::Replica) {
        if let Some(number) = replica.master.as_ref().and_then(|m| shards.get(m).copied()) {
            shards.insert(replica.id.clone(), number);
        }
    }
}

fn owner_indices(remembered: &BTreeMap<NodeId, Node>, nodes: &[NodeView]) -> Vec<u16> {
    let index: BTreeMap<&NodeId, u16> =
        nodes.iter().enumerate().filter_map(|(i, n)| Some((n.id.as_ref()?, u16::try_from(i).ok()?))).collect();
    let owners = slot_owner(remembered);
    let mut indices: Vec<u16> =
        owners.iter().map(|id| id.as_ref().and_then(|id| index.get(id).copied()).unwrap_or(NO_OWNER)).collect();
    indices.resize(usize::from(SLOT_COUNT), NO_OWNER);
    indices
}

/// Slots that servers move by themselves are on their way too, although no node has them open.
fn add_under_way(states: &mut SlotStates, known: &BTreeMap<NodeAddr, Known>) {
    let before = states.open.len();
    for (addr, known) in known.iter().filter(|(_, known)| known.error.is_none()) {
        let Some(me) = known.answer.as_ref().and_then(|answer| answer.view.me()) else { continue };
        for task in &known.under_way {
            let migrating = task.from == me.id.as_str();
            let partner = if migrating { &task.to } else { &task.from };
            let (Ok(partner), Ok(slots)) = (partner.parse::<NodeId>(), task.slots.parse::<SlotSet>()) else { continue };
            let open = |slot| OpenSlot { slot, node: addr.clone(), migrating, partner: partner.clone() };
            states.open.extend(slots.iter().map(open));
        }
    }
    if states.open.len() > before {
        states.open.sort_by_key(|open| (open.slot, !open.migrating));
    }
}

/// The slots that some node has open, and those that views give to different nodes. Views that agree with the first one
/// cost a comparison; of the others only the nodes whose slots differ are looked at.
fn slot_states(topology: &Topology) -> SlotStates {
    let mut states = SlotStates::default();
    for (addr, view) in &topology.views {
        let Some(me) = view.me() else { continue };
        let open = |migrating| {
            move |(slot, partner): &(Slot, NodeId)| OpenSlot {
                slot: *slot,
                node: addr.clone(),
                migrating,
                partner: partner.clone(),
            }
        };
        states.open.extend(me.migrating.iter().map(open(true)));
        states.open.extend(me.importing.iter().map(open(false)));
    }
    states.open.sort_by_key(|open| (open.slot, !open.migrating));
    let mut opinions = topology.opinions().into_iter().map(|opinion| opinion.nodes);
    let Some(first) = opinions.next() else { return states };
    let none = SlotSet::new();
    for nodes in opinions.filter(|nodes| !nodes.slot_owners().eq(first.slot_owners())) {
        for id in nodes.keys().chain(first.keys()) {
            let slots_in = |nodes: &Nodes| nodes.get(id).map(|node| node.slots.clone());
            let (ours, theirs) = (slots_in(first), slots_in(nodes));
            if ours.as_ref().unwrap_or(&none) != theirs.as_ref().unwrap_or(&none) {
                let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
                states.disagreed.union_with(&ours.difference(&theirs));
                states.disagreed.union_with(&theirs.difference(&ours));
            }
        }
    }
    states
}

fn judge(known: &BTreeMap<NodeAddr, Known>, topology: &Topology, phase: Phase, local: bool) -> (Vec<Finding>, Health) {
    match phase {
        Phase::Stopped => return (Vec::new(), Health::Stopped),
        // Servers that are being launched here are silent at first; those elsewhere should answer.
        Phase::Unformed if local => return (Vec::new(), Health::Unknown),
        Phase::Unformed => {
            let silent = topology.unreachable.iter().map(|(addr, why)| Finding::Unreachable(addr.clone(), why.clone()));
            return (silent.collect(), Health::Unknown);
        }
        Phase::Formed => {}
    }
    if known.values().all(|k| k.answer.is_none() && k.error.is_none()) {
        return (Vec::new(), Health::Unknown);
    }
    let health = known
        .iter()
        .filter(|(_, k)| k.error.is_none())
        .filter_map(|(addr, k)| Some((addr.clone(), k.answer.as_ref()?.health.clone())))
        .collect();
    let findings = check(topology, &health);
    let down = |f: &Finding| matches!(f, Finding::Uncovered(_) | Finding::StateFail(_));
    let overall = if topology.views.is_empty() || findings.iter().any(down) || !unserved(topology).is_empty() {
        Health::Down
    } else if findings.iter().any(Finding::is_error) {
        Health::Degraded
    } else {
        Health::Ok
    };
    (findings, overall)
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
