//! The keys of one master: sent by the source itself where it can, else read and sent from here.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Value;

use crate::core::plan::moves::Master;
use crate::core::topology::NodeAddr;
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;
use crate::engine::deliver::{Parcel, is_busy};
use crate::engine::migrate::drain::{Words, in_batches, is_io, login_words, size};

use super::source::{Held, held, is_same};
use super::{Imported, News, Options, Report, Way, Work};

/// One MIGRATE carries so many bytes and keys: meanwhile the source serves nobody.
const BATCH_BYTES: u64 = 256 * 1024;
const BATCH_KEYS: usize = 256;
/// So many keys where the source does not tell their size.
const BLIND_KEYS: usize = 10;
/// How long the source may wait for the master when this is tried with one key. Between a server that sends in TLS and one
/// that takes none, or the other way round, it waits to the end, and serves nobody meanwhile.
const TRIAL: Duration = Duration::from_secs(3);
/// How often a batch is tried where the connection fails or keys change under way.
const TRIES: usize = 4;

/// One master.
pub(super) struct Lane {
    addr: NodeAddr,
    /// Where the source finds it.
    place: Option<NodeAddr>,
    /// The source: nobody else uses this connection, so it can WATCH.
    from: NodeClient,
    to: NodeClient,
    to_db: u64,
    to_auth: Auth,
    way: Option<Way>,
    /// The key that was copied to see whether it arrives.
    tried: Option<Vec<u8>>,
    /// Whether the source may be given several keys in one MIGRATE.
    many_keys: bool,
    options: Options,
    report: Report,
}

impl Lane {
    pub(super) fn new(master: &Master, from: NodeClient, to: NodeClient, way: Option<Way>, work: &Work<'_>) -> Self {
        let index = work.import.masters.iter().position(|one| one.id == master.id);
        Self {
            addr: master.addr.clone(),
            place: index.and_then(|index| work.import.places.get(index).cloned().flatten()),
            from,
            to,
            to_db: work.db.to,
            to_auth: work.to_auth.clone(),
            way,
            tried: None,
            many_keys: work.import.many_keys,
            options: work.options,
            report: work.report.clone(),
        }
    }

    pub(super) fn addr(&self) -> &NodeAddr {
        &self.addr
    }

    /// How keys get to this master, once that is known.
    pub(super) fn way(&self) -> Option<&Way> {
        self.way.as_ref()
    }

    /// Takes these keys over.
    pub(super) async fn take(&mut self, keys: Words, work: &Work<'_>) -> (Imported, Result<(), String>) {
        let mut done = Imported::default();
        let batches = match self.batches(keys).await {
            Ok(batches) => batches,
            Err(why) => return (done, Err(why)),
        };
        for batch in batches {
            if work.cancel.is_cancelled() {
                return (done, Err("stopped as asked".to_owned()));
            }
            let before = done.dealt_with();
            let result = self.batch(batch, &mut done).await;
            (self.report)(News::Keys(done.dealt_with() - before));
            if let Err(why) = result {
                return (done, Err(why));
            }
        }
        (done, Ok(()))
    }

