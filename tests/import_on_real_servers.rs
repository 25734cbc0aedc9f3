//! Keys of a server that is no cluster come into one: all types, moved or copied, past what is in the way, and never lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod data_tools;
mod slotctl_tools;

use std::collections::BTreeMap;
use std::path::Path;

use common::{TestServer, cached_server, server_program};
use data_tools::{Masters, contents, every_type, groups_and_fields, send, servers, version};
use slotctl_tools::{Ran, slotctl};

const VERSIONS: [&str; 6] = ["redis-3.2", "redis-6.2", "redis-8.0", "redis-newest", "valkey-8.0", "valkey-newest"];

type Held = BTreeMap<Vec<u8>, String>;

/// A server with every type in it.
fn source(program: &Path, extra: &str, password: Option<&str>) -> TestServer {
    let server = TestServer::start_of(program, &format!("save \"\"\n{extra}"));
    let mut connection = server.connect(password);
    for command in every_type(version(&mut connection)) {
        send(&mut connection, &command);
    }
    groups_and_fields(&mut connection, |_| true);
    server
}

fn import(cluster: &Masters, source: &TestServer, more: &[&str]) -> Ran {
    let (to, from) = (cluster.addr(), source.addr());
    let args: Vec<&str> =
        ["--cluster", "import", &to, "--cluster-from", &from].into_iter().chain(more.iter().copied()).collect();
    slotctl(&args, "")
}

