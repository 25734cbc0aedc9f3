//! CLUSTER LINKS, and what CLUSTER NODES says of links: when pings went out and pongs came in.

use super::reply::Reply;
use crate::core::topology::NodeId;

/// How many links are kept: a node of a cluster of a thousand has two thousand.
const MOST_LINKS: usize = 4096;

/// A link of the cluster bus (Redis 7.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusLink {
    /// Whether this node opened it, to send its pings over; else the other did.
    pub outgoing: bool,
    /// The other node.
    pub node: NodeId,
    /// When it was opened, milliseconds since 1970 by the server's clock.
    pub opened_ms: u64,
    /// What the server waits for on it: `r` to read, `w` to write.
    pub events: String,
    /// Bytes set aside for what is to be sent.
    pub buffer: u64,
    /// Bytes of it in use.
    pub waiting: u64,
}

/// Reads CLUSTER LINKS.
#[must_use]
pub fn read_links(reply: &Reply) -> Vec<BusLink> {
    reply.list().iter().filter_map(read_link).take(MOST_LINKS).collect()
}

fn read_link(entry: &Reply) -> Option<BusLink> {
    let text = |name: &str| entry.value(name).and_then(Reply::text);
    let count = |name: &str| entry.value(name).and_then(Reply::count);
    Some(BusLink {
        outgoing: text("direction")? == "to",
        node: text("node")?.parse().ok()?,
        opened_ms: count("create-time").unwrap_or(0),
        events: text("events").unwrap_or_default().into_owned(),
        buffer: count("send-buffer-allocated").unwrap_or(0),
        waiting: count("send-buffer-used").unwrap_or(0),
    })
}

/// A line of CLUSTER NODES as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The node.
    pub node: NodeId,
    /// Names and values of all its parts.
    pub fields: Vec<(&'static str, String)>,
    /// When the ping was sent that waits for its answer, milliseconds since 1970 by the server's clock; 0 where none waits.
    pub ping_sent_ms: u64,
    /// When the last answer came, milliseconds since 1970; 0 where none ever did.
    pub pong_received_ms: u64,
}

impl Line {
    /// Whether it is the line of the node that was asked.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.fields.iter().any(|(name, value)| *name == "flags" && value.split(',').any(|flag| flag == "myself"))
    }
}

/// Reads CLUSTER NODES line by line.
#[must_use]
pub fn read_lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(read_line).take(MOST_LINKS).collect()
}

fn read_line(line: &str) -> Option<Line> {
    const NAMES: [&str; 8] =
        ["id", "address", "flags", "master", "ping-sent", "pong-received", "config-epoch", "link-state"];
    let parts: Vec<&str> = line.split_ascii_whitespace().collect();
    let node = parts.first()?.parse().ok()?;
    if parts.len() < NAMES.len() {
        return None;
    }
    let mut fields: Vec<(&'static str, String)> =
        NAMES.into_iter().zip(&parts).map(|(name, part)| (name, (*part).to_owned())).collect();
    if parts.len() > NAMES.len() {
        fields.push(("slots", parts[NAMES.len()..].join(" ")));
    }
    let time = |at: usize| parts[at].parse().unwrap_or(0);
    Some(Line { node, fields, ping_sent_ms: time(4), pong_received_ms: time(5) })
}
