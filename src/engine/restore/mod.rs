//! Puts a backup into a cluster of any size: each key goes to the master that owns its slot there.
//!
//! Everything that can be known beforehand is: the files are whole, the cluster is too, it is empty or may be written
//! over, its servers understand the files' format, have the databases and take values of that size. At the end the
//! keys are counted and a sample of them is read back.

pub mod open;
mod prove;
mod ready;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::core::count::counted_are;
use crate::core::rdb::{Entry, Item, Keep, Walker, digest, payload};
use crate::core::slot::key_slot;
use crate::core::topology::NodeAddr;

use super::client::NodeClient;
use super::command::Auth;
use super::deliver::{Arrival, Delivered, Dispatch, OnArrival, Parcel, fleet, now_millis};
pub use open::{Backup, OpenFile, open};
pub use prove::Proof;
use prove::{Sample, Sent};
pub(super) use ready::keys_by_db;
pub use ready::{Ready, Trial, ready, shares};

/// How many files are walked at the same time.
const AT_ONCE: usize = 4;
/// What is read back at the end: so many keys of each type, and about so many of all.
const SAMPLE_OF_TYPE: u64 = 100;
const SAMPLE: u64 = 5000;
/// No larger value is read back, in bytes.
const SAMPLE_SIZE: u64 = 16 << 20;
/// A key that expires later than this, in milliseconds, is still there when the keys are counted.
const SOON: i64 = 3_600_000;

/// What is told on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// So many more bytes of the files are read.
    Bytes(u64),
    /// So many more keys are acknowledged.
    Keys(u64),
    /// All are; now they are counted and some are read back.
    Proving,
}

/// Receives the news; must not block.
pub type Report = Arc<dyn Fn(News) + Send + Sync>;

/// Why a backup was not restored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// Nothing was written.
    #[error("nothing was restored: {0}")]
    Untouched(String),
    /// Some keys were.
    #[error("{reason}; {} restored before", counted_are(*.keys, "key", ["was", "were"]))]
    Stopped {
        /// Why.
        reason: String,
        /// How many keys were acknowledged.
        keys: u64,
    },
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the masters acknowledged, and what was in the way.
    pub delivered: Delivered,
    /// Keys that had expired already.
    pub expired: u64,
    /// Keys of masters that did not own their slots, which were there already: the owner's was restored.
    pub doubles: u64,
    /// What the cluster was found to hold.
    pub proof: Proof,
}

/// Restores, as prepared. A cancelled `cancel` ends after the keys under way.
///
/// # Errors
/// [`RestoreError`].
pub async fn restore(
    backup: &Backup,
    ready: &Ready,
    auth: &Auth,
    replace: bool,
    report: Report,
    cancel: &CancellationToken,
) -> Result<Restored, RestoreError> {
    let stop = cancel.child_token();
    load_functions(backup, ready, auth, replace).await?;
    let work = Work { backup, ready, auth, report: &report, cancel, stop: &stop };
    let sent = Arc::new(Mutex::new(Sent::default()));
    let mut delivered = work.run(Whose::Owners, replace, &sent).await?;
    let mut doubles = 0;
    if backup.files.iter().any(OpenFile::has_strays) {
        // Old copies, perhaps: they are taken where there is no other, and never instead of the owner's.
        let others = match work.run(Whose::Others, false, &sent).await {
            Ok(others) => others,
            Err(error) => return Err(error.after(delivered.keys)),
        };
        delivered.keys += others.keys;
        doubles = others.busy;
        lock(&sent).strays = others.keys;
    }
    report(News::Proving);
    let sent = std::mem::take(&mut *lock(&sent));
    let expired = sent.expired;
    let proof = prove::prove(&sent, ready, auth).await;
    let proof = proof.map_err(|reason| RestoreError::Stopped { reason, keys: delivered.keys })?;
    Ok(Restored { delivered, expired, doubles, proof })
}

