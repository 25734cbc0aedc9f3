//! LATENCY LATEST and LATENCY HISTORY: what the latency monitor saw.

use super::reply::Reply;

/// How many events are kept, and how many spikes of one; servers keep 160.
const MOST_EVENTS: usize = 64;
const MOST_SPIKES: usize = 160;

/// A kind of event with spikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Its name, such as `command` or `fork`.
    pub name: String,
    /// When the last spike was, seconds since 1970 by the server's clock.
    pub at: u64,
    /// How long the last one took, milliseconds.
    pub last_ms: u64,
    /// The longest ever, milliseconds.
    pub worst_ms: u64,
    /// The last spikes, oldest first.
    pub history: Vec<Spike>,
}

/// One spike: the worst of its second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike {
    /// When, seconds since 1970 by the server's clock.
    pub at: u64,
    /// How long, milliseconds.
    pub ms: u64,
}

/// The events of LATENCY LATEST, without their histories. What later versions add to an entry is passed over.
#[must_use]
pub fn read_latest(reply: &Reply) -> Vec<LatencyEvent> {
    let event = |entry: &Reply| {
        let [name, at, last, worst, ..] = entry.list() else { return None };
        Some(LatencyEvent {
            name: name.text()?.into_owned(),
            at: at.count()?,
            last_ms: last.count()?,
            worst_ms: worst.count()?,
            history: Vec::new(),
        })
    };
    reply.list().iter().filter_map(event).take(MOST_EVENTS).collect()
}

/// The spikes of LATENCY HISTORY, oldest first.
#[must_use]
pub fn read_history(reply: &Reply) -> Vec<Spike> {
    let spike = |entry: &Reply| {
        let [at, ms, ..] = entry.list() else { return None };
        Some(Spike { at: at.count()?, ms: ms.count()? })
    };
    let all: Vec<Spike> = reply.list().iter().filter_map(spike).collect();
    all[all.len().saturating_sub(MOST_SPIKES)..].to_vec()
}
