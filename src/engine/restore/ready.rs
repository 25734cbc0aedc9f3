//! Whether a cluster can take a backup, found out before anything is written there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use redis::Value;

use crate::core::count::counted;
use crate::core::plan::moves::{Master, masters_of, obstacles};
use crate::core::rdb::{Flavour, Header, payload};
use crate::core::slot::{SlotSet, key_slot};
use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind, as_text};
use crate::engine::command::Auth;
use crate::engine::deliver::{Taker, connect, is_busy};
use crate::engine::gather::Gathered;
use crate::engine::migrate::rights::{Keys, NO_KEY, lacks, need};

use super::open::Backup;

/// The largest value that servers take where they do not say otherwise (`proto-max-bulk-len`).
const LARGEST: u64 = 512 << 20;

/// A cluster that can take the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its masters.
    pub takers: Vec<Taker>,
    /// How many keys of the backup each of them gets.
    pub shares: BTreeMap<NodeAddr, u64>,
    /// The databases of the backup.
    pub dbs: Vec<u64>,
    /// Keys in the backup.
    pub keys: u64,
    /// Bytes in the backup.
    pub bytes: u64,
    /// Keys that the cluster holds already, in all databases.
    pub before: u64,
    /// The largest value that its servers take, in bytes.
    pub limit: usize,
}

/// Whether each master is tried with a value of the backup's formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// Yes: nothing else tells whether a server reads a format.
    Yes,
    /// No: nothing is sent that a server could take for a write.
    No,
}

/// Looks whether the cluster can take the backup; `replace`: also if it holds keys.
///
/// # Errors
/// Why not, in words.
pub async fn ready(
    backup: &Backup,
    gathered: &Gathered,
    seed: &NodeAddr,
    auth: &Auth,
    replace: bool,
    trial: Trial,
) -> Result<Ready, String> {
    if let Some(finding) = obstacles(&gathered.topology, &gathered.check()).first() {
        return Err(finding.to_string());
    }
    let masters = masters_of(&gathered.topology, seed);
    let before = keys_before(gathered, &masters, replace)?;
    refuse_modules(backup)?;
    let dbs: BTreeSet<u64> = backup.files.iter().flat_map(|file| file.holds.keys.keys().copied()).collect();
    let dbs: Vec<u64> = if dbs.is_empty() { vec![0] } else { dbs.into_iter().collect() };
    let functions = backup.files.iter().any(|file| file.holds.functions > 0);
    if trial == Trial::Yes {
        insist_on_rights(&masters, functions, auth).await?;
    }
    let headers = if trial == Trial::Yes { headers(backup) } else { Vec::new() };
    let tried = masters.iter().map(|master| try_master(master, gathered, &headers, &dbs, auth));
    let mut limit = LARGEST;
    for one in join_all(tried).await {
        limit = limit.min(one?);
    }
    if functions {
        insist_on_functions(&masters, gathered)?;
    }
    let largest = backup.files.iter().map(|file| file.holds.largest).max().unwrap_or(0);
    // What a payload has beside the value.
    if largest + 32 > limit {
        return Err(format!(
            "the backup holds a value of {largest} bytes, and a server of the cluster takes {limit} at most \
             (proto-max-bulk-len)"
        ));
    }
    Ok(Ready {
        shares: shares(backup, &masters),
        takers: masters.into_iter().map(|master| taker(master, gathered)).collect(),
        dbs,
        keys: backup.keys(),
        bytes: backup.bytes(),
        before,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    })
}

fn version(gathered: &Gathered, addr: &NodeAddr) -> Option<ServerVersion> {
    gathered.infos.get(addr).and_then(|info| ServerVersion::parse_info(info))
}

/// A master with what it can do.
pub(in crate::engine) fn taker(master: Master, gathered: &Gathered) -> Taker {
    let absolute = version(gathered, &master.addr).is_none_or(|version| version.numbers() >= (5, 0, 0));
    Taker { master, absolute }
}

/// Keys of all masters, from INFO: `db0:keys=1,expires=0,…`.
fn keys_before(gathered: &Gathered, masters: &[Master], replace: bool) -> Result<u64, String> {
    let mut sum = 0;
    for master in masters {
        let keys = gathered.infos.get(&master.addr).map_or(0, |info| keys_in(info));
        if keys > 0 && !replace {
            return Err(format!(
                "{} holds {} already. Restore into an empty cluster, or say --cluster-replace: keys of the \
                 backup's names are overwritten then, all others stay",
                master.addr,
                counted(keys, "key")
            ));
        }
        sum += keys;
    }
    Ok(sum)
}

/// The keys of all databases that an INFO reply tells of.
#[must_use]
pub(in crate::engine) fn keys_in(info: &str) -> u64 {
    keys_by_db(info).into_values().sum()
}

/// The keys of each database that an INFO reply tells of.
#[must_use]
pub(in crate::engine) fn keys_by_db(info: &str) -> BTreeMap<u64, u64> {
    let line = |line: &str| {
        let (db, rest) = line.trim_end().strip_prefix("db")?.split_once(":keys=")?;
        let digits = rest.split(',').next()?;
        Some((db.parse::<u64>().ok()?, digits.parse::<u64>().ok()?))
    };
    info.lines().filter_map(line).collect()
}

fn refuse_modules(backup: &Backup) -> Result<(), String> {
    let modules: BTreeSet<&String> = backup.files.iter().flat_map(|file| &file.holds.modules).collect();
    if modules.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = modules.into_iter().map(String::as_str).collect();
    Err(format!(
        "the backup holds values of the module type {}: only a server with that module can read them, by loading the RDB \
         file itself",
        names.join(", ")
    ))
}

fn headers(backup: &Backup) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for file in &backup.files {
        if !headers.contains(&file.found.header) {
            headers.push(file.found.header);
        }
    }
    headers
}

