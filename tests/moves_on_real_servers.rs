//! Slots move on real servers, and every key goes with them: under load, through kills, past keys that are in the way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod move_tools;
mod slotctl_tools;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::follower::Follower;
use move_tools::{Cluster, all_are_there, interrupted, seed_numbers, servers, write};
use redis::{Connection, Value};
use slotctl_tools::{Ran, redis_cli, slotctl_at};
use slotdeck::core::slot::key_slot;

#[test]
fn every_acknowledged_write_survives_resharding_under_load() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        let stop = Arc::new(AtomicBool::new(false));
        let writer = write(&cluster, &stop);
        std::thread::sleep(Duration::from_millis(300));
        let target = cluster.id(1);
        let first = cluster.addr(0);
        let reshard = |count: &str, to: &str| {
            let args = [
                "--cluster",
                "reshard",
                &first,
                "--cluster-from",
                "all",
                "--cluster-to",
                to,
                "--cluster-slots",
                count,
                "--cluster-yes",
            ];
            cluster.slotctl(&args).fine().says("[OK] All 16384 slots covered.").says("all nodes agree.")
        };
        reshard("3000", &target).says("Moving slot 0 from ");
        assert_eq!(cluster.slots(1), 5462 + 3000, "{name}");
        reshard("2000", &cluster.id(0));
        cluster.slotctl(&["--cluster", "rebalance", &first, "--cluster-threshold", "0"]).fine().says("Moving ");
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        assert!(written > 100, "{written}");
        all_are_there(&cluster, written);
        cluster.is_whole();
        let mut counts: Vec<usize> = (0..3).map(|server| cluster.slots(server)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [5461, 5461, 5462], "{name}");
        cluster
            .slotctl(&["--cluster", "rebalance", &first, "--cluster-threshold", "0"])
            .fine()
            .says("*** No rebalancing needed! All nodes are within the 0.00% threshold.");
    }
}

/// Keys of all types and odd names in one slot each, with what DUMP says of them.
fn fill_with_everything(client: &mut Follower) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut call = |key: &[u8], words: &[&[u8]]| {
        let mut all: Vec<&[u8]> = vec![words[0], key];
        all.extend(&words[1..]);
        client.call(key, &all).unwrap();
        if !keys.contains(&key.to_vec()) {
            keys.push(key.to_vec());
        }
    };
    for name in [&b"plain"[..], b"\x00\xff\r\n\x01", b"two\r\nlines", "键名".as_bytes(), b" ", b"{tag}a", b"a\"b'c\\d"]
    {
        call(name, &[b"SET", b"value\r\n\x00"]);
    }
    for i in 0..600 {
        let text = i.to_string();
        call(b"big-list", &[b"RPUSH", text.as_bytes()]);
        call(b"big-hash", &[b"HSET", text.as_bytes(), b"v"]);
        call(b"big-set", &[b"SADD", text.as_bytes()]);
        call(b"big-zset", &[b"ZADD", text.as_bytes(), b"m"]);
        call(b"stream", &[b"XADD", b"*", b"f", text.as_bytes()]);
    }
    for i in 0..200 {
        call(format!("{{tag}}many{i}").as_bytes(), &[b"SET", &[b'x'; 3000]]);
    }
    call(b"expires", &[b"SET", b"soon", b"PX", b"3600000"]);
    call(b"large", &[b"SET", &vec![b'L'; 100 << 20]]);
    keys
}

