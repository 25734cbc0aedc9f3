//! What one look at a cluster shows: pure, from the engine's values to lines and JSON.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use crate::core::check::{Finding, unserved};
use crate::core::count::counted;
use crate::core::slot::SLOT_COUNT;
use crate::core::topology::{NodeId, Role, Topology};
use crate::engine::assemble::Assembled;
use crate::engine::migrate::RunningTask;
use crate::engine::slot_figures;
use crate::engine::snapshot::{NodeView, Reach, Standing};
use crate::workspace::document::MoveJournal;

use super::super::json::{FindingJson, NodeJson, findings_of};
use super::super::text::Text;

/// One look.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    /// Whether the cluster is whole.
    pub(super) ok: bool,
    /// Its name, or the node that was named.
    pub(super) cluster: String,
    /// Milliseconds since 1970.
    pub(super) at_ms: u64,
    /// As in `ps`.
    pub(super) state: &'static str,
    /// How many slots are served.
    pub(super) slots_served: usize,
    /// Keys of all masters that answer.
    pub(super) keys: u64,
    /// Commands a second of all nodes, without our own.
    pub(super) ops_per_sec: u64,
    /// Bytes of all nodes.
    pub(super) used_memory: u64,
    pub(super) nodes: Vec<NodeLine>,
    /// Slots that are on their way.
    pub(super) open: Vec<OpenSlot>,
    /// Moves under way, or left half-way.
    pub(super) moves: Vec<MoveLine>,
    pub(super) findings: Vec<FindingJson>,
    /// For the text only: those that have no line of their own, as open slots have.
    #[serde(skip)]
    beside: Vec<FindingJson>,
}

/// A node.
#[derive(Debug, Serialize)]
pub(super) struct NodeLine {
    #[serde(flatten)]
    node: NodeJson,
    /// Whether it answers.
    up: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// How long it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_seconds: Option<u64>,
    /// How the others see it: `fine`, `joining`, `suspected` or `failed`.
    standing: &'static str,
    ops_per_sec: Option<u64>,
    used_memory: Option<u64>,
    /// For a replica: whether its link is up, and how far it is behind.
    link_up: Option<bool>,
    lag_bytes: Option<u64>,
    /// For the text only: how many replicas follow it, where its master is.
    #[serde(skip)]
    replicas: usize,
    #[serde(skip)]
    master_addr: Option<String>,
}

/// An open slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OpenSlot {
    slot: u16,
    node: String,
    /// `migrating` or `importing`.
    state: &'static str,
    partner: String,
}

/// A move under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct MoveLine {
    from: String,
    to: String,
    slots: String,
    /// How many of a plan's slots have arrived; null where the servers move them as a whole.
    done: Option<usize>,
    of: Option<usize>,
    /// The servers' own word for how far an atomic migration is.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

/// What a frame is made of.
pub(super) struct Seen<'a> {
    pub(super) cluster: &'a str,
    pub(super) state: &'static str,
    pub(super) found: &'a Assembled,
    pub(super) topology: &'a Topology,
    pub(super) journal: Option<&'a MoveJournal>,
    pub(super) tasks: &'a [RunningTask],
    pub(super) now: SystemTime,
}

