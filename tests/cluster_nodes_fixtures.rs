//! What real servers answer to CLUSTER NODES, read and judged.
//!
//! `tests/fixtures/cluster_nodes/SERVER-CASE.txt` holds one answer each, caught from a real server, but for those named
//! `documented-…`, which are the example of the command's documentation at that time. The ignored test provokes every case on
//! `SLOTDECK_TEST_SERVER` and asks the same of the live answers; with `SLOTDECK_WRITE_FIXTURES=1` it also stores them:
//!
//! ```text
//! SLOTDECK_TEST_SERVER=… cargo test --test cluster_nodes_fixtures -- --ignored
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here should say so and end")]

mod common;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use common::{TestServer, free_ports, server_program, wait_until};
use slotdeck::core::capability::Capabilities;
use slotdeck::core::topology::{Node, Role, View};
use slotdeck::core::version::ServerVersion;

/// The slot that the open cases have open, between the first and the second master.
const OPEN_SLOT: u16 = 100;

/// A situation that a node can be asked in. What is known of each stands in [`judge`].
const CASES: [&str; 13] = [
    "fresh",
    "formed",
    "replica",
    "nodes-conf",
    "migrating",
    "importing",
    "pfail",
    "fail",
    "handshake",
    "noaddr",
    "hostname",
    "ipv6",
    "bus-port",
];

/// Checks a view against what is known of its case.
fn judge(case: &str, view: &View) {
    let me = view.me().unwrap();
    let others: Vec<&Node> = view.nodes.values().filter(|node| node.id != view.myself).collect();
    let only = |is: &dyn Fn(&Node) -> bool| {
        let found: Vec<&&Node> = others.iter().filter(|node| is(node)).collect();
        assert_eq!(found.len(), 1, "{others:?}");
        *found[0]
    };
    match case {
        "fresh" => {
            assert!(others.is_empty() && me.slots.is_empty() && me.linked);
            assert_eq!((me.role, me.epoch, me.addr.as_ref().unwrap().host.as_str()), (Role::Master, 0, ""));
        }
        "formed" | "replica" | "nodes-conf" => {
            judge_formed(view);
            assert_eq!(me.role, if case == "replica" { Role::Replica } else { Role::Master });
        }
        "migrating" | "importing" => {
            let (open, other) = match case {
                "migrating" => (&me.migrating, &me.importing),
                _ => (&me.importing, &me.migrating),
            };
            assert_eq!((open.len(), other.len(), open[0].0.get()), (1, 0, OPEN_SLOT));
            let partner = &view.nodes[&open[0].1];
            assert_eq!(me.slots.contains(open[0].0), case == "migrating");
            assert_eq!(partner.slots.contains(open[0].0), case == "importing");
            assert!(others.iter().all(|node| node.migrating.is_empty() && node.importing.is_empty()));
        }
        "pfail" => {
            let node = only(&|node| node.flags.pfail);
            assert!(!node.flags.fail && !node.is_settled() && node.addr.is_some());
        }
        "fail" => {
            let node = only(&|node| node.flags.fail);
            assert!(!node.flags.pfail && !node.is_settled() && !node.linked && node.addr.is_some());
        }
        "handshake" => {
            let node = only(&|node| node.flags.handshake);
            assert!(!node.is_settled() && node.slots.is_empty() && node.master.is_none());
            assert_eq!(node.addr.as_ref().unwrap().host, "127.0.0.1");
        }
        "noaddr" => {
            let node = only(&|node| node.flags.noaddr);
            assert!(!node.is_settled() && node.addr.is_none());
        }
        "hostname" => {
            let name = only(&|_| true).hostname.as_deref().unwrap();
            assert!(name == "one.example" || name == "two.example", "{name}");
            let mine = me.hostname.as_deref().unwrap();
            assert!(mine != name && mine.ends_with(".example"), "{mine}");
        }
        "ipv6" => assert_eq!(only(&|_| true).addr.as_ref().unwrap().host, "::1"),
        "bus-port" => {
            let addr = only(&|_| true).addr.as_ref().unwrap();
            let bus = addr.bus_port.expect("one that is not the client port + 10000");
            assert_ne!(bus, addr.port + 10_000);
        }
        other => panic!("nothing is known of the case {other}"),
    }
}

