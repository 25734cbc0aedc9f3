use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use crate::core::spec::Ports;

use super::*;

fn spec(dir: impl Into<PathBuf>, ports: &[u16]) -> ClusterSpec {
    ClusterSpec { ports: Ports::List(ports.to_vec()), ..ClusterSpec::new("dev", dir) }
}

async fn busy(bind: &str, port: u16) -> Option<String> {
    let mut spec = spec("", &[port]);
    spec.bind = bind.to_owned();
    let mut facts = facts(&spec, Vec::new()).await;
    assert_eq!(facts.bind_error, None);
    facts.busy_ports.remove(&port)
}

fn listener(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A free port whose bus port exists and is free, too.
fn free_pair() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 700).unwrap();
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (first..first + 1000).find(|port| free(*port) && free(port + 10_000)).unwrap()
}

#[tokio::test]
async fn a_port_that_somebody_listens_on_is_busy_under_every_address_that_covers_it() {
    let (_one, port) = listener("127.0.0.1");
    for bind in ["127.0.0.1", "0.0.0.0", "localhost", "*", " 127.0.0.1 "] {
        assert_eq!(busy(bind, port).await.as_deref(), Some("another program uses it"), "{bind}");
    }
    let (_all, port) = listener("0.0.0.0");
    for bind in ["127.0.0.1", "0.0.0.0", "*"] {
        assert!(busy(bind, port).await.is_some(), "{bind}");
    }
}

#[tokio::test]
async fn a_bus_port_that_somebody_listens_on_is_busy() {
    let port = free_pair();
    let _bus = TcpListener::bind(("127.0.0.1", port + 10_000)).unwrap();
    let facts = facts(&spec("", &[port]), vec!["prod".to_owned()]).await;
    assert_eq!(facts.busy_ports.keys().collect::<Vec<_>>(), [&(port + 10_000)]);
    assert_eq!(facts.taken_names, ["prod"]);
}

#[tokio::test]
async fn free_ports_are_free_and_stay_so() {
    let port = free_pair();
    for _ in 0..3 {
        assert!(facts(&spec("", &[port]), Vec::new()).await.busy_ports.is_empty());
    }
    drop(TcpListener::bind(("127.0.0.1", port)).unwrap());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_dying_connections_of_a_server_that_ended_do_not_make_its_port_busy() {
    let (listener, port) = listener("127.0.0.1");
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop((server, listener)); // The server's side closes first and keeps the port in TIME_WAIT.
    drop(client);
    assert_eq!(busy("127.0.0.1", port).await, None);
}

#[tokio::test]
async fn an_address_that_is_not_of_this_machine_is_told_and_no_port_is_blamed() {
    for (bind, reason) in [
        ("203.0.113.7", "this machine has no such address"),
        ("no such host", "neither an address nor a name"),
        ("", "no address is given"),
    ] {
        let mut spec = spec("", &[free_pair()]);
        spec.bind = bind.to_owned();
        let facts = facts(&spec, Vec::new()).await;
        let said = facts.bind_error.unwrap();
        assert!(said.contains(reason), "{bind}: {said}");
        assert!(facts.busy_ports.is_empty());
    }
}

#[tokio::test]
async fn a_folder_that_can_be_made_is_fine_and_nothing_is_left_in_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let facts = facts(&spec(dir.path().join("a b/集群/\"c\""), &[]), Vec::new()).await;
    assert_eq!((facts.dir_error, facts.dir_holds), (None, None));
    assert!(facts.disk_free.unwrap() > 0);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_folder_holds_is_named_but_not_what_file_managers_put_there() {
    let dir = tempfile::tempdir().unwrap();
    for name in [".DS_Store", "Thumbs.db"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(facts(&spec(dir.path(), &[]), Vec::new()).await.dir_holds, None);
    std::fs::write(dir.path().join("thesis.odt"), "").unwrap();
    let facts = facts(&spec(dir.path(), &[]), Vec::new()).await;
    assert_eq!((facts.dir_error, facts.dir_holds.as_deref()), (None, Some("thesis.odt")));
}

#[tokio::test]
async fn a_file_or_a_dead_link_in_the_way_is_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for path in ["file", "file/below", "file/far/below"] {
        let said = facts(&spec(dir.path().join(path), &[]), Vec::new()).await.dir_error.unwrap();
        assert!(said.contains("file is a file"), "{path}: {said}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/no/where", dir.path().join("link")).unwrap();
        let said = facts(&spec(dir.path().join("link/x"), &[]), Vec::new()).await.dir_error.unwrap();
        assert!(said.contains("link: no such file"), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_where_nobody_can_write_is_told() {
    let facts = facts(&spec("/proc/slotdeck/x", &[]), Vec::new()).await;
    assert!(facts.dir_error.unwrap().contains("/proc"));
}

#[tokio::test]
async fn a_relative_folder_is_left_to_the_spec_s_own_check() {
    let facts = facts(&spec("here", &[]), Vec::new()).await;
    assert_eq!((facts.dir_error, facts.dir_holds, facts.disk_free), (None, None, None));
}

#[test]
fn ports_that_do_not_exist_are_not_tried() {
    assert_eq!(needed_ports(&spec("", &[0, 7000, 60_000])), BTreeSet::from([7000, 17_000, 60_000]));
}

#[test]
fn every_address_of_a_list_is_tried_but_for_those_that_may_be_missing() {
    let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
    assert_eq!(super::addresses("127.0.0.1 127.0.0.2"), Ok(vec![loopback, Ipv4Addr::new(127, 0, 0, 2).into()]));
    // 192.0.2.0/24 is for documentation: no machine has it.
    assert_eq!(super::addresses("127.0.0.1 -192.0.2.7"), Ok(vec![loopback]));
    assert!(super::network_facts("127.0.0.1 192.0.2.7", &[].into()).bind_error.is_some());
    assert!(super::addresses("  ").is_err());
}

#[test]
fn a_share_that_is_away_is_no_missing_drive() {
    assert!(super::no_root(r"\\server\share\demo").contains("share"));
    assert!(super::no_root("//server/share/demo").contains("share"));
    assert_eq!(super::no_root(r"Q:\demo"), "its drive does not exist");
}
