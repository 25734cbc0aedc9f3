//! A window of open slots of one pair: opened together, emptied, handed over together, or closed again after a failure.
//!
//! The order is what keeps every key reachable: IMPORTING on the target before MIGRATING on the source; from then on the
//! source answers ASK for what it does not hold, so no new key comes up there; NODE on the target before NODE on the
//! source, so that a slot never has no owner; the others last.

use futures_util::future::join_all;
use redis::Value;

use crate::core::slot::Slot;
use crate::engine::client::{CONNECT_DEADLINE, NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;

use super::{Context, News, Pair, Why, keys_in};

/// How many MIGRATEs may be under way at one source. Each has a connection of its own: between two of them the source
/// serves its clients.
const LANES: usize = 2;
/// So many keys are asked for at once.
const KEYS_AT_ONCE: usize = 256;
/// A MIGRATE carries about so many bytes, so that it holds the source up for a few milliseconds only.
const BATCH_BYTES: u64 = 256 * 1024;
/// And so many keys where the server does not tell their size; redis-cli's number.
const BLIND_KEYS: usize = 10;
/// How often a slot may be looked at without a key less in it.
const FRUITLESS: usize = 20;
/// How often one MIGRATE is tried when the way to the target fails.
const TRIES: usize = 3;

type Words = Vec<Vec<u8>>;

/// Connections for MIGRATE.
pub(super) struct Lanes(Vec<NodeClient>);

impl Lanes {
    pub(super) async fn open(pair: &Pair<'_>, context: &Context<'_>) -> Result<Self, Why> {
        let opening = (0..LANES)
            .map(|_| NodeClient::connect_with(pair.from.addr(), context.auth, CONNECT_DEADLINE, context.patience()));
        let lanes: Result<Vec<_>, NodeError> = join_all(opening).await.into_iter().collect();
        lanes.map(Self).map_err(|error| error.to_string())
    }
}

/// The words that log in at the target.
pub(super) fn login_words(auth: &Auth) -> Words {
    let password = auth.password.expose().as_bytes().to_vec();
    match (auth.password.is_empty(), auth.user.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![b"AUTH".to_vec(), password],
        (false, false) => vec![b"AUTH2".to_vec(), auth.user.as_bytes().to_vec(), password],
    }
}

pub(super) struct Chunk<'a> {
    pub(super) pair: &'a Pair<'a>,
    pub(super) context: &'a Context<'a>,
    lanes: &'a Lanes,
    pub(super) slots: Vec<Slot>,
    /// Whether the source sends clients to the target for keys that it does not hold.
    opened: bool,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(pair: &'a Pair<'a>, context: &'a Context<'a>, lanes: &'a Lanes, slots: Vec<Slot>) -> Self {
        Self { pair, context, lanes, slots, opened: false }
    }

    /// Opens, empties, hands over.
    pub(super) async fn run(&mut self) -> Result<(), Why> {
        let unopened: Vec<Slot> = self.slots.iter().copied().filter(|slot| !self.pair.owned.contains(*slot)).collect();
        self.set(&self.pair.to, &unopened, "IMPORTING", Some(self.pair.one.from.as_str())).await?;
        self.set(&self.pair.from, &unopened, "MIGRATING", Some(self.pair.one.to.as_str())).await?;
        self.opened = true;
        self.empty(&unopened).await?;
        self.hand_over(&self.slots).await
    }

    /// Moves keys until the source has none of these slots.
    async fn empty(&self, slots: &[Slot]) -> Result<(), Why> {
        let mut left: Vec<Slot> = slots.to_vec();
        let (mut before, mut fruitless) = (u64::MAX, 0);
        loop {
            let counts = keys_in(&self.pair.from, &left).await?;
            let sum: u64 = counts.iter().sum();
            left = left.into_iter().zip(counts).filter(|(_, count)| *count > 0).map(|(slot, _)| slot).collect();
            if left.is_empty() {
                return Ok(());
            }
            fruitless = if sum < before { 0 } else { fruitless + 1 };
            if fruitless > FRUITLESS {
                return Err(format!("{} keys of slot {} stay at {}", sum, left[0], self.pair.from.addr()));
            }
            before = sum;
            // Each lane takes every second slot.
            let lanes = self.lanes.0.iter().enumerate().map(|(i, lane)| {
                let mine: Vec<Slot> = left.iter().copied().skip(i).step_by(self.lanes.0.len()).collect();
                self.drain(lane, mine)
            });
            // All lanes end before a failure counts: nothing is under way then.
            join_all(lanes).await.into_iter().collect::<Result<(), Why>>()?;
        }
    }

    /// Moves what is in these slots now, one MIGRATE after the other.
    async fn drain(&self, lane: &NodeClient, slots: Vec<Slot>) -> Result<(), Why> {
        let lookups: Vec<Vec<String>> = slots
            .iter()
            .map(|slot| {
                ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &KEYS_AT_ONCE.to_string()].map(str::to_owned).to_vec()
            })
            .collect();
        for answer in self.pair.from.call_all(&lookups).await {
            let keys = keys_of(answer.map_err(|error| error.to_string())?);
            for batch in self.batches(keys).await {
                let count = batch.len() as u64;
                self.send(lane, batch).await?;
                (self.context.report)(News::Keys(count));
            }
        }
        Ok(())
    }

    /// Keys of one slot in portions of some size.
    async fn batches(&self, keys: Words) -> Vec<Words> {
        if !self.pair.many_keys {
            return keys.into_iter().map(|key| vec![key]).collect();
        }
        if let Some(at_once) = self.context.options.pipeline {
            return keys.chunks(at_once.max(1)).map(<[_]>::to_vec).collect();
        }
        let commands: Vec<Words> =
            keys.iter().map(|key| vec![b"MEMORY".to_vec(), b"USAGE".to_vec(), key.clone()]).collect();
        let sizes = self.pair.from.call_all(&commands).await;
        // Servers before 4.0, and users who may not ask.
        if sizes.iter().any(Result::is_err) {
            return keys.chunks(BLIND_KEYS).map(<[_]>::to_vec).collect();
        }
        let mut batches: Vec<Words> = Vec::new();
        let mut room = 0;
        for (key, size) in keys.into_iter().zip(sizes) {
            let size = match size {
                Ok(Value::Int(bytes)) => u64::try_from(bytes).unwrap_or_default(),
                _ => 0,
            };
            match batches.last_mut() {
                Some(batch) if size <= room => batch.push(key),
                _ => {
                    batches.push(vec![key]);
                    room = BATCH_BYTES;
                }
            }
            room = room.saturating_sub(size);
        }
        batches
    }

    /// One MIGRATE. It copies, then deletes at the source what has arrived; the server itself does both.
    async fn send(&self, lane: &NodeClient, keys: Words) -> Result<(), Why> {
        let words = self.migrate_words(&keys);
        let mut tries = 0;
        loop {
            let Err(error) = lane.call(&words).await else { return Ok(()) };
            tries += 1;
            let at = format!("{} to {}", self.pair.from.addr(), self.pair.to.addr());
            match &error.kind {
                NodeErrorKind::Refused(reply) if reply.contains("BUSYKEY") => {
                    return Err(format!(
                        "{at}: the target holds a key of this name already (among {}): look at both, then resume, \
                         with --cluster-replace if the source's is to stay",
                        shown(&keys)
                    ));
                }
                NodeErrorKind::Refused(reply) if reply.starts_with("IOERR") && tries < TRIES => {}
                NodeErrorKind::Refused(reply) => return Err(format!("{at}: {reply}")),
                _ => return Err(error.to_string()),
            }
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

    /// The target becomes the owner: first in its own eyes, then in the source's, then in the others'.
    async fn hand_over(&self, slots: &[Slot]) -> Result<(), Why> {
        let owner = Some(self.pair.one.to.as_str());
        self.set(&self.pair.to, slots, "NODE", owner).await?;
        self.set(&self.pair.from, slots, "NODE", owner).await?;
        // The others hear it by gossip too: one that is away must not stop the move.
        join_all(self.pair.others.iter().map(|other| self.set(other, slots, "NODE", owner))).await;
        Ok(())
    }

    /// SETSLOT for each slot, pipelined.
    async fn set(&self, client: &NodeClient, slots: &[Slot], what: &str, id: Option<&str>) -> Result<(), Why> {
        let command = |slot: &Slot| {
            let mut words = vec!["CLUSTER".to_owned(), "SETSLOT".to_owned(), slot.to_string(), what.to_owned()];
            words.extend(id.map(str::to_owned));
            words
        };
        let commands: Vec<Vec<String>> = slots.iter().map(command).collect();
        for (slot, answer) in slots.iter().zip(client.call_all(&commands).await) {
            match answer {
                Ok(_) => {}
                Err(error) => return Err(format!("slot {slot}: SETSLOT {what}: {error}")),
            }
        }
        Ok(())
    }

    /// After a failure: slots whose keys have all gone over are handed over, slots of which none has are closed again.
    /// What is between the two stays open: both masters serve it together. Answers the slots handed over.
    pub(super) async fn settle(&self) -> Vec<Slot> {
        let mut done = Vec::new();
        for slot in &self.slots {
            let one = std::slice::from_ref(slot);
            let (here, there) = tokio::join!(keys_in(&self.pair.from, one), keys_in(&self.pair.to, one));
            match (here.map(|count| count[0]), there.map(|count| count[0])) {
                (Ok(0), Ok(1..)) if self.opened && self.hand_over(one).await.is_ok() => done.push(*slot),
                (Ok(_), Ok(0)) if !self.pair.owned.contains(*slot) => self.close(one).await,
                _ => {}
            }
        }
        done
    }

    /// The source serves the slot alone again. From its STABLE on it sends nobody to the target, so that a count of 0
    /// there stays one.
    async fn close(&self, slot: &[Slot]) {
        if self.set(&self.pair.from, slot, "STABLE", None).await.is_err() {
            return;
        }
        if keys_in(&self.pair.to, slot).await.is_ok_and(|count| count[0] == 0) {
            // Where it fails, the check names the slot as open.
            let _ = self.set(&self.pair.to, slot, "STABLE", None).await;
        } else {
            // A client got in between: open again.
            let _ = self.set(&self.pair.from, slot, "MIGRATING", Some(self.pair.one.to.as_str())).await;
        }
    }
}

fn keys_of(answer: Value) -> Words {
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

/// The first few keys, so that they can be typed.
fn shown(keys: &[Vec<u8>]) -> String {
    let mut text = keys.iter().take(5).map(|key| format!("\"{}\"", key.escape_ascii())).collect::<Vec<_>>().join(" ");
    if keys.len() > 5 {
        text.push_str(" …");
    }
    text
}
