//! Takes the keys of a server that is no cluster into one: each key to the master that owns its slot.
//!
//! The source sends them itself (MIGRATE), many at a time, where it reaches the masters and can log in there; that is tried
//! with one key, whose arrival is looked for. Elsewhere they go through here (DUMP, RESTORE). A key is deleted at the
//! source only when the cluster has acknowledged it, and only if it has not changed meanwhile. What was done before is
//! seen by the keys themselves, so that the same import again goes on where it stopped.

mod lane;
mod plan;
mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::core::count::counted_are;
use crate::core::slot::{SLOT_COUNT, key_slot};
use crate::core::topology::NodeAddr;

use super::client::as_text;
use super::command::Auth;
use super::deliver::connect;
use super::migrate::drain::{Words, keys_of};
use lane::Lane;
pub use plan::{Import, ImportDb, plan};

/// How many keys one SCAN asks for.
const PAGE: &str = "1000";
/// So many keys that are in the way are named.
const NAMED: usize = 20;
/// How often the source is looked through for keys that came meanwhile.
const PASSES: usize = 5;

/// What a person may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the source keeps its keys.
    pub copy: bool,
    /// Whether keys of the same names are overwritten.
    pub replace: bool,
    /// MIGRATE's timeout.
    pub timeout: Duration,
    /// At most so many keys in one MIGRATE; `None` to go by bytes.
    pub pipeline: Option<usize>,
    /// Only this database of the source.
    pub from_db: Option<u64>,
}

/// How keys get to a master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The source sends them itself.
    Direct,
    /// Through here, and why.
    ThroughUs(String),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("sent by the source itself (MIGRATE)"),
            Self::ThroughUs(why) => write!(f, "read and sent from here (DUMP, RESTORE): {why}"),
        }
    }
}

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How the keys of a master get there.
    Way(NodeAddr, Way),
    /// So many more keys are dealt with.
    Keys(u64),
}

/// Receives the news; must not block.
pub type Report = Arc<dyn Fn(News) + Send + Sync>;

/// How it went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Keys that the cluster acknowledged.
    pub keys: u64,
    /// Keys that it had already, with the same value.
    pub same: u64,
    /// Keys that were in the way with another value, and are as they were on both sides.
    pub busy: u64,
    /// The first of them.
    pub named: Vec<Vec<u8>>,
    /// Keys that are still at the source; counted where they were to leave it.
    pub left: u64,
}

impl Imported {
    fn add(&mut self, other: Imported) {
        self.keys += other.keys;
        self.same += other.same;
        self.busy += other.busy;
        self.named.extend(other.named);
        self.named.truncate(NAMED);
    }

    fn dealt_with(&self) -> u64 {
        self.keys + self.same + self.busy
    }

    fn name(&mut self, keys: impl IntoIterator<Item = Vec<u8>>) {
        for key in keys {
            self.busy += 1;
            if self.named.len() < NAMED {
                self.named.push(key);
            }
        }
    }
}

/// Why an import stopped. What was acknowledged stays; nothing else was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}; {} imported before", counted_are(*.keys, "key", ["was", "were"]))]
pub struct Stopped {
    /// Why.
    pub reason: String,
    /// How many keys were acknowledged.
    pub keys: u64,
}

/// Imports, as planned. A cancelled `cancel` ends after the keys under way.
///
/// # Errors
/// [`Stopped`].
pub async fn import(
    import: &Import,
    from_auth: &Auth,
    to_auth: &Auth,
    options: Options,
    report: Report,
    cancel: &CancellationToken,
) -> Result<Imported, Stopped> {
    let mut all = Imported::default();
    let mut ways: BTreeMap<NodeAddr, Way> = BTreeMap::new();
    for db in &import.dbs {
        let work = Work { import, db, from_auth, to_auth, options, report: &report, cancel };
        if let Err(reason) = work.run(&mut all, &mut ways).await {
            return Err(Stopped { reason, keys: all.keys });
        }
    }
    Ok(all)
}

