//! Nodes and who knows what of them: the answer of `CLUSTER NODES`, in every format from Redis 3.0 on.
//!
//! A [`View`] is what *one* node says. A cluster has as many views as nodes, and they may differ; [`Topology`] holds
//! them side by side and never merges them into one invented truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::nodes::{Alike, Nodes, alike};
use super::slot::{Slot, SlotRange, SlotSet};

/// A node's name in the cluster: 40 hexadecimal digits.
///
/// Kept in place, not on the heap: a poll of a thousand nodes compares ids some millions of times.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId([u8; 40]);

impl NodeId {
    /// The id's text, 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits only: always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first eight digits: what fits a table cell.
    #[must_use]
    pub fn short(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

impl FromStr for NodeId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits: Option<[u8; 40]> = text.as_bytes().try_into().ok();
        let hex = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        hex.map(Self).ok_or_else(|| ParseError::BadId(text.to_owned()))
    }
}

impl TryFrom<String> for NodeId {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> String {
        id.as_str().to_owned()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.short())
    }
}

/// Where a node listens. `host` is an address or a name as given, IPv6 without brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeAddr {
    /// Address or host name.
    pub host: String,
    /// Port for clients.
    pub port: u16,
    /// Port of the cluster bus where it is known to differ from port + 10000.
    pub bus_port: Option<u16>,
}

/// How far the default bus port lies above the client port (Redis Cluster specification, "The Cluster bus").
pub const BUS_PORT_OFFSET: u16 = 10000;

impl NodeAddr {
    /// An address with the default bus port.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, bus_port: None }
    }

    /// The bus port: the one given, else port + 10000; `None` where that is above 65535.
    #[must_use]
    pub fn bus_port(&self) -> Option<u16> {
        self.bus_port.or_else(|| self.port.checked_add(BUS_PORT_OFFSET))
    }

    /// Whether clients reach both at the same place, whatever is known of the bus ports: an address that a person types or
    /// a document keeps says nothing of its bus.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

impl fmt::Display for NodeAddr {
    /// `host:port`, IPv6 unbracketed, as redis-cli writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for NodeAddr {
    type Err = ParseError;
    /// Reads `host:port` and `host:port@busport`, split at the last `@`, then the last `:`, as redis-cli does;
    /// brackets around an IPv6 address are taken off.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::BadAddress(text.to_owned());
        let (front, bus_port) = match text.rsplit_once('@') {
            Some((front, bus)) => (front, Some(bus.parse::<u16>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let (host, port) = front.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || port == 0 || host.chars().any(char::is_whitespace) {
            return Err(bad());
        }
        let bus_port = bus_port.filter(|bus| Some(*bus) != port.checked_add(BUS_PORT_OFFSET) && *bus != 0);
        Ok(Self { host: host.to_owned(), port, bus_port })
    }
}

/// What a node does in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves slots.
    Master,
    /// Copies a master.
    Replica,
}

/// The flags of a node besides its role, as CLUSTER NODES lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeFlags {
    /// `fail?`: this view can't reach it, others have not agreed yet.
    pub pfail: bool,
    /// `fail`: a majority of masters agrees that it is down.
    pub fail: bool,
    /// `handshake`: met, but not yet known.
    pub handshake: bool,
    /// `noaddr`: no address known.
    pub noaddr: bool,
    /// `nofailover`: the replica will not try to become master.
    pub nofailover: bool,
}

/// One line of CLUSTER NODES: a node as one view sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The node's id.
    pub id: NodeId,
    /// Its address; `None` for `noaddr` nodes. The host is empty in the answer of a fresh node about itself.
    pub addr: Option<NodeAddr>,
    /// The announced host name, if any (7.0).
    pub hostname: Option<String>,
    /// Master or replica.
    pub role: Role,
    /// Other flags.
    pub flags: NodeFlags,
    /// The master it copies, for a replica.
    pub master: Option<NodeId>,
    /// Configuration epoch (for a replica: its master's).
    pub epoch: u64,
    /// Whether this view's bus link to the node is up.
    pub linked: bool,
    /// The slots it owns in this view.
    pub slots: SlotSet,
    /// Slots on their way out, with the target. Only on the `myself` line.
    pub migrating: Vec<(Slot, NodeId)>,
    /// Slots on their way in, with the source. Only on the `myself` line.
    pub importing: Vec<(Slot, NodeId)>,
}

impl Node {
    /// Whether this view counts the node as usable: neither failing, handshaking nor without address.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let f = self.flags;
        !(f.pfail || f.fail || f.handshake || f.noaddr)
    }
}

