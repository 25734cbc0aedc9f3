//! Moves of slots under a steady load of every type, killed anywhere, on servers that die: no acknowledged write is lost,
//! doubled or changed, on any version, by any way that slots can move.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod data_tools;
mod load_tools;
mod move_tools;
mod slotctl_tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{TestServer, cached_server, server_program, wait_until};
use data_tools::{every_type, held, version};
use load_tools::Load;
use move_tools::{Cluster, all_are_there, interrupted, seed_numbers};
use slotctl_tools::Ran;

/// Elements of the large collections.
const MANY: usize = 20_000;

/// Every server at hand and each way that its slots can move.
fn ways() -> Vec<(String, PathBuf, &'static str)> {
    let classic = ["redis-5.0", "redis-6.2", "redis-7.4", "redis-8.0", "redis-newest", "valkey-8.1", "valkey-newest"];
    let atomic = ["redis-newest", "valkey-newest"];
    let mut all = vec![("default".to_owned(), server_program(), "classic")];
    for (names, method) in [(&classic[..], "classic"), (&atomic[..], "atomic")] {
        let present = names.iter().filter_map(|name| Some(((*name).to_owned(), cached_server(name)?, method)));
        all.extend(present);
    }
    all
}

/// Keys of every type, odd names and large collections among them; what each holds.
fn fill(cluster: &Cluster) -> BTreeMap<Vec<u8>, String> {
    let mut client = cluster.client();
    let mut commands = every_type(version(&mut cluster.servers[0].connect(None)));
    for (name, verb, pairs) in [
        ("very big list", "RPUSH", 0),
        ("very big hash", "HMSET", 1),
        ("very big set", "SADD", 0),
        ("very big zset", "ZADD", 1),
    ] {
        for portion in (0..MANY).collect::<Vec<_>>().chunks(1000) {
            let words = portion.iter().flat_map(|i| {
                let number = i.to_string().into_bytes();
                std::iter::repeat_n(number.clone(), pairs).chain([[b"element ", &number[..]].concat()])
            });
            let head = [verb, name].map(|word| word.as_bytes().to_vec());
            commands.push(head.into_iter().chain(words).collect());
        }
    }
    for command in &commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        client.call(&command[1], &words).unwrap();
    }
    contents(cluster, commands.into_iter().map(|mut command| command.swap_remove(1)))
}

/// What these keys hold, each at the owner of its slot.
fn contents(cluster: &Cluster, keys: impl IntoIterator<Item = Vec<u8>>) -> BTreeMap<Vec<u8>, String> {
    let owners = common::follower::owners(&cluster.servers);
    let mut connections: Vec<_> = cluster.servers.iter().map(|server| server.connect(None)).collect();
    let keys: std::collections::BTreeSet<Vec<u8>> = keys.into_iter().collect();
    let mut one = |key: &[u8]| held(&mut connections[common::follower::owner_of(&owners, key)], key);
    keys.into_iter().map(|key| (key.clone(), one(&key))).collect()
}

#[track_caller]
fn are_as_before(cluster: &Cluster, before: &BTreeMap<Vec<u8>, String>, what: &str) {
    let after = contents(cluster, before.keys().cloned());
    for (key, value) in before {
        assert!(after[key] == *value, "{what}: {} is {:.200} and was {value:.200}", key.escape_ascii(), after[key]);
    }
}

#[test]
fn every_type_under_load_arrives_as_it_was_by_every_way_on_every_server() {
    for (name, program, method) in ways() {
        let what = format!("{name}, {method}");
        eprintln!("on {what}");
        let cluster = Cluster::of(&program, "");
        let before = fill(&cluster);
        let load = Load::begin(&cluster.servers);
        let seed = cluster.addr(0);
        let reshard = |from: usize, to: usize, count: &str| {
            let (from, to) = (cluster.id(from), cluster.id(to));
            let args =
                ["--cluster", "reshard", &seed, "--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", count];
            let more = ["--cluster-yes", "--method", method];
            cluster.slotctl(&[&args[..], &more].concat()).fine().says("all nodes agree.");
        };
        // Each master gives nearly all that it has.
        reshard(0, 1, "5000");
        reshard(1, 2, "10000");
        reshard(2, 0, "15000");
        cluster.slotctl(&["rebalance", &seed, "--cluster-threshold", "0", "--method", method]).fine();
        let written = load.end();
        cluster.is_whole();
        written.is_there(&cluster.servers, &what);
        are_as_before(&cluster, &before, &what);
    }
}

