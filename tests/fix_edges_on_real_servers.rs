//! Repairs that are interrupted, that meet the servers' own migrations, several databases, or partners that nobody knows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod fix_tools;
mod slotctl_tools;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{cached_server, server_program, wait_until};
use fix_tools::{Cluster, SLOT, TAG, servers};
use slotdeck::core::slot::{Slot, key_slot};

/// Opens the first 60 slots from the first server to the second, each with keys on both sides.
fn half_moved(cluster: &mut Cluster) {
    let ids: Vec<String> = (0..2).map(|server| cluster.id(server)).collect();
    let mut names = (0_u32..).map(|i| format!("half{i}"));
    let mut of_slot: Vec<Vec<String>> = vec![Vec::new(); 60];
    while of_slot.iter().any(|names| names.len() < 12) {
        let name = names.next().unwrap();
        if let Some(slot) = of_slot.get_mut(key_slot(name.as_bytes()).index()) {
            slot.push(name);
        }
    }
    for (slot, names) in (0_u16..).zip(&of_slot) {
        for name in &names[..8] {
            cluster.put(0, name);
        }
        cluster.setslot(1, slot, &["IMPORTING", &ids[0]]);
        cluster.setslot(0, slot, &["MIGRATING", &ids[1]]);
        for name in &names[8..12] {
            cluster.put(1, name);
        }
    }
}

fn begin_fix(cluster: &Cluster) -> Child {
    Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(["fix", &cluster.addr(0), "--cluster-yes", "--max-rate", "100"])
        .env("SLOTDECK_HOME", cluster.home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn keys_at(cluster: &Cluster, server: usize) -> usize {
    cluster.call(server, &["DBSIZE"]).parse().unwrap()
}

#[test]
fn an_interrupted_fix_says_how_to_go_on_and_the_same_again_does() {
    for (name, program) in servers() {
        for signal in ["-INT", "-KILL"] {
            eprintln!("on {name}, {signal}");
            let mut cluster = Cluster::of(&program);
            half_moved(&mut cluster);
            let before = keys_at(&cluster, 0);
            let child = begin_fix(&cluster);
            wait_until("keys are moved", || (keys_at(&cluster, 0) < before).then_some(()));
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            let output = child.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            if signal == "-INT" {
                let go_on = format!("[ERR] Stopped as asked. 'slotctl fix {}' goes on.", cluster.addr(0));
                assert!(output.status.code() == Some(1) && words.contains(&go_on), "{name}: {words}");
            }
            assert!(keys_at(&cluster, 0) > 0, "{name}: it was too fast to be stopped");
            let there = keys_at(&cluster, 0) + keys_at(&cluster, 1);
            // One that was just copied may be on both sides; the source's copy goes when the other is seen to be the same.
            assert!(there >= cluster.written.len(), "{name}: {there}");
            cluster.fix(&[]).fine();
            cluster.is_repaired();
        }
    }
}

#[test]
fn a_repair_under_way_keeps_moves_and_other_repairs_away() {
    let mut cluster = Cluster::of(&server_program());
    half_moved(&mut cluster);
    let (before, seed) = (keys_at(&cluster, 0), cluster.addr(1));
    let child = begin_fix(&cluster);
    wait_until("keys are moved", || (keys_at(&cluster, 0) < before).then_some(()));
    let busy = "A repair of this cluster is in use by slotctl (process ";
    cluster.fix(&[]).failed().complains(busy);
    cluster.slotctl(&["resume", &seed], "").failed().complains(busy);
    assert!(keys_at(&cluster, 0) > 0, "the repair was over before it could be in the way");
    assert!(Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap().success());
    assert!(!child.wait_with_output().unwrap().status.success());
    // One that was killed leaves nothing that could be gone on with, and is in nobody's way.
    cluster.slotctl(&["resume", &seed], "").fine().says("No move of slots was left half-way");
    cluster.fix(&[]).fine();
    cluster.is_repaired();
}

/// Redis from 8.4 on shows keys of slots of others only while these are open: nothing is opened without leave.
#[test]
fn hidden_keys_are_looked_at_after_a_yes_only() {
    let Some(program) = cached_server("redis-newest") else { return };
    let mut cluster = Cluster::of(&program);
    cluster.fill(50);
    cluster.setslot(2, SLOT, &["IMPORTING", &cluster.id(0)]);
    cluster.put_some(2, TAG, "hidden", 20);
    cluster.setslot(2, SLOT, &["STABLE"]);
    cluster.everywhere(&["CONFIG", "RESETSTAT"]);
    let seed = cluster.addr(0);
    let args = ["fix", &seed, "--cluster-search-multiple-owners", "--json"];
    // Where an object is printed nobody can be asked.
    cluster.slotctl(&args, "").failed().complains("add --yes");
    for server in 0..3 {
        let stats = cluster.call(server, &["INFO", "commandstats"]);
        assert!(!stats.contains("setslot") && !stats.contains("cmdstat_multi"), "{stats}");
    }
    cluster.fix(&["--cluster-search-multiple-owners"]).fine().says("hides 20 keys of slots that it does not own");
    cluster.is_repaired();
}

/// A user who may do nearly everything is told what is missing, and nothing has changed.
#[test]
fn a_user_who_may_not_repair_is_told_so_before_anything_is_sent() {
    for (name, program) in newest() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program);
        cluster.put_some(0, TAG, "k", 20);
        cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
        cluster.setslot(0, SLOT, &["MIGRATING", &cluster.id(1)]);
        cluster.everywhere(&["ACL", "SETUSER", "clerk", "on", ">pw", "~*", "+@all", "-migrate", "-cluster|setslot"]);
        if name.starts_with("valkey") {
            cluster.everywhere(&["ACL", "SETUSER", "clerk", "alldbs"]);
        }
        let lines = |server: usize| -> String {
            let nodes = cluster.call(server, &["CLUSTER", "NODES"]);
            nodes.lines().find(|line| line.contains("myself")).unwrap().to_owned()
        };
        let before: Vec<String> = (0..3).map(lines).collect();
        let login = ["--user", "clerk", "--pass", "pw", "--no-auth-warning"];
        let told = cluster.fix(&login).failed();
        let told =
            told.complains("'ACL SETUSER clerk +cluster|setslot +migrate'").complains("the user 'clerk' may not use");
        let epochs_apart = |lines: Vec<String>| -> Vec<String> {
            // Times of pings change by themselves.
            let of = |line: String| -> String {
                let words: Vec<&str> = line.split(' ').collect();
                [&words[..4], &words[6..]].concat().join(" ")
            };
            lines.into_iter().map(of).collect()
        };
        assert_eq!(epochs_apart((0..3).map(lines).collect()), epochs_apart(before), "{name}: {told:?}");
        cluster.fix(&[]).fine();
        cluster.is_repaired();
    }
}

