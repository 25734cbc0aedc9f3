//! As even as whole slots allow, and never less even than before.

use proptest::prelude::*;

use super::super::moves::tests::{carried_out, masters};
use super::*;

fn loads(pairs: &[(u16, u64)]) -> Loads {
    pairs.iter().map(|(slot, load)| (Slot::new(*slot).unwrap(), *load)).collect()
}

fn held(masters: &[Master], loads: &Loads) -> Vec<u64> {
    masters.iter().map(|m| m.slots.iter().map(|slot| loads.get(&slot).copied().unwrap_or_default()).sum()).collect()
}

/// What each master holds after the plan; `None` where nothing is to be moved.
fn after(all: &[Master], wish: &Wish, loads: &Loads) -> Option<Vec<u64>> {
    let (result, told) = rebalance_load(all, wish, loads).unwrap()?;
    result.plan.still_holds(all).unwrap();
    let done = carried_out(all, &result.plan);
    let after = held(&done, loads);
    for one in told {
        let at = all.iter().position(|master| master.id == one.id).unwrap();
        assert_eq!((one.before, one.after), (held(all, loads)[at], after[at]));
    }
    Some(after)
}

fn exact() -> Wish {
    Wish { threshold: 0.0, ..Wish::default() }
}

#[test]
fn a_heavy_slot_is_outweighed_by_many_light_ones() {
    let all = masters(&["0-3", "4-7"]);
    let loads = loads(&[(0, 300), (1, 100), (2, 100), (3, 100), (4, 0), (5, 0), (6, 0), (7, 0)]);
    assert_eq!(after(&all, &Wish::default(), &loads), Some(vec![300, 300]));
    let (result, _) = rebalance_load(&all, &Wish::default(), &loads).unwrap().unwrap();
    assert_eq!(result.lines, [(1, all[0].id.clone(), all[1].id.clone())], "one slot is enough");
}

#[test]
fn within_the_threshold_nothing_moves() {
    let all = masters(&["0-3", "4-7"]);
    let loads = loads(&[(0, 50), (1, 1), (4, 49), (5, 1)]);
    assert_eq!(after(&all, &Wish::default(), &loads), None);
    assert_eq!(after(&all, &exact(), &loads), None, "51 to 50 is as even as it can be");
    assert_eq!(after(&all, &exact(), &super::Loads::new()), None, "where nothing is, nothing is uneven");
}

#[test]
fn weights_count_and_zero_gives_all_slots_away() {
    let all = masters(&["0-5", "6-11", "12-17"]);
    let loads: Loads = (0..18).map(|slot| (Slot::new(slot).unwrap(), u64::from(slot % 2) * 10)).collect();
    let weigh = |weights: &[(usize, f32)]| Wish {
        weights: weights.iter().map(|(i, weight)| (all[*i].id.clone(), *weight)).collect(),
        ..exact()
    };
    assert_eq!(after(&all, &weigh(&[(0, 2.0), (1, 0.0)]), &loads), Some(vec![60, 0, 30]));
    let (result, _) = rebalance_load(&all, &weigh(&[(1, 0.0)]), &loads).unwrap().unwrap();
    assert!(carried_out(&all, &result.plan)[1].slots.is_empty(), "empty slots go, too");
    assert_eq!(rebalance_load(&all, &weigh(&[(0, 0.0), (1, 0.0), (2, 0.0)]), &loads), Err(MoveRefusal::NoWeight));
}

#[test]
fn a_new_master_gets_its_share_only_if_empty_ones_count() {
    let all = masters(&["0-3", "4-7", ""]);
    let loads = loads(&[(0, 10), (1, 10), (2, 10), (4, 10), (5, 10), (6, 10)]);
    assert_eq!(after(&all, &Wish::default(), &loads), None);
    assert_eq!(after(&all, &Wish { use_empty: true, ..Wish::default() }, &loads), Some(vec![20, 20, 20]));
}

proptest! {
    #[test]
    fn no_single_move_would_make_it_more_even_and_a_second_plan_is_empty(
        sizes in prop::collection::vec(prop_oneof![Just(0_u64), 1..20_u64, 0..100_000_u64], 1..300),
        cuts in prop::collection::btree_set(0..300_usize, 0..5),
        weights in prop::collection::vec(1..4_u8, 6),
    ) {
        let count = sizes.len();
        let mut ends: Vec<usize> = cuts.into_iter().filter(|cut| *cut > 0 && *cut < count).collect();
        ends.insert(0, 0);
        ends.push(count);
        let slots: Vec<String> = ends.windows(2).map(|pair| format!("{}-{}", pair[0], pair[1] - 1)).collect();
        let slots: Vec<&str> = slots.iter().map(String::as_str).collect();
        let all = masters(&slots);
        let loads: Loads = Slot::all().zip(sizes).collect();
        let weights = all.iter().zip(weights).map(|(m, weight)| (m.id.clone(), f32::from(weight))).collect();
        let wish = Wish { weights, ..exact() };
        let shares = |all: &[Master]| -> Vec<i128> {
            let total: u64 = held(all, &loads).iter().sum();
            let sum: f32 = all.iter().map(|m| wish.weights[&m.id]).sum();
            all.iter().map(|m| i128::from(share(total, wish.weights[&m.id], sum))).collect()
        };
        let off = |all: &[Master]| -> Vec<i128> {
            held(all, &loads).iter().zip(shares(all)).map(|(held, share)| i128::from(*held) - share).collect()
        };
        let squares = |off: &[i128]| off.iter().map(|off| off * off).sum::<i128>();
        let done = match rebalance_load(&all, &wish, &loads).unwrap() {
            Some((result, _)) => {
                prop_assert!(result.plan.still_holds(&all).is_ok());
                let done = carried_out(&all, &result.plan);
                prop_assert!(squares(&off(&done)) < squares(&off(&all)));
                done
            }
            None => all,
        };
        let lack = off(&done).into_iter().min().unwrap();
        for (master, off) in done.iter().zip(off(&done)) {
            for slot in master.slots.iter().filter(|_| master.slots.len() > 1) {
                let load = i128::from(loads[&slot]);
                prop_assert!(load == 0 || load >= off - lack, "{load} of {off} against {lack}");
            }
        }
        prop_assert_eq!(rebalance_load(&done, &wish, &loads).unwrap(), None);
    }
}