/// Three masters with all slots, each with one replica, all known and linked.
fn judge_formed(view: &View) {
    assert_eq!(view.nodes.len(), 6);
    assert_eq!(view.covered().len(), 16384);
    let masters: Vec<&Node> = view.nodes.values().filter(|node| node.role == Role::Master).collect();
    assert_eq!(masters.len(), 3);
    let ranges: Vec<String> = masters.iter().map(|node| node.slots.to_string()).collect();
    for range in ["0-5460", "5461-10922", "10923-16383"] {
        assert!(ranges.iter().any(|r| r == range), "{ranges:?}");
    }
    for master in masters {
        let replicas = view.nodes.values().filter(|node| node.master.as_ref() == Some(&master.id));
        assert_eq!((replicas.count(), master.master.is_none()), (1, true));
    }
    for node in view.nodes.values() {
        assert!(node.is_settled() && node.linked, "{node:?}");
        let addr = node.addr.as_ref().unwrap();
        assert_eq!(addr.host, "127.0.0.1");
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cluster_nodes")
}

#[test]
fn every_caught_answer_is_read_and_says_what_is_known_of_it() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let view = View::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let case = CASES.iter().find(|case| name.ends_with(*case)).unwrap_or_else(|| panic!("{name}: which case?"));
        println!("{name}");
        judge(case, &view);
        count += 1;
    }
    assert!(count > 20, "the fixtures are there");
}

/// One server more, with its answers.
struct Live {
    server: TestServer,
}

impl Live {
    fn start(extra: &str) -> Self {
        Self { server: TestServer::start_cluster_node(extra) }
    }

    fn ask(&self, words: &[&str]) -> String {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query(&mut self.server.connect(None)).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn nodes(&self) -> String {
        self.ask(&["CLUSTER", "NODES"])
    }

    fn id(&self) -> String {
        View::parse(&self.nodes()).unwrap().myself.to_string()
    }

    fn port(&self) -> String {
        self.server.port().to_string()
    }

    fn meet(&self, other: &Live, host: &str, bus_port: Option<u16>) {
        let (port, bus) = (other.port(), bus_port.map(|port| port.to_string()));
        let mut words = vec!["CLUSTER", "MEET", host, &port];
        words.extend(bus.as_deref());
        self.ask(&words);
    }

    /// Waits for an answer of which this holds.
    fn nodes_when(&self, what: &str, is: impl Fn(&View) -> bool) -> String {
        wait_until(&format!("{what} at {}", self.server.addr()), || {
            let text = self.nodes();
            is(&View::parse(&text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))).then_some(text)
        })
    }
}

/// Judges a live answer, and keeps it if asked.
struct Catch {
    server: String,
}

impl Catch {
    fn keep(&self, case: &str, text: &str) {
        println!("{}-{case}\n{text}", self.server);
        let view = View::parse(text).unwrap_or_else(|error| panic!("{case}: {error} in:\n{text}"));
        judge(case, &view);
        if std::env::var_os("SLOTDECK_WRITE_FIXTURES").is_some() {
            std::fs::write(folder().join(format!("{}-{case}.txt", self.server)), text).unwrap();
        }
    }
}

fn version() -> ServerVersion {
    let output = std::process::Command::new(server_program()).arg("--version").output().unwrap();
    ServerVersion::parse_version_output(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

/// Three masters and three replicas, made by plain commands.
fn form() -> Vec<Live> {
    let nodes: Vec<Live> = (0..6).map(|_| Live::start("")).collect();
    for (i, (first, last)) in [(0, 5460), (5461, 10922), (10923, 16383)].into_iter().enumerate() {
        let slots: Vec<String> = (first..=last).map(|slot: u16| slot.to_string()).collect();
        let words: Vec<&str> = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
        nodes[i].ask(&words);
        nodes[i].ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(i + 1).to_string()]);
    }
    for (i, node) in nodes.iter().enumerate() {
        for other in &nodes[..i] {
            node.meet(other, "127.0.0.1", None);
        }
    }
    let joined = |view: &View| view.nodes.len() == 6 && view.nodes.values().all(|n| n.is_settled() && n.linked);
    for node in &nodes {
        node.nodes_when("six nodes", joined);
    }
    for (i, replica) in nodes[3..].iter().enumerate() {
        replica.ask(&["CLUSTER", "REPLICATE", &nodes[i].id()]);
    }
    for node in &nodes {
        node.nodes_when("three replicas and all slots", |view| {
            joined(view)
                && view.covered().len() == 16384
                && view.nodes.values().filter(|n| n.role == Role::Replica).count() == 3
        });
    }
    nodes
}

