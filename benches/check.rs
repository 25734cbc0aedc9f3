//! `dev/bench check`: a check of 6 and of 100 nodes, half of them replicas, on this machine and where every round trip
//! takes 2 ms more; slotctl and the server's own command-line program in turn, as whole programs from start to end.
//!
//! `RUNS=n`, `NODES="6 100"`, `ROUND_TRIP_MS=n`; `SERVERS="system redis-newest"` names the servers.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

mod bed;

use std::time::Duration;

use bed::{Cluster, Family, Shape, median, say_load, say_row, setting};

fn main() {
    let runs = setting("RUNS", 10);
    let round_trip = Duration::from_millis(setting("ROUND_TRIP_MS", 2) as u64);
    let sizes = std::env::var("NODES").unwrap_or_else(|_| "6 100".to_owned());
    let sizes: Vec<usize> = sizes.split_whitespace().map(|size| size.parse().expect("a number of nodes")).collect();
    say_load("before");
    for family in Family::all() {
        for size in &sizes {
            for round_trip in [Duration::ZERO, round_trip] {
                measure(&family, *size, round_trip, runs);
            }
        }
    }
    println!();
    say_load("after");
}

fn measure(family: &Family, nodes: usize, round_trip: Duration, runs: usize) {
    let shape = Shape { masters: nodes / 2, replicas: 1, round_trip, ..Shape::default() };
    let cluster = Cluster::start(family, shape);
    let seed = cluster.addr(0);
    let ms = round_trip.as_millis();
    println!("\n{}: check of {nodes} nodes, round trips {ms} ms longer, {runs} runs in turn", family.name);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        theirs.push(family.cli(&["check", &seed]));
        ours.push(cluster.slotctl(&["check", &seed]));
    }
    say_row(family.cli_name(), &theirs, median(&theirs));
    say_row("slotctl", &ours, median(&theirs));
}
