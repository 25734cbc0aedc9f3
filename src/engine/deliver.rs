//! Brings keys to the masters that own their slots: RESTORE, pipelined, to all masters at the same time.
//!
//! Each master has a queue that is bounded by bytes, so that one slow master holds its source back and not the memory's
//! limit. A key counts when its master has acknowledged it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::core::plan::moves::Master;
use crate::core::slot::{SLOT_COUNT, key_slot};
use crate::core::topology::NodeAddr;

use super::client::{CONNECT_DEADLINE, NodeClient, NodeError, NodeErrorKind};
use super::command::Auth;
use super::migrate::drain::Words;

/// How much may wait for one master, in bytes. A larger key waits alone.
const QUEUE_BYTES: u32 = 16 << 20;
const QUEUE_KEYS: usize = 4096;
/// One batch is as much as this, or one key.
const BATCH_BYTES: usize = 512 << 10;
const BATCH_KEYS: usize = 512;
/// Batches under way to one master.
const WORKERS: usize = 2;
/// A master that loads a large value is silent for a while.
const PATIENCE: Duration = Duration::from_mins(2);
/// So many keys in the way are named.
const NAMED: usize = 20;

/// A key on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its database.
    pub db: u64,
    /// Its name.
    pub key: Vec<u8>,
    /// When it expires, in milliseconds of Unix time.
    pub expires_at: Option<i64>,
    /// For how many seconds nobody has used it.
    pub idle: Option<u64>,
    /// How often it is used.
    pub freq: Option<u8>,
    /// What DUMP gives.
    pub payload: Vec<u8>,
}

impl Parcel {
    fn weight(&self) -> usize {
        self.key.len() + self.payload.len() + 64
    }

    /// RESTORE. `absolute`: whether the server knows ABSTTL, IDLETIME and FREQ (5.0); `now` in milliseconds.
    pub(super) fn command(self, absolute: bool, replace: bool, now: i64) -> Words {
        let ttl = match (self.expires_at, absolute) {
            (None, _) => 0,
            // 0 would be no expiry at all.
            (Some(at), true) => at.max(1),
            (Some(at), false) => at.saturating_sub(now).max(1),
        };
        let mut words = vec![b"RESTORE".to_vec(), self.key, ttl.to_string().into_bytes(), self.payload];
        if replace {
            words.push(b"REPLACE".to_vec());
        }
        if absolute {
            if self.expires_at.is_some() {
                words.push(b"ABSTTL".to_vec());
            }
            if let Some(idle) = self.idle {
                words.extend([b"IDLETIME".to_vec(), idle.to_string().into_bytes()]);
            }
            if let Some(freq) = self.freq {
                words.extend([b"FREQ".to_vec(), freq.to_string().into_bytes()]);
            }
        }
        words
    }
}

/// A master that takes keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// The master.
    pub master: Master,
    /// Whether it knows `RESTORE … ABSTTL` (5.0).
    pub absolute: bool,
}

/// How it went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Keys that were acknowledged.
    pub keys: u64,
    /// Keys that were in the way, and were not touched.
    pub busy: u64,
    /// The first of them by name.
    pub named: Vec<Vec<u8>>,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its database.
    pub db: u64,
    /// Its name.
    pub key: Vec<u8>,
    /// Whether it was acknowledged; else another one of this name was in the way.
    pub taken: bool,
}

/// Receives the arrivals of a batch; must not block.
pub type OnArrival = Arc<dyn Fn(&[Arrival]) + Send + Sync>;

/// Nobody takes keys any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Puts keys into the queues of their masters. Clones share them; when the last one is gone the queues end.
#[derive(Clone)]
pub struct Dispatch {
    lanes: Arc<[Entrance]>,
    /// The lane of each slot.
    owner: Arc<[Option<usize>]>,
}

