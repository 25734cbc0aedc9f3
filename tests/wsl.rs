//! Clusters of servers inside WSL, through a program that stands in for `wsl.exe` (see it for what it does): the real
//! slotctl, real servers, and in between what only Windows has otherwise.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use common::free_port_run;
use slotctl_tools::{Ran, redis_cli, run};

const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wsl/wsl");

/// A workspace of one test on a Windows of its own; what it launched ends with it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("it's WSL 集群 ").tempdir().unwrap())
    }

    fn run(&self, args: &[&str]) -> Ran {
        let log = self.log();
        let env: [(&str, &OsStr); 3] = [
            ("SLOTDECK_HOME", self.0.path().as_os_str()),
            ("SLOTDECK_WSL", STAND_IN.as_ref()),
            ("WSL_STAND_IN_LOG", log.as_os_str()),
        ];
        run(env!("CARGO_BIN_EXE_slotctl"), args, "", &env)
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("wsl.log")
    }

    /// What was asked of WSL since the last call.
    fn asked(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        std::fs::remove_file(self.log()).ok();
        text
    }

    fn up(&self, port: u16) -> Ran {
        let (port, server) = (port.to_string(), inside());
        self.run(&["up", "demo", "--yes", "--server", &server, "--port", &port, "--node-timeout", "2000"])
    }

    fn node_dir(&self, port: u16) -> PathBuf {
        self.0.path().join("clusters/demo").join(port.to_string())
    }

    /// The process that Slotdeck has on record.
    fn recorded(&self, port: u16) -> u64 {
        let note = std::fs::read(self.node_dir(port).join(".slotdeck-server")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&note).unwrap()["pid"].as_u64().unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["down", "demo", "--wipe", "--yes"]);
    }
}

/// The real server's path, as Windows would name it.
fn inside() -> String {
    let server = which::which("redis-server").unwrap();
    format!(r"\\wsl.localhost\Ubuntu{}", server.display().to_string().replace('/', "\\"))
}

fn own_pid(node_dir: &Path) -> u64 {
    std::fs::read_to_string(node_dir.join("server.pid")).unwrap().trim().parse().unwrap()
}

#[track_caller]
fn nobody_listens(port: u16) {
    for port in port..port + 6 {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn servers_inside_are_found_and_stopped_distributions_sleep_on() {
    let home = Home::new();
    let found = home.run(&["servers", "--json"]);
    let found = found.json()["servers"].clone();
    let server = found.as_array().unwrap().iter().find(|server| server["path"] == inside().as_str());
    assert!(server.is_some_and(|server| server["version"].is_string()), "{found}");
    assert!(!home.asked().contains("Debian"));
    home.run(&["servers"]).fine().says("Not looked into, for they are stopped: Debian (WSL).");
    assert!(!home.asked().contains("Debian"));
    let all = home.run(&["servers", "--wsl"]).fine();
    assert!(!all.out.contains("stopped"), "{}", all.out);
    let asked = home.asked();
    assert!(asked.contains("-d Debian --exec"), "{asked}");
    assert!(!asked.contains("-d docker-desktop"), "{asked}");
}

#[test]
fn a_cluster_inside_lives_from_up_to_down_and_leaves_nothing() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port).fine().says("demo is up.");
    for port in port..port + 6 {
        let pid = home.recorded(port);
        // On record is what Windows knows: the wsl that the server runs behind.
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().replace('\0', " ");
        assert!(line.contains("wsl -d Ubuntu --exec"), "{line}");
        assert_ne!(pid, own_pid(&home.node_dir(port)));
    }
    let key = ["-c", "-p", &port.to_string(), "SET", "answer", "42"];
    assert_eq!(redis_cli(&key, "").out.trim(), "OK");
    home.run(&["up", "demo", "--yes"]).failed();
    home.run(&["stop", "demo"]).fine();
    nobody_listens(port);
    home.run(&["start", "demo"]).fine();
    assert_eq!(redis_cli(&["-c", "-p", &port.to_string(), "GET", "answer"], "").out.trim(), "42");
    home.run(&["down", "demo", "--wipe", "--yes"]).fine();
    nobody_listens(port);
    assert!(!home.node_dir(port).exists());
}

#[test]
fn one_that_takes_no_commands_is_asked_to_end_inside() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port).fine();
    redis_cli(&["-p", &port.to_string(), "CONFIG", "SET", "requirepass", "not Slotdeck's"], "").fine();
    let pid = own_pid(&home.node_dir(port));
    home.asked();
    home.run(&["stop", "demo"]).fine();
    let asked = home.asked();
    assert!(asked.contains(&format!("kill -TERM {pid}")), "{asked}");
    nobody_listens(port);
}

#[test]
fn what_wsl_says_against_a_start_is_told() {
    let (home, port) = (Home::new(), free_port_run(6));
    let gone = r"\\wsl.localhost\Gone\usr\bin\redis-server";
    let port = port.to_string();
    let refused = home.run(&["up", "demo", "--yes", "--server", gone, "--port", &port]).failed();
    assert!(refused.err.contains("There is no distribution with the supplied name."), "{refused:#?}");
}