/// Numbers that nobody can foresee, the first of which is told.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        eprintln!("chance begins with {seed}");
        Self(u64::from(seed) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn moves_killed_anywhere_under_load_are_resumed_or_fixed_without_a_write_lost() {
    let mut chance = Chance::new();
    let mut killed = 0;
    for (name, program, method) in ways() {
        let what = format!("{name}, {method}");
        eprintln!("on {what}");
        let cluster = Cluster::of(&program, "");
        seed_numbers(&cluster, 6000);
        let load = Load::begin(&cluster.servers);
        for round in 0..6 {
            killed += usize::from(kill_one(&cluster, method, round, &mut chance));
        }
        let written = load.end();
        written.is_there(&cluster.servers, &what);
        // The load has written some of them again, with the same value.
        all_are_there(&cluster, 6000);
    }
    assert!(killed > 10, "only {killed} moves were killed in time");
}

/// A move that is killed, and what makes the cluster whole again: `resume`, `fix`, or `fix` and `resume --drop`.
fn kill_one(cluster: &Cluster, method: &str, round: u64, chance: &mut Chance) -> bool {
    let (from, to) = if cluster.slots(0) >= cluster.slots(1) { (0, 1) } else { (1, 0) };
    let (from, to, seed) = (cluster.id(from), cluster.id(to), cluster.addr(2));
    let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "3000", "--yes", "--method", method];
    let (code, words) = interrupted(cluster, &args, Duration::from_millis(chance.below(400)), "-KILL");
    assert!(code.is_none() || code == Some(0), "{code:?} {words}");
    let yes = |args: &[&str]| -> Ran { cluster.slotctl(&[args, &["--yes"]].concat()).fine() };
    match round % 3 {
        0 => drop(yes(&["resume", &seed])),
        1 => {
            yes(&["fix", &seed, "--cancel-migrations"]);
            yes(&["resume", &seed]);
        }
        _ => {
            yes(&["fix", &seed, "--cancel-migrations"]);
            yes(&["resume", &seed, "--drop"]);
        }
    }
    cluster.is_whole();
    for server in &cluster.servers {
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut server.connect(None)).unwrap();
        assert!(!nodes.contains('['), "{nodes}");
    }
    cluster.slotctl(&["resume", &seed, "--yes"]).fine().says("No move of slots was left half-way");
    code.is_none()
}

/// Three masters with a replica each; the masters are the first three servers.
fn with_replicas(program: &Path) -> Cluster {
    let extra = "repl-diskless-sync-delay 0\n";
    let servers: Vec<TestServer> = (0..6).map(|_| TestServer::start_cluster_node_of(program, extra)).collect();
    let mut cluster = Cluster { servers, home: tempfile::tempdir().unwrap() };
    let addrs: Vec<String> = cluster.servers.iter().map(TestServer::addr).collect();
    let mut args = vec!["create", "--cluster-replicas", "1", "--cluster-yes"];
    args.extend(addrs.iter().map(String::as_str));
    cluster.slotctl(&args).fine();
    let is_replica = |server: &TestServer| {
        let role: Vec<redis::Value> = redis::cmd("ROLE").query(&mut server.connect(None)).unwrap();
        role[0] == redis::Value::BulkString(b"slave".to_vec())
    };
    cluster.servers.sort_by_cached_key(is_replica);
    cluster
}