struct Entrance {
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

type Queued = (Parcel, OwnedSemaphorePermit);

impl Dispatch {
    /// Waits until there is room.
    ///
    /// # Errors
    /// [`Closed`] after a failure or a stop.
    pub async fn send(&self, parcel: Parcel) -> Result<(), Closed> {
        // Every slot has an owner: that is insisted on before.
        let lane = self.owner.get(key_slot(&parcel.key).index()).copied().flatten();
        let lane = lane.and_then(|lane| self.lanes.get(lane)).ok_or(Closed)?;
        let weight = u32::try_from(parcel.weight()).unwrap_or(QUEUE_BYTES).min(QUEUE_BYTES);
        let permit = Arc::clone(&lane.room).acquire_many_owned(weight).await.map_err(|_| Closed)?;
        lane.queue.send((parcel, permit)).await.map_err(|_| Closed)
    }
}

/// The masters' ends of the queues.
pub struct Fleet {
    lanes: Vec<Lane>,
}

struct Lane {
    taker: Taker,
    /// A connection for each database.
    clients: BTreeMap<u64, NodeClient>,
    queue: Arc<Mutex<mpsc::Receiver<Queued>>>,
    room: Arc<Semaphore>,
}

/// Connects to all masters, once for each database.
///
/// # Errors
/// A master that can't be reached, or has no such database.
pub async fn fleet(takers: &[Taker], dbs: &[u64], auth: &Auth) -> Result<(Dispatch, Fleet), NodeError> {
    let connecting = takers.iter().map(|taker| async {
        let mut clients = BTreeMap::new();
        for db in dbs {
            clients.insert(*db, connect(&taker.master.addr, *db, auth).await?);
        }
        Ok::<_, NodeError>(clients)
    });
    let clients: Vec<BTreeMap<u64, NodeClient>> = join_all(connecting).await.into_iter().collect::<Result<_, _>>()?;
    let mut owner: Vec<Option<usize>> = vec![None; usize::from(SLOT_COUNT)];
    let (mut lanes, mut entrances) = (Vec::new(), Vec::new());
    for (index, (taker, clients)) in takers.iter().zip(clients).enumerate() {
        taker.master.slots.iter().for_each(|slot| owner[slot.index()] = Some(index));
        let (sender, receiver) = mpsc::channel(QUEUE_KEYS);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
        entrances.push(Entrance { queue: sender, room: Arc::clone(&room) });
        lanes.push(Lane { taker: taker.clone(), clients, queue: Arc::new(Mutex::new(receiver)), room });
    }
    Ok((Dispatch { lanes: entrances.into(), owner: owner.into() }, Fleet { lanes }))
}

/// A connection to one database of a master.
///
/// # Errors
/// As [`NodeClient::connect`]; a database that it does not have.
pub async fn connect(addr: &NodeAddr, db: u64, auth: &Auth) -> Result<NodeClient, NodeError> {
    let client = NodeClient::connect_with(addr, auth, CONNECT_DEADLINE, PATIENCE).await?;
    if db != 0 {
        client.call(&["SELECT", &db.to_string()]).await?;
    }
    Ok(client)
}

impl Fleet {
    /// Takes keys until the last [`Dispatch`] is gone. A cancelled `stop` ends after the batches under way; a failure
    /// cancels it.
    ///
    /// # Errors
    /// The first failure in words: which master, which key, why. What was acknowledged before stays.
    pub async fn take(
        self,
        replace: bool,
        on_arrival: OnArrival,
        stop: &CancellationToken,
    ) -> (Delivered, Result<(), String>) {
        let work = self.lanes.iter().flat_map(|lane| std::iter::repeat_n(lane, WORKERS)).map(|lane| async {
            let result = lane.work(replace, &on_arrival, stop).await;
            if result.1.is_err() {
                stop.cancel();
            }
            // Those who wait for room must not wait for ever.
            if stop.is_cancelled() {
                self.lanes.iter().for_each(|lane| lane.room.close());
            }
            result
        });
        let mut all = Delivered::default();
        let mut failed = Ok(());
        for (one, result) in join_all(work).await {
            all.keys += one.keys;
            all.busy += one.busy;
            all.named.extend(one.named);
            failed = failed.and(result);
        }
        all.named.truncate(NAMED);
        (all, failed)
    }
}

impl Lane {
    async fn work(
        &self,
        replace: bool,
        on_arrival: &OnArrival,
        stop: &CancellationToken,
    ) -> (Delivered, Result<(), String>) {
        let mut done = Delivered::default();
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return (done, Ok(())),
                batch = self.batch() => batch,
            };
            if batch.is_empty() {
                return (done, Ok(()));
            }
            if let Err(why) = self.restore(batch, replace, on_arrival, &mut done).await {
                return (done, Err(why));
            }
        }
    }

    /// What is there, as much as fits into a batch; waits for the first. Nothing at the end.
    async fn batch(&self) -> Vec<Queued> {
        let mut queue = self.queue.lock().await;
        let Some(first) = queue.recv().await else { return Vec::new() };
        let mut bytes = first.0.weight();
        let mut batch = vec![first];
        while bytes < BATCH_BYTES && batch.len() < BATCH_KEYS {
            let Ok(next) = queue.try_recv() else { break };
            bytes += next.0.weight();
            batch.push(next);
        }
        batch
    }

    async fn restore(
        &self,
        batch: Vec<Queued>,
        replace: bool,
        on_arrival: &OnArrival,
        done: &mut Delivered,
    ) -> Result<(), String> {
        let now = now_millis();
        let mut by_db: BTreeMap<u64, (Vec<Arrival>, Vec<Words>)> = BTreeMap::new();
        let mut permits = Vec::new();
        for (parcel, permit) in batch {
            permits.push(permit);
            let (arrivals, commands) = by_db.entry(parcel.db).or_default();
            arrivals.push(Arrival { db: parcel.db, key: parcel.key.clone(), taken: false });
            commands.push(parcel.command(self.taker.absolute, replace, now));
        }
        let mut failed = Ok(());
        for (db, (mut arrivals, commands)) in by_db {
            let Some(client) = self.clients.get(&db) else {
                return Err(format!("there is no connection to database {db}"));
            };
            let answers = client.call_all(&commands).await;
            let mut answered = Vec::new();
            for (mut arrival, answer) in arrivals.drain(..).zip(answers) {
                match answer {
                    Ok(_) => {
                        done.keys += 1;
                        arrival.taken = true;
                        answered.push(arrival);
                    }
                    Err(error) if is_busy(&error) => {
                        done.busy += 1;
                        if done.named.len() < NAMED {
                            done.named.push(arrival.key.clone());
                        }
                        answered.push(arrival);
                    }
                    Err(error) => failed = failed.and(Err(format!("key '{}': {error}", arrival.key.escape_ascii()))),
                }
            }
            on_arrival(&answered);
        }
        failed
    }
}

/// Whether a key of this name is in the way.
pub fn is_busy(error: &NodeError) -> bool {
    matches!(&error.kind, NodeErrorKind::Refused(reply) if reply.starts_with("BUSYKEY"))
}

/// Milliseconds of Unix time.
#[must_use]
pub fn now_millis() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().and_then(|now| i64::try_from(now.as_millis()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(parcel: &Parcel, absolute: bool) -> String {
        let words = parcel.clone().command(absolute, true, 1000);
        words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn expiry_is_absolute_where_the_server_can() {
        let parcel =
            Parcel { db: 0, key: b"k".into(), expires_at: Some(5000), idle: Some(7), freq: None, payload: b"P".into() };
        assert_eq!(words(&parcel, true), "RESTORE k 5000 P REPLACE ABSTTL IDLETIME 7");
        assert_eq!(words(&parcel, false), "RESTORE k 4000 P REPLACE");
        let late = Parcel { expires_at: Some(500), ..parcel.clone() };
        assert_eq!(words(&late, false), "RESTORE k 1 P REPLACE", "0 would be for ever");
        let lasting = Parcel { expires_at: None, idle: None, ..parcel };
        assert_eq!(words(&lasting, true), "RESTORE k 0 P REPLACE");
    }
}
