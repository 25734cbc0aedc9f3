//! How two values of one name compare: what the source has, what the cluster has.

use redis::Value;

use crate::core::rdb::same_value;
use crate::engine::client::{NodeClient, NodeError};
use crate::engine::migrate::drain::Words;

/// A key as it is on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// What DUMP gives.
    pub(super) dump: Vec<u8>,
    /// Milliseconds until it expires.
    pub(super) ttl: Option<i64>,
}

/// DUMP and PTTL of each key, pipelined; `None` for keys that are not there.
pub(super) async fn held(client: &NodeClient, keys: &[Vec<u8>]) -> Result<Vec<Option<Held>>, NodeError> {
    let ask = |verb: &'static [u8]| -> Vec<Words> { keys.iter().map(|key| vec![verb.to_vec(), key.clone()]).collect() };
    let (dumps, ttls) = (ask(b"DUMP"), ask(b"PTTL"));
    let (dumps, ttls) = tokio::join!(client.call_all(&dumps), client.call_all(&ttls));
    dumps.into_iter().zip(ttls).map(|(dump, ttl)| Ok(one(dump?, &ttl?))).collect()
}

fn one(dump: Value, ttl: &Value) -> Option<Held> {
    let Value::BulkString(dump) = dump else { return None };
    match ttl {
        // It has expired between the two.
        Value::Int(-2) => None,
        Value::Int(ttl) if *ttl >= 0 => Some(Held { dump, ttl: Some((*ttl).max(1)) }),
        _ => Some(Held { dump, ttl: None }),
    }
}

/// Whether two hold the same value, in whatever form, and both expire or neither.
pub(super) fn is_same(one: &Held, other: &Held) -> bool {
    same_value(&one.dump, &other.dump) && one.ttl.is_some() == other.ttl.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rdb::payload;

    #[test]
    fn the_same_value_may_be_in_another_form() {
        let of = |value: &[u8], version, ttl| Held { dump: payload(value.to_vec(), version), ttl };
        assert!(is_same(&of(b"\x00\xc0\x0a", 9, None), &of(b"\x00\x0210", 11, None)));
        assert!(!is_same(&of(b"\x00\xc0\x0a", 9, None), &of(b"\x00\x0211", 9, None)));
        assert!(is_same(&of(b"\x00\xc0\x0a", 9, Some(5)), &of(b"\x00\xc0\x0a", 9, Some(4))));
        assert!(!is_same(&of(b"\x00\xc0\x0a", 9, Some(5)), &of(b"\x00\xc0\x0a", 9, None)));
        let module = |value: &[u8]| of(value, 9, None);
        assert!(is_same(&module(b"\x07\x01\x00"), &module(b"\x07\x01\x00")));
        assert!(!is_same(&module(b"\x07\x01\x00"), &module(b"\x07\x02\x00")));
    }
}
