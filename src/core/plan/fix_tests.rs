//! Every trouble finds its owner, and a plan that is carried out leaves nothing to repair.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::core::topology::{Node, NodeFlags, Topology, View};

/// The first few slots are where trouble is made.
const TROUBLED: u16 = 8;

#[derive(Debug, Clone, Default)]
struct Model {
    masters: Vec<Simulated>,
}

#[derive(Debug, Clone, Default)]
struct Simulated {
    epoch: u64,
    slots: SlotSet,
    migrating: Vec<(u16, usize)>,
    importing: Vec<(u16, usize)>,
    keys: BTreeMap<u16, u64>,
}

fn id(i: usize) -> NodeId {
    format!("{i:x}{}", "0".repeat(39)).parse().unwrap()
}

fn addr(i: usize) -> NodeAddr {
    NodeAddr::new("127.0.0.1", 7000 + u16::try_from(i).unwrap())
}

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

fn slots(text: &str) -> SlotSet {
    text.parse().unwrap()
}

impl Model {
    /// Masters that own slots 0-7 in this way, and a third of the others each.
    fn healthy(of: [&str; 3]) -> Self {
        let rest = ["8-5460", "5461-10922", "10923-16383"];
        let master = |(i, few): (usize, &str)| {
            let mut owned = slots(few);
            owned.union_with(&slots(rest[i]));
            Simulated { epoch: i as u64 + 1, slots: owned, ..Simulated::default() }
        };
        Self { masters: of.into_iter().enumerate().map(master).collect() }
    }

    fn node(&self, i: usize, myself: bool) -> Node {
        let one = &self.masters[i];
        let open = |list: &[(u16, usize)]| list.iter().map(|(number, to)| (slot(*number), id(*to))).collect();
        Node {
            id: id(i),
            addr: Some(addr(i)),
            hostname: None,
            role: crate::core::topology::Role::Master,
            flags: NodeFlags::default(),
            master: None,
            epoch: one.epoch,
            linked: true,
            slots: one.slots.clone(),
            migrating: if myself { open(&one.migrating) } else { Vec::new() },
            importing: if myself { open(&one.importing) } else { Vec::new() },
        }
    }

    fn topology(&self) -> Topology {
        let view = |me: usize| {
            let nodes = (0..self.masters.len()).map(|i| self.node(i, i == me)).collect();
            (addr(me), Arc::new(View { myself: id(me), nodes }))
        };
        Topology { views: (0..self.masters.len()).map(view).collect(), ..Topology::default() }
    }

    fn counts(&self) -> KeyCounts {
        let of = |one: &Simulated| one.keys.iter().map(|(number, count)| (slot(*number), *count)).collect();
        self.masters.iter().enumerate().map(|(i, one)| (id(i), of(one))).collect()
    }

    fn plan(&self) -> FixPlan {
        let (topology, keys, under_way) = (self.topology(), self.counts(), SlotSet::new());
        plan(&Damage { topology: &topology, keys: &keys, under_way: &under_way }, false).unwrap()
    }

    fn all_keys(&self) -> u64 {
        self.masters.iter().flat_map(|one| one.keys.values()).sum()
    }

    /// Does what the plan says and nothing else.
    fn carried_out(&self, plan: &FixPlan) -> Self {
        let mut after = self.clone();
        let place = |party: &Party| (0..self.masters.len()).find(|i| id(*i) == party.id).unwrap();
        for repair in &plan.repairs {
            let owner = place(&repair.owner);
            let give: Vec<usize> =
                repair.losers.iter().chain(repair.forward.iter().map(|(p, _)| p)).map(place).collect();
            let from: Vec<usize> =
                repair.keys_from.iter().chain(&repair.forward).map(|(party, _)| place(party)).collect();
            for one in repair.slots.iter() {
                for loser in &give {
                    after.masters[*loser].slots.remove(one);
                }
                after.masters[owner].slots.insert(one);
                for source in &from {
                    let moved = after.masters[*source].keys.remove(&one.get()).unwrap_or_default();
                    *after.masters[owner].keys.entry(one.get()).or_default() += moved;
                }
                for party in &repair.close {
                    let closed = &mut after.masters[place(party)];
                    closed.migrating.retain(|(number, _)| *number != one.get());
                    closed.importing.retain(|(number, _)| *number != one.get());
                }
            }
        }
        after.masters.iter_mut().for_each(|one| one.keys.retain(|_, count| *count > 0));
        after
    }
}

fn one(plan: &FixPlan) -> &Repair {
    assert_eq!(plan.repairs.len(), 1, "{plan:#?}");
    &plan.repairs[0]
}

#[test]
fn a_whole_cluster_needs_nothing() {
    assert_eq!(Model::healthy(["0-7", "", ""]).plan(), FixPlan::default());
}

