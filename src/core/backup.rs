//! What a backup of a cluster consists of: an RDB file for each master, redis-cli's `nodes.json`, and a manifest by which
//! the files can be checked. No secret is in any of them but what the keys themselves hold.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::slot::SlotSet;
use super::topology::{Node, NodeAddr, NodeId, Role};

/// The nodes, as redis-cli writes them.
pub const NODES_FILE: &str = "nodes.json";
/// What the files are and how they are checked.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The version of [`Manifest`] that is written.
pub const MANIFEST_FORMAT: u32 = 1;

/// How the names of RDB files begin.
const PREFIX: &str = "redis-node-";
const SUFFIX: &str = ".rdb";

/// A whole backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// The program that made it.
    pub made_by: String,
    /// When it was begun, in seconds of Unix time.
    pub created: u64,
    /// The RDB files.
    pub files: Vec<BackupFile>,
    /// What was wrong with the cluster, if it was not whole or changed meanwhile.
    pub problems: Vec<String>,
}

/// The RDB file of one master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its name in the backup's folder.
    pub file: String,
    /// The master's id.
    pub node: NodeId,
    /// Where it answered.
    pub addr: String,
    /// Its server, like `Redis 7.0.15`.
    pub server: String,
    /// The slots that it owned.
    pub slots: SlotSet,
    /// The file's length in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
    /// The RDB's own checksum in hexadecimal, which was found to be right; null where the server counts none.
    pub crc64: Option<String>,
    /// The RDB header, like `REDIS0010`.
    pub rdb: String,
    /// What is in it; null where this version of Slotdeck does not know all types of values in it.
    pub holds: Option<Holdings>,
}

/// What an RDB file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holdings {
    /// Keys by database.
    pub keys: BTreeMap<u64, u64>,
    /// How many of them expire.
    pub expiring: u64,
    /// How many libraries of functions.
    pub functions: u64,
    /// The modules whose values are among them.
    pub modules: Vec<String>,
    /// The modules that keep data beside the keys.
    pub module_data: Vec<String>,
    /// The largest value, in bytes as it is written here.
    pub largest: u64,
}

impl Holdings {
    /// Keys in all databases.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.keys.values().sum()
    }
}

impl Manifest {
    /// Keys in all files; `None` where one of them could not be counted.
    #[must_use]
    pub fn key_count(&self) -> Option<u64> {
        self.files.iter().map(|file| file.holds.as_ref().map(Holdings::key_count)).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// redis-cli's name for a master's file, without what Windows takes in no name.
#[must_use]
pub fn file_name(addr: &NodeAddr, id: &NodeId) -> String {
    let host = addr.host.replace(|c: char| c.is_control() || r#"<>:"/\|?*"#.contains(c), "_");
    format!("{PREFIX}{host}-{}-{id}{SUFFIX}", addr.port)
}

/// Whether a file of this name belongs to a backup, redis-cli's included.
#[must_use]
pub fn is_backup_file(name: &str) -> bool {
    name == NODES_FILE || name == MANIFEST_FILE || is_rdb_name(name)
}

/// Whether this is a name of a master's RDB file, and of nothing outside its folder.
#[must_use]
pub fn is_rdb_name(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX) && !name.contains(['/', '\\', ':'])
}

/// `nodes.json`, byte for byte as redis-cli writes it: scripts read it.
#[must_use]
pub fn nodes_json(nodes: &BTreeMap<NodeId, Node>, problems: usize) -> String {
    let texts: Vec<String> = nodes.values().map(|node| node_json(node, problems)).collect();
    format!("[\n{}\n]", texts.join(",\n"))
}

fn node_json(node: &Node, problems: usize) -> String {
    let range = |range: super::slot::SlotRange| {
        if range.first == range.last {
            format!("[{}]", range.first)
        } else {
            format!("[{},{}]", range.first, range.last)
        }
    };
    let slots: Vec<String> = node.slots.ranges().into_iter().map(range).collect();
    let (host, port) = node.addr.as_ref().map_or(("", 0), |addr| (addr.host.as_str(), addr.port));
    let master = node.master.as_ref().map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
    let mut json = format!(
        "  {{\n    \"name\": \"{}\",\n    \"host\": {},\n    \"port\": {port},\n    \"replicate\": {master},\n    \
         \"slots\": [{}],\n    \"slots_count\": {},\n    \"flags\": \"{}\",\n    \"current_epoch\": {}",
        node.id,
        serde_json::Value::from(host),
        slots.join(","),
        node.slots.len(),
        flags(node),
        node.epoch
    );
    // Writing to a String can't fail.
    if problems > 0 {
        let _ = write!(json, ",\n    \"cluster_errors\": {problems}");
    }
    for (name, open) in [("migrating", &node.migrating), ("importing", &node.importing)] {
        if !open.is_empty() {
            let pairs: Vec<String> = open.iter().map(|(slot, id)| format!("\"{slot}\": \"{id}\"")).collect();
            let _ = write!(json, ",\n    \"{name}\": {{{}}}", pairs.join(","));
        }
    }
    json + "\n  }"
}

fn flags(node: &Node) -> String {
    let mut flags = vec![match node.role {
        Role::Master => "master",
        Role::Replica => "slave",
    }];
    let known = [
        (node.flags.pfail, "fail?"),
        (node.flags.fail, "fail"),
        (node.flags.handshake, "handshake"),
        (node.flags.noaddr, "noaddr"),
        (node.flags.nofailover, "nofailover"),
    ];
    flags.extend(known.into_iter().filter(|(set, _)| *set).map(|(_, word)| word));
    flags.join(",")
}

#[cfg(test)]
mod tests {
    use super::super::topology::View;
    use super::*;

    const NODES: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca ::1:30001@31001 myself,master - 0 0 1 connected 0-5460 7000 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]
";

    #[test]
    fn names_are_redis_clis_and_legal_on_windows() {
        let id: NodeId = "07c37dfeb235213a872192d90877d0cd55635b91".parse().unwrap();
        let name = file_name(&NodeAddr::new("127.0.0.1", 7000), &id);
        assert_eq!(name, "redis-node-127.0.0.1-7000-07c37dfeb235213a872192d90877d0cd55635b91.rdb");
        assert!(is_rdb_name(&name));
        assert!(file_name(&NodeAddr::new("fe80::1%eth0", 7000), &id).starts_with("redis-node-fe80__1%eth0-7000-"));
        assert!(!is_rdb_name("redis-node-../../etc/x.rdb") && !is_rdb_name("dump.rdb"));
    }

    #[test]
    fn nodes_json_is_redis_clis() {
        let view = View::parse(NODES).unwrap();
        let nodes = view.nodes.values().map(|node| (node.id.clone(), node.clone())).collect();
        let json = nodes_json(&nodes, 0);
        assert!(json.starts_with("[\n  {\n    \"name\": \"07c37dfeb235213a872192d90877d0cd55635b91\",\n"), "{json}");
        assert!(
            json.contains("\"replicate\": \"e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca\",\n    \"slots\": [],\n"),
            "{json}"
        );
        assert!(
            json.contains("\"slots\": [[0,5460],[7000]],\n    \"slots_count\": 5462,\n    \"flags\": \"master\",\n")
        );
        assert!(json.ends_with(",\n    \"importing\": {\"93\": \"292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f\"}\n  }\n]"));
        let read: serde_json::Value = serde_json::from_str(&nodes_json(&nodes, 2)).unwrap();
        assert_eq!(read[1]["cluster_errors"], 2);
    }
}
