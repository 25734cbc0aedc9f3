//! The helper for test servers keeps its word.

mod common;

use common::{TestServer, free_port_run, free_ports};

#[test]
fn ports_are_handed_out_once() {
    let mut ports = free_ports(20);
    let first = free_port_run(6);
    ports.extend(first..first + 6);
    let count = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), count);
}

#[test]
fn a_server_stops_starts_again_and_leaves_nothing() {
    let mut server = TestServer::start("appendonly yes");
    let folder = server.dir().to_owned();
    redis::cmd("SET").arg("a").arg("1").exec(&mut server.connect(None)).unwrap();
    assert!(server.stop(None).success());
    assert_eq!(server.pid(), None);
    server.start_again();
    let value: String = redis::cmd("GET").arg("a").query(&mut server.connect(None)).unwrap();
    assert_eq!(value, "1");
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let why = std::panic::catch_unwind(|| TestServer::start("no-such-directive 1").port()).unwrap_err();
    let why = why.downcast_ref::<String>().unwrap();
    assert!(why.contains("no-such-directive"), "{why}");
}
