//! From the nodes' last answers to what the frontends show: a pure function. It keeps the last good values of nodes that
//! do not answer, and says how old they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::build::Build;
use crate::core::check::{Finding, check, unserved};
use crate::core::history::{Counters, Metric, Rates, rates};
use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology, View, slot_owner};
use crate::core::version::ServerVersion;

use super::client::info_field;
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
        let under_way = std::mem::take(&mut self.under_way);
        *self =
            Self { answer: Some(answer), at: Some(at), error: None, counters: Some(now), rates, settings, under_way };
    }
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
    let standings = standings(&topology);
    let nodes: Vec<NodeView> = addresses(known, processes, &topology, &remembered_nodes)
        .into_iter()
        .map(|addr| node_view(&addr, known, processes, &topology, &remembered, &standings, shards))
        .collect();
    let nodes = with_lag(nodes, known);
    let slot_owner = owner_indices(&remembered_nodes, &nodes);
    let (findings, health) = judge(known, &topology, phase, !processes.is_empty());
    let mut slot_states = slot_states(&topology);
    add_under_way(&mut slot_states, known);
    let slot_states = Arc::new(slot_states);
    Assembled { nodes, slot_owner, slot_states, findings, health }
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
    topology
}

/// The views to read roles and slots from: fresh ones where there are any, else the last good ones, so that a cluster
/// that is gone is still shown as it was.
fn remembered_topology(known: &BTreeMap<NodeAddr, Known>, fresh: &Topology) -> Topology {
    if !fresh.views.is_empty() {
        return fresh.clone();
    }
    let views = known.iter().filter_map(|(addr, k)| Some((addr.clone(), k.answer.as_ref()?.view.clone()))).collect();
    Topology { views, unreachable: fresh.unreachable.clone() }
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
            && !addrs.iter().any(|a| a.host == addr.host && a.port == addr.port)
        {
            addrs.push(addr.clone());
        }
    }
    addrs.sort();
    addrs.dedup();
    addrs
}

fn node_view(
    addr: &NodeAddr,
    known: &BTreeMap<NodeAddr, Known>,
    processes: &BTreeMap<NodeAddr, ProcessView>,
    fresh: &Topology,
    remembered: &Topology,
    standings: &BTreeMap<&NodeId, Standing>,
    shards: &Shards,
) -> NodeView {
    let k = known.get(addr);
    let answer = k.and_then(|k| k.answer.as_deref());
    let id = answer.map(|a| a.view.myself.clone()).or_else(|| id_at(addr, remembered));
    let node = id.as_ref().and_then(|id| authoritative(id, addr, fresh, answer.map(|a| &*a.view)));
    let stopped_or_external = ProcessView { state: ProcessState::External, log_tail: Arc::default() };
    NodeView {
        addr: addr.clone(),
        role: node.as_ref().map(|n| n.role),
        master: node.as_ref().and_then(|n| n.master.clone()),
        shard: id.as_ref().and_then(|id| shards.get(id).copied()),
        slots: node.as_ref().map(|n| n.slots.clone()).unwrap_or_default(),
        epoch: node.as_ref().map_or(0, |n| n.epoch),
        standing: id.as_ref().and_then(|id| standings.get(id).copied()).unwrap_or_default(),
        reach: reach(k),
        stats: answer.map(|answer| stats(answer, k.and_then(|k| k.rates.as_ref()))),
        settings: k.map(|k| k.settings.clone()).unwrap_or_default(),
        process: processes.get(addr).cloned().unwrap_or(stopped_or_external),
        id,
    }
}

/// The node as it sees itself if it answers; as the others see it if it does not; as it last saw itself if nobody
/// answers.
fn authoritative(id: &NodeId, addr: &NodeAddr, fresh: &Topology, last: Option<&View>) -> Option<Node> {
    if let Some(me) = fresh.views.get(addr).and_then(|view| view.me()) {
        return Some(me.clone());
    }
    let others = fresh.views.values().filter_map(|view| view.nodes.get(id));
    others.max_by_key(|node| node.epoch).cloned().or_else(|| last.and_then(View::me).cloned())
}

