//! Slots in every kind of trouble on real servers: fix repairs them, and no key is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod fix_tools;
mod slotctl_tools;

use std::process::{Command, Stdio};
use std::time::Duration;

use common::{TestServer, server_program, wait_until};
use fix_tools::{Cluster, SLOT, TAG, clusters, servers};
use slotdeck::core::slot::key_slot;

#[test]
fn slots_that_nobody_owns_are_spread_evenly() {
    for (name, mut cluster) in clusters() {
        cluster.fill(50);
        let empty: Vec<u16> =
            (0..900).filter(|slot| !cluster.written.keys().any(|key| key_slot(key).get() == *slot)).collect();
        let numbers: Vec<String> = empty.iter().map(u16::to_string).collect();
        let mut words = vec!["CLUSTER", "DELSLOTS"];
        words.extend(numbers.iter().map(String::as_str));
        cluster.everywhere(&words);
        let ran = cluster.slotctl(&["check", &cluster.addr(1)], "").failed();
        ran.says("[ERR] Not all 16384 slots are covered by nodes.")
            .says(&format!("'slotctl fix {}' shows the repairs", cluster.addr(1)));
        let asked = cluster.slotctl(&["fix", &cluster.addr(0)], "no").failed();
        asked.says("they are spread evenly").complains("nothing was sent to any node");
        cluster.fix(&[]).fine();
        cluster.is_repaired();
        let counts = cluster.slotctl(&["check", &cluster.addr(0), "--json"], "").json();
        let counts: Vec<u64> =
            counts["nodes"].as_array().unwrap().iter().map(|n| n["slot_count"].as_u64().unwrap()).collect();
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{name}: {counts:?}");
    }
}

#[test]
fn an_uncovered_slot_goes_where_its_keys_are() {
    for (_, mut cluster) in clusters() {
        cluster.fill(100);
        cluster.put_some(0, TAG, "k", 30);
        cluster.everywhere(&["CLUSTER", "DELSLOTS", &SLOT.to_string()]);
        cluster.fix(&[]).fine().says("only it has keys of them");
        cluster.is_repaired();
        // Only its owner has forgotten it.
        cluster.call(0, &["CLUSTER", "DELSLOTS", &SLOT.to_string()]);
        cluster.fix(&[]).fine();
        cluster.is_repaired();
    }
}

#[test]
fn keys_of_an_uncovered_slot_on_several_masters_come_together() {
    for (_, mut cluster) in clusters() {
        cluster.fill(100);
        cluster.put_some(0, TAG, "a", 5);
        for (server, count) in [(1, 40), (2, 10)] {
            cluster.setslot(server, SLOT, &["IMPORTING", &cluster.id(0)]);
            cluster.put_some(server, TAG, &format!("at{server}-"), count);
            cluster.setslot(server, SLOT, &["STABLE"]);
        }
        cluster.everywhere(&["CLUSTER", "DELSLOTS", &SLOT.to_string()]);
        cluster.fix(&[]).fine().says("it has most of their keys").says("15 keys were moved");
        cluster.is_repaired();
    }
}

#[test]
fn open_slots_of_every_kind_are_finished_or_closed() {
    for (_, mut cluster) in clusters() {
        cluster.fill(300);
        cluster.put_some(0, TAG, "k", 30);
        let ids: Vec<String> = (0..3).map(|server| cluster.id(server)).collect();
        // Only migrating.
        cluster.setslot(0, 1, &["MIGRATING", &ids[1]]);
        // Only importing, without and with keys.
        cluster.setslot(1, 2, &["IMPORTING", &ids[0]]);
        cluster.setslot(2, SLOT, &["IMPORTING", &ids[0]]);
        cluster.put_some(2, TAG, "stray", 12);
        // Half moved: 11058 is {a}k…'s, of the third server.
        let half = key_slot(b"{hello}").get();
        let owner = usize::from(half >= 5461) + usize::from(half >= 10923);
        let target = (owner + 1) % 3;
        cluster.put_some(owner, "hello", "old", 12);
        cluster.setslot(target, half, &["IMPORTING", &ids[owner]]);
        cluster.setslot(owner, half, &["MIGRATING", &ids[target]]);
        cluster.put_some(target, "hello", "new", 12);
        // Half moved, and imported by a third, with keys on all.
        let three = key_slot(b"{foo}").get();
        let owner = usize::from(three >= 5461) + usize::from(three >= 10923);
        let (target, other) = ((owner + 1) % 3, (owner + 2) % 3);
        cluster.put_some(owner, "foo", "old", 12);
        cluster.setslot(target, three, &["IMPORTING", &ids[owner]]);
        cluster.setslot(other, three, &["IMPORTING", &ids[owner]]);
        cluster.setslot(owner, three, &["MIGRATING", &ids[target]]);
        cluster.put_some(target, "foo", "new", 12);
        cluster.put_some(other, "foo", "third", 12);
        // Migrating to one, imported by another.
        cluster.setslot(0, 3, &["MIGRATING", &ids[1]]);
        cluster.setslot(2, 3, &["IMPORTING", &ids[0]]);
        let ran = cluster.fix(&[]).fine();
        ran.says("the move to it was begun at both ends").says("only it claims them");
        cluster.is_repaired();
    }
}

