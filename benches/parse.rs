//! `dev/bench parse`: what a cluster of a thousand nodes costs the engine: reading the nodes' answers, putting them
//! together and checking them. No server runs; the answers are made here.
//!
//! `NODES=n` sets the size.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use slotdeck::core::check::{NodeHealth, check};
use slotdeck::core::plan::create::allocate_slots;
use slotdeck::core::topology::{NodeAddr, Topology, View};
use slotdeck::engine::assemble::{Known, Shards, assemble};
use slotdeck::engine::gather::Answer;
use slotdeck::engine::snapshot::Phase;

/// An INFO reply of the usual length, with the fields that are read.
fn info() -> String {
    let mut text = "# Server\r\nredis_version:7.0.15\r\nprocess_id:41200\r\nuptime_in_seconds:4000\r\n".to_owned();
    for field in 0..180 {
        write!(text, "some_other_field_{field}:1234567\r\n").expect("a field");
    }
    text + "connected_clients:7\r\nused_memory:12582912\r\ninstantaneous_ops_per_sec:1240\r\n\
        master_repl_offset:814\r\nslave_repl_offset:814\r\ndb0:keys=41337,expires=0,avg_ttl=0\r\n"
}

fn id(number: usize) -> String {
    format!("{:040x}", 0x9e37_79b9_7f4a_7c15_u128 * (number as u128 + 3))
}

fn addr(number: usize) -> NodeAddr {
    NodeAddr::new(format!("10.20.{}.{}", number / 250, number % 250 + 1), 6379)
}

/// The answer of CLUSTER NODES of one node, as a 7.0 server writes it.
fn reply(nodes: usize, me: usize) -> String {
    let masters = nodes / 2;
    let ranges = allocate_slots(masters);
    let mut text = String::new();
    for number in 0..nodes {
        let (shard, is_master) = (number % masters, number < masters);
        let myself = if number == me { "myself," } else { "" };
        let (role, master) = if is_master { ("master", "-".to_owned()) } else { ("slave", id(shard)) };
        let (at, pong) = (addr(number), 1_760_000_000_000_u64 + number as u64);
        write!(text, "{} {at}@16379 {myself}{role} {master} 0 {pong} {} connected", id(number), shard + 1)
            .expect("a line");
        if is_master {
            write!(text, " {}", ranges[shard]).expect("its slots");
        }
        text.push('\n');
    }
    text
}

/// Calls it for about two seconds, at least three times; the middle one.
fn time<T>(mut call: impl FnMut() -> T) -> Duration {
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || began.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        let made = black_box(call());
        times.push(start.elapsed());
        drop(made);
    }
    times.sort();
    times[times.len() / 2]
}

fn line(what: &str, took: Duration) {
    println!("{what:<48} {:>10.2} ms", took.as_secs_f64() * 1e3);
}

/// Resident memory of this process, MiB, where `/proc` tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn main() {
    let nodes = std::env::var("NODES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let text = reply(nodes, 0);
    println!("{nodes} nodes, half of them replicas; CLUSTER NODES is {} KiB", text.len() / 1024);
    let took = time(|| View::parse(&text).expect("a view"));
    line("One answer of CLUSTER NODES read", took);
    println!("{:<48} {:>10.0} MB/s", "", text.len() as f64 / took.as_secs_f64() / 1e6);

    let before = resident();
    let known: BTreeMap<NodeAddr, Known> = (0..nodes)
        .map(|number| {
            let view = View::parse(&reply(nodes, number)).expect("a view").into();
            let health = NodeHealth { state_ok: Some(true), link_up: (number >= nodes / 2).then_some(true) };
            let answer = Answer::new(view, health, info());
            (addr(number), Known { answer: Some(Arc::new(answer)), at: Some(SystemTime::now()), ..Known::default() })
        })
        .collect();
    if let (Some(before), Some(now)) = (before, resident()) {
        println!("{:<48} {:>10} MiB", format!("The answers of all {nodes}, kept"), now.saturating_sub(before));
    }
    let answers = || known.iter().filter_map(|(addr, k)| Some((addr.clone(), k.answer.as_ref()?)));
    let topology = || Topology { views: answers().map(|(a, k)| (a, k.view.clone())).collect(), ..Topology::default() };
    let health: BTreeMap<_, _> = answers().map(|(addr, answer)| (addr, answer.health.clone())).collect();
    line("All views side by side", time(topology));
    let views = topology();
    line("The nodes of all views", time(|| views.nodes()));
    line("The owner of each slot", time(|| views.slot_owner()));
    line("The check of all views", time(|| check(&views, &health)));
    drop(views);
    let mut shards = Shards::default();
    line("What is shown, from all answers", time(|| assemble(&known, &BTreeMap::new(), Phase::Formed, &mut shards)));
    if let Some(now) = resident() {
        println!("{:<48} {now:>10} MiB", "Resident at the end");
    }
}
