//! What the tests of repairs share: a cluster whose slots can be brought into trouble, and the proof that it is whole again.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redis::Value;
use slotdeck::core::slot::key_slot;

use crate::common::{TestServer, default_and};
use crate::slotctl_tools::{Ran, slotctl_at};

/// The default server and those of other versions that are installed.
pub fn servers() -> Vec<(&'static str, PathBuf)> {
    default_and(&["redis-6.2", "redis-8.0", "redis-newest", "valkey-8.1", "valkey-newest"])
}

/// A cluster of each of them, one after the other.
pub fn clusters() -> impl Iterator<Item = (&'static str, Cluster)> {
    servers().into_iter().map(|(name, program)| {
        eprintln!("on {name}");
        (name, Cluster::of(&program))
    })
}

/// Masters with a workspace of their own, and what was written to them.
pub struct Cluster {
    pub servers: Vec<TestServer>,
    pub home: tempfile::TempDir,
    pub written: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Cluster {
    pub fn of(program: &Path) -> Self {
        Self::with(program, "")
    }

    /// With further redis.conf lines.
    pub fn with(program: &Path, extra: &str) -> Self {
        let servers: Vec<TestServer> = (0..3).map(|_| TestServer::start_cluster_node_of(program, extra)).collect();
        let cluster = Self { servers, home: tempfile::tempdir().unwrap(), written: BTreeMap::new() };
        let addrs: Vec<String> = cluster.servers.iter().map(TestServer::addr).collect();
        let mut args = vec!["--cluster", "create", "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        cluster.slotctl(&args, "").fine();
        cluster
    }

    pub fn slotctl(&self, args: &[&str], input: &str) -> Ran {
        slotctl_at(self.home.path(), args, input)
    }

    pub fn fix(&self, more: &[&str]) -> Ran {
        let addr = self.addr(0);
        let mut args = vec!["--cluster", "fix", addr.as_str(), "--cluster-yes"];
        args.extend(more);
        self.slotctl(&args, "")
    }

    pub fn addr(&self, server: usize) -> String {
        self.servers[server].addr()
    }

    pub fn id(&self, server: usize) -> String {
        self.call(server, &["CLUSTER", "MYID"])
    }

    #[track_caller]
    pub fn try_call(&self, server: usize, words: &[&str]) -> redis::RedisResult<String> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        match command.query::<Value>(&mut self.servers[server].connect(None))? {
            Value::Int(number) => Ok(number.to_string()),
            Value::Okay => Ok("OK".to_owned()),
            other => Ok(redis::from_redis_value(other)?),
        }
    }

    #[track_caller]
    pub fn call(&self, server: usize, words: &[&str]) -> String {
        self.try_call(server, words).unwrap_or_else(|error| panic!("{words:?} at {server}: {error}"))
    }

    pub fn setslot(&self, server: usize, slot: u16, rest: &[&str]) {
        let slot = slot.to_string();
        let words: Vec<&str> = ["CLUSTER", "SETSLOT", &slot].iter().chain(rest).copied().collect();
        self.call(server, &words);
    }

    pub fn everywhere(&self, words: &[&str]) {
        for server in 0..self.servers.len() {
            self.call(server, words);
        }
    }

    /// Puts a key into a server, whoever owns its slot.
    pub fn put(&mut self, server: usize, key: &str) {
        let value = format!("value of {key}");
        let mut connection = self.servers[server].connect(None);
        redis::cmd("ASKING").exec(&mut connection).unwrap();
        let ttl = if key.ends_with('7') { vec!["PX", "3600000"] } else { Vec::new() };
        redis::cmd("SET").arg(key).arg(&value).arg(ttl).exec(&mut connection).unwrap_or_else(|e| panic!("{key}: {e}"));
        self.written.insert(key.into(), value.into());
    }

    /// Several keys of one slot.
    pub fn put_some(&mut self, server: usize, tag: &str, name: &str, count: usize) {
        for i in 0..count {
            self.put(server, &format!("{{{tag}}}{name}{i}"));
        }
    }

    /// Keys all over.
    pub fn fill(&mut self, count: usize) {
        for i in 0..count {
            let key = format!("n{i}");
            let slot = key_slot(key.as_bytes()).get();
            self.put(if slot < 5461 { 0 } else { 1 + usize::from(slot >= 10923) }, &key);
        }
    }

    /// Insists that every key is there, once, with its value and its time to live; that all slots are covered, and none
    /// is open; and that a second look finds nothing.
    #[track_caller]
    pub fn is_repaired(&self) {
        self.slotctl(&["check", &self.addr(0), "--cluster-search-multiple-owners"], "")
            .fine()
            .says("[OK] All 16384 slots covered.")
            .says("[OK] No multiple owners found.");
        for server in 0..self.servers.len() {
            let nodes = self.call(server, &["CLUSTER", "NODES"]);
            assert!(!nodes.contains('['), "{nodes}");
        }
        let held: usize = (0..self.servers.len()).map(|i| self.call(i, &["DBSIZE"]).parse::<usize>().unwrap()).sum();
        let mut lost: Vec<String> = Vec::new();
        let mut connections: Vec<_> = self.servers.iter().map(|server| server.connect(None)).collect();
        for (key, value) in &self.written {
            let found = connections.iter_mut().find_map(|connection| {
                let got = redis::cmd("GET").arg(key).query::<Option<Vec<u8>>>(connection).ok()??;
                let left: i64 = redis::cmd("PTTL").arg(key).query(connection).unwrap();
                Some((got, left))
            });
            let fine = |(got, left): (Vec<u8>, i64)| got == *value && (left > 0) == key.ends_with(b"7");
            if !found.is_some_and(fine) {
                lost.push(key.escape_ascii().to_string());
            }
        }
        assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
        assert_eq!(held, self.written.len(), "a key is in several places");
        self.fix(&[]).fine().says("[OK] There is nothing to fix.");
    }
}

/// Slot 5061 belongs to the first server.
pub const TAG: &str = "bar";
/// Its number.
pub const SLOT: u16 = 5061;
