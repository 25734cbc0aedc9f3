//! redis-cli's balance, and an exact one.

use proptest::prelude::*;

use super::super::moves::tests::{carried_out, masters};
use super::*;

fn counts(slots: &[&str], wish: &Wish) -> Option<Vec<usize>> {
    let all = masters(slots);
    let result = rebalance(&all, wish).unwrap()?;
    assert_eq!(result.lines.iter().map(|line| line.0).sum::<usize>(), result.plan.slot_count());
    Some(carried_out(&all, &result.plan).iter().map(|m| m.slots.len()).collect())
}

#[test]
fn within_the_threshold_nothing_moves() {
    assert_eq!(counts(&["0-5460", "5461-10922", "10923-16383"], &Wish::default()), None);
    // 5400 is 1.1 % below, 5550 is 1.6 % above.
    assert_eq!(counts(&["0-5399", "5400-10949", "10950-16383"], &Wish::default()), None);
    assert!(counts(&["0-4999", "5000-10949", "10950-16383"], &Wish::default()).is_some());
}

#[test]
fn a_new_master_gets_slots_only_if_empty_ones_count() {
    let slots = ["0-5460", "5461-10922", "10923-16383", ""];
    assert_eq!(counts(&slots, &Wish::default()), None);
    let wish = Wish { use_empty: true, ..Wish::default() };
    assert_eq!(counts(&slots, &wish), Some(vec![4096; 4]));
}

#[test]
fn weights_shift_the_shares_and_zero_drains() {
    let all = masters(&["0-5460", "5461-10922", "10923-16383"]);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let wish = Wish { weights: weights(&all, &words("0=2 2=0")).unwrap(), ..Wish::default() };
    let result = rebalance(&all, &wish).unwrap().unwrap();
    assert_eq!((result.involved, result.total_weight), (3, 3.0));
    let after: Vec<usize> = carried_out(&all, &result.plan).iter().map(|m| m.slots.len()).collect();
    assert_eq!(after, [10923, 5461, 0]);
    let exact = Wish { threshold: 0.0, ..wish };
    let after: Vec<usize> =
        carried_out(&all, &rebalance(&all, &exact).unwrap().unwrap().plan).iter().map(|m| m.slots.len()).collect();
    assert_eq!(after, [10922, 5462, 0]);
    assert_eq!(weights(&all, &words("0")), Err(MoveRefusal::BadWeight("0".into())));
    assert_eq!(weights(&all, &words("0=x")), Err(MoveRefusal::BadWeight("0=x".into())));
    assert_eq!(weights(&all, &words("f=1")), Err(MoveRefusal::NoSuchMaster("f".into())));
    let nothing = Wish { weights: weights(&all, &words("0=0 1=0 2=0")).unwrap(), ..Wish::default() };
    assert_eq!(rebalance(&all, &nothing), Err(MoveRefusal::NoWeight));
}

#[test]
fn threshold_zero_is_exact_and_leaves_an_even_cluster_alone() {
    let exact = Wish { threshold: 0.0, ..Wish::default() };
    assert_eq!(counts(&["0-5460", "5461-10922", "10923-16383"], &exact), None);
    assert_eq!(counts(&["0-5462", "5463-10922", "10923-16383"], &exact), Some(vec![5462, 5461, 5461]));
}

proptest! {
    /// After a rebalance every master is within one slot of its share, and a second one has nothing to do.
    #[test]
    fn one_rebalance_is_enough(
        cuts in prop::collection::btree_set(1..16383_u16, 1..8), exact in any::<bool>(), use_empty in any::<bool>(),
    ) {
        let mut edges: Vec<u16> = cuts.into_iter().collect();
        edges.push(16384);
        let mut first = 0;
        let mut ranges: Vec<String> = edges.iter().map(|end| {
            let text = format!("{first}-{}", end - 1);
            first = *end;
            text
        }).collect();
        ranges.push(String::new());
        let all = masters(&ranges.iter().map(String::as_str).collect::<Vec<_>>());
        let wish = Wish { use_empty, threshold: if exact { 0.0 } else { 2.0 }, ..Wish::default() };
        if let Some(result) = rebalance(&all, &wish).unwrap() {
            let after = carried_out(&all, &result.plan);
            prop_assert_eq!(after.iter().map(|m| m.slots.len()).sum::<usize>(), 16384);
            let share = 16384 / result.involved;
            for master in after.iter().filter(|m| use_empty || !m.slots.is_empty()) {
                let off = master.slots.len().abs_diff(share);
                prop_assert!(off <= if exact { 1 } else { result.involved }, "{} of {share}", master.slots.len());
            }
            prop_assert_eq!(rebalance(&after, &wish).unwrap().map(|again| again.plan.slot_count()), None);
        }
    }
}
