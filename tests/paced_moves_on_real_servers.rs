//! Moves that are held back, held up or hit by a server's death, and rebalancing by what slots hold.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod move_tools;
mod slotctl_tools;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::follower::owners;
use common::{cached_server, server_program, wait_until};
use move_tools::{Cluster, all_are_there, begin_with, seed_numbers, servers};
use slotdeck::core::slot::key_slot;

fn keys_at(cluster: &Cluster, server: usize) -> u64 {
    redis::cmd("DBSIZE").query(&mut cluster.servers[server].connect(None)).unwrap()
}

/// Writes numbered keys from this one on until a write fails; answers how many were acknowledged, the seeded included.
fn write_until_refused(cluster: &Cluster, from: u64) -> std::thread::JoinHandle<u64> {
    let mut client = cluster.client();
    let work = move || {
        let written = |number: &u64| {
            let (key, value) = (format!("n{number}"), number.to_string());
            client.call(key.as_bytes(), &[b"SET", key.as_bytes(), value.as_bytes()]).is_ok()
        };
        from + (from..u64::MAX).take_while(written).count() as u64
    };
    std::thread::Builder::new().name("writer".to_owned()).spawn(work).unwrap()
}

#[test]
fn a_move_that_runs_is_named_as_running_and_one_that_was_killed_with_the_way_on() {
    let cluster = Cluster::new();
    seed_numbers(&cluster, 20_000);
    let (from, to, seed) = (cluster.id(0), cluster.id(1), cluster.addr(2));
    let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "2000", "--yes", "--max-rate", "20"];
    let mut child = begin_with(&cluster, &args, Stdio::null());
    let running = format!("A move of slots in this cluster is running now, by slotctl (process {})", child.id());
    let checked = wait_until("the move is known to run", || {
        let checked = cluster.slotctl(&["check", &seed]);
        checked.out.contains(&running).then_some(checked)
    });
    assert!(!checked.out.contains("slotctl fix"), "{checked:#?}");
    let second = ["move-slots", &seed, "--slots", "0-9", "--to", &to, "--yes"];
    let refused = cluster.slotctl(&second).failed().complains(&running);
    assert!(!refused.err.contains("half-way"), "{refused:#?}");
    child.kill().unwrap();
    child.wait().unwrap();
    let on = format!("slotctl resume {seed}");
    let checked = cluster.slotctl(&["check", &seed]).says("was left half-way: ").says(&format!("'{on}' moves them"));
    assert!(!checked.out.contains("slotctl fix"), "{checked:#?}");
    assert_eq!(cluster.slotctl(&["check", &seed, "--json"]).json()["hint"], on);
    let resumed = cluster.slotctl(&["resume", &seed, "--yes", "--max-rate", "1000000"]).fine();
    let resumed = resumed.says(" of 2000 slots are still to be moved.");
    assert!(resumed.out.lines().all(|line| line.len() < 200), "{resumed:#?}");
    cluster.is_whole();
    all_are_there(&cluster, 20_000);
}

/// A master dies in the middle of a move and comes back: resume finishes it, and no acknowledged write is lost.
fn survives_the_death_of(victim: usize) {
    let mut cluster = Cluster::of(&server_program(), "appendonly yes\nappendfsync always");
    seed_numbers(&cluster, 5000);
    let (from, to, seed) = (cluster.id(0), cluster.id(1), cluster.addr(2));
    let writer = write_until_refused(&cluster, 5000);
    let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "5000", "--yes", "--max-rate", "300"];
    let child = begin_with(&cluster, &args, Stdio::null());
    // The first slots are the target's, most are still to come.
    let moved = || owners(&cluster.servers).into_iter().any(|(first, _, server)| (first, server) == (0, 1));
    wait_until("the move is under way", || moved().then_some(()));
    cluster.servers[victim].kill();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains("[ERR]") && words.contains("slotctl resume"), "{words}");
    let written = writer.join().unwrap();
    cluster.servers[victim].start_again();
    wait_until("the cluster serves again", || {
        // A key that was on its way when its server died may be on both sides; the target's copy is the source's.
        let ran = cluster.slotctl(&["resume", &seed, "--yes", "--cluster-replace", "--max-rate", "1000000"]);
        (ran.code == 0).then_some(())
    });
    wait_until("the cluster is whole again", || (cluster.slotctl(&["check", &seed]).code == 0).then_some(()));
    assert_eq!(cluster.slots(1), 5462 + 5000);
    all_are_there(&cluster, written);
}

#[test]
fn a_source_that_dies_leaves_a_move_that_resume_finishes() {
    survives_the_death_of(0);
}

#[test]
fn a_target_that_dies_leaves_a_move_that_resume_finishes() {
    survives_the_death_of(1);
}

