//! What slotctl says where something small is wrong with a command line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use common::free_port_run;
use slotctl_tools::{Ran, slotctl, slotctl_at};

/// Writes the files of a cluster that is never started.
fn config(home: &std::path::Path, more: &[&str]) -> Ran {
    let port = free_port_run(6).to_string();
    slotctl_at(home, &[&["config", "demo", "--port", &port], more].concat(), "")
}

#[test]
fn export_asks_before_it_replaces_a_file() {
    let home = tempfile::tempdir().unwrap();
    config(home.path(), &[]).fine();
    let file = home.path().join("kept.slotdeck");
    let args = ["export", "demo", file.to_str().unwrap()];
    slotctl_at(home.path(), &args, "").fine().says("Wrote ");
    std::fs::write(&file, "mine").unwrap();
    slotctl_at(home.path(), &args, "no\n")
        .failed()
        .says("is there already: replace it?")
        .complains("nothing was written");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    slotctl_at(home.path(), &[&args[..], &["--json"]].concat(), "").failed().complains("--yes");
    slotctl_at(home.path(), &args, "yes").fine();
    slotctl_at(home.path(), &[&args[..], &["--yes", "--json"]].concat(), "").fine();
    assert!(std::fs::read_to_string(&file).unwrap().contains("demo"));
}

#[test]
fn an_export_that_fails_does_not_speak_of_temporary_files() {
    let home = tempfile::tempdir().unwrap();
    config(home.path(), &[]).fine();
    let missing = home.path().join("no such folder").join("x.slotdeck");
    let ran = slotctl_at(home.path(), &["export", "demo", missing.to_str().unwrap()], "").failed();
    assert!(!ran.err.contains(".slotdeck-"), "{ran:#?}");
    ran.complains("no such folder");
    let folder = home.path().to_str().unwrap();
    slotctl_at(home.path(), &["export", "demo", folder], "").failed().complains("is a folder: name a file");
}

#[test]
fn a_definitions_ports_are_not_blamed_on_an_option_and_a_range_is_said_once() {
    let home = tempfile::tempdir().unwrap();
    config(home.path(), &[]).fine();
    let file = home.path().join("demo.slotdeck");
    slotctl_at(home.path(), &["export", "demo", file.to_str().unwrap()], "").fine();
    // The definition's ports are taken while the command looks.
    let text = std::fs::read_to_string(&file).unwrap();
    let definition: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let first = first_port(&definition).unwrap_or_else(|| panic!("no port in {text}"));
    let held: Vec<_> =
        (0..3).map(|i| std::net::TcpListener::bind(("127.0.0.1", first + i)).expect("the port was free")).collect();
    let args = ["config", "other", "--cluster-file", file.to_str().unwrap()];
    let ran = slotctl_at(home.path(), &args, "").failed();
    let told = format!("--cluster-file: Ports {first}-{} can't be used: another program uses each of them.", first + 2);
    assert_eq!(ran.err.matches("can't be used").count(), 1, "{ran:#?}");
    ran.complains(&told);
    drop(held);
}

fn first_port(definition: &serde_json::Value) -> Option<u16> {
    let ports = definition["ports"].as_object()?;
    ports.values().find_map(|port| u16::try_from(port.as_u64()?).ok())
}

#[test]
fn a_program_that_reads_json_gets_usage_errors_so_too() {
    for line in [&["check", "a:1", "--nosuch", "--json"][..], &["up", "x", "--port", "99999", "--json"]] {
        let json = slotctl(line, "").failed().json();
        assert_eq!(json["ok"], false, "{json}");
        assert!(json["error"].as_str().is_some_and(|error| !error.is_empty()), "{json}");
    }
}

#[test]
fn what_is_missing_is_said_with_every_way_to_give_it() {
    slotctl(&["up"], "").failed().complains("--cluster-file");
    slotctl(&["failover", "demo"], "").failed().complains("slotctl failover demo --lost");
    slotctl(&["up", "demo", "--port", "99999"], "").failed().complains("ports go from 1 to 65535");
    slotctl(&["reshrad", "a:1"], "").failed().complains("reshard");
    slotctl(&["--cluster", "reshrad", "a:1"], "").failed().complains("Did you mean 'reshard'?");
    slotctl(&["check", "a:1", "--cluster-yse"], "").failed().complains("Did you mean '--cluster-yes'?");
    slotctl(&["--cluster", "help"], "").fine().says("Cluster Manager Commands:\n  create         host1:port1");
    slotctl(&["help", "reshard"], "").fine().says("--cluster-from");
    slotctl(&["-v"], "").fine().says("slotctl ");
}
