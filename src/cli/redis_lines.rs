//! redis-cli's lines, byte for byte: the plan of `create`, `check`, `info`.
//!
//! Scripts search these lines, so they are redis-cli's to the byte (redis-cli.c of Redis 7.0). Nodes stand in the order
//! that was given (`create`), or the asked node first and the others by address (`check`, `info`; redis-cli has them in
//! the order of CLUSTER NODES, which changes from run to run). What redis-cli does not look at is told apart, after its
//! own lines.

use std::collections::BTreeMap;
use std::fmt;

use crate::core::check::{Finding, unserved};
use crate::core::count::counted;
use crate::core::plan::create::{Affinity, CreatePlan};
use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology};

use super::text::Text;

/// The question before anything is sent. The answer is read from standard input and must be `yes`.
pub const QUESTION: &str = "Can I set the above configuration? (type 'yes' to accept): ";

/// The plan as `create` shows it: slots, replicas, spread over hosts, nodes in the order given. `replicas` is the number
/// asked for: nodes left over are the extra ones.
pub fn plan(text: &mut Text, plan: &CreatePlan, order: &[NodeAddr], replicas: usize) {
    text.info(format_args!(">>> Performing hash slots allocation on {} nodes...", plan.nodes().count()));
    for (i, master) in plan.masters.iter().enumerate() {
        text.line(format_args!("Master[{i}] -> Slots {} - {}", master.slots.first, master.slots.last));
    }
    let mut extra = Vec::new();
    for master in &plan.masters {
        let of_master = plan.replicas.iter().filter(|r| r.master == master.node.id);
        for (i, replica) in of_master.enumerate() {
            let line = format!("Adding replica {} to {}", replica.node.addr, master.node.addr);
            if i < replicas { text.line(line) } else { extra.push(line) }
        }
    }
    if !extra.is_empty() {
        text.line("Adding extra replicas...");
        for line in &extra {
            text.line(line);
        }
    }
    if plan.affinity != Affinity::Perfect {
        text.info(">>> Trying to optimize slaves allocation for anti-affinity");
    }
    match plan.affinity {
        Affinity::Perfect => {}
        Affinity::WithMaster => text.warn("[WARNING] Some slaves are in the same host as their master"),
        Affinity::SiblingsTogether => text.warn("[WARNING] Some slaves of the same master are in the same host"),
    }
    planned_nodes(text, plan, order);
}

/// The `M:` and `S:` lines of the plan.
fn planned_nodes(text: &mut Text, plan: &CreatePlan, order: &[NodeAddr]) {
    let place = |addr: &NodeAddr| order.iter().position(|a| a == addr).unwrap_or(usize::MAX);
    let masters = plan.masters.iter().map(|m| (&m.node, Ok(m.slots)));
    let replicas = plan.replicas.iter().map(|r| (&r.node, Err(&r.master)));
    let mut nodes: Vec<_> = masters.chain(replicas).collect();
    nodes.sort_by_key(|(node, _)| place(&node.addr));
    for (node, job) in nodes {
        match job {
            Ok(slots) => {
                let listed = bracketed(&[slots].into_iter().collect());
                text.line(format_args!("M: {} {}", node.id, node.addr));
                text.line(format_args!("   slots:{listed} ({} slots) master", slots.count()));
            }
            Err(master) => {
                text.line(format_args!("S: {} {}", node.id, node.addr));
                text.line(format_args!("   replicates {master}"));
            }
        }
    }
}

/// `[0-5460],[7000]`: slots as redis-cli lists them.
fn bracketed(slots: &SlotSet) -> String {
    slots.ranges().iter().map(|range| format!("[{range}]")).collect::<Vec<_>>().join(",")
}

/// The nodes that answer, each as it sees itself at the address where it answered: the asked one first, the others by
/// address.
fn answering<'a>(topology: &'a Topology, seed: &NodeAddr) -> Vec<(&'a NodeAddr, &'a Node)> {
    let mut nodes: Vec<_> = topology.views.iter().filter_map(|(addr, view)| Some((addr, view.me()?))).collect();
    nodes.sort_by_key(|(addr, _)| (addr.host != seed.host || addr.port != seed.port, *addr));
    nodes
}

fn replicas_of(nodes: &[(&NodeAddr, &Node)], id: &NodeId) -> usize {
    nodes.iter().filter(|(_, n)| n.role == Role::Replica && n.master.as_ref() == Some(id)).count()
}

/// Keys, slots and replicas of each master, then their sums. `keys` is DBSIZE by address, or the error reply.
///
/// Returns whether every master told its number; redis-cli stops at the first that does not, and so does this.
pub fn info(
    text: &mut Text,
    topology: &Topology,
    seed: &NodeAddr,
    keys: &BTreeMap<NodeAddr, Result<u64, String>>,
) -> bool {
    let nodes = answering(topology, seed);
    let (mut sum, mut masters) = (0, 0);
    for (addr, node) in nodes.iter().filter(|(_, n)| n.role == Role::Master) {
        let count = match keys.get(*addr) {
            Some(Ok(count)) => *count,
            Some(Err(why)) => return reply_error(text, addr, why),
            None => return reply_error(text, addr, "DBSIZE was not answered"),
        };
        let (slots, replicas) = (node.slots.len(), replicas_of(&nodes, &node.id));
        text.line(format_args!("{addr} ({}...) -> {count} keys | {slots} slots | {replicas} slaves.", node.id.short()));
        sum += count;
        masters += 1;
    }
    text.ok(format_args!("[OK] {sum} keys in {masters} masters."));
    #[expect(clippy::cast_precision_loss, reason = "redis-cli computes in C float")]
    let per_slot = sum as f32 / f32::from(SLOT_COUNT);
    text.line(format_args!("{per_slot:.2} keys per slot on average."));
    true
}

