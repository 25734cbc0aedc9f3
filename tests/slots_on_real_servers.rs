//! Single slots through the engine's handle, on real servers of every version at hand: figures, keys, previews.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here should say so and end")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{TestServer, cached_server, default_and, server_program, wait_until};
use slotdeck::core::slot::{Slot, key_slot};
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::slot_content::{Part, Preview};
use slotdeck::engine::slot_figures::{Figure, SlotFigures, Source};
use slotdeck::engine::snapshot::ClusterView;
use slotdeck::workspace::store::Workspace;

const NAME: &str = "watched";

/// One server that owns every slot, and an engine that has it attached.
struct Watched {
    server: TestServer,
    engine: Engine,
    _home: tempfile::TempDir,
}

impl Watched {
    fn new(program: &Path, extra: &str) -> Self {
        let server = TestServer::start_cluster_node_of(program, extra);
        // One by one: servers before 7.0 know no ranges.
        let mut add = redis::cmd("CLUSTER");
        add.arg("ADDSLOTS").arg((0..16384).collect::<Vec<u16>>());
        add.exec(&mut server.connect(None)).unwrap();
        wait_until("the cluster is not ok", || {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut server.connect(None)).unwrap();
            info.contains("cluster_state:ok").then_some(())
        });
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::start(Workspace::open(Some(home.path().to_owned())).unwrap(), Arc::new(|| ())).unwrap();
        let addrs = vec![NodeAddr::new("127.0.0.1", server.port())];
        engine.send(Command::Attach { name: NAME.to_owned(), addrs, auth: Auth::default() }).unwrap();
        let watched = Self { server, engine, _home: home };
        wait_until("the slots have no owner", || watched.view()?.owner_of(Slot::FIRST).map(drop));
        watched
    }

    fn view(&self) -> Option<Arc<ClusterView>> {
        self.engine.snapshot().clusters.get(NAME).cloned()
    }

    fn redis(&self, words: &[&[u8]]) {
        let mut command = redis::cmd(std::str::from_utf8(words[0]).unwrap());
        for word in &words[1..] {
            command.arg(*word);
        }
        command.exec(&mut self.server.connect(None)).unwrap();
    }

    /// The figures, once they are as wanted.
    #[track_caller]
    fn figures(&self, what: &str, wanted: impl Fn(&SlotFigures) -> bool) -> Arc<SlotFigures> {
        self.engine.send(Command::MeasureSlots(Some(NAME.to_owned()))).unwrap();
        wait_until(what, || self.view()?.slots.figures.clone().filter(|figures| wanted(figures)))
    }

    #[track_caller]
    fn preview(&self, key: &[u8]) -> Preview {
        self.engine.send(Command::PreviewKey { cluster: NAME.to_owned(), key: key.into() }).unwrap();
        let preview = wait_until("no preview", || self.view()?.slots.preview.clone().filter(|p| *p.key == *key));
        preview.value.clone().unwrap()
    }
}

/// Every server at hand, oldest first.
fn servers() -> Vec<(&'static str, PathBuf)> {
    default_and(&[
        "redis-3.0",
        "redis-3.2",
        "redis-5.0",
        "redis-6.2",
        "redis-7.4",
        "redis-8.0",
        "valkey-8.0",
        "valkey-8.1",
        "redis-newest",
        "valkey-newest",
    ])
}

#[test]
fn keys_of_every_slot_are_known_on_every_version() {
    for (name, program) in servers() {
        let watched = Watched::new(&program, "");
        for key in ["{a}1", "{a}2", "{a}3", "{b}"] {
            watched.redis(&[b"SET", key.as_bytes(), b"value"]);
        }
        let (a, b) = (key_slot(b"a"), key_slot(b"b"));
        let figures = watched.figures(name, |f| f.at(Figure::Keys, a) == Some(3) && f.at(Figure::Keys, b) == Some(1));
        let all = slotdeck::core::slot::SlotSet::full();
        assert_eq!(figures.sum(Figure::Keys, &all), (4, 16384), "{name}");
        let node = figures.nodes[0].clone();
        assert!(node.at.is_some() && node.error.is_none(), "{name}: {node:?}");
        let has_stats = ["valkey", "redis-newest"].iter().any(|new| name.starts_with(new));
        assert_eq!(node.source == Source::SlotStats, has_stats, "{name}");
        assert_eq!(node.told, [Figure::Keys], "{name}: the rest is off by default, and not shown as 0");
        assert_eq!(figures.at(Figure::Memory, a), None, "{name}");
    }
}