#[test]
fn uncovered_slots_go_to_the_masters_with_the_fewest() {
    let mut model = Model::healthy(["0-7", "", ""]);
    model.masters[0].slots = slots("3000-5460");
    let plan = model.plan();
    let after = model.carried_out(&plan);
    let counts: Vec<usize> = after.masters.iter().map(|one| one.slots.len()).collect();
    assert_eq!(counts, [5461, 5462, 5461]);
    assert!(plan.repairs.iter().all(|repair| repair.reason == Reason::Spread));
    // An empty master stays empty.
    model.masters.push(Simulated::default());
    assert!(model.plan().repairs.iter().all(|repair| repair.owner.id != id(3)));
}

#[test]
fn an_uncovered_slot_goes_to_its_keys() {
    let mut model = Model::healthy(["1-7", "", ""]);
    model.masters[2].keys.insert(0, 1);
    let plan = model.plan();
    assert_eq!((one(&plan).owner.id.clone(), one(&plan).reason), (id(2), Reason::OnlyKeys));
    model.masters[1].keys.insert(0, 9);
    let plan = model.plan();
    assert_eq!((one(&plan).owner.id.clone(), one(&plan).reason), (id(1), Reason::MostKeys));
    assert_eq!(one(&plan).keys(), 1);
}

#[test]
fn a_move_that_was_begun_at_both_ends_is_finished() {
    let mut model = Model::healthy(["0-7", "", ""]);
    model.masters[0].migrating = vec![(3, 1)];
    let plan = model.plan();
    assert_eq!((one(&plan).owner.id.clone(), &one(&plan).forward), (id(0), &None));
    model.masters[1].importing = vec![(3, 0)];
    model.masters[2].importing = vec![(3, 0)];
    model.masters[2].keys.insert(3, 4);
    let plan = model.plan();
    let repair = one(&plan);
    assert_eq!((repair.owner.id.clone(), repair.reason), (id(1), Reason::MoveBegun));
    assert_eq!(repair.keys_from.len(), 1);
    assert_eq!(repair.close.len(), 3);
}

#[test]
fn of_several_that_claim_a_slot_the_highest_epoch_wins_and_the_others_give_up() {
    let mut model = Model::healthy(["0-7", "3", ""]);
    model.masters[0].keys.insert(3, 100);
    let plan = model.plan();
    let repair = one(&plan);
    assert_eq!((repair.owner.id.clone(), repair.reason), (id(1), Reason::HighestEpoch));
    assert_eq!(repair.losers, [Party { addr: addr(0), id: id(0) }]);
    assert_eq!(repair.finding(), "slot 3 claimed by several masters: 127.0.0.1:7000, 127.0.0.1:7001");
}

#[test]
fn slots_that_the_servers_move_are_not_touched() {
    let mut model = Model::healthy(["0-7", "", ""]);
    model.masters[0].migrating = vec![(3, 1), (4, 1)];
    let (topology, keys, under_way) = (model.topology(), model.counts(), slots("4"));
    let damage = Damage { topology: &topology, keys: &keys, under_way: &under_way };
    let plan = plan(&damage, false).unwrap();
    assert_eq!(one(&plan).slots, slots("3"));
    assert_eq!(plan.left, [Left { slots: slots("4"), why: LeftWhy::UnderWay }]);
}

#[test]
fn a_silent_master_is_named_and_its_slots_are_given_away_only_on_request() {
    let model = Model::healthy(["0-7", "", ""]);
    let (mut topology, keys, under_way) = (model.topology(), model.counts(), SlotSet::new());
    topology.views.remove(&addr(2));
    topology.unreachable.insert(addr(2), "refused".to_owned());
    let damage = Damage { topology: &topology, keys: &keys, under_way: &under_way };
    let why = plan(&damage, false).unwrap_err();
    assert!(why.to_string().contains("127.0.0.1:7002 (5461 slots (10923-16383))"), "{why}");
    let plan = plan(&damage, true).unwrap();
    assert_eq!(plan.slots(), slots("10923-16383"));
}

#[test]
fn a_replica_that_answers_is_preferred_to_giving_slots_away() {
    let model = Model::healthy(["0-7", "", ""]);
    let (mut topology, keys, under_way) = (model.topology(), model.counts(), SlotSet::new());
    let mut view = (*topology.views.remove(&addr(2)).unwrap()).clone();
    let me = Node {
        id: id(3),
        role: crate::core::topology::Role::Replica,
        master: Some(id(2)),
        slots: SlotSet::new(),
        ..view.nodes[&id(2)].clone()
    };
    view.nodes.insert(me);
    view.myself = id(3);
    topology.views.insert(addr(3), Arc::new(view));
    let damage = Damage { topology: &topology, keys: &keys, under_way: &under_way };
    assert!(matches!(plan(&damage, false), Err(Refusal::Unreachable(lost)) if lost[0].replica == Some(addr(3))));
    let plan = plan(&damage, true).unwrap();
    assert!(plan.repairs.is_empty());
    assert!(plan.left[0].to_string().contains("slotctl failover 127.0.0.1:7003 127.0.0.1:7003 --force"));
}