fn id_at(addr: &NodeAddr, topology: &Topology) -> Option<NodeId> {
    let at = |node: &&Node| node.addr.as_ref().is_some_and(|a| a.host == addr.host && a.port == addr.port);
    topology.views.values().flat_map(|view| view.nodes.values()).find(at).map(|node| node.id.clone())
}

/// The worst that another node says of each node that somebody complains about.
fn standings(fresh: &Topology) -> BTreeMap<&NodeId, Standing> {
    let mut worst = BTreeMap::new();
    let others = fresh.views.values().flat_map(|view| view.nodes.values()).filter(|n| !n.flags.myself);
    for node in others {
        let standing = match node.flags {
            f if f.fail => Standing::Failed,
            f if f.pfail => Standing::Suspected,
            f if f.handshake => Standing::Joining,
            _ => continue,
        };
        let entry = worst.entry(&node.id).or_insert(standing);
        *entry = standing.max(*entry);
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
    let info = answer.info.as_str();
    let number = |name: &str| info_field(info, name).and_then(|v| v.parse::<u64>().ok());
    let silence = super::failover::silence(info);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is never negative")]
    let ops = rates.and_then(|rates| rates.sample.get(Metric::Ops)).map(|ops| ops.round() as u64);
    NodeStats {
        keys: super::inspect::keys_in(info),
        used_memory: number("used_memory").unwrap_or(0),
        ops_per_sec: ops.or_else(|| number("instantaneous_ops_per_sec")).unwrap_or(0),
        clients: number("connected_clients").unwrap_or(0),
        link_up: answer.health.link_up,
        lag_bytes: None,
        repl_offset: number("slave_repl_offset").or_else(|| number("master_repl_offset")),
        lag_secs: silence.0,
        never_linked: silence.1,
        state_ok: answer.health.state_ok.unwrap_or(false),
        version: ServerVersion::parse_info(info),
        build: Build::of_info(info),
        process_id: number("process_id").and_then(|pid| u32::try_from(pid).ok()),
        uptime: Duration::from_secs(number("uptime_in_seconds").unwrap_or(0)),
    }
}

/// How many bytes each replica is behind its master: the difference of their offsets, as both said in one poll.
fn with_lag(mut nodes: Vec<NodeView>, known: &BTreeMap<NodeAddr, Known>) -> Vec<NodeView> {
    let offset = |addr: &NodeAddr, name: &str| -> Option<u64> {
        info_field(&known.get(addr)?.answer.as_ref()?.info, name)?.parse().ok()
    };
    let masters: BTreeMap<NodeId, u64> =
        nodes.iter().filter_map(|n| Some((n.id.clone()?, offset(&n.addr, "master_repl_offset")?))).collect();
    for node in &mut nodes {
        let behind = node.master.as_ref().and_then(|m| masters.get(m)).copied();
        let mine = offset(&node.addr, "slave_repl_offset");
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
    let mut taken: BTreeSet<usize> = masters.iter().filter_map(|n| shards.get(&n.id).copied()).collect();
    for master in masters {
        if !shards.contains_key(&master.id) {
            let free = (0..=taken.len()).find(|number| !taken.contains(number)).unwrap_or_default();
            taken.insert(free);
            shards.insert(master.id.clone(), free);
        }
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
    let Some(first) = topology.views.values().next() else { return states };
    let none = SlotSet::new();
    for view in topology.views.values().filter(|view| !view.slot_owners().eq(first.slot_owners())) {
        for id in view.nodes.keys().chain(first.nodes.keys()) {
            let slots_in = |view: &'_ View| view.nodes.get(id).map(|node| node.slots.clone());
            let (ours, theirs) = (slots_in(first), slots_in(view));
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
