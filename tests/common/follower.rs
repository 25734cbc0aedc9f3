//! A client that a cluster sends from node to node.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Connection, RedisResult, Value};
use slotdeck::core::slot::{Slot, key_slot};

use super::TestServer;

/// A client that follows the cluster's redirections.
pub struct Follower {
    ports: Vec<u16>,
    open: BTreeMap<u16, Connection>,
    at: BTreeMap<Slot, u16>,
}

impl Follower {
    /// One that begins at the first of these servers.
    pub fn new(servers: &[TestServer]) -> Self {
        Self { ports: servers.iter().map(TestServer::port).collect(), open: BTreeMap::new(), at: BTreeMap::new() }
    }

    fn connection(&mut self, port: u16) -> &mut Connection {
        self.open.entry(port).or_insert_with(|| {
            redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap().get_connection().unwrap()
        })
    }

    /// Sends a command to whoever serves this key's slot.
    pub fn call(&mut self, key: &[u8], words: &[&[u8]]) -> RedisResult<Value> {
        let slot = key_slot(key);
        let mut port = *self.at.get(&slot).unwrap_or(&self.ports[0]);
        let mut asking = false;
        for _ in 0..2000 {
            let connection = self.connection(port);
            if asking {
                redis::cmd("ASKING").exec(connection)?;
            }
            let mut command = redis::Cmd::new();
            for word in words {
                command.arg(*word);
            }
            let error = match command.query::<Value>(connection) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            asking = false;
            match error.redirect_node() {
                Some((addr, _)) => {
                    let to: u16 = addr.rsplit(':').next().unwrap().parse().unwrap();
                    asking = error.code() == Some("ASK");
                    if !asking {
                        self.at.insert(slot, to);
                    }
                    port = to;
                }
                None if matches!(error.code(), Some("TRYAGAIN" | "CLUSTERDOWN")) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                None => return Err(error),
            }
        }
        panic!("no end of redirections for {}", key.escape_ascii());
    }

    /// SET, acknowledged.
    #[track_caller]
    pub fn set(&mut self, key: &[u8], value: &[u8]) {
        self.call(key, &[b"SET", key, value]).unwrap();
    }

    /// GET.
    #[track_caller]
    pub fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        match self.call(key, &[b"GET", key]).unwrap() {
            Value::BulkString(bytes) => Some(bytes),
            Value::Nil => None,
            other => panic!("GET gave {other:?}"),
        }
    }
}

/// Which ranges of slots the servers say they own: first, last, the server's place in the list.
#[must_use]
pub fn owners(servers: &[TestServer]) -> Vec<(u16, u16, usize)> {
    servers.iter().enumerate().flat_map(|(i, server)| owned(&mut server.connect(None), i)).collect()
}

fn owned(connection: &mut Connection, i: usize) -> Vec<(u16, u16, usize)> {
    let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(connection).unwrap();
    let me = nodes.lines().find(|line| line.contains("myself,master")).unwrap_or_default();
    let ranges = me.split(' ').skip(8).filter(|word| !word.starts_with('['));
    let read = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some((first.parse().ok()?, last.parse().ok()?, i))
    };
    ranges.filter_map(read).collect()
}

/// The owner of this key's slot among them.
#[must_use]
#[track_caller]
pub fn owner_of(owners: &[(u16, u16, usize)], key: &[u8]) -> usize {
    let slot = key_slot(key).get();
    owners.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).expect("the slot has an owner").2
}
