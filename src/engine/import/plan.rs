//! What an import would do: which keys, from which database to which, to which masters.

use std::net::IpAddr;

use crate::core::capability::Capabilities;
use crate::core::count::counted;
use crate::core::plan::moves::{Master, masters_of, obstacles};
use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;
use crate::engine::client::{CONNECT_DEADLINE, NodeClient, NodeError, info_field};
use crate::engine::command::Auth;
use crate::engine::deliver::connect;
use crate::engine::gather::Gathered;
use crate::engine::migrate::rights::{Keys, NO_KEY, lacks, need};
use crate::engine::restore::keys_by_db;

use super::Options;

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The source.
    pub from: NodeAddr,
    /// The databases that hold keys.
    pub dbs: Vec<ImportDb>,
    /// The masters, as we reach them.
    pub masters: Vec<Master>,
    /// Where the source finds each of them; `None` where it surely does not.
    pub places: Vec<Option<NodeAddr>>,
    /// Whether the source may be given several keys in one MIGRATE.
    pub many_keys: bool,
}

/// The keys of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportDb {
    /// The source's database.
    pub from: u64,
    /// The cluster's.
    pub to: u64,
    /// How many keys there are now.
    pub keys: u64,
}

impl Import {
    /// Keys of all databases.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.dbs.iter().map(|db| db.keys).sum()
    }
}

/// Looks at both sides and says what is to be done. Changes nothing.
///
/// # Errors
/// Why it can't be done, in words; redis-cli's where it has some.
pub async fn plan(
    from: &NodeAddr,
    from_auth: &Auth,
    gathered: &Gathered,
    seed: &NodeAddr,
    to_auth: &Auth,
    options: Options,
) -> Result<Import, String> {
    if let Some(finding) = obstacles(&gathered.topology, &gathered.check()).first() {
        return Err(finding.to_string());
    }
    let masters: Vec<Master> =
        masters_of(&gathered.topology, seed).into_iter().filter(|master| !master.slots.is_empty()).collect();
    let source = NodeClient::connect_within(from, from_auth, CONNECT_DEADLINE).await.map_err(|e| e.to_string())?;
    let info = source.text(&["INFO"]).await.map_err(|error| error.to_string())?;
    if info_field(&info, "cluster_enabled") == Some("1") {
        return Err("The source node should not be a cluster node. 'slotctl backup' and 'slotctl restore' copy a \
                    cluster's keys"
            .to_owned());
    }
    insist_on_rights(&source, from_auth, &masters, to_auth, options).await?;
    let dbs = databases(&info, &masters, to_auth, options).await?;
    let nodes = gathered.topology.nodes();
    let place = |master: &Master| {
        let told = nodes.get(&master.id).and_then(|node| node.addr.clone()).filter(|addr| !addr.host.is_empty());
        let told = told.unwrap_or_else(|| master.addr.clone());
        // There, the source would find itself or a stranger.
        (is_here(from) || !is_here(&told)).then_some(told)
    };
    let places = masters.iter().map(place).collect();
    let version = ServerVersion::parse_info(&info);
    let many_keys = version.is_none_or(|version| Capabilities::of(version).migrate_many_keys);
    Ok(Import { from: from.clone(), dbs, masters, places, many_keys })
}

/// Makes sure that the users may do what the import takes: read the source and, unless that keeps its keys, delete there;
/// and write to the masters. One that may use MIGRATE at the source need not be allowed to read it key by key.
async fn insist_on_rights(
    source: &NodeClient,
    from_auth: &Auth,
    masters: &[Master],
    to_auth: &Auth,
    options: Options,
) -> Result<(), String> {
    let words = |error: NodeError| error.to_string();
    let scan = [need("SCAN", "+scan", &["SCAN", "0", "COUNT", "1"])];
    let migrate = [need("MIGRATE", "+migrate", &["MIGRATE", "127.0.0.1", "1", "", "0", "1", "KEYS", NO_KEY])];
    let mut read = vec![need("DUMP", "+dump", &["DUMP", NO_KEY]), need("PTTL", "+pttl", &["PTTL", NO_KEY])];
    if !options.copy {
        read.push(need("WATCH", "+watch", &["WATCH", NO_KEY]));
        read.push(need("EXEC", "+exec", &["EXEC"]));
        read.push(need("DEL", "+del", &["DEL", NO_KEY]));
    }
    let mut lacking: Vec<String> = Vec::new();
    lacking.extend(lacks(source, from_auth, &scan, Keys::Some).await.map_err(words)?);
    if lacks(source, from_auth, &migrate, Keys::Some).await.map_err(words)?.is_some() {
        lacking.extend(lacks(source, from_auth, &read, Keys::Some).await.map_err(words)?);
    }
    for master in masters {
        let client = NodeClient::connect_within(&master.addr, to_auth, CONNECT_DEADLINE).await.map_err(words)?;
        // No payload is so short.
        let restore = need("RESTORE", "+restore", &["RESTORE", NO_KEY, "0", "x"]);
        let write = [restore, need("EXISTS", "+exists", &["EXISTS", NO_KEY])];
        lacking.extend(lacks(&client, to_auth, &write, Keys::Some).await.map_err(words)?);
    }
    if lacking.is_empty() { Ok(()) } else { Err(lacking.join("; ")) }
}

/// Whether an address leads to whatever machine uses it.
fn is_here(addr: &NodeAddr) -> bool {
    addr.host == "localhost" || addr.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

async fn databases(info: &str, masters: &[Master], auth: &Auth, options: Options) -> Result<Vec<ImportDb>, String> {
    let held = keys_by_db(info);
    let wanted = held.iter().filter(|(db, _)| options.from_db.is_none_or(|only| only == **db));
    let mut dbs: Vec<ImportDb> = wanted.map(|(db, keys)| ImportDb { from: *db, to: *db, keys: *keys }).collect();
    let mut missing = Vec::new();
    for db in dbs.iter_mut().filter(|db| db.to != 0) {
        if !has_database(masters, db.to, auth).await {
            missing.push(format!("{} ({})", db.from, counted(db.keys, "key")));
            // One database alone fits into the one that every cluster has.
            db.to = 0;
        }
    }
    if options.from_db.is_some() || missing.is_empty() {
        return Ok(dbs);
    }
    Err(format!(
        "the source holds keys in the databases {}, which the cluster does not have (Valkey 9 can have them, see \
         cluster-databases). --from-db 0 imports database 0 alone, --from-db N another one into the cluster's database 0",
        missing.join(", ")
    ))
}

async fn has_database(masters: &[Master], db: u64, auth: &Auth) -> bool {
    for master in masters {
        if connect(&master.addr, db, auth).await.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_known() {
        let here = |host: &str| is_here(&NodeAddr::new(host, 7000));
        assert!(here("127.0.0.1") && here("::1") && here("localhost") && here("0.0.0.0"));
        assert!(!here("10.0.0.1") && !here("redis.example"));
    }
}
