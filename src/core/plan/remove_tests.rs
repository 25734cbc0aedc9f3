//! What removing a node does, and what it never does.

use proptest::prelude::*;

use super::super::members::tests::{Seen, addr, agreed, id, view};
use super::*;

fn plan(nodes: &[Seen<'_>], silent: &[u16], gone: &[u16]) -> Result<RemovePlan, RemoveRefusal> {
    let names: Vec<String> = gone.iter().map(|n| id(*n).to_string()).collect();
    let seed = nodes.iter().map(|(n, ..)| *n).find(|n| !silent.contains(n)).unwrap();
    RemovePlan::new(&agreed(nodes, silent), &addr(seed), &names, |_| 0)
}

fn lines(commands: &[NodeCommand]) -> Vec<String> {
    commands.iter().map(|c| format!("{} {}", c.node.port, c.words[1..].join(" "))).collect()
}

const NODES: [Seen<'static>; 5] =
    [(1, None, "0-8191"), (2, None, "8192-16383"), (3, Some(1), ""), (4, None, ""), (5, Some(4), "")];

#[test]
fn everybody_forgets_and_the_node_is_reset() {
    let plan = plan(&NODES, &[], &[3]).unwrap();
    let forget = |n: u16| format!("{} FORGET {}", 7000 + n, id(3));
    assert_eq!(lines(&plan.commands()), [forget(1), forget(2), forget(4), forget(5), "7003 RESET SOFT".into()]);
}

#[test]
fn a_dead_node_is_forgotten_by_everybody_else() {
    let plan = plan(&NODES, &[3], &[3]).unwrap();
    assert_eq!((plan.tell.len(), plan.reset_commands().len(), plan.silent.len()), (4, 0, 0));
}

#[test]
fn replicas_go_to_the_master_with_fewest_never_to_the_one_that_goes() {
    let moved = plan(&NODES, &[], &[4]).unwrap();
    // 2 has none, 1 has one, and 4, which has fewest slots, goes.
    assert_eq!(lines(&moved.rehome_commands()), [format!("7005 REPLICATE {}", id(2))]);
    assert!(plan(&NODES, &[], &[4, 5]).unwrap().rehome.is_empty());
}

#[test]
fn each_choice_of_a_new_master_counts_for_the_next() {
    let nodes = [(1, None, "0-8191"), (2, None, "8192-16383"), (3, None, ""), (4, Some(3), ""), (5, Some(3), "")];
    let homes: Vec<NodeId> = plan(&nodes, &[], &[3]).unwrap().rehome.into_iter().map(|r| r.master_id).collect();
    assert_eq!(homes, [id(1), id(2)]);
}

#[test]
fn a_silent_node_that_stays_is_named() {
    let plan = plan(&NODES, &[5], &[3]).unwrap();
    assert_eq!(plan.silent.iter().map(|m| m.id.clone()).collect::<Vec<_>>(), [id(5)]);
}

#[test]
fn a_master_with_slots_stays_also_where_only_others_give_it_some() {
    let why = plan(&NODES, &[], &[1]).unwrap_err().to_string();
    assert!(why.starts_with("[ERR] Node 127.0.0.1:7001 is not empty! Reshard data away and try again.\n"), "{why}");
    assert!(why.contains("slotctl drain 127.0.0.1:7001"), "{why}");
    let mut topology = agreed(&NODES, &[]);
    let before = [(1, None, "0-8190"), (2, None, "8192-16383"), (3, Some(1), ""), (4, None, "8191"), (5, Some(4), "")];
    topology.views.insert(addr(5), view(5, &before).into());
    let why = RemovePlan::new(&topology, &addr(1), &[id(4).to_string()], |_| 0).unwrap_err();
    assert!(matches!(why, RemoveRefusal::NotEmpty { hearsay: true, .. }), "{why}");
}

#[test]
fn a_master_that_could_not_be_reset_stays() {
    let names = [id(4).to_string()];
    let why = RemovePlan::new(&agreed(&NODES, &[]), &addr(1), &names, |_| 3).unwrap_err();
    assert_eq!(why, RemoveRefusal::HoldsKeys { addr: addr(4), keys: 3 });
}

#[test]
fn the_asked_node_itself_can_go() {
    let plan = RemovePlan::new(&agreed(&NODES, &[]), &addr(3), &["127.0.0.1:7003".to_owned()], |_| 0).unwrap();
    assert_eq!((plan.tell.len(), lines(&plan.reset_commands())), (4, vec!["7003 RESET SOFT".to_owned()]));
}

proptest! {
    /// In any cluster: no replica gets a master that goes, is silent or is a replica, everybody who stays and answers is
    /// told about everyone who goes, and nobody who stays is reset.
    #[test]
    fn a_plan_is_complete_and_never_points_at_the_removed(
        masters in 2_u16..6, replicas in 0_u16..8, silent in prop::collection::vec(any::<bool>(), 14), gone in 0_u16..14,
    ) {
        let mut nodes: Vec<Seen<'_>> = (1..=masters).map(|n| (n, None, "")).collect();
        nodes[0].2 = "0-16383";
        nodes.extend((0..replicas).map(|n| (masters + 1 + n, Some(1 + n % masters), "")));
        let gone = 2 + gone % (masters + replicas - 1);
        let silent: Vec<u16> = nodes.iter().map(|n| n.0).filter(|n| *n != 1 && silent[usize::from(*n - 1)]).collect();
        let plan = plan(&nodes, &silent, &[gone]).unwrap();
        for home in &plan.rehome {
            let master = nodes.iter().find(|n| id(n.0) == home.master_id).unwrap();
            prop_assert!(master.0 != gone && master.1.is_none() && !silent.contains(&master.0));
        }
        let copies: Vec<u16> = nodes.iter().filter(|n| n.1 == Some(gone) && !silent.contains(&n.0)).map(|n| n.0).collect();
        prop_assert_eq!(plan.rehome.iter().map(|r| r.replica_id.clone()).collect::<Vec<_>>(), copies.into_iter().map(id).collect::<Vec<_>>());
        let told: Vec<NodeId> = plan.tell.iter().map(|host| host.id.clone()).collect();
        let expected = nodes.iter().map(|n| n.0).filter(|n| *n != gone && !silent.contains(n)).map(id).collect::<Vec<_>>();
        prop_assert_eq!(told, expected);
        let resets: Vec<u16> = plan.reset_commands().iter().map(|c| c.node.port - 7000).collect();
        prop_assert_eq!(resets, if silent.contains(&gone) { vec![] } else { vec![gone] });
    }
}
