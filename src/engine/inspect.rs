//! Which nodes can be made into a cluster: each is asked, and every one that is not empty is named with what it holds.

use std::net::IpAddr;

use futures_util::future::join_all;
use thiserror::Error;

use crate::core::capability::Capabilities;
use crate::core::count::counted;
use crate::core::plan::create::{Candidate, TunedSetting};
use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;

use super::client::{CONNECT_DEADLINE, NodeClient, NodeError, NodeErrorKind, as_text, info_field};
use super::command::Auth;

/// Why a node can't take part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It does not answer, or not as a server does.
    #[error("{0}")]
    Node(NodeError),
    /// `cluster-enabled` is no.
    #[error("{0} is not configured as a cluster node (cluster-enabled no)")]
    NotClusterEnabled(NodeAddr),
    /// It holds keys, knows others, or owns slots.
    #[error("{addr} is not empty: it {}", holds.join(" and "))]
    NotEmpty {
        /// The node.
        addr: NodeAddr,
        /// What it holds, in words.
        holds: Vec<String>,
    },
    /// It is still reading its data set.
    #[error("{0} is still loading its data set")]
    Loading(NodeAddr),
}

/// The settings that only slow a creation down, what they become meanwhile, and since which Redis they exist.
///
/// * `cluster-node-timeout`: a master that has been without a quorum waits this long, clamped to 500–5000 ms, before
///   it is ok again (`clusterUpdateState`); and every node pings every other at least each half of it, which is what
///   spreads the roles.
/// * `repl-diskless-sync-delay`: the pause before a replica's first sync, 5 s by default.
/// * `cluster-replica-no-failover`: with so short a timeout a busy machine could look like a dead master.
const TUNED: [&str; 3] = ["cluster-node-timeout", "repl-diskless-sync-delay", "cluster-replica-no-failover"];

/// What a setting is in the creation of a cluster of so many nodes. Each node pings each other one twice in a node timeout,
/// and all may share one machine: from fifty nodes on the timeout grows so that there are no more than 10,000 pings a
/// second.
fn during(name: &str, nodes: usize) -> String {
    match name {
        "cluster-node-timeout" => (nodes * nodes / 5).max(500).to_string(),
        "repl-diskless-sync-delay" => "0".to_owned(),
        _ => "yes".to_owned(),
    }
}

/// Asks every node at once. `Ok` only when all of them are empty cluster nodes, in the order given.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub async fn inspect(addrs: &[NodeAddr], auth: &Auth) -> Result<Vec<Candidate>, Vec<Unfit>> {
    let answers = join_all(addrs.iter().map(|addr| inspect_one(addr, auth, addrs.len()))).await;
    let mut candidates = Vec::new();
    let mut unfit = Vec::new();
    for answer in answers {
        match answer {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => unfit.push(reason),
        }
    }
    if unfit.is_empty() { Ok(candidates) } else { Err(unfit) }
}

/// Asks one node.
///
/// # Errors
/// Why it can't take part.
pub async fn inspect_node(addr: &NodeAddr, auth: &Auth) -> Result<Candidate, Unfit> {
    inspect_one(addr, auth, 1).await
}

async fn inspect_one(addr: &NodeAddr, auth: &Auth, of: usize) -> Result<Candidate, Unfit> {
    match candidate(addr, auth, of).await {
        Err(Unfit::Node(error)) => Err(unfit(error.explained(auth).await)),
        other => other,
    }
}

/// One node of so many that are asked.
async fn candidate(addr: &NodeAddr, auth: &Auth, of: usize) -> Result<Candidate, Unfit> {
    let addr = &numeric(addr).await.map_err(unfit)?;
    let client = NodeClient::connect(addr, auth).await.map_err(unfit)?;
    let info = client.text(&["INFO"]).await.map_err(unfit)?;
    if info_field(&info, "cluster_enabled") != Some("1") {
        return Err(Unfit::NotClusterEnabled(addr.clone()));
    }
    if info_field(&info, "loading") == Some("1") {
        return Err(Unfit::Loading(addr.clone()));
    }
    let view = client.view().await.map_err(unfit)?;
    let mut holds = Vec::new();
    let keys = keys_in(&info);
    if keys > 0 {
        holds.push(format!("holds {}", counted(keys, "key")));
    }
    if view.nodes.len() > 1 {
        let others: Vec<String> = view
            .nodes
            .values()
            .filter(|n| n.id != view.myself)
            .filter_map(|n| n.addr.as_ref())
            .map(ToString::to_string)
            .collect();
        holds.push(format!("knows {} ({})", counted(view.nodes.len() - 1, "other node"), first_few(&others)));
    }
    let owned = view.me().map_or(0, |me| me.slots.len());
    if owned > 0 {
        holds.push(format!("owns {}", counted(owned, "slot")));
    }
    if !holds.is_empty() {
        return Err(Unfit::NotEmpty { addr: addr.clone(), holds });
    }
    let version = ServerVersion::parse_info(&info).ok_or_else(|| {
        unfit(NodeError { addr: addr.clone(), kind: NodeErrorKind::Unexpected("INFO names no version".into()) })
    })?;
    let bus_port = view.me().and_then(|me| me.addr.as_ref()).and_then(|a| a.bus_port).or(addr.bus_port);
    let tuned = tuned_settings(&client, Capabilities::of(version), of).await;
    let addr = NodeAddr { bus_port, ..addr.clone() };
    Ok(Candidate { addr, id: view.myself, version, tuned })
}

