//! What each slot holds, asked of its master: keys counted, memory as the servers tell it or estimated from a few keys.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use redis::Value;

use crate::core::plan::moves::Master;
use crate::core::plan::rebalance_load::Loads;
use crate::core::slot::Slot;

use super::client::{CALL_DEADLINE, NodeClient, NodeError, NodeErrorKind, as_text};
use super::command::Auth;

/// How many slots one pipeline asks about.
const AT_ONCE: usize = 1024;
/// Of so many keys of a slot the memory is asked; the others are taken to be like them.
const SAMPLE: usize = 5;

/// What is to be even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The number of keys.
    Keys,
    /// The bytes that keys take in the servers' memory.
    Memory,
}

/// Asks every master about the slots it owns, all at once.
///
/// # Errors
/// What a node or its connection said.
pub async fn loads(
    masters: &[Master],
    measure: Measure,
    auth: &Auth,
    connect: std::time::Duration,
) -> Result<Loads, NodeError> {
    let each = join_all(masters.iter().map(|master| async move {
        let client = NodeClient::connect_with(&master.addr, auth, connect, CALL_DEADLINE).await?;
        let slots: Vec<Slot> = master.slots.iter().collect();
        match measure {
            Measure::Keys => keys(&client, &slots).await,
            Measure::Memory => memory(&client, &slots).await,
        }
    }))
    .await;
    let mut loads = Loads::new();
    for part in each {
        loads.extend(part?);
    }
    Ok(loads)
}

async fn keys(client: &NodeClient, slots: &[Slot]) -> Result<Loads, NodeError> {
    let mut counts = Loads::new();
    for batch in slots.chunks(AT_ONCE) {
        let commands: Vec<Vec<String>> =
            batch.iter().map(|slot| words(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()])).collect();
        for (slot, answer) in batch.iter().zip(client.call_all(&commands).await) {
            counts.insert(*slot, number(&answer?));
        }
    }
    Ok(counts)
}

/// What the server itself counts (`CLUSTER SLOT-STATS` with `memory-bytes`, where that is switched on), else a few keys of
/// each slot times their number.
async fn memory(client: &NodeClient, slots: &[Slot]) -> Result<Loads, NodeError> {
    let told = client.call(&["CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "16383"]).await;
    if let Some(told) = told.ok().as_ref().and_then(slot_stats) {
        return Ok(told);
    }
    let counts = keys(client, slots).await?;
    let filled: Vec<Slot> =
        slots.iter().copied().filter(|slot| counts.get(slot).is_some_and(|keys| *keys > 0)).collect();
    let mut loads = Loads::new();
    for batch in filled.chunks(AT_ONCE) {
        let look_ups: Vec<Vec<String>> = batch
            .iter()
            .map(|slot| words(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &SAMPLE.to_string()]))
            .collect();
        let mut samples: Vec<(Slot, Vec<u8>)> = Vec::new();
        for (slot, answer) in batch.iter().zip(client.call_all(&look_ups).await) {
            samples.extend(keys_of(answer?).into_iter().map(|key| (*slot, key)));
        }
        let usages: Vec<Vec<Vec<u8>>> =
            samples.iter().map(|(_, key)| vec![b"MEMORY".to_vec(), b"USAGE".to_vec(), key.clone()]).collect();
        let mut sums: BTreeMap<Slot, (u64, u64)> = BTreeMap::new();
        for ((slot, _), answer) in samples.iter().zip(client.call_all(&usages).await) {
            let sum = sums.entry(*slot).or_default();
            *sum = (sum.0 + number(&answer?), sum.1 + 1);
        }
        for (slot, (bytes, sampled)) in sums {
            loads.insert(slot, bytes * counts.get(&slot).copied().unwrap_or_default() / sampled.max(1));
        }
    }
    Ok(loads)
}

/// `memory-bytes` of each slot; `None` where the server does not count it.
fn slot_stats(answer: &Value) -> Option<Loads> {
    let Value::Array(items) = answer else { return None };
    let one = |item: &Value| {
        let Value::Array(pair) = item else { return None };
        let [Value::Int(slot), fields] = pair.as_slice() else { return None };
        let slot = Slot::new(u16::try_from(*slot).ok()?).ok()?;
        let bytes = match fields {
            Value::Array(fields) => {
                fields.chunks_exact(2).find(|field| is_memory(&field[0])).map(|field| number(&field[1]))
            }
            Value::Map(fields) => fields.iter().find(|(name, _)| is_memory(name)).map(|(_, bytes)| number(bytes)),
            _ => None,
        };
        Some((slot, bytes?))
    };
    items.iter().map(one).collect()
}

fn is_memory(name: &Value) -> bool {
    as_text(name).is_some_and(|name| name == "memory-bytes")
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}

fn keys_of(answer: Value) -> Vec<Vec<u8>> {
    let Value::Array(items) = answer else { return Vec::new() };
    items.into_iter().filter_map(|item| if let Value::BulkString(key) = item { Some(key) } else { None }).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Why loads can't be told, for people.
#[must_use]
pub fn explain(error: &NodeError) -> String {
    match &error.kind {
        NodeErrorKind::Refused(_) => {
            format!("{error}; this server does not tell what its slots hold: rebalance --by slots needs nothing of it")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_where_the_server_counts_it() {
        let word = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let slot = |number, fields: Vec<Value>| Value::Array(vec![Value::Int(number), Value::Array(fields)]);
        let counted = |bytes| vec![word("key-count"), Value::Int(1), word("memory-bytes"), Value::Int(bytes)];
        let answer = Value::Array(vec![slot(0, counted(100)), slot(7, counted(3))]);
        let expected: Loads = [(0, 100), (7, 3)].map(|(slot, bytes)| (Slot::new(slot).unwrap(), bytes)).into();
        assert_eq!(slot_stats(&answer), Some(expected));
        let older = Value::Array(vec![slot(0, vec![word("key-count"), Value::Int(1)])]);
        assert_eq!(slot_stats(&older), None);
        assert_eq!(slot_stats(&Value::Nil), None);
    }
}
