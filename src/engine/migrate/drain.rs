//! The keys of open slots, moved by MIGRATE in portions that never hold the source up for long.

use std::time::Duration;

use redis::Value;

use crate::core::slot::{Slot, key_slot};
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;

use super::twins::{self, Twins};
use super::{Context, News, Pair, Why};

/// So many keys are asked for at once: of each slot at least the first number, of all together about the second.
const KEYS_OF_A_SLOT: usize = 256;
const KEYS_AT_ONCE: usize = 4096;
/// What is sent in one piece holds the source up for a few milliseconds at most: so many bytes, or so many keys.
const BURST_BYTES: u64 = 256 * 1024;
const BURST_KEYS: usize = 32;
/// For so many keys at once their size is asked: the server answers them all before it serves anybody else.
const SIZES_AT_ONCE: usize = 64;
/// So many keys in a MIGRATE where the server does not tell their size; redis-cli's number.
const BLIND_KEYS: usize = 10;
/// No MIGRATE of several gets less time.
const SHORTEST: Duration = Duration::from_secs(1);

pub(in crate::engine) type Words = Vec<Vec<u8>>;

/// What one MIGRATE carries: keys of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Batch {
    pub(in crate::engine) keys: Words,
    bytes: u64,
}

/// The words that log in at the target.
pub(in crate::engine) fn login_words(auth: &Auth) -> Words {
    let password = auth.password.expose().as_bytes().to_vec();
    match (auth.password.is_empty(), auth.user.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![b"AUTH".to_vec(), password],
        (false, false) => vec![b"AUTH2".to_vec(), auth.user.as_bytes().to_vec(), password],
    }
}

/// The command that asks for keys of a slot, where so many slots are asked about together.
pub(super) fn look_up(slot: Slot, slots: usize) -> Vec<String> {
    let count = KEYS_OF_A_SLOT.max(KEYS_AT_ONCE / slots.max(1));
    ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &count.to_string()].map(str::to_owned).to_vec()
}

/// The keys of the answer.
pub(in crate::engine) fn keys_of(answer: Value) -> Words {
    let Value::Array(items) = answer else { return Vec::new() };
    items
        .into_iter()
        .filter_map(|item| match item {
            Value::BulkString(key) => Some(key),
            Value::SimpleString(key) => Some(key.into_bytes()),
            _ => None,
        })
        .collect()
}

/// One connection to the source, and what goes over it.
pub(super) struct Drain<'a> {
    pub(super) pair: &'a Pair<'a>,
    pub(super) context: &'a Context<'a>,
    pub(super) lane: &'a NodeClient,
}