fn lock(sent: &Mutex<Sent>) -> MutexGuard<'_, Sent> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RestoreError {
    /// The same, where so many keys had been restored before.
    fn after(self, before: u64) -> Self {
        match self {
            Self::Untouched(reason) => Self::Stopped { reason, keys: before },
            Self::Stopped { reason, keys } => Self::Stopped { reason, keys: keys + before },
        }
    }
}

/// Which keys of the files are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Those of the slots that the file's master owned.
    Owners,
    /// All others: a master may hold old copies of keys of another.
    Others,
}

/// What one look through the files needs.
struct Work<'a> {
    backup: &'a Backup,
    ready: &'a Ready,
    auth: &'a Auth,
    report: &'a Report,
    cancel: &'a CancellationToken,
    stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Walks all files once and delivers what is asked for.
    async fn run(&self, whose: Whose, replace: bool, sent: &Arc<Mutex<Sent>>) -> Result<Delivered, RestoreError> {
        let ready = self.ready;
        let fleet = fleet(&ready.takers, &ready.dbs, self.auth).await;
        let (dispatch, fleet) = fleet.map_err(|error| RestoreError::Untouched(error.to_string()))?;
        let walk = Arc::new(Walk {
            whose,
            sent: Arc::clone(sent),
            every: (ready.keys / SAMPLE).max(1),
            limit: ready.limit,
            report: Arc::clone(self.report),
        });
        let on_arrival: OnArrival = {
            let report = Arc::clone(self.report);
            Arc::new(move |batch: &[Arrival]| {
                report(News::Keys(batch.iter().filter(|one| one.taken).count() as u64));
            })
        };
        let walking = walk_all(self.backup, dispatch, &walk, self.stop);
        let (walked, (delivered, taken)) = tokio::join!(walking, fleet.take(replace, on_arrival, self.stop));
        let reason = match (taken, walked) {
            (Err(why), _) => Some(why),
            (_, _) if self.cancel.is_cancelled() => Some("stopped as asked".to_owned()),
            (_, Err(why)) => Some(why),
            _ => None,
        };
        match reason {
            Some(reason) => Err(RestoreError::Stopped { reason, keys: delivered.keys }),
            None => Ok(delivered),
        }
    }
}

/// What the threads that read files share.
struct Walk {
    whose: Whose,
    sent: Arc<Mutex<Sent>>,
    /// Each so-manieth key is read back.
    every: u64,
    /// The largest value that the masters take, in bytes.
    limit: usize,
    report: Report,
}

