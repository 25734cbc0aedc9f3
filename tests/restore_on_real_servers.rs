//! What was backed up comes back: into clusters of another size and of newer servers, or not at all and with the reason.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod data_tools;
mod slotctl_tools;

use std::collections::BTreeMap;
use std::path::Path;

use common::{cached_server, server_program};
use data_tools::{AT_ONCE, Masters, VERSIONS, backup, contents, filled, servers};
use slotctl_tools::{Ran, redis_cli, slotctl};

fn restore(dir: &Path, cluster: &Masters, more: &[&str]) -> Ran {
    let (dir, addr) = (dir.to_str().unwrap(), cluster.addr());
    let args: Vec<&str> = ["restore", dir, &addr, "--yes"].into_iter().chain(more.iter().copied()).collect();
    slotctl(&args, "")
}

#[track_caller]
fn hold_the_same(one: &Masters, other: &Masters, what: &str) {
    let (one, other) = (one.contents(), other.contents());
    let differing: Vec<String> = one
        .iter()
        .filter(|(key, value)| other.get(*key) != Some(value))
        .map(|(key, value)| format!("{}: {value:.300} and {:.300?}", key.escape_ascii(), other.get(key)))
        .collect();
    assert!(differing.is_empty() && one.len() == other.len(), "{what}: {differing:#?}");
}