#[test]
fn all_types_odd_names_ttls_and_large_values_arrive_as_they_were() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        let mut client = cluster.client();
        let keys = fill_with_everything(&mut client);
        let gone = b"already-gone";
        client.call(gone, &[b"SET", gone, b"x", b"PX", b"1"]).unwrap();
        let look = |client: &mut Follower, key: &[u8]| -> Vec<Value> {
            let words: &[&[u8]] = match key {
                b"big-list" => &[b"LRANGE", key, b"0", b"-1"],
                b"big-zset" => &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
                b"stream" => &[b"XRANGE", key, b"-", b"+"],
                b"big-hash" => &[b"HLEN", key],
                b"big-set" => &[b"SORT", key],
                _ => &[b"GET", key],
            };
            vec![client.call(key, &[b"TYPE", key]).unwrap(), client.call(key, words).unwrap()]
        };
        let before: Vec<Vec<Value>> = keys.iter().map(|key| look(&mut client, key)).collect();
        // Each master gives all that it has to the next one and gets it back.
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let (from, to) = (cluster.id(from), cluster.id(to));
            let args = ["reshard", &cluster.addr(0), "--from", &from, "--to", &to, "--slots", "16384", "--yes"];
            // A master without slots may become a replica; the last slot stays.
            let count = (cluster.slots((0..3).find(|i| cluster.id(*i) == from).unwrap()) - 1).to_string();
            let args: Vec<&str> =
                args.iter().map(|word| if *word == "16384" { count.as_str() } else { word }).collect();
            cluster.slotctl(&args).fine();
        }
        cluster.is_whole();
        for (key, before) in keys.iter().zip(&before) {
            assert!(look(&mut client, key) == *before, "{name}: {}", key.escape_ascii());
        }
        let left = match client.call(b"expires", &[b"PTTL", b"expires"]).unwrap() {
            Value::Int(left) => left,
            other => panic!("{other:?}"),
        };
        assert!((1..=3_600_000).contains(&left), "{name}: {left}");
        assert_eq!(client.get(gone), None);
    }
}

#[test]
fn a_killed_move_is_finished_by_resume_without_a_key_lost() {
    // All at once: most of it is waiting for programs to begin and to end.
    std::thread::scope(|scope| {
        for (name, program) in servers() {
            for method in ["classic", "auto"] {
                let program = program.clone();
                scope.spawn(move || kill_and_resume(name, &program, method));
            }
        }
    });
}

fn kill_and_resume(name: &str, program: &Path, method: &str) {
    eprintln!("on {name}, {method}");
    let cluster = Cluster::of(program, "");
    seed_numbers(&cluster, 20_000);
    let (mut killed, mut slots) = (0, [cluster.slots(0), cluster.slots(1)]);
    for round in 0..6_u32 {
        // From the one that has more: a round that was killed at its very beginning moves nothing.
        let (from, to) = if slots[0] >= slots[1] { (0, 1) } else { (1, 0) };
        let (from_id, to_id, seed) = (cluster.id(from), cluster.id(to), cluster.addr(2));
        let args =
            ["reshard", &seed, "--from", &from_id, "--to", &to_id, "--slots", "4000", "--yes", "--method", method];
        // The move itself begins when its record is written; the kills are spread over what follows.
        let after = Duration::from_millis(u64::from(25 * round));
        let (code, words) = interrupted(&cluster, &args, after, "-KILL");
        assert!(code.is_none() || code == Some(0), "{name}: {code:?} {words}");
        killed += usize::from(code.is_none());
        let resumed = cluster.slotctl(&["resume", &seed, "--yes"]).fine();
        cluster.is_whole();
        let now = [cluster.slots(0), cluster.slots(1)];
        // Killed before it was written down, or carried out in full.
        let moved = now[to] - slots[to];
        assert!(moved == 4000 || (moved == 0 && resumed.out.contains("No move")), "{name}: {moved} {resumed:?}");
        slots = now;
    }
    assert!(killed > 0, "{name}: no round was killed in time");
    all_are_there(&cluster, 20_000);
}

#[test]
fn ctrl_c_stops_with_no_slot_open_and_resume_goes_on() {
    let cluster = Cluster::new();
    seed_numbers(&cluster, 20_000);
    let (from, to, seed) = (cluster.id(0), cluster.id(1), cluster.addr(2));
    let args = ["reshard", &seed, "--from", &from, "--to", &to, "--slots", "5000", "--yes"];
    let (code, words) = interrupted(&cluster, &args, Duration::from_millis(250), "-INT");
    cluster.is_whole();
    if code == Some(1) {
        assert!(words.contains("none is open") || words.contains("nothing was moved"), "{words}");
    }
    cluster.slotctl(&["resume", &seed, "--yes"]).fine();
    cluster.is_whole();
    assert!(cluster.slots(1) == 5462 + 5000 || words.contains("nothing was moved"), "{words}");
    all_are_there(&cluster, 20_000);
}

/// Puts a key into the target though it does not own the slot, as an unlucky past may have left it.
fn stray(cluster: &Cluster, key: &[u8], at: usize, owner: usize) {
    let slot = key_slot(key).to_string();
    let mut connection = cluster.servers[at].connect(None);
    let set = |connection: &mut Connection, words: &[&str]| {
        redis::cmd("CLUSTER").arg("SETSLOT").arg(&slot).arg(words).exec(connection).unwrap();
    };
    set(&mut connection, &["IMPORTING", &cluster.id(owner)]);
    redis::cmd("ASKING").exec(&mut connection).unwrap();
    redis::cmd("SET").arg(key).arg("stray").exec(&mut connection).unwrap();
    set(&mut connection, &["STABLE"]);
}

