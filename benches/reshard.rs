//! `dev/bench reshard`: 1,000 slots of a cluster that holds 300,000 keys of 64 bytes, there and back; slotctl and the
//! server's own command-line program in turn, as whole programs from start to end. Then the price for clients: how long
//! a steady writer and a steady reader wait meanwhile.
//!
//! `RUNS=n`, `KEYS=n`, `SLOTS=n`; `WAYS="redis-cli key"` keeps the ways whose names hold one of these;
//! `SERVERS="system redis-newest"` names the servers; `REPLICAS=1` gives each master one.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

mod bed;

use std::time::{Duration, Instant};

use bed::clients::{Clients, Wait, Waits, figures};
use bed::{Cluster, Family, Shape, median, say_load, say_row, setting};

/// How slots are moved.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// `None`: the server's own program.
    method: Option<&'static str>,
    more: &'static [&'static str],
}

const THEIRS: Way = Way { name: "", method: None, more: &[] };
const CLASSIC: Way = Way { name: "slotctl, key by key", method: Some("classic"), more: &[] };
const ATOMIC: Way = Way { name: "slotctl, atomically", method: Some("atomic"), more: &[] };

impl Way {
    /// Moves the slots from one master to another, and takes the time.
    fn go(self, family: &Family, cluster: &Cluster, from: usize, to: usize, slots: usize) -> f64 {
        let (from, to, slots) = (cluster.id(from), cluster.id(to), slots.to_string());
        let seed = cluster.addr(0);
        let mut args = vec!["reshard", &seed, "--cluster-from", &from, "--cluster-to", &to];
        args.extend(["--cluster-slots", &slots, "--cluster-yes"]);
        args.extend(self.more);
        match self.method {
            None => family.cli(&args),
            Some(method) => {
                args.extend(["--method", method]);
                cluster.slotctl(&args)
            }
        }
    }
}

fn main() {
    let (runs, keys, slots) = (setting("RUNS", 3), setting("KEYS", 300_000), setting("SLOTS", 1000));
    let replicas = setting("REPLICAS", 0);
    say_load("before");
    for family in Family::all() {
        let cluster = Cluster::start(&family, Shape { masters: 3, replicas, ..Shape::default() });
        cluster.load(keys);
        println!("\n{}: {slots} of 16384 slots of {keys} keys, there and back, {runs} runs in turn", family.name);
        println!("  {:<44} {:>11}  {:>16}  {:>7}", "", "median", "", "times");
        let mut ways = ways(&family, &cluster);
        if let Ok(named) = std::env::var("WAYS") {
            ways.retain(|way| named.split_whitespace().any(|name| title(*way, &family).contains(name)));
        }
        let mut took: Vec<Vec<f64>> = ways.iter().map(|_| Vec::new()).collect();
        for _ in 0..runs {
            for (way, took) in ways.iter().zip(&mut took) {
                // One figure for both ways: one of the two may always be the slower.
                let there = way.go(&family, &cluster, 0, 1, slots);
                let back = way.go(&family, &cluster, 1, 0, slots);
                took.push(f64::midpoint(there, back));
            }
        }
        for (way, values) in ways.iter().zip(&took) {
            say_row(&title(*way, &family), values, median(&took[0]));
        }
        let took: Vec<f64> = took.iter().map(|values| median(values)).collect();
        clients(&family, &cluster, &ways, &took, keys, slots, runs);
        assert_eq!(cluster.keys(), keys, "no key is lost");
    }
    println!();
    say_load("after");
}

fn title(way: Way, family: &Family) -> String {
    match way.method {
        None => [&[family.cli_name()], way.more].concat().join(" "),
        Some(_) => way.name.to_owned(),
    }
}

/// The ways that these servers have.
fn ways(family: &Family, cluster: &Cluster) -> Vec<Way> {
    let help: Vec<String> =
        redis::cmd("CLUSTER").arg("HELP").query(&mut cluster.servers[0].connect(None)).expect("CLUSTER HELP");
    let atomic = help.iter().any(|line| line.starts_with("MIGRATION") || line.starts_with("MIGRATESLOTS"));
    let pipelined = Way { more: &["--cluster-pipeline", "1000"], ..THEIRS };
    let mut ways = vec![THEIRS, pipelined, CLASSIC];
    if atomic {
        ways.push(ATOMIC);
        let own = std::process::Command::new(&family.cli).args(["--cluster", "help"]).output().expect("its help");
        if String::from_utf8_lossy(&own.stdout).contains("atomic-slot-migration") {
            ways.push(Way { more: &["--cluster-use-atomic-slot-migration"], ..THEIRS });
        }
    }
    ways
}

/// What a writer and a reader notice of each way, and of nothing at all: while the move is under way; and within the time
/// that the slowest way takes, so that a short move is not measured by its few commands alone.
fn clients(family: &Family, cluster: &Cluster, ways: &[Way], took: &[f64], keys: usize, slots: usize, runs: usize) {
    // There and back, and some room.
    let span = Duration::from_secs_f64(2.2 * took.iter().copied().fold(0.1, f64::max));
    println!(
        "  what clients wait, in ms; 'same time': a p99 of the {:.1} s that the slowest way takes",
        span.as_secs_f64()
    );
    let columns = ["a read: p50, p99, longest", "same time", "a write", "same time", "> 1 ms in a move"];
    println!(
        "  {:<44} {:>27} {:>10} {:>27} {:>10}  {:>16}",
        "", columns[0], columns[1], columns[2], columns[3], columns[4]
    );
    let mut all: Vec<Waits> = ways.iter().map(|_| Waits::default()).collect();
    let mut idle = Waits::default();
    for _ in 0..runs {
        idle.add(watched(cluster, keys, span, || std::thread::sleep(span)));
        for (way, waits) in ways.iter().zip(&mut all) {
            waits.add(watched(cluster, keys, span, || {
                way.go(family, cluster, 0, 1, slots);
                way.go(family, cluster, 1, 0, slots);
            }));
        }
    }
    let titles = std::iter::once("nothing moves".to_owned()).chain(ways.iter().map(|way| title(*way, family)));
    for (title, waits) in titles.zip(std::iter::once(&idle).chain(&all)) {
        let shown = |waits: &[Wait]| {
            let meanwhile = figures(waits.iter().filter(|wait| wait.meanwhile)).map(|figure| format!("{figure:>9.2}"));
            format!("{} {:>10.2}", meanwhile.concat(), figures(waits.iter())[1])
        };
        let late = waits.late() as f64 / (2 * runs) as f64;
        println!("  {title:<44} {} {}  {late:>16.1}", shown(&waits.reads), shown(&waits.writes));
    }
}

fn watched(cluster: &Cluster, keys: usize, span: Duration, work: impl FnOnce()) -> Waits {
    let (clients, begun) = (Clients::start(&cluster.servers, keys), Instant::now());
    work();
    clients.work_is_over();
    std::thread::sleep(span.saturating_sub(begun.elapsed()));
    clients.stop()
}
