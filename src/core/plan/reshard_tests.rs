//! redis-cli's shares.

use proptest::prelude::*;

use super::super::moves::tests::{carried_out, masters};
use super::*;

fn shares(slots: &[&str], count: u16) -> Vec<usize> {
    let all = masters(slots);
    let target = Master { slots: "".parse().unwrap(), ..all[0].clone() };
    let plan = reshard(&all.iter().collect::<Vec<_>>(), &target, count);
    plan.moves().iter().map(|m| m.slots.len()).collect()
}

#[test]
fn the_greatest_source_rounds_up_and_the_others_down() {
    // Seen of redis-cli 7.0.15 on three masters of 5461, 5462 and 5461 slots.
    assert_eq!(shares(&["0-5460", "5461-10922", "10923-16383"], 100), [34, 33, 33]);
    assert_eq!(shares(&["0-5460", "5461-10922", "10923-16383"], 101), [34, 33, 33]);
    assert_eq!(shares(&["0-5460", "5461-10922", "10923-16383"], 1), [1]);
    assert_eq!(shares(&["0-99"], 1000), [100]);
    assert_eq!(shares(&["", ""], 10), [] as [usize; 0]);
}

#[test]
fn the_lowest_slots_of_a_source_go_first() {
    let all = masters(&["0-9", "10-16383", ""]);
    let plan = reshard(&[&all[1]], &all[2], 3);
    assert_eq!(plan.moves()[0].slots.to_string(), "10-12");
}

#[test]
fn sources_are_named_or_all() {
    let all = masters(&["0-99", "100-199", "200-16383"]);
    let named = |list| sources(&all, list, &all[0]).map(|s| s.iter().map(|m| m.addr.port).collect::<Vec<_>>());
    assert_eq!(named("all"), Ok(vec![7001, 7002]));
    assert_eq!(named("2,1,2"), Ok(vec![7002, 7001]));
    assert_eq!(named("2, all"), Ok(vec![7001, 7002]));
    assert_eq!(named("0"), Err(MoveRefusal::TargetIsSource));
    assert_eq!(named(""), Err(MoveRefusal::NoSource));
    assert_eq!(named("1,f"), Err(MoveRefusal::NotAMaster("f".into())));
}

proptest! {
    #[test]
    fn never_more_than_asked_for_and_short_by_less_than_the_sources(
        cuts in prop::collection::btree_set(1..16383_u16, 1..12), count in 1..=16384_u16,
    ) {
        let mut edges: Vec<u16> = cuts.into_iter().collect();
        edges.push(16384);
        let mut first = 0;
        let ranges: Vec<String> = edges.iter().map(|end| {
            let text = format!("{first}-{}", end - 1);
            first = *end;
            text
        }).collect();
        let all = masters(&ranges.iter().map(String::as_str).collect::<Vec<_>>());
        let target = Master { id: "f".repeat(40).parse().unwrap(), slots: "".parse().unwrap(), ..all[0].clone() };
        let plan = reshard(&all.iter().collect::<Vec<_>>(), &target, count);
        let moved = plan.slot_count();
        prop_assert!(moved <= usize::from(count) && moved + all.len() > usize::from(count), "{moved} of {count}");
        let mut with_target = all.clone();
        with_target.push(target);
        let after = carried_out(&with_target, &plan);
        prop_assert_eq!(after.iter().map(|m| m.slots.len()).sum::<usize>(), 16384);
    }
}
