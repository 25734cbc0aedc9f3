//! CLUSTER SHARDS (Redis 7.0): what a node says of its own shard.

use super::info::Section;
use super::reply::Reply;
use crate::core::topology::NodeId;

/// Which entry of the reply is this node's own, as fields: those of the shard first, then those of the node, then how
/// the others in the shard are. `None` where the reply does not name the node.
#[must_use]
pub fn read_own_shard(reply: &Reply, id: &NodeId) -> Option<Section> {
    let is_own = |node: &Reply| node.value("id").and_then(Reply::text).is_some_and(|text| text == id.as_str());
    let nodes_of = |shard: &Reply| shard.value("nodes").map(|nodes| nodes.list().to_vec()).unwrap_or_default();
    let shard = reply.list().iter().find(|shard| nodes_of(shard).iter().any(is_own))?;
    let mut fields = Vec::new();
    for (name, value) in shard.pairs().filter(|(name, _)| name != "nodes") {
        let shown = if name == "slots" { Some(ranges(value)) } else { value.text().map(Into::into) };
        fields.extend(shown.map(|shown| (format!("shard-{name}"), shown)));
    }
    for node in nodes_of(shard) {
        if is_own(&node) {
            fields
                .extend(node.pairs().filter_map(|(name, value)| Some((name.into_owned(), value.text()?.into_owned()))));
        }
    }
    for node in nodes_of(shard).iter().filter(|node| !is_own(node)) {
        let part = |name: &str| node.value(name).and_then(Reply::text).unwrap_or_default();
        let line = format!("{} {}, offset {}", part("role"), part("health"), part("replication-offset"));
        fields.push((format!("with {}:{}", part("endpoint"), part("port")), line));
    }
    Some(Section { name: "CLUSTER SHARDS".to_owned(), fields })
}

/// First and last slots in turn, as ranges.
fn ranges(slots: &Reply) -> String {
    let range = |pair: &[Reply]| Some(format!("{}-{}", pair[0].text()?, pair[1].text()?));
    slots.list().chunks_exact(2).filter_map(range).collect::<Vec<_>>().join(",")
}
