//! Where a source finds its target. MIGRATE speaks TLS where the source has `tls-cluster yes`, and plain TCP where it has
//! not, whatever we speak with it (`migrateGetSocket` in cluster.c); but nodes tell us each other's ports by how we asked
//! (`CLUSTER NODES` in TLS: the TLS ports). The wrong port would hold the source up until MIGRATE's timeout.

use redis::Value;

use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::client::{NodeClient, as_text};
use crate::engine::command::Auth;

use super::Why;

/// The target's address for the source's MIGRATE; `told` is the one that the source told us.
pub(super) async fn reached(from: &NodeClient, told: NodeAddr, target: &NodeId, auth: &Auth) -> Result<NodeAddr, Why> {
    // Servers without TLS do not know the setting; one that hides its settings is taken at its word.
    let sends_tls = match from.call(&["CONFIG", "GET", "tls-cluster"]).await {
        Ok(answer) => field(&answer, "tls-cluster").and_then(as_text).map(|value| value == "yes"),
        Err(_) => None,
    };
    if sends_tls.is_none_or(|sends_tls| sends_tls == auth.tls.is_some()) {
        return Ok(told);
    }
    let (port, of, setting) = if auth.tls.is_some() { ("port", "plain", "no") } else { ("tls-port", "TLS", "yes") };
    let shards = from.call(&["CLUSTER", "SHARDS"]).await.ok();
    match shards.as_ref().and_then(|shards| port_of(shards, target, port)) {
        Some(port) => Ok(NodeAddr { port, ..told }),
        None => Err(format!(
            "{} sends keys to other nodes' {of} ports (tls-cluster {setting}), and does not tell that of {told}: set \
             'tls-cluster {}' on all nodes, or name a {of} port and speak {of} with it",
            from.addr(),
            if auth.tls.is_some() { "yes" } else { "no" }
        )),
    }
}

/// A port of a node, from CLUSTER SHARDS (7.0).
fn port_of(shards: &Value, id: &NodeId, name: &str) -> Option<u16> {
    let Value::Array(shards) = shards else { return None };
    let nodes = shards.iter().filter_map(|shard| match field(shard, "nodes")? {
        Value::Array(nodes) => Some(nodes),
        _ => None,
    });
    let is_it = |node: &&Value| field(node, "id").and_then(as_text).as_deref() == Some(id.as_str());
    let node = nodes.flatten().find(is_it)?;
    match field(node, name)? {
        Value::Int(port) => u16::try_from(*port).ok().filter(|port| *port != 0),
        _ => None,
    }
}

/// What a map, or an array of names and values, says under this name.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let is = |word: &Value| as_text(word).as_deref() == Some(name);
    match value {
        Value::Map(pairs) => pairs.iter().find(|(word, _)| is(word)).map(|(_, value)| value),
        Value::Array(words) => words.chunks_exact(2).find(|pair| is(&pair[0])).map(|pair| &pair[1]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn the_other_port_is_read_from_the_shards() {
        let id = "0123456789012345678901234567890123456789";
        let node = |id: &str, tls: i64| {
            Value::Array(vec![text("id"), text(id), text("port"), Value::Int(7000), text("tls-port"), Value::Int(tls)])
        };
        let other = node("9999999999999999999999999999999999999999", 1);
        let shard = |nodes| Value::Array(vec![text("slots"), Value::Array(vec![]), text("nodes"), Value::Array(nodes)]);
        let shards = Value::Array(vec![shard(vec![other]), shard(vec![node(id, 7443)])]);
        let id: NodeId = id.parse().unwrap();
        assert_eq!(port_of(&shards, &id, "tls-port"), Some(7443));
        assert_eq!(port_of(&shards, &id, "port"), Some(7000));
        assert_eq!(port_of(&Value::Array(vec![shard(vec![node(id.as_str(), 0)])]), &id, "tls-port"), None);
    }
}
