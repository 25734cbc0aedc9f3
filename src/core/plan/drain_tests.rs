//! A drained master owns nothing, and nobody else gives anything.

use proptest::prelude::*;

use super::super::moves::tests::{carried_out, masters};
use super::*;

fn counts(slots: &[&str], to: &[&str]) -> Vec<usize> {
    let all = masters(slots);
    let to: Vec<String> = to.iter().map(|name| (*name).to_owned()).collect();
    let plan = drain(&all, &all[0], &to).unwrap();
    carried_out(&all, &plan).iter().map(|m| m.slots.len()).collect()
}

#[test]
fn the_others_end_up_even() {
    assert_eq!(counts(&["0-5460", "5461-10922", "10923-16383"], &[]), [0, 8192, 8192]);
    assert_eq!(counts(&["0-99", "100-199", "200-16383"], &[]), [0, 200, 16184]);
}

#[test]
fn masters_without_slots_get_some_only_if_named_or_nobody_else_is_there() {
    assert_eq!(counts(&["0-99", "100-16383", ""], &[]), [0, 16384, 0]);
    assert_eq!(counts(&["0-99", "100-16383", ""], &["2"]), [0, 16284, 100]);
    assert_eq!(counts(&["0-16383", "", ""], &[]), [0, 8192, 8192]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let all = masters(&["0-99", "100-16383"]);
    let to = |name: &str| drain(&all, &all[0], &[name.to_owned()]).unwrap_err().to_string();
    assert!(to("0").starts_with("*** 0 can't get its own slots"));
    assert!(to("f").contains("not known or not a master"));
    assert_eq!(drain(&all[..1], &all[0], &[]), Err(DrainRefusal::NoReceiver));
    assert!(drain(&masters(&["", "0-16383"]), &masters(&[""])[0], &[]).unwrap().is_empty());
}

proptest! {
    /// Whatever the masters own: all slots leave the first, none leaves another, and no receiver could have been spared
    /// a slot for one that has two less.
    #[test]
    fn a_drain_is_complete_and_even(cuts in prop::collection::vec(0_u16..16384, 1..12)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut all = masters(&vec![""; cuts.len() + 1]);
        let mut first = 0;
        for (i, end) in cuts.iter().copied().chain([16384]).enumerate() {
            all[i].slots = (first..end).map(|n| crate::core::slot::Slot::new(n).unwrap()).collect();
            first = end;
        }
        let plan = drain(&all, &all[0], &[]).unwrap();
        prop_assert!(plan.moves().iter().all(|one| one.from == all[0].id));
        let after = carried_out(&all, &plan);
        prop_assert!(after[0].slots.is_empty());
        let gained: Vec<usize> = (1..all.len()).filter(|i| after[*i].slots.len() > all[*i].slots.len()).collect();
        let served = all[1..].iter().any(|m| !m.slots.is_empty());
        for got in &gained {
            for other in (1..all.len()).filter(|i| !served || !all[*i].slots.is_empty()) {
                prop_assert!(after[*got].slots.len() <= after[other].slots.len() + 1);
            }
        }
    }
}
