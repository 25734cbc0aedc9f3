//! What moving slots key by key rests upon: while a slot is open at its owner, no key comes up there that was not there
//! before. So a slot that was seen empty stays empty until it is handed over, whatever clients do meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod fix_tools;
mod slotctl_tools;

use common::cached_server;
use fix_tools::{Cluster, SLOT, TAG, servers};

/// Every way known to write a key that is not there, in words of a script or of clients; `{}` is the slot's tag. `old`,
/// `list` and `set` may be there.
const WAYS: [(&str, &[&str]); 22] = [
    ("a plain write", &["SET {}new x"]),
    ("after ASKING, which only a target heeds", &["ASKING", "SET {}new x"]),
    ("a transaction", &["MULTI", "SET {}new x", "EXEC"]),
    ("a transaction that also uses a key that is there", &["MULTI", "GET {}old", "SET {}new x", "EXEC"]),
    ("a new name", &["RENAME {}old {}new"]),
    ("a new name, if it is free", &["RENAMENX {}old {}new"]),
    ("a copy", &["COPY {}old {}new"]),
    ("several at once", &["MSET {}old x {}new x"]),
    ("a sorted list", &["SORT {}list STORE {}new"]),
    ("a union", &["SUNIONSTORE {}new {}set {}set"]),
    ("a push from list to list", &["RPOPLPUSH {}list {}new"]),
    ("a move from set to set", &["SMOVE {}set {}new member"]),
    ("bits", &["BITOP OR {}new {}old {}old"]),
    ("a count", &["INCR {}new"]),
    ("a payload", &["RESTORE {}new 0 PAYLOAD"]),
    ("a payload as MIGRATE sends it", &["RESTORE-ASKING {}new 0 PAYLOAD"]),
    ("a script that names the key", &["EVAL return(redis.call('set',KEYS[1],'x')) 1 {}new"]),
    ("a script that names another key", &["EVAL return(redis.call('set','{}new','x')) 1 {}old"]),
    ("a script that names none", &["EVAL return(redis.call('set','{}new','x')) 0"]),
    (
        "a script that may cross slots",
        &["EVAL #!lua\u{a0}flags=allow-cross-slot-keys\nreturn(redis.call('set','{}new','x')) 0"],
    ),
    ("a script that deletes first", &["EVAL redis.call('del',KEYS[1])return(redis.call('set','{}new','x')) 1 {}old"]),
    ("a stream's group", &["XGROUP CREATE {}new group $ MKSTREAM"]),
];

/// Sends the words over one connection, and does not mind refusals.
fn attempt(cluster: &Cluster, server: usize, lines: &[&str], payload: &[u8]) {
    let mut connection = cluster.servers[server].connect(None);
    for line in lines {
        let mut command = redis::Cmd::new();
        for word in line.replace("{}", &format!("{{{TAG}}}")).split(' ') {
            // A no-break space stands for one within a word.
            let word = word.replace('\u{a0}', " ");
            command.arg(if word == "PAYLOAD" { payload } else { word.as_bytes() });
        }
        let _: redis::RedisResult<redis::Value> = command.query(&mut connection);
    }
}

fn held(cluster: &Cluster) -> String {
    cluster.call(0, &["CLUSTER", "COUNTKEYSINSLOT", &SLOT.to_string()])
}

fn is_refused(cluster: &Cluster, payload: &[u8], what: &str) {
    let new = format!("{{{TAG}}}new");
    let mut connection = cluster.servers[0].connect(None);
    for (way, lines) in WAYS {
        attempt(cluster, 0, lines, payload);
        let keys: Vec<String> =
            redis::cmd("CLUSTER").arg("GETKEYSINSLOT").arg(SLOT).arg(10).query(&mut connection).unwrap();
        assert!(!keys.contains(&new), "{what}: {way} made {new}");
    }
}

#[test]
fn no_key_comes_up_in_a_slot_that_is_open_at_its_owner() {
    let older = ["redis-3.2", "redis-5.0", "redis-7.4"].into_iter().filter_map(|n| Some((n, cached_server(n)?)));
    for (name, program) in servers().into_iter().chain(older) {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program);
        let key = |name: &str| format!("{{{TAG}}}{name}");
        let fill = || {
            attempt(&cluster, 0, &["SET {}old 1", "RPUSH {}list 3 1 2", "SADD {}set member other"], b"");
        };
        fill();
        let mut connection = cluster.servers[0].connect(None);
        let payload: Vec<u8> = redis::cmd("DUMP").arg(key("old")).query(&mut connection).unwrap();
        // One that waits for a list from before, and would push what comes to another one.
        let waits = cluster.servers[0].connect(None);
        let (from, to) = (key("awaited"), key("new"));
        let wait = move || {
            let mut waits = waits;
            let _: redis::RedisResult<redis::Value> =
                redis::cmd("BRPOPLPUSH").arg(from).arg(to).arg(0).query(&mut waits);
        };
        let waiting = std::thread::Builder::new().name("waiting".to_owned()).spawn(wait).unwrap();
        common::wait_until("it waits", || {
            let info = cluster.call(0, &["INFO", "clients"]);
            info.contains("blocked_clients:1").then_some(())
        });
        cluster.setslot(1, SLOT, &["IMPORTING", &cluster.id(0)]);
        cluster.setslot(0, SLOT, &["MIGRATING", &cluster.id(1)]);
        assert_eq!(held(&cluster), "3", "{name}");
        is_refused(&cluster, &payload, name);
        // What was awaited can't come either; a key that goes and comes back in one stroke is one that is there.
        attempt(&cluster, 0, &["RENAME {}list {}awaited", "LPUSH {}awaited x"], b"");
        attempt(&cluster, 0, &["MULTI", "DEL {}set", "SADD {}set again", "EXEC"], b"");
        // Some of the ways have used up what they could.
        let left: usize = held(&cluster).parse().unwrap();
        assert!(left <= 3, "{name}");
        attempt(&cluster, 0, &["DEL {}old", "DEL {}list", "DEL {}set"], b"");
        assert_eq!(held(&cluster), "0", "{name}");
        is_refused(&cluster, &payload, name);
        fill();
        // A third one sends a key of its own there.
        cluster.setslot(2, SLOT, &["IMPORTING", &cluster.id(0)]);
        attempt(&cluster, 2, &["ASKING", "SET {}new x"], b"");
        let port = cluster.servers[0].port();
        attempt(&cluster, 2, &[&format!("MIGRATE 127.0.0.1 {port} {{}}new 0 1000")], b"");
        assert_eq!(held(&cluster), "0", "{name}");
        cluster.setslot(1, SLOT, &["NODE", &cluster.id(1)]);
        cluster.setslot(0, SLOT, &["NODE", &cluster.id(1)]);
        assert_eq!(held(&cluster), "0", "{name}");
        // Servers send it away sooner or later.
        attempt(&cluster, 0, &["CLIENT KILL TYPE normal"], b"");
        waiting.join().unwrap();
    }
}
