//! What Slotdeck writes into a redis.conf is what a real server reads: exactly, and nothing more.

#![allow(clippy::unwrap_used, reason = "a test's helper that fails must fail the test")]

mod common;

use std::collections::BTreeMap;

use common::{TestServer, free_port};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use slotdeck::core::build::Build;
use slotdeck::core::conf::directives::{Known, known};
use slotdeck::core::conf::quote::{check_rewrite, quote};
use slotdeck::core::conf::{mask_password, node_file, password_of, unmask_password};
use slotdeck::core::secret::Secret;
use slotdeck::core::spec::{ClusterSpec, Ports, ServerExe};
use slotdeck::core::version::ServerVersion;

const NASTY: [&str; 14] = [
    "two words",
    " leading and trailing ",
    "say \"hi\"",
    "it's",
    "C:\\temp\\new \\x41",
    "back\\",
    "#hash # note",
    "中文密码",
    "🔑 key",
    "one\nport 1\ntwo",
    "tab\tcr\rbell\u{7}esc\u{1b}del\u{7f}vt\u{b}",
    "\u{feff}bom\u{a0}nbsp\u{85}",
    "' \" '",
    "${HOME} $(id) %s %n",
];

/// The server's settings as it tells them.
fn settings(connection: &mut redis::Connection) -> BTreeMap<String, String> {
    redis::cmd("CONFIG").arg("GET").arg("*").query(connection).unwrap()
}

fn spec_on(port: u16) -> ClusterSpec {
    let program = common::server_program();
    let output = std::process::Command::new(&program).arg("--version").output().unwrap();
    let version = ServerVersion::parse_version_output(&String::from_utf8_lossy(&output.stdout)).unwrap();
    let mut spec = ClusterSpec::new("test", "/nowhere");
    spec.server = Some(ServerExe { path: program, version, build: Build::default() });
    spec.ports = Ports::List(vec![port]);
    spec
}

/// A server that runs on the file of this spec, exactly as it is written.
fn start(spec: &ClusterSpec, port: u16) -> TestServer {
    TestServer::start_with_file(port, &node_file(spec, port).unwrap())
}

#[test]
fn the_default_file_starts_a_cluster_node() {
    let port = free_port();
    let mut server = start(&spec_on(port), port);
    let read = settings(&mut server.connect(None));
    for (name, value) in [
        ("port", port.to_string()),
        ("bind", "127.0.0.1".to_owned()),
        ("protected-mode", "yes".to_owned()),
        ("cluster-enabled", "yes".to_owned()),
        ("cluster-config-file", format!("nodes-{port}.conf")),
        ("cluster-node-timeout", "15000".to_owned()),
        ("appendonly", "yes".to_owned()),
        ("appendfilename", format!("appendonly.{port}.aof")),
        ("logfile", "server.log".to_owned()),
        ("pidfile", "server.pid".to_owned()),
    ] {
        if let Some(read) = read.get(name) {
            assert_eq!(*read, value, "{name}");
        }
    }
    let pid = std::fs::read_to_string(server.dir().join("server.pid")).unwrap();
    assert_eq!(pid.trim().parse::<u32>().ok(), server.pid());
    for name in [format!("nodes-{port}.conf"), "server.log".to_owned()] {
        assert!(server.dir().join(&name).is_file(), "{name}");
    }
    assert!(server.stop(None).success());
}

#[test]
fn a_nasty_password_opens_the_server_and_sets_nothing_else() {
    for password in NASTY {
        let port = free_port();
        let mut spec = spec_on(port);
        let plain = settings(&mut start(&spec, port).connect(None));
        spec.config.password = Secret::new(password);
        let server = start(&spec, port);
        assert!(server.try_connect(Some("wrong")).is_err());
        let mut read = settings(&mut server.connect(Some(password)));
        for name in ["requirepass", "masterauth", "primaryauth"] {
            if let Some(value) = read.get_mut(name) {
                assert_eq!(value, password, "{name}");
                value.clear();
            }
        }
        differs_only_in(&plain, &read, &["dir"]);
    }
}

#[track_caller]
fn differs_only_in(plain: &BTreeMap<String, String>, read: &BTreeMap<String, String>, names: &[&str]) {
    let different: Vec<_> = plain
        .iter()
        .filter(|(name, value)| !names.contains(&name.as_str()) && read.get(*name) != Some(value))
        .collect();
    assert!(different.is_empty(), "also changed: {different:?}");
    assert_eq!(plain.len(), read.len());
}

#[test]
fn a_masked_preview_that_was_edited_starts_with_the_password() {
    let port = free_port();
    let mut spec = spec_on(port);
    spec.config.password = Secret::new("se \"cret\" 密\n");
    let shown = mask_password(&node_file(&spec, port).unwrap());
    assert!(!shown.contains("cret"));
    let edited = shown.replace("cluster-node-timeout 15000", "cluster-node-timeout 7000\nmaxmemory 64mb");
    let server = TestServer::start_with_file(port, &unmask_password(&edited, &spec.config.password).unwrap());
    let read = settings(&mut server.connect(Some(spec.config.password.expose())));
    assert_eq!(read["requirepass"], spec.config.password.expose());
    assert_eq!(read["cluster-node-timeout"], "7000");
    assert_eq!(read["maxmemory"], (64 << 20).to_string());
}