/// Makes sure that the user may write to these masters what a restore writes, and read it back.
async fn insist_on_rights(masters: &[Master], functions: bool, auth: &Auth) -> Result<(), String> {
    let asking = masters.iter().map(|master| async move {
        let client = NodeClient::connect(&master.addr, auth).await.map_err(|error| error.to_string())?;
        let mut needs = vec![
            // No payload is so short.
            need("RESTORE", "+restore", &["RESTORE", NO_KEY, "0", "x"]),
            need("DEL", "+del", &["DEL", NO_KEY]),
            need("DUMP", "+dump", &["DUMP", NO_KEY]),
            need("PTTL", "+pttl", &["PTTL", NO_KEY]),
        ];
        if functions {
            // No library is so short.
            needs.push(need("FUNCTION LOAD", "+function|load", &["FUNCTION", "LOAD", "x"]));
        }
        lacks(&client, auth, &needs, Keys::Some).await.map_err(|error| error.to_string())
    });
    let lacking: Result<Vec<Option<String>>, String> = join_all(asking).await.into_iter().collect();
    let lacking: Vec<String> = lacking?.into_iter().flatten().collect();
    if lacking.is_empty() { Ok(()) } else { Err(lacking.join("; ")) }
}

/// Whether a master takes payloads of these formats into these databases; says how large a value may be.
async fn try_master(
    master: &Master,
    gathered: &Gathered,
    headers: &[Header],
    dbs: &[u64],
    auth: &Auth,
) -> Result<u64, String> {
    let mut limit = LARGEST;
    for db in dbs {
        let client = connect(&master.addr, *db, auth).await.map_err(|error| no_database(&error, *db))?;
        if Some(db) == dbs.first() {
            let absolute = taker(master.clone(), gathered).absolute;
            for header in headers {
                let refused = try_format(&client, &master.slots, *header, absolute).await;
                refused.map_err(|error| explain(&error, *header, version(gathered, &master.addr)))?;
            }
            limit = largest_value(&client).await.unwrap_or(LARGEST);
        }
    }
    Ok(limit)
}

fn no_database(error: &NodeError, db: u64) -> String {
    match &error.kind {
        NodeErrorKind::Refused(reply) if db != 0 => format!(
            "the backup holds keys of database {db}, which {} does not have ({reply}). Clusters have other databases \
             from Valkey 9 on, where cluster-databases says how many",
            error.addr
        ),
        _ => error.to_string(),
    }
}

/// Sends a number as a payload of this format, expired long ago: the server reads it, and keeps nothing.
async fn try_format(client: &NodeClient, slots: &SlotSet, header: Header, absolute: bool) -> Result<(), NodeError> {
    // A name that nobody uses, in a slot of this master.
    let mine = |number: &u32| slots.contains(key_slot(format!("slotdeck:try:{number}").as_bytes()));
    let Some(number) = (0..10_000_000).find(mine) else { return Ok(()) };
    let key = format!("slotdeck:try:{number}");
    let payload = payload(b"\x00\xc0\x01".to_vec(), header.version);
    let mut words: Vec<&[u8]> = vec![b"RESTORE", key.as_bytes(), b"1", &payload];
    if absolute {
        words.push(b"ABSTTL");
    }
    match client.call(&words).await {
        // Redis 5 would keep it until it looks for what has expired.
        Ok(_) => client.call(&["DEL", &key]).await.map(drop),
        Err(error) if is_busy(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn explain(error: &NodeError, header: Header, version: Option<ServerVersion>) -> String {
    let NodeErrorKind::Refused(reply) = &error.kind else { return error.to_string() };
    if !reply.contains("payload version or checksum") && !reply.contains("Bad data format") {
        return error.to_string();
    }
    let server = version.map_or_else(|| "its server".to_owned(), |version| version.to_string());
    let whose = match header.flavour {
        Flavour::Redis => "RDB version",
        Flavour::Valkey => "Valkey's RDB version",
    };
    format!(
        "{}, {server}, does not read {whose} {}, in which the backup is written: it was made by a newer server, or by \
         one of the other family. Restore it into servers of its own version or newer ({reply})",
        error.addr, header.version
    )
}

/// `proto-max-bulk-len`, where the server tells it.
async fn largest_value(client: &NodeClient) -> Option<u64> {
    let Ok(Value::Array(pair)) = client.call(&["CONFIG", "GET", "proto-max-bulk-len"]).await else { return None };
    as_text(pair.get(1)?)?.parse().ok()
}

fn insist_on_functions(masters: &[Master], gathered: &Gathered) -> Result<(), String> {
    let old = masters.iter().find(|master| version(gathered, &master.addr).is_some_and(|v| v.numbers() < (7, 0, 0)));
    match old {
        Some(master) => Err(format!("the backup holds functions, which {} does not have (Redis 7.0)", master.addr)),
        None => Ok(()),
    }
}

/// How many keys of the backup each of these masters would get.
#[must_use]
pub fn shares(backup: &Backup, masters: &[Master]) -> BTreeMap<NodeAddr, u64> {
    let share = |master: &Master| {
        let of_slot = |slot: usize| backup.files.iter().map(|file| file.found.by_slot[slot]).sum::<u64>();
        (master.addr.clone(), master.slots.iter().map(|slot| of_slot(slot.index())).sum())
    };
    masters.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_databases_are_counted() {
        let info = "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ndb11:keys=40,expires=0,avg_ttl=0,subexpiry=0\r\n";
        assert_eq!(keys_by_db(info), BTreeMap::from([(0, 3), (11, 40)]));
        assert_eq!(keys_in("redis_version:7.0.0\r\n# Keyspace\r\n"), 0);
    }
}