impl Frame {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let nodes = &seen.found.nodes;
        let addrs: BTreeMap<&NodeId, String> =
            nodes.iter().filter_map(|n| Some((n.id.as_ref()?, n.addr.to_string()))).collect();
        let mut order: Vec<&NodeView> = nodes.iter().collect();
        order.sort_by_key(|n| (n.shard.unwrap_or(usize::MAX), n.role == Some(Role::Replica), n.addr.clone()));
        let live = || nodes.iter().filter(|n| !n.is_stale()).filter_map(|n| Some((n, n.stats.as_ref()?)));
        let name = |id: &NodeId| addrs.get(id).cloned().unwrap_or_else(|| id.short().to_owned());
        let mut beside = seen.found.findings.clone();
        beside.retain(|finding| !matches!(finding, Finding::OpenSlots { .. }));
        Self {
            ok: seen.state == "ok",
            cluster: seen.cluster.to_owned(),
            at_ms: millis(seen.now),
            state: seen.state,
            slots_served: usize::from(SLOT_COUNT) - unserved(seen.topology).len(),
            keys: live().filter(|(n, _)| n.role == Some(Role::Master)).map(|(_, stats)| stats.keys).sum(),
            ops_per_sec: live().map(|(_, stats)| stats.ops_per_sec).sum(),
            used_memory: live().map(|(_, stats)| stats.used_memory).sum(),
            nodes: order.into_iter().map(|node| NodeLine::of(node, nodes, seen.now)).collect(),
            open: seen.found.slot_states.open.iter().map(|open| OpenSlot::of(open, &name)).collect(),
            moves: moves(seen, &name),
            findings: findings_of(&seen.found.findings),
            beside: findings_of(&beside),
        }
    }

    /// The lines for a person; the table is as wide as it is.
    pub(super) fn text(&self, text: &mut Text) {
        let up = self.nodes.iter().filter(|node| node.up).count();
        let head = format!(
            "{}  {}  {} of {SLOT_COUNT} slots served  {up}/{} nodes  {} keys  {} ops/s  {}  {} UTC",
            self.cluster,
            self.state,
            self.slots_served,
            self.nodes.len(),
            self.keys,
            self.ops_per_sec,
            bytes(self.used_memory),
            clock(self.at_ms),
        );
        match self.state {
            "ok" => text.ok(head),
            "down" => text.error(head),
            _ => text.warn(head),
        }
        let head = ["NODE", "ROLE", "SLOTS", "KEYS", "OPS/S", "MEMORY", "LINK"].map(str::to_owned).to_vec();
        text.table(&std::iter::once(head).chain(self.nodes.iter().map(NodeLine::cells)).collect::<Vec<_>>());
        for one in &self.moves {
            text.info(one.words());
        }
        if !self.open.is_empty() {
            let slots: Vec<String> = self.open.iter().take(8).map(OpenSlot::words).collect();
            let more = if self.open.len() > slots.len() { ", …" } else { "" };
            text.warn(format_args!("{} open: {}{more}", self.open.len(), slots.join(", ")));
        }
        for finding in &self.beside {
            if finding.error {
                text.error(format_args!("[ERR] {}", finding.text));
            } else {
                text.warn(format_args!("[WARNING] {}", finding.text));
            }
        }
    }
}

impl NodeLine {
    fn of(node: &NodeView, all: &[NodeView], now: SystemTime) -> Self {
        let stats = node.stats.as_ref().filter(|_| !node.is_stale());
        let (error, since) = match &node.reach {
            Reach::Stale { since, error } => (Some(error.clone()), Some(*since)),
            Reach::Never { error } => (Some(error.clone()), None),
            Reach::Live | Reach::Unknown => (None, None),
        };
        let master = all.iter().find(|n| n.id.is_some() && n.id == node.master);
        Self {
            node: NodeJson {
                addr: node.addr.to_string(),
                id: node.id.as_ref().map(ToString::to_string),
                role: node.role,
                master: node.master.as_ref().map(ToString::to_string),
                slots: node.slots.to_string(),
                slot_count: node.slots.len(),
                keys: stats.map(|stats| stats.keys),
                pid: None,
                log: None,
            },
            up: node.reach == Reach::Live,
            error,
            silent_seconds: since.and_then(|since| Some(now.duration_since(since).ok()?.as_secs())),
            standing: match node.standing {
                Standing::Fine => "fine",
                Standing::Joining => "joining",
                Standing::Suspected => "suspected",
                Standing::Failed => "failed",
            },
            ops_per_sec: stats.map(|stats| stats.ops_per_sec),
            used_memory: stats.map(|stats| stats.used_memory),
            link_up: stats.and_then(|stats| stats.link_up),
            lag_bytes: stats.and_then(|stats| stats.lag_bytes),
            replicas: all.iter().filter(|n| node.id.is_some() && n.master == node.id).count(),
            master_addr: master.map(|master| master.addr.to_string()),
        }
    }

    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let number = |number: Option<u64>| number.map_or_else(dash, |number| number.to_string());
        let (role, slots) = match self.node.role {
            Some(Role::Master) if self.node.slot_count == 0 => ("master", "none".to_owned()),
            Some(Role::Master) => ("master", format!("{} ({})", shortened(&self.node.slots), self.node.slot_count)),
            Some(Role::Replica) => {
                ("replica", format!("of {}", self.master_addr.as_deref().unwrap_or("a node that is not known")))
            }
            None => ("-", dash()),
        };
        vec![
            self.node.addr.clone(),
            role.to_owned(),
            slots,
            number(self.node.keys),
            number(self.ops_per_sec),
            self.used_memory.map_or_else(dash, bytes),
            self.link(),
        ]
    }

    /// How it is connected: the most telling thing about it.
    fn link(&self) -> String {
        let standing = match self.standing {
            "fine" => String::new(),
            standing => format!(" ({standing})"),
        };
        if let Some(error) = &self.error {
            let since = self.silent_seconds.map(|secs| format!(" for {secs} s")).unwrap_or_default();
            return format!("SILENT{since}{standing}: {error}");
        }
        let words = match (self.link_up, self.node.role) {
            (Some(true), _) => match self.lag_bytes {
                Some(0) | None => "up".to_owned(),
                Some(lag) => format!("up, {} behind", bytes(lag)),
            },
            (Some(false), _) => "DOWN".to_owned(),
            (None, Some(Role::Master)) => counted(self.replicas, "replica"),
            (None, _) => "-".to_owned(),
        };
        words + &standing
    }
}