async fn walk_all(
    backup: &Backup,
    dispatch: Dispatch,
    walk: &Arc<Walk>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let turns = Semaphore::new(AT_ONCE);
    let walks = backup.files.iter().map(|file| {
        let dispatch = dispatch.clone();
        let turns = &turns;
        async move {
            let _turn = turns.acquire().await;
            if walk.whose == Whose::Others && !file.has_strays() {
                return Ok(());
            }
            let (file, walk, handle) = (file.clone(), Arc::clone(walk), Handle::current());
            let stop = stop.clone();
            let (halt, walking) =
                (stop.clone(), tokio::task::spawn_blocking(move || walk_file(&file, &walk, &dispatch, &handle, &stop)));
            let walked = walking.await.unwrap_or_else(|error| Err(error.to_string()));
            if walked.is_err() {
                // The others need not go on to their ends.
                halt.cancel();
            }
            walked
        }
    });
    let walks = walks.collect::<Vec<_>>();
    // The queues end when the last one who could fill them is done.
    drop(dispatch);
    let results = join_all(walks).await;
    results.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

/// Sends every key of a file. Blocks.
fn walk_file(
    open: &OpenFile,
    walk: &Walk,
    dispatch: &Dispatch,
    handle: &Handle,
    stop: &CancellationToken,
) -> Result<(), String> {
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", open.path.display());
    let file = File::open(&open.path).map_err(|error| fail(&error))?;
    let mut walker = Walker::new(file, Keep::Values(walk.limit)).map_err(|error| fail(&error))?;
    let (header, mut told) = (walker.header(), 0);
    while let Some(item) = walker.next_item().map_err(|error| fail(&error))? {
        let Item::Entry(entry) = item else { continue };
        if walk.whose == Whose::Owners {
            (walk.report)(News::Bytes(walker.bytes() - told));
            told = walker.bytes();
        }
        if stop.is_cancelled() {
            return Ok(());
        }
        if open.owned(key_slot(&entry.key)) != (walk.whose == Whose::Owners) {
            continue;
        }
        let now = now_millis();
        let mut sent = lock(&walk.sent);
        if entry.expires_at.is_some_and(|at| at <= now) {
            sent.expired += 1;
            continue;
        }
        let lasting = entry.expires_at.is_none_or(|at| at > now.saturating_add(SOON));
        if walk.whose == Whose::Owners {
            *(if lasting { &mut sent.lasting } else { &mut sent.expiring }) += 1;
        }
        if walk.whose == Whose::Owners && sent.wants(&entry, walk.every) {
            let digest = digest(&entry.value, header.flavour).map_err(|error| fail(&error))?;
            let (db, key, expires) = (entry.db, entry.key.clone(), entry.expires_at.is_some());
            sent.samples.push(Sample { db, key, expires, digest });
        }
        drop(sent);
        let Entry { db, key, expires_at, idle, freq, value, .. } = entry;
        let parcel = Parcel { db, key, expires_at, idle, freq, payload: payload(value, header.version) };
        if handle.block_on(dispatch.send(parcel)).is_err() {
            // The masters' side knows why.
            return Ok(());
        }
    }
    Ok(())
}

impl Sent {
    /// Whether a key is one of the sample.
    fn wants(&mut self, entry: &Entry, every: u64) -> bool {
        let of_type = self.of_type.entry(entry.kind).or_default();
        *of_type += 1;
        self.seen += 1;
        entry.size <= SAMPLE_SIZE && (*of_type <= SAMPLE_OF_TYPE || self.seen.is_multiple_of(every))
    }
}

/// Loads the backup's functions into every master; each knows all of them.
async fn load_functions(backup: &Backup, ready: &Ready, auth: &Auth, replace: bool) -> Result<(), RestoreError> {
    let libraries = functions(backup).map_err(RestoreError::Untouched)?;
    if libraries.is_empty() {
        return Ok(());
    }
    let masters: Vec<&NodeAddr> = ready.takers.iter().map(|taker| &taker.master.addr).collect();
    let loading = masters.into_iter().map(|addr| async {
        let client = NodeClient::connect(addr, auth).await.map_err(|error| error.to_string())?;
        for code in &libraries {
            let mut words: Vec<&[u8]> = vec![b"FUNCTION", b"LOAD"];
            if replace {
                words.push(b"REPLACE");
            }
            words.push(code);
            client.call(&words).await.map_err(|error| format!("a library of functions can't be loaded: {error}"))?;
        }
        Ok(())
    });
    let loaded: Result<(), String> = join_all(loading).await.into_iter().collect();
    loaded.map_err(|why| RestoreError::Stopped { reason: format!("{why}; other masters may have it by now"), keys: 0 })
}

/// The libraries of all files, each once. They stand before the keys.
fn functions(backup: &Backup) -> Result<BTreeSet<Vec<u8>>, String> {
    let mut libraries = BTreeSet::new();
    for file in backup.files.iter().filter(|file| file.holds.functions > 0) {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", file.path.display());
        let opened = File::open(&file.path).map_err(|error| fail(&error))?;
        // A huge library would be a mistake.
        let mut walker = Walker::new(opened.take(64 << 20), Keep::Nothing).map_err(|error| fail(&error))?;
        let mut left = file.holds.functions;
        while left > 0 {
            match walker.next_item().map_err(|error| fail(&error))? {
                Some(Item::Function(code)) => {
                    left -= 1;
                    libraries.insert(code);
                }
                Some(_) => {}
                None => break,
            }
        }
    }
    Ok(libraries)
}
