//! The keys of open slots, moved by MIGRATE in portions that never hold the source up for long.

use redis::Value;

use crate::core::slot::Slot;
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;

use super::{Context, News, Pair, Why};

/// So many keys are asked for at once: of each slot at least the first number, of all together about the second.
const KEYS_OF_A_SLOT: usize = 256;
const KEYS_AT_ONCE: usize = 4096;
/// What is sent in one piece holds the source up for a few milliseconds at most: so many bytes, or so many keys.
const BURST_BYTES: u64 = 256 * 1024;
const BURST_KEYS: usize = 64;
/// So many keys in a MIGRATE where the server does not tell their size; redis-cli's number.
const BLIND_KEYS: usize = 10;
/// How often a MIGRATE is tried when the way to the target fails.
const TRIES: usize = 3;

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
        let sizes: Result<Vec<u64>, NodeError> = self.lane.call_all(&commands).await.into_iter().map(size).collect();
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
    /// both. Whether any key went over.
    async fn send(&self, burst: &[Batch]) -> Result<bool, Why> {
        let mut left: Vec<&Batch> = burst.iter().collect();
        let (mut moved, mut tries) = (false, 0);
        loop {
            let commands: Vec<Words> = left.iter().map(|batch| self.migrate_words(&batch.keys)).collect();
            let (mut again, mut failure) = (Vec::new(), None);
            for (batch, answer) in left.iter().zip(self.lane.call_all(&commands).await) {
                match answer {
                    Ok(answer) => {
                        moved |= !matches!(answer, Value::SimpleString(word) if word == "NOKEY");
                        (self.context.report)(News::Keys(batch.keys.len() as u64));
                    }
                    Err(error) if is_io(&error) && tries + 1 < TRIES => again.push(*batch),
                    Err(error) => failure = failure.or_else(|| Some(self.explain(&error, &batch.keys))),
                }
            }
            if let Some(why) = failure {
                return Err(why);
            }
            if again.is_empty() {
                return Ok(moved);
            }
            (left, tries) = (again, tries + 1);
        }
    }

    fn explain(&self, error: &NodeError, keys: &[Vec<u8>]) -> Why {
        let at = format!("{} to {}", self.pair.from.addr(), self.pair.to.addr());
        match &error.kind {
            NodeErrorKind::Refused(reply) if reply.contains("BUSYKEY") => format!(
                "{at}: the target holds a key of this name already (among {}): look at both, then resume, \
                 with --cluster-replace if the source's is to stay",
                shown(keys)
            ),
            NodeErrorKind::Refused(reply) => format!("{at}: {reply}"),
            _ => error.to_string(),
        }
    }

    fn migrate_words(&self, keys: &[Vec<u8>]) -> Words {
        let Pair { place, many_keys, .. } = self.pair;
        let single = if *many_keys { Vec::new() } else { keys[0].clone() };
        let timeout = self.context.timeout().as_millis().to_string();
        let mut words: Words = vec![b"MIGRATE".to_vec(), place.host.clone().into_bytes()];
        words.extend([place.port.to_string().into_bytes(), single, b"0".to_vec(), timeout.into_bytes()]);
        if self.context.options.replace {
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
