//! The create plan as a specification.

use proptest::prelude::*;

use super::*;
use crate::core::slot::SlotSet;

fn node(host: &str, port: u16) -> Candidate {
    let hash = host.bytes().fold(u64::from(port), |acc, b| acc.wrapping_mul(131).wrapping_add(u64::from(b)));
    Candidate {
        addr: NodeAddr::new(host, port),
        id: format!("{hash:040x}").parse().unwrap(),
        version: ServerVersion::redis(7, 0, 15),
        tuned: Vec::new(),
    }
}

fn local(count: u16) -> Vec<Candidate> {
    (0..count).map(|i| node("127.0.0.1", 7000 + i)).collect()
}

fn bounds(masters: usize) -> Vec<(u16, u16)> {
    allocate_slots(masters).into_iter().map(|r| (r.first.get(), r.last.get())).collect()
}

#[test]
fn slots_are_redis_clis_for_small_clusters() {
    assert_eq!(bounds(3), [(0, 5460), (5461, 10922), (10923, 16383)]);
    assert_eq!(bounds(4), [(0, 4095), (4096, 8191), (8192, 12287), (12288, 16383)]);
    assert_eq!(bounds(5), [(0, 3276), (3277, 6553), (6554, 9829), (9830, 13106), (13107, 16383)]);
    assert_eq!(bounds(6), [(0, 2730), (2731, 5460), (5461, 8191), (8192, 10922), (10923, 13652), (13653, 16383)]);
    assert_eq!(
        bounds(7),
        [(0, 2340), (2341, 4680), (4681, 7021), (7022, 9361), (9362, 11702), (11703, 14042), (14043, 16383)]
    );
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the wrong arithmetic, written down to be told from the right one"
)]
fn the_arithmetic_is_f32_as_in_redis_cli() {
    let f64_bounds = |masters: usize| {
        let per_node = 16384.0 / masters as f64;
        let (mut cursor, mut first, mut out) = (0.0, 0, Vec::new());
        for i in 0..masters {
            let last = if i == masters - 1 { 16383 } else { (cursor + per_node - 1.0_f64).round() as u16 };
            out.push((first, last.max(first)));
            first = last.max(first) + 1;
            cursor += per_node;
        }
        out
    };
    let first_difference = (3..200).find(|masters| bounds(*masters) != f64_bounds(*masters));
    assert_eq!(first_difference, Some(78), "the field notes found 78 by running both");
}

#[test]
fn every_number_of_masters_covers_all_slots_without_overlap() {
    for masters in 1..=usize::from(SLOT_COUNT) {
        if masters > 300 && masters % 97 != 0 && masters != 16384 {
            continue;
        }
        let ranges = allocate_slots(masters);
        let reached = ranges.last().unwrap().last;
        assert_eq!(reached, Slot::LAST, "{masters} masters");
        for pair in ranges.windows(2) {
            assert!(pair[0].last.get() + 1 == pair[1].first.get() || pair[1].last == Slot::LAST, "{masters}: {pair:?}");
        }
    }
}

#[test]
fn on_one_host_the_first_replica_copies_the_first_master() {
    let plan = CreatePlan::new(local(6), 1).unwrap();
    let port_of = |id: &NodeId| plan.nodes().find(|node| node.id == *id).unwrap().addr.port;
    let pairs: Vec<(u16, u16)> = plan.replicas.iter().map(|r| (r.node.addr.port, port_of(&r.master))).collect();
    assert_eq!(pairs, [(7003, 7000), (7004, 7001), (7005, 7002)]);
    assert_eq!(plan.affinity, Affinity::WithMaster);
}

#[test]
fn the_plan_prints_in_the_well_known_form() {
    let plan = CreatePlan::new(local(6), 1).unwrap();
    let lines = plan.lines();
    assert_eq!(lines[0], format!("M: {} 127.0.0.1:7000", plan.masters[0].node.id));
    assert_eq!(lines[1], "   slots:[0-5460] (5461 slots) master");
    assert_eq!(lines[6], format!("S: {} 127.0.0.1:7003", plan.replicas[0].node.id));
    assert_eq!(lines[7], format!("   replicates {}", plan.masters[0].node.id));
}

#[test]
fn too_few_nodes_are_refused_with_the_number_needed() {
    let error = CreatePlan::new(local(5), 1).unwrap_err();
    assert!(error.to_string().contains("At least 6 nodes are required"), "{error}");
    assert!(matches!(CreatePlan::new(local(2), 0), Err(CreatePlanError::TooFewNodes { .. })));
}

