//! What the tests of moving slots share: a cluster with a folder of its own for slotctl, numbered keys, interruptions.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::Value;

use super::common::follower::{Follower, owner_of, owners};
use super::common::{TestServer, default_and, server_program, wait_until};
use super::slotctl_tools::{Ran, slotctl_at};

/// Three masters and a workspace of their own.
pub struct Cluster {
    /// The masters.
    pub servers: Vec<TestServer>,
    /// slotctl's own folder.
    pub home: tempfile::TempDir,
}

impl Cluster {
    /// Of the default server.
    pub fn new() -> Self {
        Self::of(&server_program(), "")
    }

    /// Of this server, with further redis.conf lines.
    pub fn of(program: &Path, extra: &str) -> Self {
        let servers: Vec<TestServer> = (0..3).map(|_| TestServer::start_cluster_node_of(program, extra)).collect();
        let cluster = Self { servers, home: tempfile::tempdir().unwrap() };
        let addrs: Vec<String> = cluster.servers.iter().map(TestServer::addr).collect();
        let mut args = vec!["--cluster", "create", "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        cluster.slotctl(&args).fine();
        cluster
    }

    /// Runs slotctl in its own folder.
    pub fn slotctl(&self, args: &[&str]) -> Ran {
        slotctl_at(self.home.path(), args, "")
    }

    /// The id of this server.
    pub fn id(&self, server: usize) -> String {
        redis::cmd("CLUSTER").arg("MYID").query(&mut self.servers[server].connect(None)).unwrap()
    }

    /// The address of this server.
    pub fn addr(&self, server: usize) -> String {
        self.servers[server].addr()
    }

    /// The slots of this server, as it says.
    pub fn slots(&self, server: usize) -> usize {
        let ran = self.slotctl(&["check", &self.addr(server), "--json"]);
        let json = ran.json();
        let nodes = json["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|n| n["addr"] == self.addr(server)).unwrap();
        usize::try_from(node["slot_count"].as_u64().unwrap()).unwrap()
    }

    /// A client that follows redirections.
    pub fn client(&self) -> Follower {
        Follower::new(&self.servers)
    }

    /// Insists that the cluster is whole: all slots covered, none open, all nodes agree. A master that gave all its slots
    /// away becomes a replica by itself and copies its new master first: that is waited for.
    #[track_caller]
    pub fn is_whole(&self) {
        let check = || self.slotctl(&["check", &self.addr(0)]);
        wait_until("the cluster to be whole", || (check().code == 0).then_some(()));
        check().fine().says("[OK] All 16384 slots covered.");
    }
}

/// Writes numbered keys over all slots until told to stop; answers how many were acknowledged.
pub fn write(cluster: &Cluster, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let (mut client, stop) = (cluster.client(), Arc::clone(stop));
    let work = move || {
        let mut number = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            client.set(format!("n{number}").as_bytes(), number.to_string().as_bytes());
            number += 1;
        }
        number
    };
    std::thread::Builder::new().name("writer".to_owned()).spawn(work).unwrap()
}

/// Insists that the numbered keys are there with their values.
#[track_caller]
pub fn all_are_there(cluster: &Cluster, written: u64) {
    let numbers: Vec<u64> = (0..written).collect();
    // Some thousands in one piece; where a slot is elsewhere by now, one by one.
    for portion in numbers.chunks(5000) {
        let mut client = cluster.client();
        let values = at_owners(cluster, portion, |pipe, key, _| {
            pipe.get(key);
        });
        for (number, value) in values {
            let value = match value {
                Value::BulkString(bytes) => Some(bytes),
                _ => client.get(format!("n{number}").as_bytes()),
            };
            assert_eq!(value, Some(number.to_string().into_bytes()), "n{number} of {written}");
        }
    }
}

/// Writes numbered keys.
pub fn seed_numbers(cluster: &Cluster, count: u64) {
    let numbers: Vec<u64> = (0..count).collect();
    let answers = at_owners(cluster, &numbers, |pipe, key, number| {
        pipe.set(key, number);
    });
    assert!(answers.iter().all(|(_, answer)| *answer == Value::Okay), "all keys are written");
}

/// One command for each numbered key, sent to the slots' owners in a few pieces.
fn at_owners(cluster: &Cluster, numbers: &[u64], add: impl Fn(&mut redis::Pipeline, &str, u64)) -> Vec<(u64, Value)> {
    let owners = owners(&cluster.servers);
    let mut answers = Vec::new();
    for (i, server) in cluster.servers.iter().enumerate() {
        let owner = |number: &&u64| owner_of(&owners, format!("n{number}").as_bytes()) == i;
        let mine: Vec<u64> = numbers.iter().filter(owner).copied().collect();
        for portion in mine.chunks(1000) {
            let mut pipe = redis::pipe();
            pipe.ignore_errors();
            for number in portion {
                add(&mut pipe, &format!("n{number}"), *number);
            }
            let values: Vec<Value> = pipe.query(&mut server.connect(None)).unwrap();
            answers.extend(portion.iter().copied().zip(values));
        }
    }
    answers
}

/// The servers that are tried: the system's, and the newest ones that were installed.
pub fn servers() -> Vec<(&'static str, PathBuf)> {
    default_and(&["redis-newest", "valkey-newest"])
}

/// Starts slotctl; what it complains of can be read when it has ended.
pub fn begin(cluster: &Cluster, args: &[&str]) -> Child {
    begin_with(cluster, args, Stdio::null())
}

/// The same with this standard output. A pipe that nobody reads would hold it up.
pub fn begin_with(cluster: &Cluster, args: &[&str], stdout: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(args)
        .env("SLOTDECK_HOME", cluster.home.path())
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts slotctl, ends it after a while with this signal, and answers what it printed.
pub fn interrupted(cluster: &Cluster, args: &[&str], after: Duration, signal: &str) -> (Option<i32>, String) {
    let mut child = begin(cluster, args);
    std::thread::sleep(after);
    // It may have ended by itself.
    let _ = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
    let mut words = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut words).unwrap();
    (child.wait().unwrap().code(), words)
}