#[test]
fn nodes_that_do_not_know_each_other_are_both_told() {
    let model = Model::healthy(["0-7", "", ""]);
    let mut topology = model.topology();
    let mut view = (*topology.views[&addr(0)]).clone();
    view.nodes.remove(&id(1));
    topology.views.insert(addr(0), Arc::new(view));
    let (keys, under_way) = (model.counts(), SlotSet::new());
    let plan = plan(&Damage { topology: &topology, keys: &keys, under_way: &under_way }, false).unwrap();
    let both = [Meeting { by: addr(0), whom: addr(1) }, Meeting { by: addr(1), whom: addr(0) }];
    assert_eq!(plan.meetings, both);
    assert_eq!(one(&plan).trouble, Trouble::Disagreed);
}

#[test]
fn commands_stand_in_the_order_that_keeps_keys() {
    let mut model = Model::healthy(["0-7", "3", ""]);
    model.masters[0].keys.insert(3, 100);
    let lines: Vec<String> = model.plan().commands().iter().map(|command| command.command.words.join(" ")).collect();
    let at = |words: &str| lines.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(at("DELSLOTS 3") < at("BUMPEPOCH") && at("BUMPEPOCH") < at("MIGRATE"), "{lines:?}");
}

#[test]
fn a_plan_is_stale_only_where_it_would_do_more() {
    let mut model = Model::healthy(["0-7", "", ""]);
    model.masters[0].migrating = vec![(3, 1), (4, 1)];
    let confirmed = model.plan();
    model.masters[0].migrating.pop();
    assert_eq!(model.plan().beyond(&confirmed), None);
    model.masters[1].importing = vec![(3, 0)];
    assert!(model.plan().beyond(&confirmed).is_some(), "the move would be finished now");
}

/// Three masters of which each may claim, open and hold each of the first slots as it likes.
fn any_model() -> impl Strategy<Value = Model> {
    let one = (
        prop::collection::vec(prop::bool::weighted(0.4), usize::from(TROUBLED)),
        prop::collection::vec(prop::option::weighted(0.3, 0..3_usize), usize::from(TROUBLED)),
        prop::collection::vec(prop::option::weighted(0.3, 0..4_usize), usize::from(TROUBLED)),
        prop::collection::vec(0..3_u64, usize::from(TROUBLED)),
        1..5_u64,
    );
    prop::collection::vec(one, 3).prop_map(|all| {
        let mut model = Model::healthy(["", "", ""]);
        for (i, (claims, migrating, importing, keys, epoch)) in all.into_iter().enumerate() {
            let master = &mut model.masters[i];
            master.epoch = epoch;
            for number in 0..TROUBLED {
                let at = usize::from(number);
                if claims[at] {
                    master.slots.insert(slot(number));
                }
                master.migrating.extend(migrating[at].filter(|to| *to != i).map(|to| (number, to)));
                master.importing.extend(importing[at].filter(|from| *from != i).map(|from| (number, from)));
                if keys[at] > 0 {
                    master.keys.insert(number, keys[at]);
                }
            }
        }
        model
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happened_one_plan_repairs_it_and_keeps_every_key(model in any_model()) {
        let plan = model.plan();
        let after = model.carried_out(&plan);
        prop_assert_eq!(after.all_keys(), model.all_keys());
        prop_assert!(after.plan().is_empty(), "{:#?}", after.plan());
        for slot in Slot::all() {
            let owners = after.masters.iter().filter(|one| one.slots.contains(slot)).count();
            prop_assert_eq!(owners, 1);
        }
        // Each slot is repaired once, and only those in trouble.
        let repaired: usize = plan.repairs.iter().map(|repair| repair.slots.len()).sum();
        prop_assert_eq!(repaired, plan.slots().len());
        prop_assert!(plan.slots().iter().all(|slot| slot.get() < TROUBLED));
        // Losers never own in the end, and nobody who gives keys up is the owner.
        for repair in &plan.repairs {
            prop_assert!(!repair.losers.contains(&repair.owner));
            prop_assert!(repair.keys_from.iter().all(|(party, _)| *party != repair.owner));
        }
    }

    #[test]
    fn the_same_cluster_always_gets_the_same_plan(model in any_model()) {
        prop_assert_eq!(model.plan(), model.plan());
        prop_assert_eq!(model.plan().beyond(&model.plan()), None);
    }
}