/// Directives that keep any text and mean nothing to a node without TLS, syslog and a master; those that this server
/// and its build know.
fn text_directives() -> Vec<&'static str> {
    let port = free_port();
    let listed = settings(&mut start(&spec_on(port), port).connect(None));
    ["syslog-ident", "masteruser", "tls-ciphers", "tls-ciphersuites"]
        .into_iter()
        .filter(|name| listed.contains_key(*name))
        .collect()
}

/// Random text that is rich in what means something to the server.
fn random_values(count: usize) -> Vec<String> {
    let piece = prop_oneof![
        2 => proptest::sample::select(vec![" ", "\"", "'", "\\", "\n", "\r", "\t", "#", "\\x4", "\nport 1\n", "\u{7}"])
            .prop_map(str::to_owned),
        1 => "[a-zA-Z0-9]{1,5}",
        1 => any::<char>().prop_map(String::from),
    ];
    let value = proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat().replace('\0', ""));
    let mut runner = TestRunner::default();
    std::iter::repeat_with(|| value.new_tree(&mut runner).unwrap().current())
        .filter(|value| !value.is_empty())
        .take(count)
        .collect()
}

#[test]
fn random_values_of_several_directives_read_back_exactly() {
    let names = text_directives();
    let per_run = names.len() + 1;
    let values: Vec<String> = NASTY.iter().map(|nasty| (*nasty).to_owned()).chain(random_values(30)).collect();
    for chunk in values.chunks(per_run) {
        let port = free_port();
        let mut spec = spec_on(port);
        let plain = settings(&mut start(&spec, port).connect(None));
        spec.config.password = Secret::new(chunk[0].clone());
        let lines = names.iter().zip(&chunk[1..]).map(|(name, value)| format!("{name} {}", quote(value).unwrap()));
        spec.config.extra = lines.collect::<Vec<_>>().join("\n");
        let server = start(&spec, port);
        let mut read = settings(&mut server.connect(Some(&chunk[0])));
        assert_eq!(read["requirepass"], chunk[0], "{chunk:?}");
        assert_eq!(read["masterauth"], chunk[0], "{chunk:?}");
        for (name, value) in names.iter().zip(&chunk[1..]) {
            assert_eq!(read[*name], *value, "{name}");
            read.insert((*name).to_owned(), plain[*name].clone());
        }
        differs_only_in(&plain, &read, &["dir", "requirepass", "masterauth", "primaryauth", "primaryuser"]);
    }
}

#[test]
fn values_survive_a_rewrite_and_a_restart() {
    for password in NASTY.iter().map(|nasty| (*nasty).to_owned()).chain(random_values(6)) {
        let port = free_port();
        let mut spec = spec_on(port);
        if check_rewrite(&password, spec.server.as_ref().unwrap().version).is_err() {
            continue;
        }
        spec.config.password = Secret::new(password.clone());
        spec.config.extra = "slowlog-log-slower-than 5000\n# a note\n".to_owned();
        let mut server = start(&spec, port);
        let before = settings(&mut server.connect(Some(&password)));
        for _ in 0..2 {
            redis::cmd("CONFIG").arg("REWRITE").exec(&mut server.connect(Some(&password))).unwrap();
            server.kill();
            server.start_again();
            assert_eq!(settings(&mut server.connect(Some(&password))), before, "{password:?}");
        }
        assert_eq!(
            password_of(&std::fs::read_to_string(server.conf()).unwrap()).map(|s| s.expose().to_owned()),
            Some(password)
        );
    }
}

/// The table's word against the server's own: every setting it lists is known for its version.
#[test]
fn every_setting_of_the_server_is_in_the_table() {
    let port = free_port();
    let spec = spec_on(port);
    let version = spec.server.as_ref().map(|server| server.version);
    let names = settings(&mut start(&spec, port).connect(None));
    // Servers before 7.0 know `watchdog-period` at run time only, not in a file.
    let listed = names.keys().filter(|name| *name != "watchdog-period");
    let missing: Vec<_> = listed.filter(|name| known(name, version) != Known::Yes).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_settings_of_a_full_spec_are_the_servers() {
    let port = free_port();
    let mut spec = spec_on(port);
    spec.config.append_only = false;
    spec.config.node_timeout_ms = 4321;
    spec.config.maxmemory = "64MB".to_owned();
    spec.config.maxmemory_policy = "allkeys-lru".to_owned();
    spec.config.save = Some(vec![(3600, 1), (60, 100)]);
    spec.config.extra = "hz 20\nappendfsync no".to_owned();
    spec.config.extra_by_port.insert(port, "hz 30".to_owned());
    let read = settings(&mut start(&spec, port).connect(None));
    for (name, value) in [
        ("appendonly", "no"),
        ("cluster-node-timeout", "4321"),
        ("maxmemory", "67108864"),
        ("maxmemory-policy", "allkeys-lru"),
        ("save", "3600 1 60 100"),
        ("hz", "30"),
        ("appendfsync", "no"),
    ] {
        assert_eq!(read[name], value, "{name}");
    }
    spec.config.save = Some(Vec::new());
    assert_eq!(settings(&mut start(&spec, port).connect(None))["save"], "");
}
