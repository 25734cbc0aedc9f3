//! A steady load of writes of every type, each acknowledged one remembered, and the proof that none was lost, doubled or
//! changed.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis::Value;

use crate::common::TestServer;
use crate::common::follower::Follower;

/// Collections are so many of each type: they grow large, and stand in different slots.
const COLLECTIONS: u64 = 12;
/// How long what is to last may live, and what is to expire, in milliseconds.
const LONG: i64 = 3_600_000;
const SHORT: u64 = 700;
/// So many writes a second at most: more would only make the proof longer.
const PAUSE: Duration = Duration::from_micros(150);

/// Writes until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Written {
    /// Numbers of plain keys, and whether each has a time to live.
    plain: BTreeMap<u64, bool>,
    /// Keys that are to expire, soon after this moment.
    expiring: Vec<(u64, Instant)>,
    lists: BTreeMap<u64, Vec<u64>>,
    hashes: BTreeMap<u64, Vec<u64>>,
    sets: BTreeMap<u64, Vec<u64>>,
    zsets: BTreeMap<u64, Vec<u64>>,
    counters: BTreeMap<u64, i64>,
    /// How many writes there were.
    pub count: u64,
}

impl Load {
    /// Begins to write.
    pub fn begin(servers: &[TestServer]) -> Self {
        let (mut client, stop) = (Follower::new(servers), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stop);
        let work = move || {
            let mut written = Written::default();
            while !told.load(Ordering::Relaxed) {
                written.write(&mut client);
                std::thread::sleep(PAUSE);
            }
            written
        };
        Self { stop, thread: std::thread::Builder::new().name("load".to_owned()).spawn(work).unwrap() }
    }

    /// Stops, and says what was acknowledged.
    pub fn end(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Written {
    /// One write: it counts from its acknowledgement on.
    fn write(&mut self, client: &mut Follower) {
        let number = self.count;
        let (which, text) = (number / 8 % COLLECTIONS, number.to_string());
        let text = text.as_bytes();
        let mut call = |key: String, verb: &[u8], rest: &[&[u8]]| {
            let key = key.into_bytes();
            let words: Vec<&[u8]> = [&[verb, &key[..]], rest].concat();
            client.call(&key, &words).unwrap_or_else(|error| panic!("{}: {error}", key.escape_ascii()))
        };
        match number % 8 {
            0 => {
                call(format!("n{number}"), b"SET", &[text]);
                self.plain.insert(number, false);
            }
            1 => {
                call(format!("n{number}"), b"SET", &[text, b"PX", LONG.to_string().as_bytes()]);
                self.plain.insert(number, true);
            }
            2 => {
                call(format!("e{number}"), b"SET", &[text, b"PX", SHORT.to_string().as_bytes()]);
                self.expiring.push((number, Instant::now()));
            }
            3 => {
                let length = call(format!("list:{which}"), b"RPUSH", &[text]);
                let list = self.lists.entry(which).or_default();
                list.push(number);
                assert_eq!(length, Value::Int(i64::try_from(list.len()).unwrap()), "list:{which} at {number}");
            }
            4 => {
                call(format!("hash:{which}"), b"HSET", &[text, text]);
                self.hashes.entry(which).or_default().push(number);
            }
            5 => {
                call(format!("set:{which}"), b"SADD", &[text]);
                self.sets.entry(which).or_default().push(number);
            }
            6 => {
                call(format!("zset:{which}"), b"ZADD", &[text, text]);
                self.zsets.entry(which).or_default().push(number);
            }
            _ => {
                let counter = self.counters.entry(which).or_default();
                *counter += 1;
                // Doubled or lost ones show at once.
                assert_eq!(call(format!("counter:{which}"), b"INCR", &[]), Value::Int(*counter), "counter:{which}");
            }
        }
        self.count += 1;
    }

    /// Insists that everything is there as it was acknowledged, and nothing else of it.
    #[track_caller]
    pub fn is_there(&self, servers: &[TestServer], what: &str) {
        assert!(self.count > 400, "{what}: only {} writes came through", self.count);
        let mut client = Follower::new(servers);
        let mut ask = |key: &str, verb: &[u8], rest: &[&[u8]]| {
            let words: Vec<&[u8]> = [&[verb, key.as_bytes()], rest].concat();
            client.call(key.as_bytes(), &words).unwrap_or_else(|error| panic!("{what}: {key}: {error}"))
        };
        for (number, lasts) in &self.plain {
            let key = format!("n{number}");
            let value = ask(&key, b"GET", &[]);
            assert_eq!(value, Value::BulkString(number.to_string().into_bytes()), "{what}: {key}");
            let Value::Int(left) = ask(&key, b"PTTL", &[]) else { panic!() };
            let expected = if *lasts { LONG / 2..=LONG } else { -1..=-1 };
            assert!(expected.contains(&left), "{what}: {key} expires in {left} ms");
        }
        for (which, numbers) in &self.lists {
            let list = ask(&format!("list:{which}"), b"LRANGE", &[b"0", b"-1"]);
            assert_eq!(numbers_of(&list, 1), *numbers, "{what}: list:{which}");
        }
        for (names, verb, rest, each, known) in [
            ("hash", &b"HGETALL"[..], &[][..], 2, &self.hashes),
            ("set", b"SMEMBERS", &[], 1, &self.sets),
            ("zset", b"ZRANGE", &[&b"0"[..], b"-1"], 1, &self.zsets),
        ] {
            for (which, numbers) in known {
                let mut found = numbers_of(&ask(&format!("{names}:{which}"), verb, rest), each);
                found.sort_unstable();
                assert_eq!(found, *numbers, "{what}: {names}:{which}");
            }
        }
        for (which, count) in &self.counters {
            let value = ask(&format!("counter:{which}"), b"GET", &[]);
            assert_eq!(value, Value::BulkString(count.to_string().into_bytes()), "{what}: counter:{which}");
        }
        self.have_expired(servers, what);
    }

    /// Keys that were to expire are gone from every server, whoever owns their slots.
    fn have_expired(&self, servers: &[TestServer], what: &str) {
        if let Some((_, last)) = self.expiring.last() {
            let end = *last + Duration::from_millis(SHORT + 100);
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
        }
        let mut client = Follower::new(servers);
        for (number, _) in &self.expiring {
            let key = format!("e{number}");
            assert_eq!(client.get(key.as_bytes()), None, "{what}: {key} should have expired");
        }
    }
}

/// The numbers of a reply; of each so many words the first.
fn numbers_of(reply: &Value, each: usize) -> Vec<u64> {
    let Value::Array(items) = reply else { panic!("{reply:?}") };
    let number = |item: &Value| match item {
        Value::BulkString(text) => std::str::from_utf8(text).unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    };
    items.iter().step_by(each).map(number).collect()
}
