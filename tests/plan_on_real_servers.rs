//! `slotctl plan …` on real servers: it tells what would be done, and changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use common::{TestServer, wait_until};
use slotctl_tools::{redis_cli, run, slotctl, slotctl_at};

fn servers(n: usize) -> Vec<TestServer> {
    (0..n).map(|_| TestServer::start_cluster_node("")).collect()
}

fn with_addrs<'a>(before: &[&'a str], servers: &'a [String], after: &[&'a str]) -> Vec<&'a str> {
    before.iter().copied().chain(servers.iter().map(String::as_str)).chain(after.iter().copied()).collect()
}

fn addrs(servers: &[TestServer]) -> Vec<String> {
    servers.iter().map(TestServer::addr).collect()
}

/// What a node says of the cluster and of itself, without what passes by itself.
fn state(server: &TestServer) -> String {
    let mut connection = server.connect(None);
    let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut connection).unwrap();
    let fields = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        // Without what the nodes tell each other by and by: flags, times, links.
        [&words[..2], &words[3..4], &words[8..]].concat().join(" ")
    };
    let mut lines: Vec<String> = nodes.lines().map(fields).collect();
    lines.sort();
    let mut config =
        |name: &str| -> Vec<String> { redis::cmd("CONFIG").arg("GET").arg(name).query(&mut connection).unwrap() };
    let config = [config("cluster-node-timeout"), config("repl-diskless-sync-delay")];
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connection).unwrap();
    format!("{lines:?} {config:?} {keys}")
}

fn states(servers: &[TestServer]) -> Vec<String> {
    servers.iter().map(state).collect()
}

#[test]
fn the_plan_of_a_creation_is_told_three_ways_and_nothing_is_sent() {
    let servers = servers(6);
    let addrs = addrs(&servers);
    let before = states(&servers);
    let args = |after: &[&'static str]| -> Vec<String> {
        let after: Vec<&str> = ["--cluster-replicas", "1", "--cluster-yes"].iter().chain(after).copied().collect();
        with_addrs(&["plan", "create"], &addrs, &after).into_iter().map(str::to_owned).collect()
    };
    let told = slotctl(&args(&[]), "yes").fine().says("Master[0] -> Slots 0 - 5460\n").says("Nothing was sent");
    assert!(!told.out.contains("type 'yes'"), "{told:#?}");
    let json = slotctl(&args(&["--json"]), "").fine().json();
    assert_eq!((&json["ok"], &json["planned"]), (&true.into(), &true.into()));
    assert_eq!(json["nodes"].as_array().unwrap().len(), 6);
    assert_eq!(json["nodes"][0]["slots"], "0-5460");
    let commands = slotctl(&args(&["--commands"]), "").fine().out;
    for (what, count) in [("ADDSLOTS", 3), ("SET-CONFIG-EPOCH", 6), ("CLUSTER MEET", 15), ("CLUSTER REPLICATE", 3)] {
        assert_eq!(commands.matches(what).count(), count, "{what} in {commands}");
    }
    assert!(commands.lines().all(|line| line.starts_with("redis-cli -h 127.0.0.1 -p ")), "{commands}");
    assert_eq!(states(&servers), before);
}