#[test]
fn processor_network_and_memory_are_told_where_the_server_counts_them() {
    for name in ["valkey-8.0", "valkey-newest", "redis-newest"] {
        let Some(program) = cached_server(name) else { continue };
        let watched = Watched::new(&program, "cluster-slot-stats-enabled yes");
        watched.redis(&[b"SET", b"{a}", &[7; 4000]]);
        let slot = key_slot(b"a");
        let figures = watched.figures(name, |f| {
            watched.redis(&[b"GET", b"{a}"]);
            f.at(Figure::NetOut, slot).is_some_and(|rate| rate > 0)
        });
        assert!(figures.total_at(Figure::Cpu, slot).unwrap() > 0, "{name}");
        assert!(figures.total_at(Figure::NetIn, slot).unwrap() >= 4000, "{name}");
        assert_eq!(figures.at(Figure::NetIn, Slot::LAST), Some(0), "{name}: nobody asked there, and that is known");
        let has_memory = name == "redis-newest";
        assert_eq!(figures.at(Figure::Memory, slot).is_some(), has_memory, "{name}");
        assert_eq!(figures.nodes[0].told.len(), if has_memory { 5 } else { 4 }, "{name}");
    }
}

#[test]
fn measuring_ends_when_nobody_looks_any_more() {
    let watched = Watched::new(&server_program(), "");
    watched.figures("no figures", |f| f.at(Figure::Keys, Slot::FIRST) == Some(0));
    watched.engine.send(Command::MeasureSlots(None)).unwrap();
    // Each connection that measures is one client more than the polling one.
    wait_until("its connection stays open", || {
        let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut watched.server.connect(None)).unwrap();
        (!list.contains("cmd=cluster|countkeysinslot")).then_some(())
    });
}

#[test]
fn a_slots_keys_come_with_type_life_and_length() {
    let watched = Watched::new(&server_program(), "");
    let tag = b"{t}";
    let key = |name: &[u8]| [tag.as_slice(), name].concat();
    watched.redis(&[b"SET", &key(b"\x00\xff"), b"12345", b"PX", b"1000000"]);
    watched.redis(&[b"RPUSH", &key(b"list"), b"a", b"b"]);
    watched.redis(&[b"XADD", &key(b"stream"), b"*", b"field", b"value"]);
    let slot = key_slot(tag);
    watched.engine.send(Command::LookIntoSlot { cluster: NAME.to_owned(), slot, limit: 10 }).unwrap();
    let content = wait_until("no keys", || watched.view()?.slots.content.clone());
    let keys = content.keys.clone().unwrap();
    let seen: Vec<_> = keys.iter().map(|k| (k.name.to_vec(), k.kind.as_str(), k.length)).collect();
    assert_eq!(seen[0], (key(b"\x00\xff"), "string", Some(5)));
    assert_eq!(seen[1], (key(b"list"), "list", Some(2)));
    assert_eq!(seen[2], (key(b"stream"), "stream", Some(1)));
    assert!(keys[0].ttl.is_some() && keys[1].ttl.is_none() && keys[0].memory.is_some());
}

#[test]
fn previews_are_bounded_whatever_the_key_holds() {
    let watched = Watched::new(&server_program(), "");
    watched.redis(&[b"SETRANGE", b"huge", b"100000000", b"x"]);
    let huge = watched.preview(b"huge");
    assert_eq!(huge.length, Some(100_000_001));
    assert_eq!(huge.part, Part::Bytes(vec![0; 512]));
    watched.redis(&[b"RPUSH", b"list", &vec![b'x'; 8 << 20], b"small"]);
    let list = watched.preview(b"list");
    assert_eq!((list.length, list.part), (Some(2), Part::TooLarge));
    watched.redis(&[b"HSET", b"hash", b"\xfe", b"\x00binary"]);
    let Part::Elements(fields) = watched.preview(b"hash").part else { panic!() };
    assert_eq!((fields[0].0.as_deref(), fields[0].1.bytes.as_slice()), (Some(&b"\xfe"[..]), &b"\x00binary"[..]));
    watched.redis(&[b"ZADD", b"zset", b"1.5", b"ada"]);
    let zset = watched.preview(b"zset");
    let Part::Elements(members) = zset.part else { panic!() };
    assert_eq!((members[0].0.as_deref(), members[0].1.bytes.as_slice()), (Some(&b"1.5"[..]), &b"ada"[..]));
    assert_eq!(watched.preview(b"gone").kind, "none");
}