/// Why a CLUSTER NODES answer can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Not 40 hexadecimal digits.
    #[error("'{0}' is not a node id (40 hexadecimal digits)")]
    BadId(String),
    /// Not `host:port` or `host:port@busport`.
    #[error("'{0}' is not an address (host:port or host:port@busport)")]
    BadAddress(String),
    /// A line with fewer than eight fields.
    #[error("CLUSTER NODES line {line} is cut short: '{text}'")]
    ShortLine {
        /// Line number from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A field that is not what it should be.
    #[error("CLUSTER NODES line {line}: '{text}' is not {expected}")]
    BadField {
        /// Line number from 1.
        line: usize,
        /// The field.
        text: String,
        /// What should have stood there.
        expected: &'static str,
    },
    /// No line is marked `myself`.
    #[error("CLUSTER NODES names no node as itself")]
    NoMyself,
}

/// What one node says about the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The node that said it.
    pub myself: NodeId,
    /// Every node it knows, itself included, by id. Views that say the same may share the list.
    pub nodes: Nodes,
}

impl View {
    /// Reads a CLUSTER NODES answer: 3.x (no bus port), 4.0 (`@cport`), 7.0 (`,hostname`), Valkey, and nodes.conf's
    /// extra fields (`,shard-id=…`) and `vars` line. IPv6 stands unbracketed there: the last colon parts the port.
    ///
    /// # Errors
    /// [`ParseError`] with the line and the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut nodes = Vec::new();
        let mut myself = None;
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with("vars ") {
                continue;
            }
            let Line { node, is_me } = parse_line(i + 1, line)?;
            if is_me {
                myself = Some(node.id.clone());
            }
            nodes.push(node);
        }
        Ok(Self { myself: myself.ok_or(ParseError::NoMyself)?, nodes: nodes.into_iter().collect() })
    }

    /// The node that said it, as it sees itself.
    #[must_use]
    pub fn me(&self) -> Option<&Node> {
        self.nodes.get(&self.myself)
    }

    /// Masters that own slots, and their slots: what redis-cli calls the configuration signature. Roles of nodes
    /// without slots are left out on purpose, as there. In id order.
    pub fn slot_owners(&self) -> impl Iterator<Item = (&NodeId, &SlotSet)> {
        self.nodes.slot_owners()
    }

    /// The slots that some node owns in this view.
    #[must_use]
    pub fn covered(&self) -> SlotSet {
        let mut all = SlotSet::new();
        for node in self.nodes.values() {
            all.union_with(&node.slots);
        }
        all
    }
}

/// A line that was read.
pub(super) struct Line {
    /// What it says.
    pub node: Node,
    /// Whether it is about the node that answers.
    pub is_me: bool,
}

pub(super) fn parse_line(line: usize, text: &str) -> Result<Line, ParseError> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    if fields.len() < 8 {
        return Err(ParseError::ShortLine { line, text: text.to_owned() });
    }
    let bad = |text: &str, expected| ParseError::BadField { line, text: text.to_owned(), expected };
    let (addr, hostname) = parse_addr(fields[1]).ok_or_else(|| bad(fields[1], "an address"))?;
    let (role, flags, is_me) = parse_flags(fields[2]).ok_or_else(|| bad(fields[2], "a list of flags"))?;
    let mut node = Node {
        id: fields[0].parse()?,
        addr: addr.filter(|_| !flags.noaddr),
        hostname,
        role,
        flags,
        master: if fields[3] == "-" { None } else { Some(fields[3].parse()?) },
        epoch: fields[6].parse().map_err(|_| bad(fields[6], "an epoch"))?,
        linked: match fields[7] {
            "connected" => true,
            "disconnected" => false,
            other => return Err(bad(other, "a link state")),
        },
        slots: SlotSet::new(),
        migrating: Vec::new(),
        importing: Vec::new(),
    };
    for field in &fields[8..] {
        parse_slots(field, &mut node).ok_or_else(|| bad(field, "a slot, a range or an open slot"))?;
    }
    Ok(Line { node, is_me })
}

/// `ip:port`, `ip:port@cport`, `ip:port@cport,hostname[,key=value…]`, `:port`, `:0@0`.
fn parse_addr(text: &str) -> Option<(Option<NodeAddr>, Option<String>)> {
    let mut parts = text.split(',');
    let address = parts.next()?;
    let hostname = parts.next().filter(|name| !name.is_empty() && !name.contains('=')).map(str::to_owned);
    let (front, bus) = match address.rsplit_once('@') {
        Some((front, bus)) => (front, Some(bus.parse::<u16>().ok()?)),
        None => (address, None),
    };
    let (host, port) = front.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if port == 0 {
        return Some((None, hostname));
    }
    let bus_port = bus.filter(|bus| *bus != 0 && Some(*bus) != port.checked_add(BUS_PORT_OFFSET));
    Some((Some(NodeAddr { host: host.to_owned(), port, bus_port }), hostname))
}