/// What the keys of one database need.
struct Work<'a> {
    import: &'a Import,
    db: &'a ImportDb,
    from_auth: &'a Auth,
    to_auth: &'a Auth,
    options: Options,
    report: &'a Report,
    cancel: &'a CancellationToken,
}

impl Work<'_> {
    async fn run(&self, all: &mut Imported, ways: &mut BTreeMap<NodeAddr, Way>) -> Result<(), String> {
        let mut lanes = self.lanes(ways).await?;
        let mut passes = 0;
        loop {
            let before = all.keys;
            // Keys in the way are met in each pass, and counted in the last one.
            let (busy, named) = (all.busy, all.named.clone());
            let result = self.pass(&mut lanes, all).await;
            for lane in &lanes {
                ways.extend(lane.way().cloned().map(|way| (lane.addr().clone(), way)));
            }
            result?;
            passes += 1;
            if self.options.copy {
                return Ok(());
            }
            let left = self.left().await?;
            if left == 0 || all.keys == before || passes == PASSES {
                all.left += left;
                return Ok(());
            }
            (all.busy, all.named) = (busy, named);
        }
    }

    async fn lanes(&self, ways: &BTreeMap<NodeAddr, Way>) -> Result<Vec<Lane>, String> {
        let connecting = self.import.masters.iter().map(|master| async {
            let from = connect(&self.import.from, self.db.from, self.from_auth).await?;
            let to = connect(&master.addr, self.db.to, self.to_auth).await?;
            Ok(Lane::new(master, from, to, ways.get(&master.addr).cloned(), self))
        });
        let lanes: Result<Vec<Lane>, crate::engine::client::NodeError> =
            join_all(connecting).await.into_iter().collect();
        lanes.map_err(|error| error.to_string())
    }

    async fn left(&self) -> Result<u64, String> {
        let client = connect(&self.import.from, self.db.from, self.from_auth).await;
        let client = client.map_err(|error| error.to_string())?;
        client.number(&["DBSIZE"]).await.map_err(|error| error.to_string())
    }

    /// Looks through the source once.
    async fn pass(&self, lanes: &mut [Lane], all: &mut Imported) -> Result<(), String> {
        let scanner = connect(&self.import.from, self.db.from, self.from_auth).await;
        let scanner = scanner.map_err(|error| error.to_string())?;
        let mut owner: Vec<usize> = vec![0; usize::from(SLOT_COUNT)];
        for (index, master) in self.import.masters.iter().enumerate() {
            master.slots.iter().for_each(|slot| owner[slot.index()] = index);
        }
        let mut cursor = "0".to_owned();
        loop {
            if self.cancel.is_cancelled() {
                return Err("stopped as asked".to_owned());
            }
            let page = scanner.call(&["SCAN", &cursor, "COUNT", PAGE]).await.map_err(|error| error.to_string())?;
            let (next, keys) = read_page(page).ok_or_else(|| format!("{}: SCAN gave no page", scanner.addr()))?;
            let mut shares: Vec<Words> = vec![Vec::new(); lanes.len()];
            for key in keys {
                shares[owner[key_slot(&key).index()]].push(key);
            }
            let work = lanes.iter_mut().zip(shares).map(|(lane, keys)| lane.take(keys, self));
            let mut failed = Ok(());
            for (done, result) in join_all(work).await {
                all.add(done);
                failed = failed.and(result);
            }
            failed?;
            cursor = next;
            if cursor == "0" {
                return Ok(());
            }
        }
    }
}

fn read_page(page: Value) -> Option<(String, Words)> {
    let Value::Array(parts) = page else { return None };
    let [cursor, keys] = <[Value; 2]>::try_from(parts).ok()?;
    let mut keys = keys_of(keys);
    // SCAN may name a key twice.
    keys.sort_unstable();
    keys.dedup();
    Some((as_text(&cursor)?, keys))
}