fn reply_error(text: &mut Text, addr: &NodeAddr, why: impl fmt::Display) -> bool {
    text.error(format_args!("Node {addr} replied with error:\n{why}"));
    false
}

/// The check of `check` and of the end of `create`, then what redis-cli does not look at, if anything is wrong there.
///
/// Returns whether the cluster is whole.
pub fn check(text: &mut Text, topology: &Topology, seed: &NodeAddr, findings: &[Finding]) -> bool {
    let nodes = answering(topology, seed);
    text.info(format_args!(">>> Performing Cluster Check (using node {})", nodes.first().map_or(seed, |(a, _)| a)));
    for (addr, node) in &nodes {
        checked_node(text, addr, node, replicas_of(&nodes, &node.id));
    }
    if findings.iter().any(|f| matches!(f, Finding::SlotsDisagree(_))) {
        text.error("[ERR] Nodes don't agree about configuration!");
    } else {
        text.ok("[OK] All nodes agree about slots configuration.");
    }
    text.info(">>> Check for open slots...");
    let mut whole = open_slots(text, &nodes);
    text.info(">>> Check slots coverage...");
    if unserved(topology).is_empty() {
        text.ok(format_args!("[OK] All {SLOT_COUNT} slots covered."));
    } else {
        text.error(format_args!("[ERR] Not all {SLOT_COUNT} slots are covered by nodes.\n"));
        whole = false;
    }
    beyond(text, findings, nodes.iter().any(|(_, n)| n.role == Role::Replica));
    whole && !nodes.is_empty() && !findings.iter().any(Finding::is_error)
}

fn checked_node(text: &mut Text, addr: &NodeAddr, node: &Node, replicas: usize) {
    let (letter, mut flags) = match node.role {
        Role::Master => ("M", "master".to_owned()),
        Role::Replica => ("S", "slave".to_owned()),
    };
    if node.flags.nofailover {
        flags.push_str(",nofailover");
    }
    text.line(format_args!("{letter}: {} {addr}", node.id));
    text.line(format_args!("   slots:{} ({} slots) {flags}", bracketed(&node.slots), node.slots.len()));
    if let Some(master) = &node.master {
        text.line(format_args!("   replicates {master}"));
    } else if replicas > 0 {
        text.line(format_args!("   {replicas} additional replica(s)"));
    }
}

/// A node as `reshard` lists it, indented by four.
pub fn reshard_node(text: &mut Text, topology: &Topology, addr: &NodeAddr) {
    let nodes = answering(topology, addr);
    let Some((addr, node)) = nodes.iter().find(|(at, _)| *at == addr) else { return };
    let mut lines = Text::default();
    checked_node(&mut lines, addr, node, replicas_of(&nodes, &node.id));
    for line in lines.into_string().lines() {
        text.line(format_args!("    {line}"));
    }
}

/// redis-cli's search for slots with several owners: masters that claim them or hold keys of them. `hidden` are keys of
/// slots that a master neither owns nor names.
///
/// Returns whether there are none.
pub fn multiple_owners(
    text: &mut Text,
    owners: &BTreeMap<Slot, Vec<NodeAddr>>,
    hidden: &BTreeMap<NodeAddr, u64>,
) -> bool {
    text.info(">>> Check for multiple slot owners...");
    for (slot, owners) in owners {
        text.error(format_args!("[WARNING] Slot {slot} has {} owners:", owners.len()));
        for owner in owners {
            text.error(format_args!("    {owner}"));
        }
    }
    for (addr, keys) in hidden {
        text.error(format_args!(
            "[WARNING] Node {addr} holds {} of slots that it does not own.",
            counted(*keys, "key")
        ));
    }
    let none = owners.is_empty() && hidden.is_empty();
    if none {
        text.ok("[OK] No multiple owners found.");
    }
    none
}

/// Says whether no slot is open.
fn open_slots(text: &mut Text, nodes: &[(&NodeAddr, &Node)]) -> bool {
    let listed = |slots: &mut dyn Iterator<Item = Slot>| slots.map(|s| s.to_string()).collect::<Vec<_>>().join(",");
    let mut open = SlotSet::new();
    for (addr, node) in nodes {
        for (state, slots) in [("migrating", &node.migrating), ("importing", &node.importing)] {
            if !slots.is_empty() {
                let slots = listed(&mut slots.iter().map(|(slot, _)| *slot));
                text.error(format_args!("[WARNING] Node {addr} has slots in {state} state {slots}."));
            }
            for (slot, _) in slots {
                open.insert(*slot);
            }
        }
    }
    if !open.is_empty() {
        text.error(format_args!("[WARNING] The following slots are open: {}.", listed(&mut open.iter())));
    }
    open.is_empty()
}

/// Findings about what redis-cli does not look at. A healthy cluster adds no line to redis-cli's.
fn beyond(text: &mut Text, findings: &[Finding], has_replicas: bool) {
    let theirs = |f: &Finding| {
        matches!(f, Finding::OpenSlots { .. } | Finding::SlotsDisagree(_))
            // A cluster without any replica was meant so.
            || (matches!(f, Finding::NoReplica(_)) && !has_replicas)
    };
    let ours: Vec<&Finding> = findings.iter().filter(|f| !theirs(f)).collect();
    if ours.is_empty() {
        return;
    }
    text.info(">>> Check nodes, roles and replica links...");
    for finding in ours {
        if finding.is_error() {
            text.error(format_args!("[ERR] {finding}."));
        } else {
            text.warn(format_args!("[WARNING] {finding}."));
        }
    }
}

#[cfg(test)]
#[path = "redis_lines_tests.rs"]
mod tests;