/// A master dies in the middle of a move and is replaced: the record does not fit any more, and is refused; `fix`
/// repairs what is open, with every key that the replicas had.
fn outlives_the_failover_of(victim: usize) {
    let mut cluster = with_replicas(&server_program());
    seed_numbers(&cluster, 5000);
    for server in &cluster.servers[..3] {
        let had: i64 = redis::cmd("WAIT").arg(1).arg(10_000).query(&mut server.connect(None)).unwrap();
        assert_eq!(had, 1);
    }
    let (from, to, seed) = (cluster.id(0), cluster.id(1), cluster.addr(2));
    let dead = cluster.id(victim);
    let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "3000", "--yes", "--max-rate", "150"];
    let child = move_tools::begin(&cluster, &args);
    let first_moved =
        || common::follower::owners(&cluster.servers).into_iter().any(|(first, _, server)| (first, server) == (0, 1));
    wait_until("the move is under way", || first_moved().then_some(()));
    cluster.servers[victim].kill();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    wait_until("a replica takes over", || {
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut cluster.servers[2].connect(None)).unwrap();
        let gone = nodes.lines().any(|line| line.starts_with(&dead) && line.split(' ').count() <= 8);
        gone.then_some(())
    });
    cluster
        .slotctl(&["resume", &seed, "--yes"])
        .failed()
        .complains("nothing was moved")
        .complains(&format!("'slotctl resume {seed} --drop' forgets that move"));
    // It comes back as its replica's replica; until then it could hold keys that nobody else has.
    cluster.servers[victim].start_again();
    wait_until("fix repairs it", || (cluster.slotctl(&["fix", &seed, "--yes"]).code == 0).then_some(()));
    cluster.slotctl(&["resume", &seed, "--drop", "--yes"]).fine().says("[OK] The move is forgotten.");
    wait_until("the cluster is whole again", || (cluster.slotctl(&["check", &seed]).code == 0).then_some(()));
    all_are_there(&cluster, 5000);
}

#[test]
fn a_source_that_is_replaced_in_the_middle_leaves_what_fix_repairs() {
    outlives_the_failover_of(0);
}

#[test]
fn a_target_that_is_replaced_in_the_middle_leaves_what_fix_repairs() {
    outlives_the_failover_of(1);
}

#[test]
fn servers_that_die_in_an_atomic_migration_leave_nothing_half_done() {
    for (name, victim) in [("redis-newest", 0), ("redis-newest", 1), ("valkey-newest", 0), ("valkey-newest", 1)] {
        let Some(program) = cached_server(name) else { continue };
        eprintln!("on {name}, {victim} dies");
        let mut cluster = Cluster::of(&program, "appendonly yes\nappendfsync always");
        seed_numbers(&cluster, 5000);
        // So many microseconds for each key of the snapshot: the migration takes some seconds.
        for server in &cluster.servers {
            let words = ["SET", "rdb-key-save-delay", "3000"];
            redis::cmd("CONFIG").arg(&words).exec(&mut server.connect(None)).unwrap();
        }
        let (from, to, seed) = (cluster.id(0), cluster.id(1), cluster.addr(2));
        let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "4000", "--yes", "--method", "atomic"];
        let child = move_tools::begin(&cluster, &args);
        // Redis' target and Valkey's source know of it.
        let (at, asked) = if name == "redis-newest" { (1, "MIGRATION STATUS ALL") } else { (0, "GETSLOTMIGRATIONS") };
        let known = || {
            let mut asking = redis::cmd("CLUSTER");
            asking.arg(asked.split(' ').collect::<Vec<_>>());
            asking.query::<Vec<redis::Value>>(&mut cluster.servers[at].connect(None)).unwrap()
        };
        wait_until("the migration is under way", || (!known().is_empty()).then_some(()));
        std::thread::sleep(Duration::from_millis(300));
        cluster.servers[victim].kill();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains("slotctl resume"), "{name}: {words}");
        cluster.servers[victim].start_again();
        wait_until("resume finishes it", || (cluster.slotctl(&["resume", &seed, "--yes"]).code == 0).then_some(()));
        cluster.is_whole();
        assert_eq!(cluster.slots(1), 5462 + 4000, "{name}");
        all_are_there(&cluster, 5000);
    }
}