#[test]
fn an_address_given_twice_is_named() {
    let mut nodes = local(6);
    nodes[5] = nodes[0].clone();
    assert_eq!(CreatePlan::new(nodes, 1), Err(CreatePlanError::Twice(NodeAddr::new("127.0.0.1", 7000))));
}

#[test]
fn nodes_left_over_become_further_replicas() {
    let plan = CreatePlan::new(local(8), 1).unwrap();
    assert_eq!((plan.masters.len(), plan.replicas.len()), (4, 4));
    let plan = CreatePlan::new(local(7), 1).unwrap();
    assert_eq!((plan.masters.len(), plan.replicas.len()), (3, 4));
}

#[test]
fn old_servers_get_every_slot_by_number_and_no_third_meet_argument() {
    let mut nodes = local(3);
    for node in &mut nodes {
        node.version = ServerVersion::redis(3, 0, 504);
        node.addr.bus_port = Some(node.addr.port + 5);
    }
    let plan = CreatePlan::new(nodes, 0).unwrap();
    assert_eq!(plan.slot_commands()[0].words.len(), 2 + 5461);
    assert!(plan.meet_commands().iter().all(|c| c.words.len() == 4));
}

#[test]
fn a_bus_port_of_its_own_is_told_in_meet() {
    let mut nodes = local(3);
    nodes[0].addr.bus_port = Some(27000);
    let plan = CreatePlan::new(nodes, 0).unwrap();
    assert!(plan.meet_commands().iter().any(|c| c.words == ["CLUSTER", "MEET", "127.0.0.1", "7000", "27000"]));
}

#[test]
fn what_is_tuned_is_put_back() {
    let mut nodes = local(3);
    nodes[1].tuned.push(TunedSetting {
        name: "cluster-node-timeout".into(),
        before: "15000".into(),
        during: "500".into(),
    });
    let plan = CreatePlan::new(nodes, 0).unwrap();
    assert_eq!(plan.tune_commands()[0].words, ["CONFIG", "SET", "cluster-node-timeout", "500"]);
    assert_eq!(plan.commands().last().unwrap().words, ["CONFIG", "SET", "cluster-node-timeout", "15000"]);
}

proptest! {
    #[test]
    fn plans_are_whole_fair_and_repeatable(
        hosts in prop::collection::vec(1u16..6, 1..8),
        replicas in 0usize..4,
    ) {
        let nodes: Vec<Candidate> = hosts
            .iter()
            .enumerate()
            .flat_map(|(h, count)| (0..*count).map(move |i| node(&format!("10.0.0.{h}"), 7000 + i)))
            .collect();
        let plan = match CreatePlan::new(nodes.clone(), replicas) {
            Ok(plan) => plan,
            Err(error) => {
                prop_assert!(nodes.len() / (replicas + 1) < MIN_MASTERS, "{error}");
                return Ok(());
            }
        };
        let covered: SlotSet = plan.masters.iter().map(|m| m.slots).collect();
        prop_assert_eq!(covered, SlotSet::full());
        prop_assert_eq!(plan.masters.len(), nodes.len() / (replicas + 1));
        prop_assert_eq!(plan.nodes().count(), nodes.len());
        for m in &plan.masters {
            let count = plan.replicas.iter().filter(|r| r.master == m.node.id).count();
            prop_assert!(count == replicas || count == replicas + 1 || replicas == 0, "{count}");
        }
        prop_assert_eq!(CreatePlan::new(nodes.clone(), replicas).unwrap(), plan.clone());
        let epochs: std::collections::BTreeSet<u64> =
            plan.masters.iter().map(|m| m.epoch).chain(plan.replicas.iter().map(|r| r.epoch)).collect();
        prop_assert_eq!(epochs.len(), nodes.len());
        let highest = plan.replicas.iter().map(|r| r.epoch).max();
        prop_assert!(plan.masters.iter().all(|m| Some(m.epoch) > highest), "a replica's master has the higher epoch");
        prop_assert_eq!(plan.meet_commands().len(), nodes.len() * (nodes.len() - 1) / 2);
    }

    #[test]
    fn equal_hosts_never_put_a_replica_beside_its_master(hosts in 2usize..7, each in 2u16..5, replicas in 1usize..3) {
        let nodes: Vec<Candidate> = (0..hosts)
            .flat_map(|h| (0..each).map(move |i| node(&format!("10.0.0.{h}"), 7000 + i)))
            .collect();
        if let Ok(plan) = CreatePlan::new(nodes, replicas) {
            prop_assert_ne!(plan.affinity, Affinity::WithMaster);
        }
    }
}
