//! What a list of moves holds.

use proptest::prelude::*;

use super::*;

/// Masters whose ids begin with a, b, c … and own these slots.
pub(in crate::core::plan) fn masters(slots: &[&str]) -> Vec<Master> {
    let master = |(i, slots): (usize, &&str)| Master {
        addr: NodeAddr::new("127.0.0.1", 7000 + u16::try_from(i).unwrap()),
        id: format!("{i:x}{}", "0".repeat(39)).parse().unwrap(),
        slots: slots.parse().unwrap(),
    };
    slots.iter().enumerate().map(master).collect()
}

/// The masters as they are when the plan has been carried out.
pub(in crate::core::plan) fn carried_out(masters: &[Master], plan: &MovePlan) -> Vec<Master> {
    plan.still_holds(masters).unwrap();
    let mut after = masters.to_vec();
    for one in plan.moves() {
        for slot in one.slots.iter() {
            assert!(after.iter_mut().find(|m| m.id == one.from).unwrap().slots.remove(slot));
            assert!(after.iter_mut().find(|m| m.id == one.to).unwrap().slots.insert(slot));
        }
    }
    after
}

#[test]
fn a_master_is_named_by_id_by_the_beginning_of_one_or_by_address() {
    let all = masters(&["0-99", "100-16383"]);
    for name in ["1", "10000", "127.0.0.1:7001", all[1].id.as_str()] {
        assert_eq!(master_named(&all, name).unwrap(), &all[1], "{name}");
    }
    assert_eq!(
        master_named(&all, "beef").unwrap_err().to_string(),
        "*** The specified node (beef) is not known or not a master, please retry."
    );
    assert!(master_named(&all, "").is_err() && master_named(&all, "127.0.0.1:1").is_err());
    let mut twins = masters(&["0", "1"]);
    twins[1].id = format!("0{}", "1".repeat(39)).parse().unwrap();
    assert_eq!(master_named(&twins, "0"), Err(MoveRefusal::Ambiguous("0".into())));
}

#[test]
fn listed_slots_come_from_whoever_has_them_and_the_targets_own_stay() {
    let all = masters(&["0-99", "100-199", "200-16382"]);
    let plan = move_slots(&all, &"50-250,512".parse().unwrap(), &all[1]).unwrap();
    let told: Vec<String> =
        plan.moves().iter().map(|m| format!("{}>{} {}", &m.from.as_str()[..1], &m.to.as_str()[..1], m.slots)).collect();
    assert_eq!(told, ["0>1 50-99", "2>1 200-250,512"]);
    assert_eq!(plan.slot_count(), 102);
    assert!(move_slots(&all, &"100-120".parse().unwrap(), &all[1]).unwrap().is_empty());
    let orphan = move_slots(&all, &"0,16383".parse().unwrap(), &all[1]).unwrap_err();
    assert_eq!(orphan, MoveRefusal::NoOwner("16383".parse().unwrap()));
}

#[test]
fn a_plan_is_stale_when_a_slot_has_gone_elsewhere() {
    let before = masters(&["0-99", "100-16383"]);
    let plan = move_slots(&before, &"5-7".parse().unwrap(), &before[1]).unwrap();
    plan.still_holds(&before).unwrap();
    let after = masters(&["0-4,7-99", "5-6,100-16383"]);
    assert!(matches!(plan.still_holds(&after), Err(MoveRefusal::Stale { slot, .. }) if slot.get() == 5));
    let rest = plan.rest(&after);
    assert_eq!((rest.moves().len(), rest.moves()[0].slots.to_string()), (1, "7".into()));
    assert!(plan.rest(&carried_out(&before, &plan)).is_empty());
}

proptest! {
    /// Each slot stands once, whatever the order.
    #[test]
    fn moves_of_one_pair_are_one(slots in prop::collection::vec((0..3_usize, 0..3_usize, 0..16384_u16), 0..200)) {
        let all = masters(&["", "", ""]);
        let plan = MovePlan::of(slots.iter().map(|(from, to, slot)| {
            (all[*from].id.clone(), all[*to].id.clone(), Slot::new(*slot).unwrap())
        }));
        let mut pairs: Vec<_> = plan.moves().iter().map(|m| (m.from.clone(), m.to.clone())).collect();
        let count = pairs.len();
        pairs.sort();
        pairs.dedup();
        prop_assert_eq!(pairs.len(), count);
        for (from, to, slot) in slots {
            let holds = |m: &SlotMove| m.from == all[from].id && m.to == all[to].id && m.slots.contains(Slot::new(slot).unwrap());
            prop_assert!(plan.moves().iter().any(holds));
        }
    }
}