/// The system's server and the newest ones that are installed.
fn newest() -> Vec<(&'static str, PathBuf)> {
    servers().into_iter().filter(|(name, _)| *name == "default" || name.ends_with("newest")).collect()
}

/// Where the server ends all of its migrations or none, a move that is stopped waits for its own one instead.
#[test]
fn a_stopped_move_does_not_end_what_somebody_else_migrates_from_the_same_server() {
    let Some(program) = cached_server("valkey-newest") else { return };
    let mut cluster = Cluster::of(&program);
    cluster.fill(2000);
    cluster.everywhere(&["CONFIG", "SET", "rdb-key-save-delay", "50000"]);
    let said = cluster.home.path().join("said.txt");
    let mut child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(["move-slots", &cluster.addr(2), "--slots", "0-1000", "--to", &cluster.id(1), "--yes"])
        .args(["--method", "atomic"])
        .env("SLOTDECK_HOME", cluster.home.path())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let migrations = || {
        let listed: redis::Value =
            redis::cmd("CLUSTER").arg("GETSLOTMIGRATIONS").query(&mut cluster.servers[0].connect(None)).unwrap();
        format!("{listed:?}")
    };
    wait_until("ours is under way", || migrations().contains("0-1000").then_some(()));
    let theirs = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "1001", "2000", "NODE", &cluster.id(2)];
    cluster.call(0, &theirs);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    wait_until("it says why it goes on", || {
        let words = std::fs::read_to_string(&said).unwrap();
        words.contains("migrates slots 1001-2000 for somebody else").then_some(())
    });
    cluster.everywhere(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    assert!(child.wait().unwrap().success(), "{}", std::fs::read_to_string(&said).unwrap());
    wait_until("theirs comes to its end", || {
        let nodes = cluster.call(2, &["CLUSTER", "NODES"]);
        nodes.lines().any(|line| line.contains("myself") && line.contains(" 1001-2000")).then_some(())
    });
    let end = migrations();
    assert!(end.matches("success").count() == 2 && !end.contains("cancel"), "{end}");
}

/// Servers that move slots by themselves, and what begins such a move from the first to the second.
fn migrating_servers() -> Vec<(&'static str, PathBuf)> {
    ["redis-newest", "valkey-newest"].into_iter().filter_map(|name| Some((name, cached_server(name)?))).collect()
}