/// Role, other flags, and whether the line is about the node that answers.
fn parse_flags(text: &str) -> Option<(Role, NodeFlags, bool)> {
    let mut role = None;
    let mut is_me = false;
    let mut flags = NodeFlags::default();
    for flag in text.split(',') {
        match flag {
            "master" => role = Some(Role::Master),
            "slave" | "replica" => role = Some(Role::Replica),
            "myself" => is_me = true,
            "fail?" => flags.pfail = true,
            "fail" => flags.fail = true,
            "handshake" => flags.handshake = true,
            "noaddr" => flags.noaddr = true,
            "nofailover" => flags.nofailover = true,
            "noflags" => {}
            // A later server may add flags; a view with an unknown one is still a view.
            other if !other.is_empty() && other.bytes().all(|b| b.is_ascii_lowercase() || b == b'?') => {}
            _ => return None,
        }
    }
    // A node in handshake has no role yet ("handshake" alone): it counts as a master without slots, as in the server.
    Some((role.unwrap_or(Role::Master), flags, is_me))
}

/// `5`, `0-5460`, `[5->-id]` (migrating), `[5-<-id]` (importing).
fn parse_slots(field: &str, node: &mut Node) -> Option<()> {
    let Some(open) = field.strip_prefix('[') else {
        node.slots.insert_range(field.parse::<SlotRange>().ok()?);
        return Some(());
    };
    let open = open.strip_suffix(']')?;
    if let Some((slot, id)) = open.split_once("->-") {
        node.migrating.push((slot.parse().ok()?, id.parse().ok()?));
    } else {
        let (slot, id) = open.split_once("-<-")?;
        node.importing.push((slot.parse().ok()?, id.parse().ok()?));
    }
    Some(())
}

/// All views of one cluster, side by side, by the address they were asked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// What each reachable node says.
    pub views: BTreeMap<NodeAddr, Arc<View>>,
    /// Nodes that could not be asked, with the reason.
    pub unreachable: BTreeMap<NodeAddr, String>,
    /// Of the views those that are older than the last change that was seen: what they say of their own node is the last
    /// that is known of it, but they can't be held against the others. Empty where all were asked together.
    pub dated: BTreeSet<NodeAddr>,
}

impl Topology {
    /// The views that are held against each other, by address.
    pub fn current(&self) -> impl Iterator<Item = (&NodeAddr, &Arc<View>)> {
        self.views.iter().filter(|(addr, _)| !self.dated.contains(*addr))
    }

    /// The different lists of nodes among the current views, each with who says so. To look at these costs far less than
    /// to look at every view of a large cluster.
    #[must_use]
    pub fn opinions(&self) -> Vec<Alike<'_, (&NodeAddr, &View)>> {
        alike(self.current().map(|(addr, view)| (&view.nodes, (addr, &**view))))
    }

    /// The nodes of the cluster as they see *themselves* where they answer, else as the first view that knows them
    /// sees them. Sorted by id.
    #[must_use]
    pub fn nodes(&self) -> BTreeMap<NodeId, Node> {
        let mut nodes: BTreeMap<NodeId, Node> = BTreeMap::new();
        let dated = self.dated.iter().filter_map(|addr| self.views.get(addr));
        let views = self.current().map(|(_, view)| view).chain(dated);
        for told in alike(views.map(|view| (&view.nodes, ()))) {
            // Nearly always every view knows the same nodes: to see that costs far less than to look each one up.
            if nodes.keys().eq(told.nodes.keys()) {
                continue;
            }
            for (id, node) in told.nodes.iter() {
                if !nodes.contains_key(id) {
                    nodes.insert(id.clone(), node.clone());
                }
            }
        }
        for (addr, view) in &self.views {
            if let Some(me) = view.me() {
                let mut me = me.clone();
                // A node may not know its own address; the one it was asked at is right.
                if me.addr.as_ref().is_none_or(|a| a.host.is_empty()) {
                    me.addr = Some(addr.clone());
                }
                nodes.insert(me.id.clone(), me);
            }
        }
        nodes
    }

    /// The owner of each slot, by what the masters say of themselves; where two claim a slot the higher epoch wins,
    /// as in the cluster itself.
    #[must_use]
    pub fn slot_owner(&self) -> Vec<Option<NodeId>> {
        slot_owner(&self.nodes())
    }
}

/// The owner of each slot among these nodes, as [`Topology::slot_owner`] for those of [`Topology::nodes`].
#[must_use]
pub fn slot_owner(nodes: &BTreeMap<NodeId, Node>) -> Vec<Option<NodeId>> {
    let mut owner: Vec<Option<&Node>> = vec![None; super::slot::SLOT_COUNT as usize];
    for node in nodes.values().filter(|n| n.role == Role::Master) {
        for slot in node.slots.iter() {
            let entry = &mut owner[slot.index()];
            if entry.is_none_or(|before| node.epoch > before.epoch) {
                *entry = Some(node);
            }
        }
    }
    owner.into_iter().map(|node| node.map(|n| n.id.clone())).collect()
}

#[cfg(test)]
#[path = "topology_tests.rs"]
mod tests;
