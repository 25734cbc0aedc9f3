//! Is the cluster whole? Views and link states in, findings out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::slot::{Slot, SlotSet};
use super::topology::{Node, NodeAddr, NodeId, Role, Topology, View, slot_owner};
use crate::core::count::counted;

/// What one node says beyond CLUSTER NODES.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeHealth {
    /// `cluster_state:ok` in CLUSTER INFO; `None` where it was not asked.
    pub state_ok: Option<bool>,
    /// `master_link_status:up` in INFO replication; `None` for masters or where it was not asked.
    pub link_up: Option<bool>,
}

/// One thing that is wrong. `Display` says it in English; the window translates by variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Slots that nobody owns.
    Uncovered(SlotSet),
    /// A node does not answer.
    Unreachable(NodeAddr, String),
    /// A node whose process is known as failed by the cluster.
    Failed(NodeAddr),
    /// A node says `cluster_state:fail`.
    StateFail(NodeAddr),
    /// Slots are open (migrating or importing) on a node, with one partner.
    OpenSlots {
        /// The slots.
        slots: SlotSet,
        /// The node that has them open.
        node: NodeAddr,
        /// Whether they are on their way out (else in).
        migrating: bool,
        /// The partner.
        partner: NodeId,
    },
    /// Several masters claim these slots for themselves.
    Disputed {
        /// The slots.
        slots: SlotSet,
        /// The masters.
        by: Vec<NodeAddr>,
    },
    /// A master holds keys of slots that it does not own.
    Strays {
        /// The master.
        node: NodeAddr,
        /// How many keys.
        keys: u64,
        /// The slots, as far as the master tells.
        slots: SlotSet,
    },
    /// These nodes see other slot owners than the first node does.
    SlotsDisagree(Vec<NodeAddr>),
    /// These nodes see other roles or masters than the nodes themselves report.
    RolesDisagree(Vec<NodeAddr>),
    /// A node does not know some other node of the cluster.
    Unknown {
        /// The node that does not know.
        by: NodeAddr,
        /// The nodes it does not know.
        missing: Vec<NodeAddr>,
    },
    /// A replica's link to its master is down.
    LinkDown(NodeAddr),
    /// A master has no replica.
    NoReplica(NodeAddr),
}

impl Finding {
    /// Whether the cluster can't be called whole because of it (a missing replica is only worth knowing).
    #[must_use]
    pub fn is_error(&self) -> bool {
        !matches!(self, Finding::NoReplica(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Uncovered(slots) => {
                write!(
                    f,
                    "Not all 16384 slots are covered: {} no owner ({})",
                    if slots.len() == 1 { "1 has".to_owned() } else { format!("{} have", slots.len()) },
                    shortened(slots)
                )
            }
            Finding::Unreachable(addr, why) => write!(f, "{addr} does not answer: {why}"),
            Finding::Failed(addr) => write!(f, "The cluster calls {addr} failed"),
            Finding::StateFail(addr) => write!(f, "{addr} says that the cluster is down (cluster_state:fail)"),
            Finding::OpenSlots { slots, node, migrating, partner } => {
                let way = if *migrating { "migrating" } else { "importing" };
                let side = if *migrating { "to" } else { "from" };
                match slots.len() {
                    1 => write!(f, "Slot {slots} is open: {node} is {way} it {side} {partner}"),
                    count => {
                        write!(
                            f,
                            "{count} slots are open: {node} is {way} them {side} {partner} ({})",
                            shortened(slots)
                        )
                    }
                }
            }
            Finding::Disputed { slots, by } => {
                write!(
                    f,
                    "Several masters claim {} ({}): {}",
                    counted(slots.len(), "slot"),
                    shortened(slots),
                    listed(by)
                )
            }
            Finding::Strays { node, keys, slots } if slots.is_empty() => {
                write!(f, "{node} holds {} of slots that it does not own", counted(*keys, "key"))
            }
            Finding::Strays { node, keys, slots } => {
                write!(f, "{node} holds {} of slots that it does not own ({})", counted(*keys, "key"), shortened(slots))
            }
            Finding::SlotsDisagree(nodes) => {
                write!(f, "Nodes don't agree about the slots: {} {} other owners", listed(nodes), see(nodes))
            }
            Finding::RolesDisagree(nodes) => {
                write!(f, "Nodes don't agree about roles: {} {} other masters and replicas", listed(nodes), see(nodes))
            }
            Finding::Unknown { by, missing } => write!(f, "{by} does not know {}", listed(missing)),
            Finding::LinkDown(addr) => write!(f, "Replica {addr} has no link to its master"),
            Finding::NoReplica(addr) => write!(f, "Master {addr} has no replica"),
        }
    }
}

fn see(nodes: &[NodeAddr]) -> &'static str {
    if nodes.len() == 1 { "sees" } else { "see" }
}

