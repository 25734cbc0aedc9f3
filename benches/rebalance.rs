//! `dev/bench rebalance`: from three masters with 300,000 keys to six, and 1,000 empty slots where every round trip takes
//! 2 ms more; slotctl and the server's own command-line program, as whole programs from start to end. Each run has a
//! fresh cluster.
//!
//! `RUNS=n`, `KEYS=n`, `SLOTS=n`, `ROUND_TRIP_MS=n`; `SERVERS="system redis-newest"` names the servers; `REPLICAS=1` gives
//! each master one.

mod bed;

use std::time::Duration;

use bed::{Cluster, Family, Shape, median, say_load, say_row, setting};

fn main() {
    let (runs, keys, slots) = (setting("RUNS", 1), setting("KEYS", 300_000), setting("SLOTS", 1000));
    let round_trip = Duration::from_millis(setting("ROUND_TRIP_MS", 2) as u64);
    let replicas = setting("REPLICAS", 0);
    say_load("before");
    for family in Family::all() {
        println!("\n{}: {keys} keys on 3 masters spread over 6, fresh clusters, {runs} runs", family.name);
        spread(&family, keys, runs, replicas);
        let ms = round_trip.as_millis();
        println!("{}: {slots} empty slots of 4 masters, round trips {ms} ms longer, there and back", family.name);
        empty_slots(&family, slots, runs, Shape { masters: 4, replicas, round_trip, ..Shape::default() });
    }
    println!();
    say_load("after");
}

/// Runs one of the programs on a cluster; how long it took.
type Run<'a> = &'a dyn Fn(&Cluster, &[&str]) -> f64;

fn spread(family: &Family, keys: usize, runs: usize, replicas: usize) {
    let measure = |run: Run<'_>| {
        let cluster = Cluster::start(family, Shape { masters: 3, replicas, empty: 3, ..Shape::default() });
        cluster.load(keys);
        let took = run(&cluster, &["rebalance", &cluster.addr(0), "--cluster-use-empty-masters", "--cluster-yes"]);
        assert_eq!(cluster.keys(), keys, "no key is lost");
        took
    };
    let theirs = |_: &Cluster, args: &[&str]| family.cli(args);
    let classic = |cluster: &Cluster, args: &[&str]| cluster.slotctl(&[args, &["--method", "classic"]].concat());
    let by_itself = |cluster: &Cluster, args: &[&str]| cluster.slotctl(args);
    let mut took = [vec![], vec![], vec![]];
    for _ in 0..runs {
        for (values, run) in took.iter_mut().zip([&theirs as Run<'_>, &classic, &by_itself]) {
            values.push(measure(run));
        }
    }
    let reference = median(&took[0]);
    for (name, values) in [family.cli_name(), "slotctl, key by key", "slotctl by default"].into_iter().zip(&took) {
        say_row(name, values, reference);
    }
}

fn empty_slots(family: &Family, slots: usize, runs: usize, shape: Shape) {
    let cluster = Cluster::start(family, shape);
    let (ids, slots) = ([cluster.id(0), cluster.id(1)], slots.to_string());
    let seed = cluster.addr(0);
    let there_and_back = |run: &dyn Fn(&[&str]) -> f64| -> Vec<f64> {
        let go = |from: &str, to: &str| {
            run(&[
                "reshard",
                &seed,
                "--cluster-from",
                from,
                "--cluster-to",
                to,
                "--cluster-slots",
                &slots,
                "--cluster-yes",
            ])
        };
        vec![go(&ids[0], &ids[1]), go(&ids[1], &ids[0])]
    };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        theirs.extend(there_and_back(&|args| family.cli(args)));
        ours.extend(there_and_back(&|args| cluster.slotctl(&[args, &["--method", "classic"]].concat())));
    }
    say_row(family.cli_name(), &theirs, median(&theirs));
    say_row("slotctl, key by key", &ours, median(&theirs));
}