/// The address with its host as a number: CLUSTER MEET takes no names. IPv4 is preferred, as redis-cli does.
pub(super) async fn numeric(addr: &NodeAddr) -> Result<NodeAddr, NodeError> {
    if addr.host.parse::<IpAddr>().is_ok() {
        return Ok(addr.clone());
    }
    let fail = |why: String| NodeError { addr: addr.clone(), kind: NodeErrorKind::Connect(why) };
    let look_up = tokio::net::lookup_host((addr.host.as_str(), addr.port));
    let found = tokio::time::timeout(CONNECT_DEADLINE, look_up).await;
    let found = found.map_err(|_| fail("the name could not be looked up in time".into()))?;
    let mut found: Vec<IpAddr> = found.map_err(|error| fail(error.to_string()))?.map(|socket| socket.ip()).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    let ip = found.first().ok_or_else(|| fail("the name has no address".into()))?;
    Ok(NodeAddr { host: ip.to_string(), ..addr.clone() })
}

fn unfit(error: NodeError) -> Unfit {
    Unfit::Node(error)
}

/// The keys of all databases, from an INFO reply.
#[must_use]
pub fn keys_in(info: &str) -> u64 {
    info.lines().filter_map(database_keys).sum()
}

/// `db0:keys=12,expires=0,avg_ttl=0` → 12.
fn database_keys(line: &str) -> Option<u64> {
    let (name, rest) = line.strip_prefix("db")?.split_once(":keys=")?;
    name.parse::<u32>().ok()?;
    rest.split(',').next()?.trim().parse().ok()
}

fn first_few(list: &[String]) -> String {
    let mut text = list.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > 5 {
        text.push_str(", …");
    }
    text
}

/// What to change during the creation. A server that hides CONFIG is left as it is: the creation then only takes
/// longer.
async fn tuned_settings(client: &NodeClient, can: Capabilities, nodes: usize) -> Vec<TunedSetting> {
    let names: Vec<Vec<&str>> = TUNED.iter().map(|name| vec!["CONFIG", "GET", *name]).collect();
    let answers = client.call_all(&names).await;
    TUNED
        .iter()
        .zip(answers)
        .filter(|(name, _)| can.replica_names || **name != "cluster-replica-no-failover")
        .filter_map(|(name, answer)| {
            let during = during(name, nodes);
            let before = match answer.ok()? {
                redis::Value::Array(items) => as_text(items.get(1)?)?,
                redis::Value::Map(pairs) => as_text(&pairs.first()?.1)?,
                _ => return None,
            };
            // A timeout that is short already stays.
            let short = before.parse::<u64>().is_ok_and(|b| during.parse::<u64>().is_ok_and(|d| b <= d));
            (before != during && !short).then(|| TunedSetting { name: (*name).to_owned(), before, during })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_from_the_keyspace_lines_only() {
        assert_eq!(database_keys("db0:keys=12,expires=0,avg_ttl=0"), Some(12));
        assert_eq!(database_keys("db15:keys=1,expires=0"), Some(1));
        assert_eq!(database_keys("db_size:keys=3"), None);
        assert_eq!(database_keys("dbx:keys=3"), None);
    }

    #[test]
    fn nodes_of_large_clusters_ping_less_while_they_are_made() {
        let timeout = |nodes| during("cluster-node-timeout", nodes);
        assert_eq!([6, 50, 51, 100, 300].map(timeout), ["500", "500", "520", "2000", "18000"]);
        assert_eq!(during("repl-diskless-sync-delay", 300), "0");
        assert_eq!(during("cluster-replica-no-failover", 300), "yes");
    }

    #[test]
    fn a_full_node_is_named_with_all_that_it_holds() {
        let unfit = Unfit::NotEmpty {
            addr: NodeAddr::new("h", 7000),
            holds: vec!["holds 3 keys".into(), "owns 7 slots".into()],
        };
        assert_eq!(unfit.to_string(), "h:7000 is not empty: it holds 3 keys and owns 7 slots");
    }
}