fn begin_migration(cluster: &Cluster, name: &str) {
    // So many microseconds for each key of the snapshot: the migration goes on until it is cancelled.
    cluster.everywhere(&["CONFIG", "SET", "rdb-key-save-delay", "100000"]);
    if name.starts_with("redis") {
        cluster.call(1, &["CLUSTER", "MIGRATION", "IMPORT", "0", "4000"]);
    } else {
        cluster.call(0, &["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "4000", "NODE", &cluster.id(1)]);
    }
}

#[test]
fn a_migration_of_the_servers_own_is_named_left_alone_and_cancelled_on_request() {
    for (name, program) in migrating_servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program);
        cluster.fill(2000);
        begin_migration(&cluster, name);
        let (from, to) = (cluster.addr(0), cluster.addr(1));
        let words = format!("The servers are moving slots 0-4000 from {from} to {to} by themselves");
        cluster.fix(&[]).fine().says(&words).says("not touched; --cancel-migrations").says("There is nothing to fix.");
        let seed = cluster.addr(2);
        let args = ["plan", "fix", &seed, "--cancel-migrations", "--commands"];
        let lines = cluster.slotctl(&args, "").fine().out;
        assert_eq!(lines.lines().filter(|line| line.contains("CANCEL")).count(), 2, "{name}: {lines}");
        cluster.slotctl(&["fix", &seed, "--cancel-migrations"], "no\n").failed().complains("nothing was sent");
        cluster.fix(&[]).fine().says(&words);
        // Other trouble is repaired all the same.
        cluster.call(2, &["CLUSTER", "SETSLOT", "16000", "MIGRATING", &cluster.id(1)]);
        let ran = cluster.fix(&["--cancel-migrations"]);
        cluster.everywhere(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
        ran.fine().says("[OK] The migrations are cancelled.");
        cluster.is_repaired();
        let json = cluster.slotctl(&["check", &seed, "--json"], "").json();
        let nodes = json["nodes"].as_array().unwrap();
        assert_eq!(nodes.iter().find(|node| node["addr"] == from).unwrap()["slots"], "0-5460", "{name}");
    }
}

#[test]
fn slots_open_towards_a_node_that_nobody_knows_are_closed() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::with(&program, "appendonly yes\n");
        cluster.put_some(0, TAG, "k", 20);
        cluster.fill(100);
        // As one that was forgotten while this server was down stands in its file.
        let stranger = "beef".repeat(10);
        for (server, mark, slot) in [(0, "->-", SLOT), (1, "-<-", 16000)] {
            cluster.servers[server].stop(None);
            let file = cluster.servers[server].dir().join("nodes.conf");
            let text = std::fs::read_to_string(&file).unwrap();
            let mark = format!(" [{slot}{mark}{stranger}]");
            let lines =
                text.lines().map(|line| [line, if line.contains("myself") { &mark } else { "" }, "\n"].concat());
            let text: Vec<String> = lines.collect();
            std::fs::write(&file, text.concat()).unwrap();
            cluster.servers[server].start_again();
        }
        let seed = cluster.addr(2);
        wait_until("both are seen as open", || {
            let words = cluster.slotctl(&["check", &seed], "").out;
            (words.contains("5061") && words.contains("16000")).then_some(())
        });
        wait_until("it is repaired", || (cluster.fix(&[]).code == 0).then_some(()));
        cluster.is_repaired();
    }
}

#[test]
fn keys_in_several_databases_are_never_moved_in_part() {
    let Some(program) = cached_server("valkey-newest") else { return };
    let mut cluster = Cluster::with(&program, "cluster-databases 4\n");
    cluster.fill(50);
    cluster.put_some(0, TAG, "k", 20);
    cluster.setslot(0, SLOT, &["MIGRATING", &cluster.id(1)]);
    // Several databases are no obstacle as long as all keys are in the first.
    cluster.fix(&[]).fine();
    cluster.is_repaired();
    let mut connection = cluster.servers[0].connect(None);
    redis::cmd("SELECT").arg(2).exec(&mut connection).unwrap();
    redis::cmd("SET").arg(format!("{{{TAG}}}other")).arg("kept").exec(&mut connection).unwrap();
    cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
    cluster.setslot(0, SLOT, &["MIGRATING", &cluster.id(1)]);
    let told = cluster.fix(&[]).failed().complains("several databases (in the first and in 2)");
    told.complains("SETSLOT … STABLE").complains("--method atomic");
    let kept: String = redis::cmd("GET").arg(format!("{{{TAG}}}other")).query(&mut connection).unwrap();
    assert_eq!(kept, "kept");
    let slot = Slot::new(SLOT).unwrap().to_string();
    assert!(cluster.call(0, &["CLUSTER", "NODES"]).contains(&format!("[{slot}->-")));
}

#[test]
fn fix_does_not_promise_what_open_slots_can_not_do() {
    let cluster = Cluster::of(&server_program());
    cluster.fix(&["--method", "atomic"]).failed().complains("fix moves key by key");
    cluster.fix(&["--method", "classic"]).fine().says("[OK] There is nothing to fix.");
}