#[track_caller]
fn same(one: &Held, other: &Held, what: &str) {
    let differing: Vec<String> = one
        .iter()
        .filter(|(key, value)| other.get(*key) != Some(value))
        .map(|(key, value)| format!("{}: {value:.300} and {:.300?}", key.escape_ascii(), other.get(key)))
        .collect();
    assert!(
        differing.is_empty() && one.len() == other.len(),
        "{what}: {} and {}, {differing:#?}",
        one.len(),
        other.len()
    );
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn all_types_move_whatever_the_version() {
    for (name, program) in servers(&VERSIONS) {
        let source = source(&program, "", None);
        let before = contents(&mut source.connect(None));
        let cluster = Masters::new(&program, 3, "");
        let ran = import(&cluster, &source, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}: {ran:#?}");
        let ran = ran.says(&format!("*** Importing {} keys from DB 0", before.len()));
        ran.says(">>> Importing data from ").says("sent by the source itself (MIGRATE)");
        same(&before, &cluster.contents(), &name);
        assert!(contents(&mut source.connect(None)).is_empty(), "{name}: they have left the source");
    }
}

#[test]
fn users_who_may_not_import_are_told_so_before_anything_is_sent() {
    for (name, program) in servers(&["redis-newest", "valkey-newest"]) {
        let source = source(&program, "", None);
        let before = contents(&mut source.connect(None));
        let cluster = Masters::new(&program, 3, "");
        let all = |rules: &[&str]| {
            for mut connection in cluster.connections().into_iter().chain([source.connect(None)]) {
                redis::cmd("ACL").arg("SETUSER").arg("clerk").arg(rules).exec(&mut connection).unwrap();
            }
        };
        all(&["on", ">pw", "~*", "+@all", "-restore", "-scan", "-migrate", "-del"]);
        if name.starts_with("valkey") {
            all(&["alldbs"]);
        }
        let login = ["--user", "clerk", "--pass", "pw", "--no-auth-warning"];
        let theirs = ["--cluster-from-user", "clerk", "--cluster-from-pass", "pw"];
        let more: Vec<&str> = login.into_iter().chain(theirs).collect();
        let told = import(&cluster, &source, &more).failed();
        let told = told.complains("'ACL SETUSER clerk +scan'").complains("'ACL SETUSER clerk +del'");
        told.complains("'ACL SETUSER clerk +restore'");
        same(&before, &contents(&mut source.connect(None)), &name);
        assert!(cluster.contents().is_empty(), "{name}");
        // Without MIGRATE keys go through here.
        all(&["+scan", "+restore", "+del"]);
        import(&cluster, &source, &more).fine();
        same(&before, &cluster.contents(), &name);
    }
}

#[test]
fn copies_stay_at_the_source_and_the_same_again_finds_them() {
    let source = source(&server_program(), "", None);
    let before = contents(&mut source.connect(None));
    let cluster = Masters::new(&server_program(), 3, "");
    let first = import(&cluster, &source, &["--cluster-copy", "--json", "--yes"]).fine().json();
    assert_eq!((first["keys"].as_u64(), first["same"].as_u64()), (Some(before.len() as u64), Some(0)), "{first}");
    same(&before, &contents(&mut source.connect(None)), "the source");
    same(&before, &cluster.contents(), "the cluster");
    let again = import(&cluster, &source, &["--cluster-copy", "--json", "--yes"]).fine().json();
    assert_eq!((again["keys"].as_u64(), again["same"].as_u64()), (Some(0), Some(before.len() as u64)));
    // Where some are there, the others alone are counted as copied.
    cluster.run(&[words(&["DEL", "plain"])]);
    let part = import(&cluster, &source, &["--cluster-copy", "--json", "--yes"]).fine().json();
    assert_eq!((part["keys"].as_u64(), part["same"].as_u64()), (Some(1), Some(before.len() as u64 - 1)), "{part}");
    // And a move after it takes them away from the source.
    import(&cluster, &source, &[]).fine();
    same(&before, &cluster.contents(), "the cluster at the end");
    assert!(contents(&mut source.connect(None)).is_empty());
}

#[test]
fn keys_in_the_way_are_named_and_left_on_both_sides_unless_told() {
    for direct in [true, false] {
        let source = source(&server_program(), if direct { "" } else { "rename-command MIGRATE \"\"\n" }, None);
        let before = contents(&mut source.connect(None));
        let cluster = Masters::new(&server_program(), 3, "");
        cluster.run(&[words(&["SET", "plain", "the cluster's"]), words(&["SET", "only here", "stays"])]);
        let ran = import(&cluster, &source, &[]).failed();
        ran.complains("[ERR] 1 key is in the way with another value").complains("plain");
        let left = contents(&mut source.connect(None));
        assert_eq!(left.keys().collect::<Vec<_>>(), [b"plain"], "all others have moved");
        assert!(cluster.contents()[&b"plain"[..]].contains("the cluster's"));
        import(&cluster, &source, &["--cluster-replace"]).fine();
        let mut held = cluster.contents();
        assert!(held.remove(&b"only here"[..]).is_some());
        same(&before, &held, "with --cluster-replace");
        assert!(contents(&mut source.connect(None)).is_empty());
    }
}

#[test]
fn passwords_on_both_sides() {
    let source = source(&server_program(), "requirepass von\n", Some("von"));
    let before = contents(&mut source.connect(Some("von")));
    let cluster = Masters::with_password(&server_program(), 3, "nach");
    import(&cluster, &source, &["-a", "nach", "--no-auth-warning"]).failed().complains("NOAUTH");
    let ran = import(&cluster, &source, &["-a", "nach", "--cluster-from-pass", "von", "--no-auth-warning"]).fine();
    let ran = ran.says("sent by the source itself");
    assert!(!ran.out.contains("nach") && !ran.out.contains("von\n"), "{ran:#?}");
    same(&before, &cluster.contents(), "the cluster");
}

#[test]
fn what_the_source_cannot_send_goes_through_us() {
    // No MIGRATE at all; and one that may not log in at the target (before 4.0.7 it can't).
    let old = cached_server("redis-3.2");
    let programs =
        [Some((server_program(), "rename-command MIGRATE \"\"\n", None)), old.map(|old| (old, "", Some("pw")))];
    for (program, extra, password) in programs.into_iter().flatten() {
        for copy in [true, false] {
            let source = source(&program, extra, None);
            let before = contents(&mut source.connect(None));
            let cluster = match password {
                Some(password) => Masters::with_password(&server_program(), 3, password),
                None => Masters::new(&server_program(), 3, ""),
            };
            let mut more = if copy { vec!["--cluster-copy"] } else { vec![] };
            if let Some(password) = password {
                more.extend(["-a", password, "--no-auth-warning"]);
            }
            import(&cluster, &source, &more).fine().says("read and sent from here (DUMP, RESTORE)");
            same(&before, &cluster.contents(), "the cluster");
            assert_eq!(contents(&mut source.connect(None)).len(), if copy { before.len() } else { 0 });
        }
    }
}

#[test]
fn other_databases_are_named_and_go_where_they_fit() {
    let source = source(&server_program(), "", None);
    let mut connection = source.connect(None);
    redis::cmd("SELECT").arg(3).exec(&mut connection).unwrap();
    send(&mut connection, &words(&["SET", "third", "3"]));
    let cluster = Masters::new(&server_program(), 3, "");
    import(&cluster, &source, &[]).failed().complains("databases 3 (1 key)").complains("--from-db");
    assert!(cluster.contents().is_empty());
    import(&cluster, &source, &["--from-db", "3"]).fine().says("*** Importing 1 keys from DB 3 into DB 0");
    assert_eq!(cluster.contents().into_keys().collect::<Vec<_>>(), [b"third"]);
    import(&cluster, &source, &["--from-db", "0"]).fine();
    let Some(valkey) = cached_server("valkey-newest") else { return };
    let source = TestServer::start_of(&valkey, "save \"\"\n");
    let mut connection = source.connect(None);
    for db in [0, 2] {
        redis::cmd("SELECT").arg(db).exec(&mut connection).unwrap();
        send(&mut connection, &words(&["SET", "here", &db.to_string()]));
    }
    let cluster = Masters::new(&valkey, 3, "cluster-databases 4\n");
    import(&cluster, &source, &[]).fine();
    let mut values = Vec::new();
    for db in [0, 2] {
        for connection in &mut cluster.connections() {
            redis::cmd("SELECT").arg(db).exec(connection).unwrap();
            if let Ok(value) = redis::cmd("GET").arg("here").query::<String>(connection) {
                values.push(value);
            }
        }
    }
    assert_eq!(values, ["0", "2"]);
}

#[test]
fn an_empty_source_a_missing_one_and_a_cluster_node() {
    let cluster = Masters::new(&server_program(), 3, "");
    let empty = TestServer::start_of(&server_program(), "save \"\"\n");
    import(&cluster, &empty, &[]).fine().says("*** Importing 0 keys from DB 0").says("[OK] 0 keys were moved");
    slotctl(&["--cluster", "import", &cluster.addr()], "")
        .failed()
        .complains("[ERR] Option '--cluster-from' is required for subcommand 'import'.");
    slotctl(&["--cluster", "import", &cluster.addr(), "--cluster-from", "nonsense"], "")
        .failed()
        .complains("[ERR] Invalid --cluster-from host.");
    let node = TestServer::start_cluster_node("");
    import(&cluster, &node, &[]).failed().complains("[ERR] The source node should not be a cluster node.");
}

#[test]
fn an_older_cluster_refuses_and_the_source_keeps_its_keys() {
    let Some(newest) = cached_server("redis-newest") else { return };
    let source = source(&newest, "", None);
    let before = contents(&mut source.connect(None));
    let cluster = Masters::new(&server_program(), 3, "");
    import(&cluster, &source, &[]).failed().complains("does not read what");
    same(&before, &contents(&mut source.connect(None)), "the source");
    assert!(cluster.contents().is_empty());
}

#[cfg(unix)]
#[test]
fn the_same_again_finishes_what_was_stopped_or_killed() {
    ["-INT", "-KILL"].into_iter().for_each(stopped_by);
}

#[cfg(unix)]
fn stopped_by(signal: &str) {
    use std::process::{Command, Stdio};
    let source = source(&server_program(), "", None);
    let mut connection = source.connect(None);
    for i in 0..60 {
        let mut command = words(&["MSET"]);
        for j in 0..1000 {
            command.extend(words(&[&format!("many:{i}:{j}"), "value"]));
        }
        send(&mut connection, &command);
    }
    let before: u64 = redis::cmd("DBSIZE").query(&mut connection).unwrap();
    let cluster = Masters::new(&server_program(), 3, "");
    let sizes = |cluster: &Masters| -> u64 {
        cluster.connections().iter_mut().map(|c| redis::cmd("DBSIZE").query::<u64>(c).unwrap()).sum()
    };
    let child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(["import", &cluster.addr(), "--cluster-from", &source.addr(), "--cluster-pipeline", "2", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::wait_until("no key has come", || (sizes(&cluster) > 500).then_some(()));
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    if signal == "-INT" {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("the same command goes on"), "{output:?}");
    }
    let mut left = || redis::cmd("DBSIZE").query::<u64>(&mut connection).unwrap();
    assert!(left() > 0, "it was too fast to be stopped");
    // What a killed one had asked for may still be done.
    common::wait_until("none is lost, none is there twice", || (left() + sizes(&cluster) == before).then_some(()));
    import(&cluster, &source, &["--yes"]).fine();
    assert_eq!(sizes(&cluster), before);
    assert_eq!(redis::cmd("DBSIZE").query::<u64>(&mut connection).unwrap(), 0);
}