impl OpenSlot {
    fn of(open: &slot_figures::OpenSlot, name: &impl Fn(&NodeId) -> String) -> Self {
        let state = if open.migrating { "migrating" } else { "importing" };
        Self { slot: open.slot.get(), node: open.node.to_string(), state, partner: name(&open.partner) }
    }

    fn words(&self) -> String {
        format!("{} {} at {} ({})", self.slot, self.state, self.node, self.partner)
    }
}

impl MoveLine {
    fn words(&self) -> String {
        let slots = shortened(&self.slots);
        let how = match (self.done, self.of, &self.state) {
            (Some(done), Some(of), _) => format!("{done} of {of} slots done"),
            (_, _, Some(state)) => format!("atomically, {state}"),
            _ => String::new(),
        };
        format!(">>> {} -> {}: {how}: {slots}", self.from, self.to)
    }
}

/// What is written down as begun, and what the servers do by themselves.
fn moves(seen: &Seen<'_>, name: &impl Fn(&NodeId) -> String) -> Vec<MoveLine> {
    let owned = |id: &NodeId| seen.found.nodes.iter().find(|n| n.id.as_ref() == Some(id)).map(|n| &n.slots);
    let planned = seen.journal.into_iter().flat_map(|journal| journal.plan.moves()).map(|one| {
        let there = owned(&one.to);
        let done = one.slots.iter().filter(|slot| there.is_some_and(|slots| slots.contains(*slot))).count();
        let (from, to, slots) = (name(&one.from), name(&one.to), one.slots.to_string());
        MoveLine { from, to, slots, done: Some(done), of: Some(one.slots.len()), state: None }
    });
    let end = |id: &str| id.parse().map_or_else(|_| id.to_owned(), |id: NodeId| name(&id));
    let by_servers = seen.tasks.iter().map(|task| MoveLine {
        from: end(&task.from),
        to: end(&task.to),
        slots: task.slots.clone(),
        done: None,
        of: None,
        state: Some(task.state.clone()),
    });
    planned.chain(by_servers).collect()
}

/// The beginning of a long list of ranges.
fn shortened(slots: &str) -> String {
    const RANGES: usize = 3;
    let ranges: Vec<&str> = slots.split(',').collect();
    if ranges.len() <= RANGES { slots.to_owned() } else { format!("{},…", ranges[..RANGES].join(",")) }
}

fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// The time of day.
fn clock(at_ms: u64) -> String {
    let secs = at_ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
