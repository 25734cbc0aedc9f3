//! A look reads as a person and a program need it.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::check::NodeHealth;
use crate::core::topology::{NodeAddr, View};
use crate::engine::assemble::{Known, Shards, assemble};
use crate::engine::gather::Answer;
use crate::engine::snapshot::Phase;

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(40).parse().unwrap()
}

fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

fn known(me: char, link_up: Option<bool>, info: &str, open: &str) -> Known {
    let flags = |letter| if letter == me { "myself," } else { "" };
    let text = format!(
        "{} 127.0.0.1:7000@17000 {}master - 0 0 1 connected 0-9999 {open}\n\
         {} 127.0.0.1:7001@17001 {}master - 0 0 2 connected 10000-16383\n\
         {} 127.0.0.1:7002@17002 {}slave {} 0 0 1 connected\n",
        id('a'),
        flags('a'),
        id('b'),
        flags('b'),
        id('c'),
        flags('c'),
        id('a')
    );
    let health = NodeHealth { state_ok: Some(true), link_up };
    let answer = Answer::new(Arc::new(View::parse(&text).unwrap()), health, info.to_owned());
    Known { answer: Some(Arc::new(answer)), at: Some(SystemTime::UNIX_EPOCH), ..Known::default() }
}

fn frame(all: &BTreeMap<NodeAddr, Known>, journal: Option<&MoveJournal>, tasks: &[RunningTask]) -> Frame {
    let found = assemble(all, &BTreeMap::new(), Phase::Formed, &mut Shards::new());
    let mut topology = Topology::default();
    for (addr, known) in all {
        match &known.error {
            None => drop(topology.views.insert(addr.clone(), known.answer.as_ref().unwrap().view.clone())),
            Some(why) => drop(topology.unreachable.insert(addr.clone(), why.clone())),
        }
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(3661);
    Frame::of(&Seen { cluster: "demo", state: "ok", found: &found, topology: &topology, journal, tasks, now })
}

fn three() -> BTreeMap<NodeAddr, Known> {
    let a = "used_memory:2048\r\ninstantaneous_ops_per_sec:7\r\nmaster_repl_offset:5\r\ndb0:keys=3,expires=0\r\n";
    let c = "used_memory:1024\r\nslave_repl_offset:5\r\nmaster_repl_offset:5\r\ndb0:keys=3,expires=0\r\n";
    [
        (addr(7000), known('a', None, a, &format!("[7->-{}]", id('b')))),
        (addr(7001), known('b', None, "used_memory:100\r\n", "")),
        (addr(7002), known('c', Some(true), c, "")),
    ]
    .into()
}

fn text(frame: &Frame) -> String {
    let mut text = Text::default();
    frame.text(&mut text);
    text.into_string()
}

#[test]
fn a_replica_stands_below_its_master_and_the_sums_count_each_key_once() {
    let shown = frame(&three(), None, &[]);
    assert_eq!((shown.keys, shown.ops_per_sec, shown.slots_served), (3, 7, 16384));
    let text = text(&shown);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "demo  ok  16384 of 16384 slots served  3/3 nodes  3 keys  7 ops/s  3.1 KiB  01:01:01 UTC");
    assert!(lines[2].starts_with("127.0.0.1:7000  master   0-9999 (10000)"), "{text}");
    assert!(lines[3].starts_with("127.0.0.1:7002  replica  of 127.0.0.1:7000"), "{text}");
    assert!(lines[2].ends_with("1 replica") && lines[3].ends_with("up"), "{text}");
    assert!(text.contains("1 open: 7 migrating at 127.0.0.1:7000 (127.0.0.1:7001)"), "{text}");
}

#[test]
fn a_node_that_died_is_silent_since_then_and_its_slots_are_not_served() {
    let mut all = three();
    all.get_mut(&addr(7001)).unwrap().error = Some("can't connect (refused)".into());
    let shown = frame(&all, None, &[]);
    assert_eq!(shown.slots_served, 10_000);
    assert!(text(&shown).contains("SILENT for 3661 s: can't connect (refused)"), "{}", text(&shown));
    let json = serde_json::to_value(&shown).unwrap();
    let dead = json["nodes"].as_array().unwrap().iter().find(|n| n["addr"] == "127.0.0.1:7001").unwrap();
    assert_eq!(
        (&dead["up"], &dead["silent_seconds"], &dead["keys"]),
        (&false.into(), &3661.into(), &serde_json::Value::Null)
    );
}

#[test]
fn moves_are_told_by_plan_and_by_the_servers() {
    let slot = |n: u16| crate::core::slot::Slot::new(n).unwrap();
    let moves = [(id('a'), id('b'), slot(5)), (id('a'), id('b'), slot(12_000))];
    let journal = MoveJournal { plan: crate::core::plan::moves::MovePlan::of(moves), ..MoveJournal::default() };
    let task = RunningTask {
        slots: "1-2".into(),
        from: id('b').to_string(),
        to: id('a').to_string(),
        state: "streaming-buffer".into(),
    };
    let text = text(&frame(&three(), Some(&journal), &[task]));
    assert!(text.contains(">>> 127.0.0.1:7000 -> 127.0.0.1:7001: 1 of 2 slots done: 5,12000"), "{text}");
    assert!(text.contains(">>> 127.0.0.1:7001 -> 127.0.0.1:7000: atomically, streaming-buffer: 1-2"), "{text}");
}

#[test]
fn amounts_are_short() {
    assert_eq!((bytes(0).as_str(), bytes(1023).as_str(), bytes(1536).as_str()), ("0 B", "1023 B", "1.5 KiB"));
    assert_eq!(bytes(5 << 40), "5.0 TiB");
    assert_eq!(shortened("1,2,3,4"), "1,2,3,…");
}
