//! Clusters of hundreds of nodes through the engine's handle: made up by a program of the tests, seen whole, and polled
//! without asking for every view every second.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here should say so and end")]

mod common;
#[path = "fake_cluster/mod.rs"]
mod fake_cluster;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use common::wait_until;
use fake_cluster::{Fake, Options};
use slotdeck::core::check::Finding;
use slotdeck::core::timeline::Change;
use slotdeck::core::topology::{NodeAddr, Role};
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::event::What;
use slotdeck::engine::handle::Engine;
use slotdeck::engine::snapshot::{ClusterView, Health, Reach};
use slotdeck::workspace::store::Workspace;

/// An engine that is attached to the first node of a fake cluster.
struct Watched {
    engine: Engine,
    fake: Fake,
    _dir: tempfile::TempDir,
}

impl Watched {
    fn new(options: Options) -> Self {
        let fake = Fake::start(options).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(dir.path().join("home"))).unwrap();
        let engine = Engine::start(workspace, Arc::new(|| ())).unwrap();
        let addrs = vec![NodeAddr::new("127.0.0.1", fake.first_port())];
        engine.send(Command::Attach { name: "large".into(), addrs, auth: Auth::default() }).unwrap();
        Self { engine, fake, _dir: dir }
    }

    fn when(&self, what: &str, is: impl Fn(&ClusterView) -> bool) -> Arc<ClusterView> {
        wait_until(what, || self.engine.snapshot().clusters.get("large").filter(|c| is(c)).cloned())
    }

    /// Every node answers.
    fn whole(&self) -> Arc<ClusterView> {
        let nodes = self.fake.nodes();
        self.when("all nodes to answer", |c| {
            c.nodes.len() == nodes && c.nodes.iter().all(|node| node.reach == Reach::Live)
        })
    }
}

fn fake(nodes: usize) -> Options {
    Options { nodes, ..Options::default() }
}

#[test]
fn two_hundred_nodes_are_found_from_one_and_shown_whole() {
    let watched = Watched::new(fake(200));
    let cluster = watched.whole();
    let cluster =
        if cluster.health == Health::Ok { cluster } else { watched.when("health", |c| c.health == Health::Ok) };
    assert_eq!(*cluster.findings, []);
    assert_eq!(cluster.nodes.iter().filter(|node| node.role == Some(Role::Master)).count(), 100);
    assert!(cluster.slot_owner.iter().all(|owner| usize::from(*owner) < 100));
    assert!(cluster.nodes.iter().all(|node| node.stats.as_ref().is_some_and(|stats| stats.used_memory > 0)));
}

#[test]
fn views_of_a_large_cluster_are_asked_in_turn_and_say_how_old_they_are() {
    let watched = Watched::new(fake(400));
    watched.whole();
    let cluster = watched.when("views that are older than the figures", |c| {
        c.health == Health::Ok && c.nodes.iter().filter(|node| node.viewed.is_some()).count() > 200
    });
    assert!(cluster.nodes.iter().any(|node| node.viewed.is_none()), "some were asked in the last round");
}

#[test]
fn every_node_that_is_cut_off_is_named() {
    let watched = Watched::new(Options { split: 20, ..fake(300) });
    watched.whole();
    let port = watched.fake.first_port();
    // The last ten masters, and replicas of the first ten.
    let mut lost: Vec<u16> = (140..160).map(|node| port + node).collect();
    lost.sort_unstable();
    let named = |nodes: &[NodeAddr]| nodes.iter().map(|node| node.port).eq(lost.iter().copied());
    let is =
        |c: &ClusterView, which: fn(&Finding) -> Option<&[NodeAddr]>| c.findings.iter().filter_map(which).any(&named);
    let cluster = watched.when("the nodes that see other owners", |c| {
        is(c, |finding| if let Finding::SlotsDisagree(nodes) = finding { Some(nodes) } else { None })
    });
    assert!(!cluster.slots.states.disagreed.is_empty());
    assert!(cluster.findings.iter().any(|finding| matches!(finding, Finding::RolesDisagree(_))));
}

#[test]
fn what_changes_is_told_though_views_come_in_turn() {
    let mut watched = Watched::new(fake(300));
    watched.whole();
    watched.when("health", |c| c.health == Health::Ok);
    let (mut moved, mut promoted) = (false, false);
    wait_until("slots to move and a replica to take over", || {
        watched.fake.advance();
        std::thread::sleep(std::time::Duration::from_millis(700));
        for event in watched.engine.drain_events() {
            match event.what {
                What::Changed(_, Change::Slots { before: Some(_), after: Some(_), .. }) => moved = true,
                What::Changed(_, Change::Role { after: Role::Master, .. }) => promoted = true,
                _ => {}
            }
        }
        (moved && promoted).then_some(())
    });
    // When nothing changes any more, everybody's word is as the cluster's.
    let world = watched.fake.world();
    let owners: Vec<Option<usize>> = (0..16_384).map(|slot| world.sides[0].owner(slot)).collect();
    let first = watched.fake.first_port();
    watched.when("the slots as they are", |c| {
        let shown =
            c.slot_owner.iter().map(|owner| c.nodes.get(usize::from(*owner)).map(|n| usize::from(n.addr.port - first)));
        shown.eq(owners.iter().copied())
    });
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let fake = Fake::start(Options { seed, ..fake(40) }).unwrap();
        (0..60).for_each(|_| fake.advance());
        fake.world().told
    };
    assert_eq!(story(5), story(5));
    assert_ne!(story(5), story(6));
}

#[test]
fn the_fake_speaks_both_versions_of_the_protocol() {
    let fake = Fake::start(fake(6)).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", fake.first_port())).unwrap();
    let mut ask = |words: &str, ends_with: &str| {
        write!(socket, "{words}\r\n").unwrap();
        let mut answer = String::new();
        while !answer.ends_with(ends_with) {
            let mut bytes = [0; 4096];
            let length = socket.read(&mut bytes).unwrap();
            assert!(length > 0, "{answer}");
            answer += std::str::from_utf8(&bytes[..length]).unwrap();
        }
        answer
    };
    assert_eq!(ask("PING", "\r\n"), "+PONG\r\n");
    assert!(ask("CONFIG GET maxclients", "10000\r\n").starts_with("*2\r\n$10\r\nmaxclients\r\n"));
    assert!(ask("HELLO 3", "*0\r\n").starts_with("%7\r\n$6\r\nserver\r\n"));
    assert!(ask("CONFIG GET maxclients", "10000\r\n").starts_with("%1\r\n$10\r\nmaxclients\r\n"));
    assert!(ask("CLUSTER NODES", "\n\r\n").starts_with('='));
    assert_eq!(ask("CLUSTER KEYSLOT {user1000}.following", "\r\n"), ":3443\r\n");
}