impl Drain<'_> {
    /// Moves these keys, each list of one slot; whether any went over.
    pub(super) async fn drain(&self, slots: Vec<Words>) -> Result<bool, Why> {
        let batches = self.batches(slots).await?;
        let most = if self.context.options.pipeline.is_some() { (1, u64::MAX) } else { self.portion() };
        let mut moved = false;
        for burst in bursts(batches, most) {
            let (keys, bytes) = burst.iter().fold((0, 0), |(k, b), batch| (k + batch.keys.len(), b + batch.bytes));
            self.context.pass(keys as u64, bytes).await;
            moved |= self.send(&burst).await?;
        }
        Ok(moved)
    }

    fn portion(&self) -> (usize, u64) {
        self.context.pace.portion(BURST_KEYS, BURST_BYTES)
    }

    /// The keys in portions that one MIGRATE may carry.
    async fn batches(&self, slots: Vec<Words>) -> Result<Vec<Batch>, Why> {
        let (most_keys, most_bytes) = self.portion();
        let one_at_a_time = !self.pair.many_keys;
        let asked = self.context.options.pipeline;
        let most_keys = if one_at_a_time { 1 } else { asked.map_or(most_keys, |keys| keys.max(1)) };
        let by_bytes = asked.is_none() && !one_at_a_time;
        if !by_bytes && !self.context.pace.counts_bytes() {
            return Ok(slots.into_iter().flat_map(|keys| in_batches(keys, None, most_keys, u64::MAX)).collect());
        }
        let commands: Vec<Words> =
            slots.iter().flatten().map(|key| vec![b"MEMORY".to_vec(), b"USAGE".to_vec(), key.clone()]).collect();
        let mut answers = Vec::with_capacity(commands.len());
        for portion in commands.chunks(SIZES_AT_ONCE) {
            answers.extend(self.lane.call_all(portion).await);
        }
        let sizes: Result<Vec<u64>, NodeError> = answers.into_iter().map(size).collect();
        let mut sizes = match sizes {
            Ok(sizes) => sizes.into_iter(),
            // Servers before 4.0, and users who may not ask.
            Err(NodeError { kind: NodeErrorKind::Refused(why), .. }) => {
                if self.context.pace.counts_bytes() {
                    let at = self.pair.from.addr();
                    return Err(format!(
                        "{at} does not tell how much memory a key takes ({why}): limit the rate in keys"
                    ));
                }
                let most = most_keys.min(BLIND_KEYS);
                return Ok(slots.into_iter().flat_map(|keys| in_batches(keys, None, most, u64::MAX)).collect());
            }
            Err(error) => return Err(error.to_string()),
        };
        let most_bytes = if by_bytes { most_bytes } else { u64::MAX };
        let batches = slots.into_iter().flat_map(|keys| {
            let mine = sizes.by_ref().take(keys.len()).collect();
            in_batches(keys, Some(mine), most_keys, most_bytes)
        });
        Ok(batches.collect())
    }

    /// MIGRATEs, one behind the other. Each copies, then deletes at the source what has arrived; the server itself does
    /// both. Whether any went over.
    async fn send(&self, burst: &[Batch]) -> Result<bool, Why> {
        // The server works them off without serving anybody: where the target is silent, all of them together must not
        // take longer than one may.
        let timeout = share_of(self.context.timeout(), burst.len());
        let replace = self.context.options.replace;
        let commands: Vec<Words> =
            burst.iter().map(|batch| self.migrate_words(&batch.keys, timeout, replace)).collect();
        let (mut moved, mut again, mut met, mut failure) = (false, Vec::new(), Vec::new(), None);
        for (batch, answer) in burst.iter().zip(self.lane.call_all(&commands).await) {
            match answer {
                Ok(answer) => moved |= self.tell(&answer, batch.keys.len()),
                Err(error) if is_io(&error) => again.push(&batch.keys),
                Err(error) if is_met(&error) => met.push(&batch.keys),
                Err(error) => failure = failure.or_else(|| Some(self.explain(&error))),
            }
        }
        if let Some(why) = failure {
            return Err(why);
        }
        // What the way to the target failed for is tried once more, alone and with all its time.
        for keys in again {
            match self.lane.call(&self.migrate_words(keys, self.context.timeout(), replace)).await {
                Ok(answer) => moved |= self.tell(&answer, keys.len()),
                // It may have arrived before the way failed.
                Err(error) if is_met(&error) => met.push(keys),
                Err(error) => return Err(self.explain(&error)),
            }
        }
        for keys in met {
            moved |= self.settle_twins(keys).await?;
        }
        Ok(moved)
    }

    /// Counts keys that have gone over; whether there were any.
    fn tell(&self, answer: &Value, keys: usize) -> bool {
        let any = !matches!(answer, Value::SimpleString(word) if word == "NOKEY");
        if any {
            (self.context.report)(News::Keys(keys as u64));
        }
        any
    }

    /// Keys of which the target has one of the same name. Where both are the same, the one that counts stays: the
    /// owner's. Whether any was settled so; keys that differ are named.
    async fn settle_twins(&self, keys: &[Vec<u8>]) -> Result<bool, Why> {
        let twins = Twins::among(keys, self.lane, self.pair.to.one()).await?;
        let owned = |key: &Vec<u8>| self.pair.owned.contains(key_slot(key));
        // The owner may be written to at any moment: what it holds is not written over, not by the same either.
        let (theirs, ours): (Words, Words) = twins.same.into_iter().partition(owned);
        if !theirs.is_empty() {
            twins::delete(self.lane, &theirs).await?;
        }
        for keys in ours.chunks(if self.pair.many_keys { BURST_KEYS } else { 1 }) {
            let words = self.migrate_words(keys, self.context.timeout(), true);
            let answer = self.lane.call(&words).await.map_err(|error| self.explain(&error))?;
            self.tell(&answer, keys.len());
        }
        if twins.different.is_empty() {
            return Ok(!theirs.is_empty() || !ours.is_empty());
        }
        let (from, to) = (self.pair.from.addr(), self.pair.to.addr());
        Err(format!(
            "{from} and {to} both hold {}, with different values: look at both, then delete one and go on, or go on with \
             --cluster-replace, with which {from}'s stays",
            shown(&twins.different)
        ))
    }

    fn explain(&self, error: &NodeError) -> Why {
        match &error.kind {
            NodeErrorKind::Refused(reply) => format!("{} to {}: {reply}", self.pair.from.addr(), self.pair.to.addr()),
            _ => error.to_string(),
        }
    }

    fn migrate_words(&self, keys: &[Vec<u8>], timeout: Duration, replace: bool) -> Words {
        let Pair { place, many_keys, .. } = self.pair;
        let single = if *many_keys { Vec::new() } else { keys[0].clone() };
        let timeout = timeout.as_millis().to_string();
        let mut words: Words = vec![b"MIGRATE".to_vec(), place.host.clone().into_bytes()];
        words.extend([place.port.to_string().into_bytes(), single, b"0".to_vec(), timeout.into_bytes()]);
        if replace {
            words.push(b"REPLACE".to_vec());
        }
        words.extend(login_words(self.context.auth));
        if *many_keys {
            words.push(b"KEYS".to_vec());
            words.extend(keys.iter().cloned());
        }
        words
    }
}