#[test]
fn what_redis_cli_repairs_unasked_is_repaired_for_scripts_too() {
    let cluster = Cluster::of(&server_program());
    let (giver, taker) = (cluster.id(0), cluster.id(1));
    cluster.setslot(0, SLOT, &["MIGRATING", &taker]);
    cluster.setslot(1, SLOT, &["IMPORTING", &giver]);
    cluster.slotctl(&["--cluster", "fix", &cluster.addr(0), "--json"], "").failed();
    cluster.slotctl(&["--cluster", "fix", &cluster.addr(0)], "").fine().says("1 slot was repaired");
    cluster.is_repaired();
    // What plan can't repair is told as fix tells it.
    cluster.slotctl(&["plan", "fix", &cluster.addr(0)], "").fine();
}

#[test]
fn nodes_that_see_another_owner_are_told_and_strays_are_found() {
    for (_, mut cluster) in clusters() {
        cluster.fill(100);
        cluster.put_some(0, TAG, "k", 30);
        // The second server, whose epoch is higher, is seen as the owner by the third.
        cluster.setslot(2, SLOT, &["NODE", &cluster.id(1)]);
        let ran = cluster.slotctl(&["check", &cluster.addr(0)], "").failed();
        ran.says("[ERR] Nodes don't agree about configuration!").says("slotctl fix");
        cluster.fix(&[]).fine();
        cluster.is_repaired();
        // Keys that nobody misses yet.
        cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
        cluster.put_some(1, TAG, "stray", 12);
        cluster.setslot(1, SLOT, &["STABLE"]);
        cluster.slotctl(&["check", &cluster.addr(0)], "").fine();
        let ran = cluster.slotctl(&["check", &cluster.addr(0), "--cluster-search-multiple-owners"], "").failed();
        ran.says("--cluster-search-multiple-owners' shows the repairs");
        cluster.fix(&["--cluster-search-multiple-owners"]).fine().says("12 keys were moved");
        cluster.is_repaired();
    }
}

/// The first two servers own a slot, each with 20 keys of it.
fn let_two_own_a_slot(cluster: &mut Cluster) {
    cluster.fill(100);
    cluster.put_some(0, TAG, "first", 20);
    cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
    cluster.put_some(1, TAG, "second", 20);
    // Two servers that do not know each other can't settle it by themselves.
    let ids: Vec<String> = (0..2).map(|server| cluster.id(server)).collect();
    cluster.call(0, &["CLUSTER", "FORGET", &ids[1]]);
    cluster.call(1, &["CLUSTER", "FORGET", &ids[0]]);
    // What a node that was forgotten owned has no owner any more.
    cluster.call(1, &["CLUSTER", "ADDSLOTS", &SLOT.to_string()]);
}

#[test]
fn a_slot_with_two_owners_goes_to_the_higher_epoch_with_the_keys_of_both() {
    // Later servers refuse a node that they were made to forget for a minute: two of them are enough.
    for (name, program) in servers().into_iter().filter(|(name, _)| !["redis-8.0", "valkey-8.1"].contains(name)) {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program);
        let_two_own_a_slot(&mut cluster);
        let ran = cluster.slotctl(&["check", &cluster.addr(2)], "").failed();
        // From 7.2 on it is passed on whom to forget, and the third node may have heard of it.
        if name.ends_with("newest") && !ran.out.contains("Several masters claim") {
            eprintln!("on {name} the third node has forgotten one of them, too");
            continue;
        }
        ran.says("Several masters claim 1 slot (5061)");
        cluster.fix(&[]).fine().says("it claims them with the highest epoch").says("20 keys were moved");
        cluster.is_repaired();
    }
}

