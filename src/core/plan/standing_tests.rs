//! What may have happened to a plan between its beginning and its resumption.

use std::sync::Arc;

use super::*;
use crate::core::plan::moves::masters_of;
use crate::core::topology::{NodeAddr, View};

/// What a node says of itself: its role, its slots, its open slots.
struct Said(String, String);

fn master(slots: &str) -> Said {
    Said("master -".to_owned(), slots.to_owned())
}

fn id(i: usize) -> NodeId {
    format!("{i:x}{}", "0".repeat(39)).parse().unwrap()
}

fn addr(i: usize) -> NodeAddr {
    NodeAddr::new("127.0.0.1", 7000 + u16::try_from(i).unwrap())
}

fn cluster(said: &[Said]) -> (Topology, Vec<Master>) {
    let line = |i: usize, me: bool| {
        let Said(role, slots) = &said[i];
        let myself = if me { "myself," } else { "" };
        let shown = slots.split(' ').filter(|word| me || !word.starts_with('[')).collect::<Vec<_>>().join(" ");
        format!("{} {}@17000 {myself}{role} 0 0 {i} connected {shown}\n", id(i), addr(i))
    };
    let view = |me: usize| {
        let text: String = (0..said.len()).map(|i| line(i, i == me)).collect();
        (addr(me), Arc::new(View::parse(&text).unwrap()))
    };
    let topology = Topology { views: (0..said.len()).map(view).collect(), ..Topology::default() };
    let masters = masters_of(&topology, &addr(0));
    (topology, masters)
}

/// Slots 0 to 9 from the first master to the second.
fn plan() -> MovePlan {
    MovePlan::of((0..10).map(|slot| (id(0), id(1), Slot::new(slot).unwrap())))
}

fn standing(said: &[Said]) -> Standing {
    let (topology, masters) = cluster(said);
    plan().standing(&topology, &masters)
}

#[test]
fn what_is_done_is_done_and_the_rest_is_told() {
    let untouched = [master("0-99"), master("100-199")];
    assert_eq!(standing(&untouched), Standing::Unfinished(plan()));
    let Standing::Unfinished(rest) = standing(&[master("5-99"), master("0-4 100-199")]) else { panic!() };
    assert_eq!(rest.moves()[0].slots.to_string(), "5-9");
    assert_eq!(standing(&[master("10-99"), master("0-9 100-199")]), Standing::Done);
}

#[test]
fn its_own_open_slots_are_no_obstacle_but_others_are() {
    let (to, from) = (format!("5-99 [5->-{}]", id(1)), format!("0-4 100-199 [5-<-{}]", id(0)));
    let own = [master(&to), master(&from), master("200-299")];
    assert!(matches!(standing(&own), Standing::Unfinished(_)));
    let third = format!("200-299 [5-<-{}]", id(0));
    let other = [master("5-99"), master("0-4 100-199"), master(&third)];
    assert_eq!(standing(&other), Standing::Stale(Misfit::OpenOtherwise("5".parse().unwrap())));
}

#[test]
fn slots_that_a_third_master_has_got_are_not_taken_from_it() {
    let said = [master("0-4 8-99"), master("100-199"), master("5-7 200-299")];
    let Standing::Stale(why) = standing(&said) else { panic!() };
    assert_eq!(why.to_string(), format!("slots 5-7 have another owner by now ({})", id(2).short()));
}

#[test]
fn another_cluster_at_the_same_addresses_is_seen() {
    let (mut topology, mut masters) = cluster(&[master("0-99"), master("100-199")]);
    topology.views.clear();
    masters.clear();
    let Standing::Stale(Misfit::Strangers(strangers)) = plan().standing(&topology, &masters) else { panic!() };
    assert_eq!(strangers, [id(0), id(1)]);
}

#[test]
fn a_target_that_was_replaced_is_named() {
    let replica = Said(format!("slave {}", id(2)), String::new());
    let said = [master("0-99"), replica, master("100-199")];
    assert_eq!(standing(&said), Standing::Stale(Misfit::Replicas(vec![id(1)])));
}