    /// The keys in portions that hold the source up for a short time only.
    async fn batches(&self, keys: Words) -> Result<Vec<Words>, String> {
        let by_number =
            |keys: Words, most| in_batches(keys, None, most, u64::MAX).into_iter().map(|b| b.keys).collect();
        if let Some(most) = self.options.pipeline {
            return Ok(by_number(keys, most.max(1)));
        }
        let commands: Vec<Words> =
            keys.iter().map(|key| vec![b"MEMORY".to_vec(), b"USAGE".to_vec(), key.clone()]).collect();
        let sizes: Result<Vec<u64>, NodeError> = self.from.call_all(&commands).await.into_iter().map(size).collect();
        match sizes {
            Ok(sizes) => {
                Ok(in_batches(keys, Some(sizes), BATCH_KEYS, BATCH_BYTES).into_iter().map(|batch| batch.keys).collect())
            }
            Err(NodeError { kind: NodeErrorKind::Refused(_), .. }) => Ok(by_number(keys, BLIND_KEYS)),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn batch(&mut self, mut keys: Words, done: &mut Imported) -> Result<(), String> {
        while self.way.is_none() {
            // One that the master has already would prove nothing by being there.
            let there = self.there(&keys).await?;
            let Some(place) = there.iter().position(|there| !there) else { return self.through_us(keys, done).await };
            let key = keys[place].clone();
            match self.try_direct(&key).await? {
                // It has just gone: the next one.
                None => drop(keys.remove(place)),
                Some(way) => {
                    (self.report)(News::Way(self.addr.clone(), way.clone()));
                    self.way = Some(way);
                }
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        match self.way {
            Some(Way::Direct) => self.direct(keys, done).await,
            _ => self.through_us(keys, done).await,
        }
    }

    /// For each of the keys, whether the master has it.
    async fn there(&self, keys: &[Vec<u8>]) -> Result<Vec<bool>, String> {
        let commands: Vec<Words> = keys.iter().map(|key| vec![b"EXISTS".to_vec(), key.clone()]).collect();
        let answers = self.to.call_all(&commands).await.into_iter();
        answers.map(|answer| Ok(answer.map_err(|error| error.to_string())? != Value::Int(0))).collect()
    }

    /// Those that the master did not have, where what is copied can't be told from them later.
    async fn new_there(&self, keys: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, String> {
        if !self.options.copy || self.options.replace {
            return Ok(BTreeSet::new());
        }
        let there = self.there(keys).await?;
        Ok(keys.iter().zip(there).filter(|(_, there)| !there).map(|(key, _)| key.clone()).collect())
    }

    /// Lets the source send a copy of one key that the master does not have, and looks whether it came here. `None` where the key is gone.
    ///
    /// The copy is met again when its key is taken over: it holds the same value.
    async fn try_direct(&mut self, key: &[u8]) -> Result<Option<Way>, String> {
        let through_us = |why: &str| Ok(Some(Way::ThroughUs(why.to_owned())));
        if self.place.is_none() {
            return through_us("the cluster's nodes know each other by addresses of this machine only");
        }
        let words = self.migrate_words(&[key.to_vec()], true, self.options.replace, TRIAL);
        match self.from.call(&words).await {
            Ok(Value::SimpleString(word)) if word == "NOKEY" => Ok(None),
            Ok(_) => {
                self.tried = Some(key.to_vec());
                self.arrived(key).await
            }
            Err(error) if is_busy_at_target(&error) => self.arrived(key).await,
            Err(error) if self.can_do_without(&error) => through_us(&reply_of(&error)),
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn arrived(&self, key: &[u8]) -> Result<Option<Way>, String> {
        match self.to.call(&[b"EXISTS".as_slice(), key]).await.map_err(|error| error.to_string())? {
            Value::Int(1) => Ok(Some(Way::Direct)),
            _ => Ok(Some(Way::ThroughUs("what the source finds at the master's address is another server".to_owned()))),
        }
    }

    /// Whether the source's own sending fails in a way that ours does not.
    fn can_do_without(&self, error: &NodeError) -> bool {
        let reply = reply_of(error);
        let at_target = ["NOAUTH", "WRONGPASS", "NOPERM", "invalid password", "invalid username-password", "AUTH"];
        is_io(error)
            || reply.contains("syntax error")
            || reply.contains("unknown command")
            || reply.starts_with("NOPERM")
            || (reply.starts_with("READONLY") && self.options.copy)
            || (reply.contains("Target instance replied") && at_target.iter().any(|word| reply.contains(word)))
    }

    fn explain(&self, error: &NodeError) -> String {
        let reply = reply_of(error);
        if reply.contains("payload version or checksum") || reply.contains("Bad data format") {
            return format!(
                "{} does not read what {} writes: it is an older server, or one of the other family ({reply})",
                self.addr,
                self.from.addr()
            );
        }
        error.to_string()
    }

    fn migrate_words(&self, keys: &[Vec<u8>], copy: bool, replace: bool, most: Duration) -> Words {
        let place = self.place.as_ref().unwrap_or(&self.addr);
        let (timeout, db) = (self.options.timeout.min(most).as_millis().to_string(), self.to_db.to_string());
        let single = if self.many_keys { Vec::new() } else { keys[0].clone() };
        let mut words: Words = vec![b"MIGRATE".to_vec(), place.host.clone().into_bytes()];
        words.extend([place.port.to_string().into_bytes(), single, db.into_bytes(), timeout.into_bytes()]);
        if copy {
            words.push(b"COPY".to_vec());
        }
        if replace {
            words.push(b"REPLACE".to_vec());
        }
        words.extend(login_words(&self.to_auth));
        if self.many_keys {
            words.push(b"KEYS".to_vec());
            words.extend(keys.iter().cloned());
        }
        words
    }

    /// MIGRATE of all these keys, one at a time where the source takes no more.
    async fn migrate_all(&self, keys: &[Vec<u8>], replace: bool) -> Result<(), NodeError> {
        // Never two in one piece: where the master is silent the source serves nobody for the time of each.
        for portion in keys.chunks(if self.many_keys { keys.len().max(1) } else { 1 }) {
            self.from.call(&self.migrate_words(portion, self.options.copy, replace, Duration::MAX)).await?;
        }
        Ok(())
    }

    async fn direct(&self, keys: Words, done: &mut Imported) -> Result<(), String> {
        let new = self.new_there(&keys).await?;
        let mut left = keys;
        for _ in 0..TRIES {
            if left.is_empty() {
                return Ok(());
            }
            match self.migrate_all(&left, self.options.replace).await {
                Ok(()) => {
                    done.keys += left.len() as u64;
                    return Ok(());
                }
                Err(error) if is_busy_at_target(&error) || is_io(&error) => {
                    left = self.sort_out(left, &new, done).await?;
                }
                Err(error) => return Err(self.explain(&error)),
            }
        }
        match left.first() {
            None => Ok(()),
            Some(key) => {
                Err(format!("key '{}' can't be sent from {} to {}", key.escape_ascii(), self.from.addr(), self.addr))
            }
        }
    }

    /// After a MIGRATE that failed: which keys have arrived, which were there before, which are in the way. Answers those
    /// that are still to be sent. `new` are those that came by this import where the source keeps its keys.
    async fn sort_out(&self, keys: Words, new: &BTreeSet<Vec<u8>>, done: &mut Imported) -> Result<Words, String> {
        let (here, there) = tokio::join!(held(&self.from, &keys), held(&self.to, &keys));
        let (here, there) = (here.map_err(|e| e.to_string())?, there.map_err(|e| e.to_string())?);
        let (mut again, mut same, mut ours) = (Vec::new(), Vec::new(), Vec::new());
        for (key, sides) in keys.into_iter().zip(here.into_iter().zip(there)) {
            match sides {
                // Acknowledged, and gone from the source; or expired.
                (None, Some(_)) => done.keys += 1,
                (None, None) => {}
                (Some(_), None) => again.push(key),
                (Some(one), Some(other)) if is_same(&one, &other) => same.push(key),
                (Some(_), Some(_)) if self.options.replace => again.push(key),
                // It has changed since it was copied to see whether it arrives.
                (Some(_), Some(_)) if self.tried.as_ref() == Some(&key) => ours.push(key),
                (Some(_), Some(_)) => done.name([key]),
            }
        }
        if !ours.is_empty() {
            self.migrate_all(&ours, true).await.map_err(|error| self.explain(&error))?;
            done.keys += ours.len() as u64;
        }
        if self.options.copy {
            let came = |key: &&Vec<u8>| self.options.replace || self.tried.as_ref() == Some(*key) || new.contains(*key);
            let ours = same.iter().filter(came).count() as u64;
            done.keys += ours;
            done.same += same.len() as u64 - ours;
        } else if !same.is_empty() {
            again.extend(self.let_go(same, done).await?);
        }
        Ok(again)
    }

    /// Deletes keys at the source that the master has with the same value; it may be writing to them by now, so that nothing
    /// is sent there. Answers those that have changed meanwhile.
    async fn let_go(&self, keys: Words, done: &mut Imported) -> Result<Words, String> {
        self.watch(&keys).await?;
        let (here, there) = tokio::join!(held(&self.from, &keys), held(&self.to, &keys));
        let (Ok(here), Ok(there)) = (here, there) else {
            // Whether it still answers does not matter: nothing is deleted.
            let _ = self.from.call(&["UNWATCH"]).await;
            return Ok(keys);
        };
        let (mut still, mut changed) = (Vec::new(), Vec::new());
        for (key, sides) in keys.into_iter().zip(here.into_iter().zip(there)) {
            match sides {
                (Some(one), Some(other)) if is_same(&one, &other) => still.push(key),
                _ => changed.push(key),
            }
        }
        changed.extend(self.delete(still, done).await?);
        Ok(changed)
    }

    /// DUMP, RESTORE, and DEL of what was acknowledged and has not changed since.
    async fn through_us(&self, keys: Words, done: &mut Imported) -> Result<(), String> {
        let (mut left, mut replace) = (keys, self.options.replace);
        for _ in 0..TRIES {
            if left.is_empty() {
                return Ok(());
            }
            if !self.options.copy {
                self.watch(&left).await?;
            }
            let carried = self.carry(left, replace, done).await;
            if self.options.copy {
                done.keys += carried?.len() as u64;
                return Ok(());
            }
            let arrived = match carried {
                Ok(arrived) => arrived,
                Err(why) => {
                    // Whether it still answers does not matter: nothing is deleted.
                    let _ = self.from.call(&["UNWATCH"]).await;
                    return Err(why);
                }
            };
            left = self.delete(arrived, done).await?;
            // They are there now, as they were before they changed.
            replace = true;
        }
        match left.first() {
            None => Ok(()),
            Some(key) => Err(format!("key '{}' changes at {} all the time", key.escape_ascii(), self.from.addr())),
        }
    }

    async fn watch(&self, keys: &[Vec<u8>]) -> Result<(), String> {
        let words: Words = std::iter::once(b"WATCH".to_vec()).chain(keys.iter().cloned()).collect();
        self.from.call(&words).await.map(drop).map_err(|error| error.to_string())
    }

    /// Brings the keys to the master. Answers those that it has now.
    async fn carry(&self, keys: Words, replace: bool, done: &mut Imported) -> Result<Words, String> {
        let values = held(&self.from, &keys).await.map_err(|error| error.to_string())?;
        let present: Vec<(Vec<u8>, Held)> =
            keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect();
        let commands: Vec<Words> =
            present.iter().map(|(key, value)| restore_words(key, value, self.to_db, replace)).collect();
        let answers = self.to.call_all(&commands).await;
        let (mut arrived, mut met) = (Vec::new(), Vec::new());
        let mut failed = Ok(());
        for ((key, value), answer) in present.into_iter().zip(answers) {
            match answer {
                Ok(_) => arrived.push(key),
                Err(error) if is_busy(&error) => met.push((key, value)),
                Err(error) => {
                    failed = failed.and(Err(format!("key '{}': {}", key.escape_ascii(), self.explain(&error))));
                }
            }
        }
        failed?;
        arrived.extend(self.compare(met, done).await?);
        Ok(arrived)
    }

    /// Keys of which the master has one of the same name: in the way, or the same. Answers those that the source may
    /// delete.
    async fn compare(&self, met: Vec<(Vec<u8>, Held)>, done: &mut Imported) -> Result<Words, String> {
        if met.is_empty() {
            return Ok(Vec::new());
        }
        let (keys, values): (Words, Vec<Held>) = met.into_iter().unzip();
        let there = held(&self.to, &keys).await.map_err(|error| error.to_string())?;
        let (mut arrived, mut again) = (Vec::new(), Vec::new());
        for (key, (value, other)) in keys.into_iter().zip(values.into_iter().zip(there)) {
            match other {
                Some(other) if !is_same(&value, &other) => done.name([key]),
                Some(_) if self.options.copy => done.same += 1,
                // The master may be writing to it by now: nothing is sent there.
                Some(_) => arrived.push(key),
                None => again.push((key, value)),
            }
        }
        let commands: Vec<Words> =
            again.iter().map(|(key, value)| restore_words(key, value, self.to_db, self.options.replace)).collect();
        for ((key, _), answer) in again.into_iter().zip(self.to.call_all(&commands).await) {
            match answer {
                Ok(_) => arrived.push(key),
                Err(error) if is_busy(&error) => done.name([key]),
                Err(error) => return Err(self.explain(&error)),
            }
        }
        Ok(arrived)
    }

    /// Deletes at the source what the master has, if none of it has changed since it was read. Answers what is to be done
    /// again.
    async fn delete(&self, arrived: Words, done: &mut Imported) -> Result<Words, String> {
        let failed = |error: NodeError| error.to_string();
        if arrived.is_empty() {
            self.from.call(&["UNWATCH"]).await.map_err(failed)?;
            return Ok(arrived);
        }
        let count = arrived.len() as u64;
        self.from.call(&["MULTI"]).await.map_err(failed)?;
        let words: Words = std::iter::once(b"DEL".to_vec()).chain(arrived.iter().cloned()).collect();
        if let Err(error) = self.from.call(&words).await {
            let _ = self.from.call(&["DISCARD"]).await;
            return Err(error.to_string());
        }
        if self.from.call(&["EXEC"]).await.map_err(failed)? == Value::Nil {
            return Ok(arrived);
        }
        done.keys += count;
        Ok(Vec::new())
    }
}

fn restore_words(key: &[u8], value: &Held, db: u64, replace: bool) -> Words {
    let parcel = Parcel {
        db,
        key: key.to_vec(),
        // Counted from 0: the two servers' clocks may differ.
        expires_at: value.ttl,
        idle: None,
        freq: None,
        payload: value.dump.clone(),
    };
    parcel.command(false, replace, 0)
}

fn reply_of(error: &NodeError) -> String {
    match &error.kind {
        NodeErrorKind::Refused(reply) | NodeErrorKind::Auth(reply) => reply.clone(),
        other => other.to_string(),
    }
}

/// MIGRATE hands the target's own words on.
fn is_busy_at_target(error: &NodeError) -> bool {
    reply_of(error).contains("BUSYKEY")
}
