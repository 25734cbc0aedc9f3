//! What the Windows installer asks of slotctl, asked of the real slotctl with real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::net::TcpListener;

use common::free_port_run;
use slotctl_tools::slotctl_at;

#[test]
fn running_clusters_are_named_stopped_and_deleted_without_a_trace() {
    let outer = tempfile::Builder::new().prefix("setup 集群 ").tempdir().unwrap();
    let home = outer.path().join("home");
    let port = free_port_run(3);
    let run = |args: &[&str]| slotctl_at(&home, args, "");
    run(&["setup", "running"]).fine();
    run(&["setup", "remove-data"]).fine();
    assert!(!home.exists(), "asking makes nothing");

    let first = port.to_string();
    run(&["up", "演示", "--port", &first, "--replicas", "0", "--node-timeout", "2000", "--yes"]).fine();
    assert_eq!(run(&["setup", "running"]).fine().out, "演示\n");

    let list = outer.path().join("list");
    run(&["setup", "running", "--list", list.to_str().unwrap()]).fine();
    let bytes = std::fs::read(&list).unwrap();
    let words: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_eq!(String::from_utf16(&words).unwrap(), "演示\r\n");

    run(&["setup", "stop-all"]).fine().says("演示 is stopped.");
    assert_eq!(run(&["setup", "running"]).fine().out, "");
    run(&["start", "演示", "--yes"]).fine();

    run(&["setup", "remove-data"]).fine().says("演示 is gone.");
    assert!(!home.exists(), "nothing is left, not even the folder");
    for port in port..port + 3 {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn data_of_a_document_that_nobody_can_read_is_left_and_named() {
    let home = tempfile::tempdir().unwrap();
    slotctl_at(home.path(), &["ps"], "").fine();
    let document = home.path().join("documents/odd.json");
    std::fs::write(&document, "{").unwrap();
    slotctl_at(home.path(), &["setup", "remove-data"], "").failed().complains("odd.json");
    // Whether its servers run is not known: that is no "nothing runs".
    slotctl_at(home.path(), &["setup", "running"], "").failed().complains("odd.json");
    assert!(document.exists());
}

#[test]
fn a_folder_that_is_not_slotdecks_any_more_stays_and_is_no_success() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port_run(3);
    let first = port.to_string();
    let run = |args: &[&str]| slotctl_at(home.path(), args, "");
    run(&["up", "demo", "--port", &first, "--replicas", "0", "--node-timeout", "2000", "--yes"]).fine();
    let node = home.path().join("clusters/demo").join(&first);
    std::fs::remove_file(node.join(".slotdeck-node")).unwrap();
    run(&["setup", "remove-data"]).failed().complains(&format!("{} (it was not made by Slotdeck)", node.display()));
    assert!(node.exists());
}
