//! Keys that both ends of a move hold: how they compare.

use redis::Value;

use crate::core::rdb::same_value;
use crate::engine::client::{NodeClient, NodeError};

use super::Why;
use super::drain::Words;

/// How far the times to live of two copies of one key may be apart, milliseconds: one was copied a little later.
const SAME_TTL: u64 = 10_000;

/// What was found of keys that both ends may hold. Those that one of them does not hold are in neither list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Twins {
    /// The same value and about the same time to live on both.
    pub(super) same: Words,
    /// Something else.
    pub(super) different: Words,
}

impl Twins {
    /// Reads each key at both ends, one after the other: there may be large values among them.
    pub(super) async fn among(keys: &[Vec<u8>], from: &NodeClient, to: &NodeClient) -> Result<Self, Why> {
        let mut twins = Self::default();
        for key in keys {
            let (here, there) = tokio::join!(copy_of(from, key), copy_of(to, key));
            match (here.map_err(|e| e.to_string())?, there.map_err(|e| e.to_string())?) {
                (Some(here), Some(there)) if here.is_same(&there) => twins.same.push(key.clone()),
                (Some(_), Some(_)) => twins.different.push(key.clone()),
                (None, _) | (_, None) => {}
            }
        }
        Ok(twins)
    }
}

/// A key's value, serialised, and its time to live in milliseconds.
struct Copied {
    dump: Vec<u8>,
    ttl: i64,
}

impl Copied {
    fn is_same(&self, other: &Self) -> bool {
        let near = self.ttl.abs_diff(other.ttl) < SAME_TTL && (self.ttl < 0) == (other.ttl < 0);
        near && same_value(&self.dump, &other.dump)
    }
}

/// ASKING, since the node may not own the slot; it counts for the next command only, and both go in one write.
async fn copy_of(client: &NodeClient, key: &[u8]) -> Result<Option<Copied>, NodeError> {
    let (asking, dump, ttl) = (b"ASKING".to_vec(), b"DUMP".to_vec(), b"PTTL".to_vec());
    let commands = vec![vec![asking.clone()], vec![dump, key.to_vec()], vec![asking], vec![ttl, key.to_vec()]];
    let answers: Vec<Value> = client.call_all(&commands).await.into_iter().collect::<Result<_, _>>()?;
    match (answers.get(1), answers.get(3)) {
        (Some(Value::BulkString(dump)), Some(Value::Int(ttl))) => Ok(Some(Copied { dump: dump.clone(), ttl: *ttl })),
        _ => Ok(None),
    }
}

/// Deletes keys at a node that does not own their slots.
pub(super) async fn delete(at: &NodeClient, keys: &[Vec<u8>]) -> Result<(), Why> {
    let command = |key: &Vec<u8>| [vec![b"ASKING".to_vec()], vec![b"DEL".to_vec(), key.clone()]];
    let commands: Vec<Words> = keys.iter().flat_map(command).collect();
    let answers: Result<Vec<Value>, NodeError> = at.call_all(&commands).await.into_iter().collect();
    answers.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rdb::payload;

    #[test]
    fn a_copy_in_another_form_or_order_is_the_same() {
        let of = |value: &[u8], ttl| Copied { dump: payload(value.to_vec(), 9), ttl };
        // A set as a hash table of two, in either order.
        let (one, other) = (of(b"\x02\x02\x01a\x01b", -1), of(b"\x02\x02\x01b\x01a", -1));
        assert!(one.dump != other.dump && one.is_same(&other));
        assert!(!one.is_same(&of(b"\x02\x02\x01b\x01c", -1)));
        assert!(of(b"\x00\x01a", 90_000).is_same(&of(b"\x00\x01a", 85_000)), "copied a little later");
        assert!(!of(b"\x00\x01a", 90_000).is_same(&of(b"\x00\x01a", 70_000)));
        assert!(!of(b"\x00\x01a", 90_000).is_same(&of(b"\x00\x01a", -1)));
    }
}