#[test]
fn plans_of_moves_and_failovers_change_nothing_and_their_commands_do_what_they_say() {
    let servers = servers(6);
    let addrs = addrs(&servers);
    slotctl(&with_addrs(&["create", "--cluster-replicas", "1", "--cluster-yes"], &addrs, &[]), "").fine();
    for key in ["a", "b", "c"] {
        redis_cli(&["-c", "-p", &servers[0].port().to_string(), "set", key, "1"], "").fine();
    }
    wait_until("the replicas to follow", || slotctl(&["check", &addrs[0]], "").out.contains("All 16384").then_some(()));
    let (seed, other) = (addrs[0].as_str(), addrs[1].as_str());
    let before = states(&servers);
    // The slot of "b" (3300) is among the first 4000.
    let reshard = ["reshard", seed, "--cluster-from", seed, "--cluster-to", other, "--cluster-slots", "4000"];
    let moves = ["move-slots", seed, "--slots", "0-9", "--to", other];
    let balance = ["rebalance", seed, "--cluster-weight", &format!("{}=2", id(&servers[0]))];
    let failover = ["failover", seed, seed];
    for sub in [&reshard[..], &moves, &balance, &failover] {
        let args = [&["plan"], sub].concat();
        slotctl(&args, "yes\n").fine().says("Nothing was sent: this is the plan only.\n");
        let json = slotctl(&[&args[..], &["--json", "--yes"]].concat(), "").fine().json();
        assert_eq!(json["planned"], true, "{json}");
        assert!(!json["commands"].as_array().unwrap().is_empty(), "{json}");
        let lines = slotctl(&[&args[..], &["--commands"]].concat(), "").fine().out;
        assert!(lines.lines().all(|line| line.trim_start_matches("# ").starts_with("redis-cli -h ")), "{lines}");
    }
    assert_eq!(states(&servers), before);
    let lines = slotctl(&[&["plan"], &reshard[..], &["--commands"]].concat(), "").out;
    let keys: Vec<&str> = lines.lines().filter(|line| line.contains("MIGRATE ")).collect();
    assert!(keys.iter().any(|line| line.contains("until slot 3300 has no key left, 1 now")), "{keys:?}");

    let lines = slotctl(&[&["plan"], &moves[..], &["--commands"]].concat(), "").out;
    run("sh", &["-e"], &lines, &[]).fine();
    slotctl(&["move-slots", seed, "--slots", "0-9", "--to", other], "").fine().says("owns these slots already");
    slotctl(&["plan", "move-slots", seed, "--slots", "0-9", "--to", other, "--json"], "").fine();
}

#[test]
fn a_plan_that_cannot_be_carried_out_says_why() {
    let servers = servers(3);
    let addrs = addrs(&servers);
    slotctl(&["plan", "reshard", &addrs[0]], "").failed();
    let made = self::servers(3);
    let nodes = self::addrs(&made);
    slotctl(&with_addrs(&["create", "--cluster-yes"], &nodes, &[]), "").fine();
    let asked = slotctl(&["plan", "reshard", &nodes[0], "--commands"], "10\n").failed();
    asked.complains("plan can't ask: add --cluster-slots");
    slotctl(&["plan", "info", &addrs[0]], "").failed().complains("slotctl help plan");
    slotctl(&with_addrs(&["plan", "create"], &addrs[..2], &[]), "").failed().says("At least 3 nodes are required.");
    slotctl(&["help", "plan"], "").fine().says("--commands");
}

#[test]
fn work_on_servers_needs_no_folder_of_ours() {
    let made = servers(3);
    let nodes = addrs(&made);
    slotctl(&with_addrs(&["create", "--cluster-yes"], &nodes, &[]), "").fine();
    // A file where the folder should be.
    let home = tempfile::NamedTempFile::new().unwrap();
    let at = |args: &[&str]| slotctl_at(home.path(), args, "");
    at(&["watch", &nodes[0], "--count", "1"]).fine();
    at(&["plan", "rebalance", &nodes[0]]).fine();
    at(&["--cluster", "rebalance", &nodes[0], "--cluster-simulate"]).complains("Warning: Can't make the folder");
    let move_it = ["move-slots", nodes[0].as_str(), "--slots", "0-9", "--to", nodes[1].as_str(), "--yes"];
    let moved = at(&move_it).complains("Warning: Can't make the folder");
    assert_eq!(moved.code, 0, "{moved:#?}");
    at(&["--cluster", "rebalance", &nodes[0], "--cluster-weight", "beef=1"])
        .failed()
        .says("*** No such master node beef");
    at(&["ps"]).failed();
    at(&["resume", &nodes[0], "--yes"]).failed();
}

fn id(server: &TestServer) -> String {
    redis::cmd("CLUSTER").arg("MYID").query(&mut server.connect(None)).unwrap()
}