#[test]
fn a_loser_that_does_not_give_up_keeps_its_keys() {
    let mut cluster = Cluster::of(&server_program());
    let_two_own_a_slot(&mut cluster);
    cluster.call(0, &["ACL", "SETUSER", "default", "-cluster|delslots"]);
    let held = [cluster.call(0, &["DBSIZE"]), cluster.call(1, &["DBSIZE"])];
    cluster.fix(&[]).failed().complains("DELSLOTS");
    let now = [cluster.call(0, &["DBSIZE"]), cluster.call(1, &["DBSIZE"])];
    assert_eq!(now, held, "neither claim has won");
    cluster.call(0, &["ACL", "SETUSER", "default", "+cluster|delslots"]);
    cluster.fix(&[]).fine().says("20 keys were moved");
    cluster.is_repaired();
}

/// A master that names another one as the owner of its last slot becomes a replica, and drops what it holds.
#[test]
fn a_loser_of_its_only_slot_keeps_the_keys_of_other_slots() {
    let patient = "appendonly yes\ncluster-node-timeout 60000\n";
    let mut cluster = Cluster::with(&server_program(), patient);
    cluster.fill(100);
    cluster.servers.push(TestServer::start_cluster_node_of(&server_program(), patient));
    let port = cluster.servers[0].port();
    cluster.call(3, &["CLUSTER", "MEET", "127.0.0.1", &port.to_string()]);
    let all_linked = |nodes: String| nodes.matches(" connected").count() == 4 && !nodes.contains("handshake");
    wait_until("all know the fourth", || {
        (0..4).all(|server| all_linked(cluster.call(server, &["CLUSTER", "NODES"]))).then_some(())
    });
    wait_until("the fourth takes part", || {
        cluster.call(3, &["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())
    });
    let (owner, loser) = (cluster.id(0), cluster.id(3));
    cluster.setslot(3, SLOT, &["IMPORTING", &owner]);
    cluster.put_some(3, TAG, "stray", 20);
    // The fourth comes back in the belief that slot 0 is its own. It knows the owner, which it could name; but neither
    // hears the other: the owner has forgotten it, and it looks for the owner's bus where nobody is.
    cluster.call(0, &["CLUSTER", "FORGET", &loser]);
    cluster.servers[3].stop(None);
    let file = cluster.servers[3].dir().join("nodes.conf");
    let claim = |line: &str| {
        let line = if line.contains("myself") { format!("{line} 0") } else { line.to_owned() };
        line.replace(&format!(":{port}@{}", port + 10_000), &format!(":{port}@1")).replace(" 0-5460", " 1-5460")
    };
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.lines().map(|line| claim(line) + "\n").collect::<String>()).unwrap();
    cluster.servers[3].start_again();
    cluster.fix(&[]);
    assert!(cluster.call(3, &["CLUSTER", "NODES"]).contains("myself,master"), "it has become a replica");
    wait_until("it is repaired", || (cluster.fix(&["--cluster-search-multiple-owners"]).code == 0).then_some(()));
    cluster.is_repaired();
}

#[test]
fn a_move_that_was_killed_is_finished() {
    for (name, mut cluster) in clusters() {
        cluster.fill(8000);
        let mut killed = 0;
        for round in 0..4_u64 {
            let (from, to) = if round % 2 == 0 { (0, 1) } else { (1, 0) };
            let (from, to, seed) = (cluster.id(from), cluster.id(to), cluster.addr(2));
            let args =
                ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "4000", "--yes", "--method", "classic"];
            let mut child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
                .args(args)
                .env("SLOTDECK_HOME", cluster.home.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(150 + 70 * round));
            let _ = child.kill();
            killed += usize::from(child.wait().unwrap().code().is_none());
            cluster.fix(&[]).fine();
            cluster.is_repaired();
        }
        assert!(killed > 0, "{name}: no round was killed in time");
    }
}

