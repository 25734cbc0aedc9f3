//! Looks closely at one node while somebody else looks at the picture: everything that INFO, CLUSTER NODES, SHARDS and
//! LINKS, CONFIG, CLIENT LIST, SLOWLOG and LATENCY tell. One subject at a time, fetched again at a gentle pace, never after
//! the person has turned away.

mod fetch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use crate::core::answers::{BusLink, Clients, LatencyEvent, Line, Section, Setting, SlowCall};
use crate::core::topology::NodeAddr;

use super::command::Auth;

pub use fetch::reply_of;
use fetch::{Lines, fetch};

/// How many clients are kept of a list.
pub const MOST_CLIENTS: usize = 1000;
/// How many slow calls are asked for.
pub const MOST_SLOW_CALLS: usize = 128;
/// With how many peers a node's settings are compared.
pub const MOST_PEERS: usize = 64;
/// Up to how many nodes' links are asked for at once.
pub const MOST_LINKED: usize = 64;
/// What took so long rests at least so many times that.
const REST_FACTOR: u32 = 10;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// What the node says of itself.
    Facts(NodeAddr),
    /// Its settings, beside those of its peers.
    Config(NodeAddr),
    /// Its clients.
    Clients(NodeAddr),
    /// Its slow log.
    SlowLog(NodeAddr),
    /// What its latency monitor saw.
    Latency(NodeAddr),
    /// The bus links of these nodes, at most [`MOST_LINKED`].
    Links(Vec<NodeAddr>),
}

impl Subject {
    /// How long to rest between two looks at least.
    fn rest(&self) -> Duration {
        Duration::from_secs(match self {
            Subject::Facts(_) | Subject::Clients(_) => 2,
            Subject::SlowLog(_) | Subject::Links(_) => 3,
            Subject::Latency(_) => 5,
            Subject::Config(_) => 20,
        })
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// What the node says of itself.
    Facts(Box<NodeFacts>),
    /// Its settings.
    Config(ConfigFacts),
    /// Its clients.
    Clients(Clients),
    /// Its slow log.
    SlowLog(SlowFacts),
    /// What its latency monitor saw.
    Latency(LatencyFacts),
    /// Links by node.
    Links(BTreeMap<NodeAddr, NodeLinks>),
}

/// A part of a look: what the server answered, or its refusal in its own words.
pub type Part<T> = Result<T, String>;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// INFO.
    pub info: Vec<Section>,
    /// CLUSTER INFO.
    pub cluster: Part<Section>,
    /// Its own line in CLUSTER NODES.
    pub own_line: Part<Section>,
    /// Its entry in CLUSTER SHARDS (7.0); empty where the reply does not name it.
    pub shard: Part<Section>,
    /// CLUSTER LINKS (7.0).
    pub links: Part<Vec<BusLink>>,
}

/// A node's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFacts {
    /// All of them, in order.
    pub settings: Vec<Setting<NodeAddr>>,
    /// With whom they were compared.
    pub peers: Vec<NodeAddr>,
    /// Peers that did not tell theirs, and why.
    pub silent: Vec<(NodeAddr, String)>,
}

/// A node's slow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowFacts {
    /// Newest first.
    pub calls: Vec<SlowCall>,
    /// How many the server holds.
    pub total: Option<u64>,
    /// From how many microseconds on a call is slow; negative for never.
    pub slower_than_us: Option<i64>,
}

/// What a node's latency monitor saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyFacts {
    /// Kinds of events, the worst first.
    pub events: Vec<LatencyEvent>,
    /// `latency-monitor-threshold`, milliseconds; 0 means that nothing is watched.
    pub threshold_ms: Option<u64>,
}

/// What a node says of its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLinks {
    /// CLUSTER LINKS (7.0).
    pub links: Part<Vec<BusLink>>,
    /// CLUSTER NODES.
    pub lines: Part<Vec<Line>>,
    /// The server's clock, milliseconds since 1970: its times are told by it.
    pub now_ms: u64,
}

/// The last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The cluster.
    pub cluster: String,
    /// At what.
    pub subject: Subject,
    /// What was seen last; `None` while nothing was.
    pub seen: Option<Seen>,
    /// When.
    pub at: Option<SystemTime>,
    /// How long it took.
    pub took: Duration,
    /// What went wrong the last time.
    pub error: Option<String>,
}

impl Look {
    /// A look that has not seen anything yet.
    #[must_use]
    pub fn begun(cluster: String, subject: Subject) -> Self {
        Self { cluster, subject, seen: None, at: None, took: Duration::ZERO, error: None }
    }
}

/// Looks again and again until nobody listens any more; at once when `again` is notified.
pub async fn look(begun: Look, peers: Vec<NodeAddr>, auth: Auth, again: Arc<Notify>, news: mpsc::Sender<Arc<Look>>) {
    let mut look = begun;
    let mut lines = Lines::default();
    loop {
        let began = Instant::now();
        let fetched = fetch(&look.subject, &peers, &auth, &mut lines).await;
        look.took = began.elapsed();
        match fetched {
            Ok(seen) => (look.seen, look.at, look.error) = (Some(seen), Some(SystemTime::now()), None),
            Err(error) => look.error = Some(error.kind.to_string()),
        }
        if news.send(Arc::new(look.clone())).await.is_err() {
            return;
        }
        let rest = (look.took * REST_FACTOR).clamp(look.subject.rest(), LONGEST_REST);
        tokio::select! {
            () = sleep(rest) => {}
            () = again.notified() => {}
        }
    }
}