#[test]
fn a_key_that_is_in_the_way_stops_the_move_before_it_begins() {
    let cluster = Cluster::new();
    let mut client = cluster.client();
    // Slot 5061.
    client.set(b"bar", b"the right one");
    stray(&cluster, b"bar", 1, 0);
    let (to, seed) = (cluster.id(1), cluster.addr(0));
    let args = ["move-slots", &seed, "--slots", "5000-5100", "--to", &to, "--yes"];
    cluster.slotctl(&args).failed().complains("nothing was moved").complains("already holds 1 key of slot 5061");
    cluster.is_whole();
    assert_eq!(client.get(b"bar").unwrap(), b"the right one");
    let args: Vec<&str> = args.into_iter().chain(["--cluster-replace"]).collect();
    cluster.slotctl(&args).fine().says("[OK] 101 slots with 1 key were moved");
    cluster.is_whole();
    assert_eq!(client.get(b"bar").unwrap(), b"the right one");
    cluster.slotctl(&args).fine().says("owns these slots already");
}

#[test]
fn a_user_who_may_not_move_keys_is_told_so_before_anything_moves() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        cluster.client().set(b"bar", b"kept");
        for server in &cluster.servers {
            let words = ["SETUSER", "clerk", "on", ">pw", "~*", "+@all", "-migrate"];
            redis::cmd("ACL").arg(&words).exec(&mut server.connect(None)).unwrap();
        }
        let (to, seed) = (cluster.id(1), cluster.addr(0));
        let login = ["--user", "clerk", "--pass", "pw", "--no-auth-warning"];
        let args = ["move-slots", &seed, "--slots", "5000-5100", "--to", &to, "--yes", "--method", "classic"];
        let args: Vec<&str> = args.into_iter().chain(login).collect();
        let told =
            cluster.slotctl(&args).failed().complains("nothing was moved").complains("'clerk' may not use MIGRATE");
        told.complains("'ACL SETUSER clerk +migrate'");
        cluster.is_whole();
        assert_eq!(cluster.slots(1), 5462);
    }
}

#[test]
fn a_user_who_may_not_open_slots_is_told_so_before_anything_moves() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        for server in &cluster.servers {
            let words = ["SETUSER", "clerk", "on", ">pw", "~*", "+@all", "-cluster|setslot"];
            redis::cmd("ACL").arg(&words).exec(&mut server.connect(None)).unwrap();
        }
        let (to, seed) = (cluster.id(1), cluster.addr(0));
        let args = ["move-slots", &seed, "--slots", "5000-5100", "--to", &to, "--yes", "--method", "classic"];
        let args: Vec<&str> =
            args.into_iter().chain(["--user", "clerk", "--pass", "pw", "--no-auth-warning"]).collect();
        let told = cluster
            .slotctl(&args)
            .failed()
            .complains("nothing was moved")
            .complains("'ACL SETUSER clerk +cluster|setslot'");
        told.complains(&cluster.addr(0)).complains(&cluster.addr(1)).complains(&cluster.addr(2));
        cluster.is_whole();
        assert_eq!(cluster.slots(1), 5462);
        cluster.slotctl(&["resume", &seed]).fine().says("No move of slots was left half-way");
    }
}

/// What the error names is all that is missing.
#[test]
fn a_user_who_may_only_look_is_told_every_right_that_a_move_takes() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        cluster.client().set(b"bar", b"kept");
        let set_user = |words: &[&str]| {
            for server in &cluster.servers {
                redis::cmd("ACL").arg("SETUSER").arg("clerk").arg(words).exec(&mut server.connect(None)).unwrap();
            }
        };
        set_user(&["on", ">pw", "+info", "+cluster|nodes", "+cluster|info"]);
        let (to, seed) = (cluster.id(1), cluster.addr(0));
        let args = ["move-slots", &seed, "--slots", "5000-5100", "--to", &to, "--yes", "--method", "classic"];
        let args: Vec<&str> =
            args.into_iter().chain(["--user", "clerk", "--pass", "pw", "--no-auth-warning"]).collect();
        let told = cluster.slotctl(&args).failed().complains("nothing was moved");
        for rules in told.err.split("'ACL SETUSER clerk ").skip(1) {
            set_user(&rules.split('\'').next().unwrap().split(' ').collect::<Vec<_>>());
        }
        // Keys come after commands: servers name the first thing that is missing.
        let told = cluster.slotctl(&args).failed().complains("'ACL SETUSER clerk ~*'");
        assert!(told.err.contains("nothing was moved"), "{told:?}");
        set_user(&["~*"]);
        cluster.slotctl(&args).fine().says("[OK] 101 slots with 1 key were moved");
        cluster.is_whole();
        assert_eq!(cluster.client().get(b"bar").unwrap(), b"kept");
    }
}