#[test]
fn a_key_in_the_way_stops_its_slot_alone_and_is_named() {
    for (_, mut cluster) in clusters() {
        cluster.put_some(0, TAG, "k", 20);
        cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
        cluster.put_some(1, TAG, "stray", 12);
        // The same key with the same value, and another with a different one.
        cluster.put(1, &format!("{{{TAG}}}k3"));
        let mut connection = cluster.servers[1].connect(None);
        let clash = format!("{{{TAG}}}k4");
        redis::cmd("ASKING").exec(&mut connection).unwrap();
        redis::cmd("SET").arg(&clash).arg("another").exec(&mut connection).unwrap();
        cluster.setslot(0, 7, &["MIGRATING", &cluster.id(1)]);
        let ran = cluster.fix(&[]).failed();
        ran.complains(&clash).complains("slot 5061").complains("--cluster-replace");
        let nodes = cluster.call(0, &["CLUSTER", "NODES"]);
        assert!(!nodes.contains("[7-"), "{nodes}");
        // The owner's stays where nothing else is said: the other is looked at and moved on purpose.
        let ran = cluster.fix(&["--cluster-replace"]).fine();
        ran.says("1 key was moved");
        cluster.written.insert(clash.into_bytes(), b"another".to_vec());
        cluster.is_repaired();
    }
}

#[test]
fn copies_of_any_number_and_form_are_settled() {
    for (name, mut cluster) in clusters() {
        let half = key_slot(b"{hello}").get();
        assert!((0..5461).contains(&half), "the first server's");
        let ids: Vec<String> = (0..3).map(|server| cluster.id(server)).collect();
        // A slot that was being moved, and one whose copies nobody misses.
        for (tag, slot) in [("hello", half), (TAG, SLOT)] {
            cluster.put_some(0, tag, "k", 1200);
            cluster.setslot(1, slot, &["IMPORTING", &ids[0]]);
            cluster.put_some(1, tag, "k", 1200);
            // Sets that are hash tables: each process has an order of its own.
            let members: Vec<String> = (0..600).map(|i| format!("member {i}")).collect();
            for server in 0..2 {
                let mut connection = cluster.servers[server].connect(None);
                redis::cmd("ASKING").exec(&mut connection).unwrap();
                redis::cmd("SADD").arg(format!("{{{tag}}}set")).arg(&members).exec(&mut connection).unwrap();
            }
        }
        cluster.setslot(0, half, &["MIGRATING", &ids[1]]);
        cluster.fix(&[]).fine();
        let sets = [cluster.call(1, &["SCARD", "{hello}set"]), cluster.call(0, &["SCARD", &format!("{{{TAG}}}set")])];
        assert_eq!(sets, ["600", "600"], "{name}");
        cluster.call(1, &["DEL", "{hello}set"]);
        cluster.call(0, &["DEL", &format!("{{{TAG}}}set")]);
        cluster.is_repaired();
    }
}

#[test]
fn what_a_silent_master_holds_is_not_given_away_unasked() {
    let mut cluster = Cluster::of(&server_program());
    cluster.fill(100);
    cluster.servers[1].kill();
    wait_until("the others notice", || {
        (cluster.call(0, &["CLUSTER", "NODES"]).contains(",fail,")
            || cluster.call(0, &["CLUSTER", "NODES"]).contains(",fail "))
        .then_some(())
    });
    let ran = cluster.fix(&[]).failed();
    ran.complains("--cluster-fix-with-unreachable-masters").complains(&cluster.addr(1));
    let ran = cluster.fix(&["--cluster-fix-with-unreachable-primaries"]).failed();
    ran.says("2731 slots (5461-8191) without an owner").says("[OK] All 16384 slots covered.");
    let lost = |key: &[u8]| (5461..10923).contains(&key_slot(key).get());
    cluster.written.retain(|key, _| !lost(key));
    let mut connections = [cluster.servers[0].connect(None), cluster.servers[2].connect(None)];
    for (key, value) in &cluster.written {
        let found = connections.iter_mut().find_map(|c| redis::cmd("GET").arg(key).query::<Option<Vec<u8>>>(c).ok()?);
        assert_eq!(found.as_ref(), Some(value));
    }
}

#[test]
fn the_result_is_one_json_object() {
    let mut cluster = Cluster::of(&server_program());
    cluster.put_some(0, TAG, "k", 20);
    cluster.setslot(0, SLOT, &["MIGRATING", &cluster.id(1)]);
    let ran = cluster.fix(&["--json"]).fine();
    let json = ran.json();
    assert_eq!(json["ok"], true, "{json}");
    assert_eq!(json["repairs"][0]["slots"], "5061", "{json}");
    assert_eq!(json["repairs"][0]["owner"], cluster.addr(0), "{json}");
    cluster.is_repaired();
    let json = cluster.slotctl(&["check", &cluster.addr(0), "--json"], "").json();
    assert!(json["hint"].is_null());
}