#[test]
fn three_masters_come_back_as_five_whatever_the_version() {
    for (name, program) in servers(&VERSIONS) {
        let old = filled(&program, 3, AT_ONCE);
        let dir = tempfile::tempdir().unwrap();
        backup(&old, dir.path(), &[]).fine();
        let new = Masters::new(&program, 5, "");
        let ran = restore(dir.path(), &new, &["--json"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}: {ran:#?}");
        let json = ran.json();
        assert_eq!(json["found"], json["keys"], "{name}");
        assert!(json["sampled"].as_u64().unwrap() > 15, "{name}");
        hold_the_same(&old, &new, &name);
    }
}

#[test]
fn newer_servers_take_backups_of_older_ones() {
    let pairs = [
        ("redis-3.2", "own"),
        ("redis-6.2", "redis-newest"),
        ("own", "redis-8.0"),
        ("own", "valkey-newest"),
        ("redis-7.4", "redis-newest"),
        ("valkey-8.1", "valkey-newest"),
    ];
    let program = |name: &str| if name == "own" { Some(server_program()) } else { cached_server(name) };
    for (from, to) in pairs {
        let (Some(source), Some(target)) = (program(from), program(to)) else { continue };
        let old = filled(&source, 3, AT_ONCE);
        let dir = tempfile::tempdir().unwrap();
        backup(&old, dir.path(), &[]).fine();
        let new = Masters::new(&target, 3, "");
        let ran = restore(dir.path(), &new, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{from} to {to}: {ran:#?}");
        hold_the_same(&old, &new, &format!("{from} to {to}"));
    }
}

#[test]
fn a_user_who_may_not_restore_is_told_so_before_anything_is_written() {
    for (name, program) in servers(&["redis-newest", "valkey-newest"]) {
        let old = filled(&program, 3, AT_ONCE);
        let dir = tempfile::tempdir().unwrap();
        backup(&old, dir.path(), &[]).fine();
        let new = Masters::new(&program, 3, "");
        let rules = |rules: &[&str]| {
            for mut connection in new.connections() {
                redis::cmd("ACL").arg("SETUSER").arg("clerk").arg(rules).exec(&mut connection).unwrap();
            }
        };
        rules(&["on", ">pw", "~*", "+@all", "-restore", "-pttl"]);
        if name.starts_with("valkey") {
            rules(&["alldbs"]);
        }
        let login = ["--user", "clerk", "--pass", "pw", "--no-auth-warning"];
        let told = restore(dir.path(), &new, &login).failed();
        told.complains("the user 'clerk' may not use RESTORE, PTTL").complains("'ACL SETUSER clerk +restore +pttl'");
        assert!(new.contents().is_empty(), "{name}");
        rules(&["+restore", "+pttl"]);
        restore(dir.path(), &new, &login).fine();
        hold_the_same(&old, &new, &name);
    }
}

#[test]
fn older_servers_refuse_before_anything_is_written() {
    let Some(newest) = cached_server("redis-newest") else { return };
    let old = filled(&newest, 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 3, "");
    restore(dir.path(), &new, &[]).failed().complains("Nothing was restored").complains("does not read RDB version");
    assert!(new.contents().is_empty());
}

#[test]
fn an_old_copy_on_a_master_that_does_not_own_its_slot_never_wins() {
    let old = Masters::new(&server_program(), 3, AT_ONCE);
    let mut connections = old.connections();
    let ids: Vec<String> =
        connections.iter_mut().map(|c| redis::cmd("CLUSTER").arg("MYID").query(c).unwrap()).collect();
    // Slot 5061 is the first master's; the others hold keys of it from an unlucky past.
    let setslot = |c: &mut redis::Connection, rest: [&str; 2]| {
        let rest: Vec<&str> = rest.into_iter().filter(|word| !word.is_empty()).collect();
        redis::cmd("CLUSTER").arg("SETSLOT").arg(5061).arg(rest).exec(c).unwrap();
    };
    let set = |c: &mut redis::Connection, key: &str, value: &str| {
        redis::pipe().cmd("ASKING").cmd("SET").arg(key).arg(value).exec(c).unwrap();
    };
    set(&mut connections[0], "{bar}1", "right");
    set(&mut connections[0], "{bar}2", "right");
    for (at, key) in [(1, "{bar}1"), (2, "{bar}2"), (2, "{bar}only")] {
        setslot(&mut connections[at], ["IMPORTING", &ids[0]]);
        set(&mut connections[at], key, "old");
        setslot(&mut connections[at], ["STABLE", ""]);
    }
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).failed().complains("holds 2 keys of slots that it does not own");
    for more in [&[][..], &["--cluster-replace"]] {
        let new = Masters::new(&server_program(), 4, "");
        let ran = restore(dir.path(), &new, more).out;
        assert!(ran.contains("[OK] 3 keys were restored"), "{ran}");
        let contents = new.contents();
        let found: Vec<(String, bool)> =
            contents.iter().map(|(key, value)| (key.escape_ascii().to_string(), value.contains("right"))).collect();
        let wanted = [("{bar}1", true), ("{bar}2", true), ("{bar}only", false)];
        assert_eq!(found, wanted.map(|(key, right)| (key.to_owned(), right)));
    }
}

#[test]
fn functions_come_back_on_every_master() {
    let old = Masters::new(&server_program(), 3, AT_ONCE);
    let code = "#!lua name=mine\nredis.register_function('hello', function() return 'hi' end)";
    for connection in &mut old.connections() {
        redis::cmd("FUNCTION").arg("LOAD").arg(code).exec(connection).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 4, "");
    restore(dir.path(), &new, &[]).fine();
    for connection in &mut new.connections() {
        let said: String = redis::cmd("FCALL").arg("hello").arg(0).query(connection).unwrap();
        assert_eq!(said, "hi");
    }
}

#[test]
fn a_damaged_backup_is_refused_before_anything_is_written() {
    let old = filled(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 3, "");
    let file =
        dir.path().read_dir().unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().unwrap() == "rdb").unwrap();
    let whole = std::fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    // A bit in the middle may belong to a length: then the file seems to end too early.
    let (middle, end) = (flipped(whole.len() / 2), flipped(whole.len() - 1));
    for (bad, why) in [
        (&whole[..whole.len() / 2], "cut off"),
        (&middle, "Nothing was restored"),
        (&end, "it is damaged"),
        (b"not an RDB", "no RDB file"),
    ] {
        std::fs::write(&file, bad).unwrap();
        restore(dir.path(), &new, &[]).failed().complains("Nothing was restored").complains(why);
    }
    // Another master's whole file under this name.
    let other = dir.path().read_dir().unwrap().map(|e| e.unwrap().path());
    let other = other.filter(|p| p.extension().unwrap() == "rdb").find(|p| *p != file).unwrap();
    std::fs::copy(&other, &file).unwrap();
    restore(dir.path(), &new, &[]).failed().complains("is not the file that was backed up");
    std::fs::remove_file(&file).unwrap();
    restore(dir.path(), &new, &[]).failed().complains("can't be read");
    assert!(new.contents().is_empty());
    std::fs::write(&file, whole).unwrap();
    restore(dir.path(), &new, &[]).fine();
    hold_the_same(&old, &new, "the repaired backup");
}

#[test]
fn a_cluster_with_keys_is_left_alone_unless_told() {
    let old = filled(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 3, "");
    let set = |key: &str, value: &str| new.run(&[["SET", key, value].map(|word| word.as_bytes().to_vec()).to_vec()]);
    set("plain", "another value");
    set("only here", "stays");
    restore(dir.path(), &new, &[]).failed().complains(" keys already").complains("--cluster-replace");
    assert_eq!(new.contents().len(), 2);
    restore(dir.path(), &new, &["--cluster-replace"]).fine().says("those of the same names are overwritten");
    let mut held = new.contents();
    assert!(held.remove(&b"only here"[..]).is_some());
    assert!(held == old.contents());
    // Twice is as good as once.
    restore(dir.path(), &new, &["--cluster-replace"]).fine();
}

#[test]
fn an_empty_backup_and_passwords_on_both_sides() {
    let old = Masters::with_password(&server_program(), 3, "eins");
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &["-a", "eins", "--no-auth-warning", "-t", "10"]).fine();
    let new = Masters::with_password(&server_program(), 3, "zwei");
    restore(dir.path(), &new, &[]).failed();
    restore(dir.path(), &new, &["-a", "zwei", "--no-auth-warning"]).fine().says("[OK] 0 keys were restored");
}

#[test]
fn a_backup_by_redis_cli_is_restored_too() {
    let old = filled(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    let ran = redis_cli(&["--cluster", "backup", &old.addr(), dir.path().to_str().unwrap()], "");
    assert_eq!(ran.code, 0, "{ran:#?}");
    let new = Masters::new(&server_program(), 3, "");
    restore(dir.path(), &new, &[]).fine();
    hold_the_same(&old, &new, "redis-cli's backup");
}

#[test]
fn the_question_is_asked_and_plan_sends_nothing() {
    let old = filled(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 3, "");
    let (folder, addr) = (dir.path().to_str().unwrap().to_owned(), new.addr());
    let planned = slotctl(&["plan", "restore", &folder, &addr, "--json"], "").fine();
    assert_eq!(planned.json()["masters"].as_array().unwrap().len(), 3);
    slotctl(&["restore", &folder, &addr], "no\n").failed().complains("nothing was restored");
    assert!(new.contents().is_empty());
    slotctl(&["restore", &folder, &addr], "yes\n").fine().says(" gets ");
}

#[test]
fn a_plan_sends_nothing_that_a_server_could_take_for_a_write() {
    let old = filled(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let new = Masters::new(&server_program(), 3, "");
    for connection in &mut new.connections() {
        redis::cmd("CONFIG").arg("RESETSTAT").exec(connection).unwrap();
    }
    slotctl(&["plan", "restore", dir.path().to_str().unwrap(), &new.addr()], "").fine().says("Nothing was sent");
    for connection in &mut new.connections() {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(connection).unwrap();
        for verb in ["restore", "del", "set", "function|load"] {
            assert!(!stats.contains(&format!("cmdstat_{verb}:")), "{stats}");
        }
    }
}

#[test]
fn empty_servers_are_made_a_cluster_first() {
    for (name, program) in servers(&["redis-3.2", "redis-newest", "valkey-newest"]) {
        let old = filled(&program, 3, AT_ONCE);
        let dir = tempfile::tempdir().unwrap();
        backup(&old, dir.path(), &[]).fine();
        let new = Masters::unformed(&program, 8, AT_ONCE, None);
        let addrs: Vec<String> = new.servers.iter().map(common::TestServer::addr).collect();
        let args = |more: &[&'static str]| -> Vec<String> {
            let own = ["restore", dir.path().to_str().unwrap(), "--cluster-replicas", "1"];
            let words = own.into_iter().map(str::to_owned).chain(addrs.iter().cloned());
            words.chain(more.iter().map(|word| (*word).to_owned())).collect()
        };
        let plan: Vec<String> = std::iter::once("plan".to_owned()).chain(args(&["--json"])).collect();
        let json = slotctl(&plan, "").fine().json();
        assert_eq!(json["creation"]["nodes"].as_array().unwrap().len(), 8, "{name}: {json}");
        let shares = json["masters"].as_array().unwrap();
        let sum: u64 = shares.iter().map(|share| share["keys"].as_u64().unwrap()).sum();
        assert_eq!((shares.len(), json["keys"].as_u64()), (4, Some(sum)), "{name}: {json}");
        slotctl(&args(&[]), "no\n").failed().says("Master[3] -> Slots").complains("nothing was sent");
        let ran = slotctl(&args(&["--yes"]), "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}: {ran:#?}");
        ran.says("[OK] All 16384 slots covered.").says(" were read back and are the same.");
        let masters = slotctl(&["info", &addrs[0]], "").fine().out.matches("slots |").count();
        assert_eq!(masters, 4, "{name}");
        let is_master = |connection: &mut redis::Connection| {
            let role: Vec<redis::Value> = redis::cmd("ROLE").query(connection).unwrap();
            role[0] == redis::Value::BulkString(b"master".to_vec())
        };
        let mut connections = new.connections();
        let held: BTreeMap<_, _> =
            connections.iter_mut().filter_map(|c| is_master(c).then(|| contents(c))).flatten().collect();
        assert!(held == old.contents(), "{name}");
    }
}

#[test]
fn too_few_servers_that_are_no_cluster_yet_are_told_how_to_become_one() {
    let old = Masters::new(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    backup(&old, dir.path(), &[]).fine();
    let alone = common::TestServer::start_cluster_node("");
    slotctl(&["restore", dir.path().to_str().unwrap(), &alone.addr(), "--yes"], "")
        .failed()
        .complains("Name at least 3 empty servers")
        .complains("slotctl create");
    // One of another cluster among them is refused, and no other is touched.
    let (one, two) = (common::TestServer::start_cluster_node(""), common::TestServer::start_cluster_node(""));
    let args = ["restore", dir.path().to_str().unwrap(), &alone.addr(), &one.addr(), &old.addr(), &two.addr(), "--yes"];
    slotctl(&args, "").failed().says(&format!("[ERR] Node {} is not empty.", old.addr()));
    let empty = tempfile::tempdir().unwrap();
    slotctl(&["restore", empty.path().to_str().unwrap(), &old.addr(), "--yes"], "")
        .failed()
        .complains("holds no backup");
}