fn listed(nodes: &[NodeAddr]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The slots as ranges, at most ten of them.
#[must_use]
pub fn shortened(slots: &SlotSet) -> String {
    let ranges = slots.ranges();
    let mut text = ranges.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(",");
    if ranges.len() > 10 {
        text.push('…');
    }
    text
}

/// Checks every view of a cluster: all nodes reachable, coverage, open slots, agreement on slots and on roles, each
/// node known by each, `cluster_state` ok and replica links up. Worst findings first.
///
/// redis-cli checks the slots of one node's view and compares slot owners only; roles, links and states are what it
/// does not look at.
#[must_use]
pub fn check(topology: &Topology, health: &BTreeMap<NodeAddr, NodeHealth>) -> Vec<Finding> {
    let nodes = topology.nodes();
    let mut findings = Vec::new();
    check_coverage(&nodes, &mut findings);
    findings.extend(topology.unreachable.iter().map(|(addr, why)| Finding::Unreachable(addr.clone(), why.clone())));
    check_failed(topology, &mut findings);
    check_health(health, &mut findings);
    check_open_slots(topology, &mut findings);
    check_claims(topology, &mut findings);
    check_agreement(topology, &mut findings);
    check_replicas(&nodes, &mut findings);
    findings
}

/// Slots that are not served: those that nobody owns, and those whose owner does not answer or is called failed or
/// nearly so. They are still owned on paper; until a replica takes over or the owner is back, nobody can use them.
#[must_use]
pub fn unserved(topology: &Topology) -> SlotSet {
    let answering: BTreeSet<&NodeId> = topology.views.values().map(|view| &view.myself).collect();
    let silent = |addr: &NodeAddr| topology.unreachable.keys().any(|a| a.same_place(addr));
    let opinions = topology.opinions();
    let complained: BTreeSet<&NodeId> = opinions
        .iter()
        .flat_map(|opinion| opinion.nodes.values())
        .filter(|node| node.flags.fail || node.flags.pfail)
        .map(|node| &node.id)
        .collect();
    let nodes = topology.nodes();
    let mut served = SlotSet::new();
    for node in nodes.values().filter(|node| node.role == Role::Master) {
        let lost = complained.contains(&node.id) || node.addr.as_ref().is_some_and(silent);
        if answering.contains(&node.id) || !lost {
            served.union_with(&node.slots);
        }
    }
    Slot::all().filter(|slot| !served.contains(*slot)).collect()
}

fn check_coverage(nodes: &BTreeMap<NodeId, Node>, findings: &mut Vec<Finding>) {
    let owners = slot_owner(nodes);
    let open: SlotSet = Slot::all().filter(|slot| owners[slot.index()].is_none()).collect();
    if !open.is_empty() {
        findings.push(Finding::Uncovered(open));
    }
}

/// Nodes with the `fail` flag that are not already named as unreachable.
fn check_failed(topology: &Topology, findings: &mut Vec<Finding>) {
    let opinions = topology.opinions();
    let failed = opinions.iter().flat_map(|opinion| opinion.nodes.values()).filter(|node| node.flags.fail);
    let named: BTreeSet<&NodeAddr> = failed.filter_map(|node| node.addr.as_ref()).collect();
    let silent = |addr: &&&NodeAddr| topology.unreachable.contains_key(**addr);
    findings.extend(named.iter().filter(|addr| !silent(addr)).map(|addr| Finding::Failed((*addr).clone())));
}

fn check_health(health: &BTreeMap<NodeAddr, NodeHealth>, findings: &mut Vec<Finding>) {
    let down = |h: &NodeHealth| h.state_ok == Some(false);
    findings.extend(health.iter().filter(|(_, h)| down(h)).map(|(addr, _)| Finding::StateFail(addr.clone())));
    let cut = |h: &NodeHealth| h.link_up == Some(false);
    findings.extend(health.iter().filter(|(_, h)| cut(h)).map(|(addr, _)| Finding::LinkDown(addr.clone())));
}

fn check_open_slots(topology: &Topology, findings: &mut Vec<Finding>) {
    for (addr, view) in &topology.views {
        let Some(me) = view.me() else { continue };
        for (open, migrating) in [(&me.migrating, true), (&me.importing, false)] {
            let mut by_partner: BTreeMap<&NodeId, SlotSet> = BTreeMap::new();
            for (slot, partner) in open {
                by_partner.entry(partner).or_default().insert(*slot);
            }
            let finding = |(partner, slots): (&NodeId, SlotSet)| {
                let partner = partner.clone();
                Finding::OpenSlots { slots, node: addr.clone(), migrating, partner }
            };
            findings.extend(by_partner.into_iter().map(finding));
        }
    }
}

/// Each master's word on its own slots. A word that is older than the last change is only held against its like.
fn check_claims(topology: &Topology, findings: &mut Vec<Finding>) {
    let masters = || {
        let own = topology.views.iter().filter_map(|(addr, view)| Some((addr, view.me()?)));
        own.filter(|(_, me)| me.role == Role::Master)
    };
    let mut slots = SlotSet::new();
    for dated in [false, true] {
        let mut claimed = SlotSet::new();
        for (_, me) in masters().filter(|(addr, _)| topology.dated.contains(*addr) == dated) {
            for slot in me.slots.iter() {
                if !claimed.insert(slot) {
                    slots.insert(slot);
                }
            }
        }
    }
    if !slots.is_empty() {
        let disputed = |me: &Node| me.slots.iter().any(|slot| slots.contains(slot));
        let by = masters().filter(|(_, me)| disputed(me)).map(|(addr, _)| addr.clone()).collect();
        findings.push(Finding::Disputed { slots, by });
    }
}

/// Whether the current views name the same slot owners, know every node, and see the roles that the nodes themselves
/// report.
fn check_agreement(topology: &Topology, findings: &mut Vec<Finding>) {
    let opinions = topology.opinions();
    let Some(first) = opinions.first().and_then(|opinion| opinion.of.first()).map(|(_, view)| *view) else { return };
    let own: BTreeMap<&NodeId, Own<'_>> = topology
        .views
        .iter()
        .filter_map(|(addr, view)| {
            let dated = topology.dated.contains(addr);
            view.me().map(|node| (&node.id, Own { node, addr, dated }))
        })
        .collect();
    let (mut others, mut wrong_roles, mut strangers) = (Vec::new(), Vec::new(), Vec::new());
    for opinion in &opinions {
        let viewers = || opinion.of.iter().map(|(addr, _)| (*addr).clone());
        let (_, view) = opinion.of[0];
        if !view.slot_owners().eq(first.slot_owners()) {
            others.extend(viewers());
        }
        let mut missing = Vec::new();
        let mut wrong = false;
        for (mine, seen) in side_by_side(&own, view) {
            if seen.is_none_or(|n| n.flags.handshake) {
                missing.push(mine.addr.clone());
            }
            let otherwise = |n: &Node| n.role != mine.node.role || n.master != mine.node.master;
            wrong |= !mine.dated && seen.is_some_and(otherwise);
        }
        if !missing.is_empty() {
            strangers.extend(viewers().map(|by| Finding::Unknown { by, missing: missing.clone() }));
        }
        if wrong {
            wrong_roles.extend(viewers());
        }
    }
    others.sort();
    wrong_roles.sort();
    strangers.sort_by(|a, b| match (a, b) {
        (Finding::Unknown { by: a, .. }, Finding::Unknown { by: b, .. }) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    });
    if !others.is_empty() {
        findings.push(Finding::SlotsDisagree(others));
    }
    findings.extend(strangers);
    if !wrong_roles.is_empty() {
        findings.push(Finding::RolesDisagree(wrong_roles));
    }
}

/// A node as it sees itself, and where it was asked.
struct Own<'a> {
    node: &'a Node,
    addr: &'a NodeAddr,
    /// It said so before the last change that was seen.
    dated: bool,
}

/// Each node beside what the view says of it. Both are in id order, so one walk finds them all: a look-up for each of a
/// thousand nodes in each of a thousand views would take most of a poll.
fn side_by_side<'a>(
    own: &'a BTreeMap<&'a NodeId, Own<'a>>,
    view: &'a View,
) -> impl Iterator<Item = (&'a Own<'a>, Option<&'a Node>)> {
    let mut seen = view.nodes.iter().peekable();
    own.iter().map(move |(id, mine)| {
        while seen.next_if(|(other, _)| *other < *id).is_some() {}
        (mine, seen.peek().filter(|(other, _)| other == id).map(|(_, node)| *node))
    })
}

fn check_replicas(nodes: &BTreeMap<NodeId, Node>, findings: &mut Vec<Finding>) {
    let followed: BTreeSet<&NodeId> =
        nodes.values().filter(|n| !n.flags.fail).filter_map(|n| n.master.as_ref()).collect();
    for master in nodes.values().filter(|n| n.role == Role::Master && !n.slots.is_empty()) {
        if let (false, Some(addr)) = (followed.contains(&master.id), &master.addr) {
            findings.push(Finding::NoReplica(addr.clone()));
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
