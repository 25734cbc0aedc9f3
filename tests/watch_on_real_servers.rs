//! `slotctl watch` on real servers, where nobody sits at a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use common::{TestServer, wait_until};
use slotctl_tools::{home, slotctl};

fn cluster(n: usize, options: &[&str]) -> (Vec<TestServer>, Vec<String>) {
    let servers: Vec<_> = (0..n).map(|_| TestServer::start_cluster_node("")).collect();
    let addrs: Vec<String> = servers.iter().map(TestServer::addr).collect();
    let mut args = vec!["create", "--cluster-yes"];
    args.extend(addrs.iter().map(String::as_str));
    args.extend(options);
    slotctl(&args, "").fine();
    (servers, addrs)
}

/// Ends the process, however the test ends.
struct Watching(Child);

impl Watching {
    fn begin(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slotctl"));
        command.arg("watch").args(args).arg("--json").env("SLOTDECK_HOME", home());
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn looks_are_told_as_blocks_or_as_lines_of_json() {
    let (servers, addrs) = cluster(3, &[]);
    let text = slotctl(&["watch", &addrs[0], "--count", "2", "--interval", "0.1"], "").fine();
    assert_eq!(text.out.matches("of 16384 slots served").count(), 2, "{text:#?}");
    assert!(text.out.contains("NODE  ") && !text.out.contains('\u{1b}'), "{text:#?}");
    let json = slotctl(&["--cluster", "watch", &addrs[1], "--count", "3", "-i", "0.1", "--json"], "").fine();
    let lines: Vec<serde_json::Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for look in &lines {
        assert_eq!((&look["state"], &look["slots_served"]), (&"ok".into(), &16384.into()), "{look}");
        assert_eq!(look["nodes"].as_array().unwrap().len(), 3);
    }
    slotctl(&["watch", "no-such-cluster", "--count", "1"], "").failed();
    drop(servers);
    slotctl(&["watch", &addrs[0], "--count", "1"], "").failed().complains("Could not connect to Redis at");
}

#[test]
fn a_node_that_dies_is_seen_and_an_idle_cluster_is_idle_though_it_is_watched() {
    let (mut servers, addrs) = cluster(3, &[]);
    let mut watching = Watching::begin(&[&addrs[0], "--interval", "0.2"]);
    let lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let mut looks = lines.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let quiet = |look: &serde_json::Value| look["state"] == "ok" && look["ops_per_sec"] == 0;
    looks.by_ref().take(200).find(quiet).expect("our own questions are not counted");
    servers[2].kill();
    let dead = looks.by_ref().take(200).find(|look| look["state"] == "down").expect("the death is seen");
    let node = dead["nodes"].as_array().unwrap().iter().find(|node| node["addr"] == addrs[2].as_str()).unwrap();
    assert_eq!(node["up"], false, "{node}");
    assert!(dead["slots_served"].as_u64().unwrap() < 16384, "{dead}");
}

#[test]
fn it_ends_well_when_nobody_reads_on() {
    let (_servers, addrs) = cluster(3, &[]);
    for json in [true, false] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slotctl"));
        command.args(["watch", &addrs[0], "--interval", "0.1"]).args(json.then_some("--json"));
        command.env("SLOTDECK_HOME", home()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut watching = Watching(command.spawn().unwrap());
        let mut first = String::new();
        BufReader::new(watching.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let status = wait_until("it ends", || watching.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn json_is_one_object_a_line_from_the_beginning() {
    let ran = slotctl(&["watch", "no-such-cluster", "--json"], "").failed().complains("no-such-cluster");
    assert_eq!((ran.out.lines().count(), ran.json()["ok"].as_bool()), (1, Some(false)), "{ran:#?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_well() {
    let (_servers, addrs) = cluster(3, &[]);
    let mut watching = Watching::begin(&[&addrs[0]]);
    let mut first = String::new();
    BufReader::new(watching.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(Command::new("kill").args(["-INT", &watching.0.id().to_string()]).status().unwrap().success());
    assert_eq!(watching.0.wait().unwrap().code(), Some(0));
}
