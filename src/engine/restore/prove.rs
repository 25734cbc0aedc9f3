//! What the cluster holds after a restore: the number of its keys, and the values of a sample, read back.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use redis::Value;

use crate::core::rdb::dump_digest;
use crate::core::slot::key_slot;
use crate::engine::client::NodeClient;
use crate::engine::command::Auth;
use crate::engine::deliver::{Taker, connect};

use super::ready::{Ready, keys_in};

/// How many keys one pipeline asks for.
const BATCH: usize = 64;
/// So many keys that differ are named.
const NAMED: usize = 20;

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Keys that are still there when they are counted.
    pub(super) lasting: u64,
    /// Keys that may expire meanwhile.
    pub(super) expiring: u64,
    /// Keys of slots that their masters did not own, which were not there yet.
    pub(super) strays: u64,
    /// Keys that had expired already, and were not sent.
    pub(super) expired: u64,
    pub(super) seen: u64,
    pub(super) of_type: BTreeMap<u8, u64>,
    pub(super) samples: Vec<Sample>,
}

/// A key to be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) db: u64,
    pub(super) key: Vec<u8>,
    /// Whether it expires.
    pub(super) expires: bool,
    /// What it holds; `None` where that can't be compared.
    pub(super) digest: Option<u64>,
}

/// What the cluster was found to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Keys in all masters.
    pub found: u64,
    /// At least so many had to be there.
    pub at_least: u64,
    /// And at most so many.
    pub at_most: u64,
    /// How many keys were read back.
    pub sampled: u64,
    /// How many of them are missing or hold something else.
    pub differing: u64,
    /// The first of those.
    pub named: Vec<Vec<u8>>,
}

impl Proof {
    /// Whether the cluster holds what it should.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.at_least..=self.at_most).contains(&self.found) && self.differing == 0
    }
}

/// Counts, and reads the sample back.
pub(super) async fn prove(sent: &Sent, ready: &Ready, auth: &Auth) -> Result<Proof, String> {
    let work = ready.takers.iter().map(|taker| async move {
        let client = connect(&taker.master.addr, 0, auth).await?;
        let info = client.text(&["INFO", "keyspace"]).await?;
        Ok((keys_in(&info), read_back(sent, taker, ready, auth).await?))
    });
    let results = join_all(work).await;
    let all = sent.lasting + sent.expiring + sent.strays;
    let mut proof = Proof { at_least: sent.lasting, at_most: ready.before + all, ..Proof::default() };
    for result in results {
        let (keys, (sampled, differing)) =
            result.map_err(|error: crate::engine::client::NodeError| format!("the keys can't be counted: {error}"))?;
        proof.found += keys;
        proof.sampled += sampled;
        proof.differing += differing.len() as u64;
        proof.named.extend(differing);
    }
    proof.named.truncate(NAMED);
    Ok(proof)
}

/// How many samples of a master were read back, and those that are not as they were sent.
async fn read_back(
    sent: &Sent,
    taker: &Taker,
    ready: &Ready,
    auth: &Auth,
) -> Result<(u64, Vec<Vec<u8>>), crate::engine::client::NodeError> {
    let (mut sampled, mut differing) = (0, Vec::new());
    for db in &ready.dbs {
        let mine = |sample: &&Sample| sample.db == *db && taker.master.slots.contains(key_slot(&sample.key));
        let samples: Vec<&Sample> = sent.samples.iter().filter(mine).collect();
        if samples.is_empty() {
            continue;
        }
        let client = connect(&taker.master.addr, *db, auth).await?;
        for batch in samples.chunks(BATCH) {
            sampled += batch.len() as u64;
            differing.extend(compare(&client, batch).await?);
        }
    }
    Ok((sampled, differing))
}

async fn compare(client: &NodeClient, batch: &[&Sample]) -> Result<Vec<Vec<u8>>, crate::engine::client::NodeError> {
    let dumps: Vec<Vec<&[u8]>> = batch.iter().map(|sample| vec![b"DUMP".as_slice(), &sample.key]).collect();
    let ttls: Vec<Vec<&[u8]>> = batch.iter().map(|sample| vec![b"PTTL".as_slice(), &sample.key]).collect();
    let (dumps, ttls) = tokio::join!(client.call_all(&dumps), client.call_all(&ttls));
    let mut differing = Vec::new();
    for ((sample, dump), ttl) in batch.iter().zip(dumps).zip(ttls) {
        if !is_same(sample, &dump?, &ttl?) {
            differing.push(sample.key.clone());
        }
    }
    Ok(differing)
}

fn is_same(sample: &Sample, dump: &Value, ttl: &Value) -> bool {
    let Value::BulkString(dump) = dump else {
        // It may have expired meanwhile.
        return sample.expires;
    };
    let Value::Int(ttl) = ttl else { return false };
    // -1: it does not expire; -2: it has just done so.
    let expires = *ttl >= 0 || (*ttl == -2 && sample.expires);
    if expires != sample.expires {
        return false;
    }
    let found = dump_digest(dump);
    match (sample.digest, found) {
        (Some(sent), Ok(Some(found))) => sent == found,
        (_, Ok(_)) => true,
        (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rdb::{Flavour, digest, payload};

    fn sample(value: &[u8], expires: bool) -> Sample {
        Sample { db: 0, key: b"k".into(), expires, digest: digest(value, Flavour::Redis).unwrap() }
    }

    #[test]
    fn a_value_may_come_back_in_another_form_but_not_another_value() {
        let dump = |value: &[u8]| Value::BulkString(payload(value.to_vec(), 11));
        let sent = sample(b"\x00\xc0\x0a", false);
        assert!(is_same(&sent, &dump(b"\x00\x0210"), &Value::Int(-1)));
        assert!(!is_same(&sent, &dump(b"\x00\x0211"), &Value::Int(-1)));
        assert!(!is_same(&sent, &dump(b"\x00\x0210"), &Value::Int(500)), "it expires now");
        assert!(!is_same(&sent, &Value::Nil, &Value::Int(-2)), "it is missing");
        let expiring = sample(b"\x00\xc0\x0a", true);
        assert!(is_same(&expiring, &Value::Nil, &Value::Int(-2)), "it has expired");
        assert!(!is_same(&expiring, &dump(b"\x00\xc0\x0a"), &Value::Int(-1)), "it does not expire any more");
    }
}