#[test]
fn a_rate_is_kept_on_every_server_and_not_promised_for_atomic_migrations() {
    for (name, program) in servers() {
        let cluster = Cluster::of(&program, "");
        seed_numbers(&cluster, 6000);
        let (to, seed) = (cluster.id(1), cluster.addr(0));
        let args = ["move-slots", &seed, "--slots", "0-999", "--to", &to, "--yes", "--json", "--max-rate"];
        let refused = [&args[..], &["100", "--method", "atomic"]].concat();
        cluster.slotctl(&refused).failed().says("can't be limited");
        let json = cluster.slotctl(&[&args[..], &["200"]].concat()).fine().json();
        let (keys, seconds) = (json["keys"].as_f64().unwrap(), json["seconds"].as_f64().unwrap());
        assert!(keys > 200.0 && seconds >= (keys - 64.0) / 200.0, "{name}: {keys} keys in {seconds} s");
        let args = ["move-slots", &seed, "--slots", "1000-1099", "--to", &to, "--yes", "--max-rate", "1MB"];
        cluster.slotctl(&args).fine().says("[OK] 100 slots with ");
        cluster.slotctl(&["move-slots", &seed, "--slots", "1", "--to", &to, "--max-rate", "fast"]).failed();
        all_are_there(&cluster, 6000);
        cluster.is_whole();
    }
}

#[test]
fn nothing_moves_while_the_pause_file_is_there() {
    for (name, program) in servers() {
        let cluster = Cluster::of(&program, "");
        seed_numbers(&cluster, 2000);
        let file = cluster.home.path().join("hold on");
        std::fs::write(&file, "").unwrap();
        let (to, seed) = (cluster.id(1), cluster.addr(0));
        let pause = file.to_str().unwrap();
        let args = ["move-slots", &seed, "--slots", "0-999", "--to", &to, "--yes", "--pause-file", pause];
        let mut child = begin_with(&cluster, &args, Stdio::piped());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said = lines.find(|line| line.starts_with("Paused while ") && line.ends_with("hold on exists."));
        assert!(said.is_some(), "{name}");
        assert_eq!(cluster.slots(1), 5462, "{name}");
        cluster.is_whole();
        std::fs::remove_file(&file).unwrap();
        assert!(lines.any(|line| line == "The move goes on."), "{name}");
        let moved = lines.any(|line| line.starts_with("[OK] 1000 slots with "));
        let ended = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(moved && ended.status.success(), "{name}: {words}");
        assert_eq!(cluster.slots(1), 6462, "{name}");
        all_are_there(&cluster, 2000);
    }
}

#[test]
fn rebalance_makes_keys_and_memory_even() {
    let newest = cached_server("redis-newest");
    let told = newest.map(|program| (program, "cluster-slot-stats-enabled yes"));
    for (program, extra) in std::iter::once((server_program(), "")).chain(told) {
        let cluster = Cluster::of(&program, extra);
        let mut client = cluster.client();
        // Many keys, all at the first master: two in each of its first 900 slots.
        let mut held = std::collections::BTreeMap::<u16, u32>::new();
        let names = (0_u32..1_000_000).map(|i| format!("k{i}"));
        for name in names.filter(|name| key_slot(name.as_bytes()).get() < 900).take(1800) {
            *held.entry(key_slot(name.as_bytes()).get()).or_default() += 1;
            client.set(name.as_bytes(), &[b'v'; 500]);
        }
        let seed = cluster.addr(0);
        cluster.slotctl(&["rebalance", &seed]).fine().says("*** No rebalancing needed!");
        let args = ["rebalance", &seed, "--by", "keys", "--cluster-threshold", "0"];
        cluster.slotctl(&args).fine().says(": 1800 keys now, 600 keys then").says(": 0 keys now, 600 keys then");
        assert_eq!([0, 1, 2].map(|server| keys_at(&cluster, server)), [600; 3]);
        cluster.slotctl(&args).fine().says("*** No rebalancing needed!");
        // One key now takes as much as hundreds: its master gives others away.
        let heavy = (0_u32..100_000).map(|i| format!("h{i}")).find(|name| {
            let slot = key_slot(name.as_bytes()).get();
            (6000..10_000).contains(&slot)
        });
        let heavy = heavy.unwrap();
        client.set(heavy.as_bytes(), &vec![b'v'; 200_000]);
        let owner = cluster.slots(1);
        let ran = cluster.slotctl(&["rebalance", &seed, "--by", "memory"]).fine();
        assert!(ran.out.contains("KiB now, ") && cluster.slots(1) < owner, "{ran:?}");
        assert!(keys_at(&cluster, 1) < keys_at(&cluster, 0), "{ran:?}");
        cluster.is_whole();
    }
}