/// The timeout of each of several MIGRATEs that are sent in one piece, so that together they take about as long as one
/// may.
fn share_of(timeout: Duration, count: usize) -> Duration {
    let parts = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    (timeout / parts).max(SHORTEST.min(timeout))
}

/// A key of the same name is at the target; MIGRATE hands the target's own words on.
fn is_met(error: &NodeError) -> bool {
    matches!(&error.kind, NodeErrorKind::Refused(reply) if reply.contains("BUSYKEY"))
}

/// The way to the target failed.
pub(in crate::engine) fn is_io(error: &NodeError) -> bool {
    matches!(&error.kind, NodeErrorKind::Refused(reply) if reply.starts_with("IOERR"))
}

/// What MEMORY USAGE answers; a key that is gone takes nothing.
pub(in crate::engine) fn size(answer: Result<Value, NodeError>) -> Result<u64, NodeError> {
    match answer? {
        Value::Int(bytes) => Ok(u64::try_from(bytes).unwrap_or_default()),
        _ => Ok(0),
    }
}

/// Keys of one slot in batches of so many keys and bytes; a key that is larger goes alone.
pub(in crate::engine) fn in_batches(
    keys: Words,
    sizes: Option<Vec<u64>>,
    most_keys: usize,
    most_bytes: u64,
) -> Vec<Batch> {
    let sizes = sizes.unwrap_or_else(|| vec![0; keys.len()]);
    let mut batches: Vec<Batch> = Vec::new();
    for (key, size) in keys.into_iter().zip(sizes) {
        match batches.last_mut() {
            Some(batch) if batch.keys.len() < most_keys && batch.bytes.saturating_add(size) <= most_bytes => {
                batch.keys.push(key);
                batch.bytes += size;
            }
            _ => batches.push(Batch { keys: vec![key], bytes: size }),
        }
    }
    batches
}

/// Batches that are sent in one piece: so many keys and bytes together, at least one batch.
fn bursts(batches: Vec<Batch>, (most_keys, most_bytes): (usize, u64)) -> Vec<Vec<Batch>> {
    let mut bursts: Vec<Vec<Batch>> = Vec::new();
    let (mut keys, mut bytes) = (0, 0_u64);
    for batch in batches {
        let (more_keys, more_bytes) = (keys + batch.keys.len(), bytes.saturating_add(batch.bytes));
        match bursts.last_mut() {
            Some(burst) if more_keys <= most_keys && more_bytes <= most_bytes => {
                (keys, bytes) = (more_keys, more_bytes);
                burst.push(batch);
            }
            _ => {
                (keys, bytes) = (batch.keys.len(), batch.bytes);
                bursts.push(vec![batch]);
            }
        }
    }
    bursts
}

/// The first few keys, so that they can be typed.
pub(super) fn shown(keys: &[Vec<u8>]) -> String {
    let mut text = keys.iter().take(5).map(|key| format!("\"{}\"", key.escape_ascii())).collect::<Vec<_>>().join(" ");
    if keys.len() > 5 {
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn migrates_that_are_sent_together_take_no_longer_than_one_may() {
        let of = |timeout, count| share_of(Duration::from_millis(timeout), count).as_millis();
        assert_eq!(of(60_000, 1), 60_000);
        assert_eq!(of(60_000, 32), 1875);
        assert_eq!(of(60_000, 64), 1000, "a busy target is not given up at once");
        assert_eq!(of(500, 8), 500, "nor is more time taken than was given");
        assert_eq!(of(60_000, 0), 60_000);
    }

    proptest! {
        #[test]
        fn every_key_is_sent_once_in_portions_that_are_small(
            sizes in prop::collection::vec(prop::collection::vec(0..400_000_u64, 0..50), 0..20),
            most_keys in 1..70_usize,
        ) {
            let name = |slot: usize, key: usize| format!("{slot}:{key}").into_bytes();
            let batches: Vec<Batch> = sizes.iter().enumerate().flat_map(|(slot, sizes)| {
                let keys = (0..sizes.len()).map(|key| name(slot, key)).collect();
                in_batches(keys, Some(sizes.clone()), most_keys, BURST_BYTES)
            }).collect();
            let fits = |keys: usize, bytes: u64| keys <= most_keys && bytes <= BURST_BYTES;
            for batch in &batches {
                prop_assert!(batch.keys.len() == 1 || fits(batch.keys.len(), batch.bytes));
            }
            let bursts = bursts(batches, (most_keys, BURST_BYTES));
            for burst in &bursts {
                let keys = burst.iter().map(|batch| batch.keys.len()).sum();
                prop_assert!(burst.len() == 1 || fits(keys, burst.iter().map(|batch| batch.bytes).sum()));
            }
            let sent: Words = bursts.into_iter().flatten().flat_map(|batch| batch.keys).collect();
            let all: Words =
                sizes.iter().enumerate().flat_map(|(slot, s)| (0..s.len()).map(move |key| name(slot, key))).collect();
            prop_assert_eq!(sent, all);
        }
    }
}