#[test]
#[ignore = "provokes every case on a real server: for SLOTDECK_TEST_SERVER of each version"]
fn a_live_server_answers_as_the_caught_ones() {
    let version = version();
    let can = Capabilities::of(version);
    let catch = Catch { server: version.to_string().to_lowercase().replace(' ', "-") };
    catch.keep("fresh", &Live::start("").nodes());
    formed_cases(&catch);
    suspected_case(&catch);
    pair(&catch, "ipv6", ["bind ::1 127.0.0.1"; 2], "::1", None);
    if can.cluster_port {
        let names = ["one", "two"].map(|name| format!("cluster-announce-hostname {name}.example"));
        pair(&catch, "hostname", [&names[0], &names[1]], "127.0.0.1", None);
        let ports = free_ports(2);
        let lines = [0, 1].map(|i| format!("cluster-port {}", ports[i]));
        pair(&catch, "bus-port", [&lines[0], &lines[1]], "127.0.0.1", Some(ports[1]));
    } else if can.meet_bus_port {
        // Before `cluster-port` the bus port could only be announced, as behind a router that forwards it.
        let announced = free_ports(2);
        let lines = [0, 1].map(|i| format!("cluster-announce-bus-port {}", announced[i]));
        pair(&catch, "bus-port", [&lines[0], &lines[1]], "127.0.0.1", Some(announced[1]));
    }
}

/// Two nodes that meet at this address.
fn pair(catch: &Catch, case: &str, extra: [&str; 2], host: &str, bus_port: Option<u16>) {
    let [one, two] = extra.map(Live::start);
    for (node, line) in [(&one, extra[0]), (&two, extra[1])] {
        if let Some(announced) = line.strip_prefix("cluster-announce-bus-port ") {
            forward(announced.parse().unwrap(), node.server.port() + 10_000);
        }
    }
    one.meet(&two, host, bus_port);
    let text = one.nodes_when(case, |view| {
        view.nodes.len() == 2
            && view.nodes.values().all(|node| {
                !node.flags.handshake
                    && (case != "hostname" || node.hostname.is_some())
                    && (case != "bus-port" || node.id == view.myself || node.addr.as_ref().unwrap().bus_port.is_some())
            })
    });
    catch.keep(case, &text);
}

/// Carries what comes in at one port to the other, as a router does, until the test program ends.
fn forward(from: u16, to: u16) {
    let carry = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::Builder::new().name("carry".into()).spawn(move || std::io::copy(&mut from, &mut to)).unwrap();
    };
    let listener = TcpListener::bind(("127.0.0.1", from)).unwrap();
    let forward = move || {
        for outer in listener.incoming().flatten() {
            let Ok(inner) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            carry(outer.try_clone().unwrap(), inner.try_clone().unwrap());
            carry(inner, outer);
        }
    };
    std::thread::Builder::new().name(format!("forward {from}")).spawn(forward).unwrap();
}

fn formed_cases(catch: &Catch) {
    let mut nodes = form();
    catch.keep("formed", &nodes[0].nodes());
    catch.keep("replica", &nodes[3].nodes());
    catch.keep("nodes-conf", &std::fs::read_to_string(nodes[0].server.dir().join("nodes.conf")).unwrap());

    let (slot, first, second) = (OPEN_SLOT.to_string(), nodes[0].id(), nodes[1].id());
    nodes[1].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &first]);
    nodes[0].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &second]);
    catch.keep("migrating", &nodes[0].nodes());
    catch.keep("importing", &nodes[1].nodes());
    for node in &nodes[..2] {
        node.ask(&["CLUSTER", "SETSLOT", &slot, "STABLE"]);
    }

    nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &free_ports(1)[0].to_string()]);
    let text = nodes[0].nodes_when("a handshake", |view| view.nodes.values().any(|n| n.flags.handshake));
    catch.keep("handshake", &text);
    nodes[0].nodes_when("its end", |view| view.nodes.len() == 6);

    // A node that is another one from now on: the old id is left without an address.
    nodes[5].ask(&["CLUSTER", "RESET", "HARD"]);
    let text = nodes[0].nodes_when("a node without address", |view| view.nodes.values().any(|n| n.flags.noaddr));
    catch.keep("noaddr", &text);

    let lost = nodes[1].id();
    nodes[1].server.kill();
    let text = nodes[0].nodes_when("a failed master", |view| {
        view.nodes.values().any(|node| node.id.as_str() == lost && node.flags.fail)
    });
    // The node without address is of the case before.
    let text: String = text.lines().filter(|line| !line.contains("noaddr")).flat_map(|line| [line, "\n"]).collect();
    catch.keep("fail", &text);
}

/// One of two masters is gone: the other suspects it, and has nobody to agree with.
fn suspected_case(catch: &Catch) {
    let [one, mut two] = ["1", "2"].map(|slot| {
        let node = Live::start("");
        node.ask(&["CLUSTER", "ADDSLOTS", slot]);
        node
    });
    one.meet(&two, "127.0.0.1", None);
    for node in [&one, &two] {
        node.nodes_when("two masters", |view| view.covered().len() == 2 && view.nodes.values().all(Node::is_settled));
    }
    two.server.kill();
    let text = one.nodes_when("a suspicion", |view| view.nodes.values().any(|node| node.flags.pfail));
    catch.keep("pfail", &text);
}