/// A master without slots becomes a replica of the one that took the last of them, and drops what it holds.
#[test]
fn the_last_slot_does_not_leave_a_master_that_holds_keys_of_others() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "");
        // Slot 5061, of the first one.
        stray(&cluster, b"bar", 2, 0);
        let (seed, last) = (cluster.addr(0), cluster.id(2));
        let drain = ["drain", &seed, &last, "--yes"];
        let told = cluster.slotctl(&drain).failed().complains("nothing was moved").complains("lose 1 key of slots");
        told.complains("--cluster-search-multiple-owners");
        assert_eq!(cluster.slots(2), 5461);
        // As long as a slot stays, so do the keys.
        cluster.slotctl(&["move-slots", &seed, "--slots", "12000-12010", "--to", &cluster.id(1), "--yes"]).fine();
        cluster.slotctl(&["fix", &seed, "--cluster-search-multiple-owners", "--yes"]);
        cluster.slotctl(&drain).fine();
        cluster.is_whole();
        assert_eq!(cluster.client().get(b"bar").unwrap(), b"stray");
    }
}

#[test]
fn a_password_goes_with_the_keys() {
    let cluster = Cluster::new();
    seed_numbers(&cluster, 500);
    for server in &cluster.servers {
        let mut connection = server.connect(None);
        for name in ["requirepass", "masterauth"] {
            redis::cmd("CONFIG").arg("SET").arg(name).arg("秘 密").exec(&mut connection).unwrap();
        }
    }
    let (seed, env) = (cluster.addr(0), [("REDISCLI_AUTH", "秘 密".as_ref())]);
    let mut env: Vec<(&str, &std::ffi::OsStr)> = env.to_vec();
    env.push(("SLOTDECK_HOME", cluster.home.path().as_os_str()));
    let args = ["move-slots", &seed, "--slots", "0-999", "--to", &cluster.addr(2), "--yes"];
    let ran = slotctl_tools::run(env!("CARGO_BIN_EXE_slotctl"), &args, "", &env).fine();
    ran.says("[OK] 1000 slots with ");
}

#[test]
fn the_plan_is_redis_clis_and_a_no_moves_nothing() {
    let cluster = Cluster::new();
    let (seed, to) = (cluster.addr(0), cluster.id(2));
    for (from, count) in [("all".to_owned(), "101"), (format!("{},{}", cluster.id(1), cluster.id(0)), "77")] {
        let args =
            ["--cluster", "reshard", &seed, "--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", count];
        let plan = |ran: &Ran| -> Vec<String> {
            ran.out.lines().filter(|line| line.starts_with("    Moving slot ")).map(str::to_owned).collect()
        };
        let theirs = redis_cli(&args, "no\n");
        let ours = slotctl_at(cluster.home.path(), &args, "no\n").failed();
        assert_eq!(plan(&ours).len(), plan(&theirs).len());
        // The order of equal sources is chance in redis-cli.
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        assert_eq!(sorted(plan(&ours)), sorted(plan(&theirs)));
        ours.complains("nothing was moved").says("Ready to move ").says("  Resharding plan:\n");
    }
    let args = ["--cluster", "rebalance", &seed, "--cluster-weight", &format!("{to}=2"), "--cluster-simulate"];
    let moving = |ran: &Ran| -> Vec<String> {
        ran.out.lines().filter(|line| line.starts_with("Moving ")).map(str::to_owned).collect()
    };
    let (theirs, ours) = (redis_cli(&args, ""), cluster.slotctl(&args).fine());
    assert_eq!(moving(&ours), moving(&theirs), "{ours:?} {theirs:?}");
    assert_eq!(cluster.slots(2), 5461);
}
