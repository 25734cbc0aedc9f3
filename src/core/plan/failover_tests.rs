use proptest::prelude::*;

use super::*;
use crate::core::slot::SlotRange;

fn id(n: u16) -> NodeId {
    format!("{n:040x}").parse().unwrap()
}

fn addr(n: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", 7000 + n)
}

/// Three masters 0, 1, 2 and their replicas 3, 4, 5; 6 is a second replica of 0.
fn cluster() -> Vec<NodeNow> {
    let slots = ["0-5460", "5461-10922", "10923-16383"];
    let node = |n: u16| {
        let is_master = n < 3;
        NodeNow {
            addr: addr(n),
            id: id(n),
            role: if is_master { Role::Master } else { Role::Replica },
            master: (!is_master).then(|| id(n % 3)),
            slots: slots
                .get(usize::from(n))
                .map(|r| SlotSet::from_iter([r.parse::<SlotRange>().unwrap()]))
                .unwrap_or_default(),
            epoch: u64::from(n % 3) + 1,
            answers: true,
            failed: false,
            link_up: (!is_master).then_some(true),
            offset: Some(1000),
            silent_secs: (!is_master).then_some(0),
            never_linked: false,
            deaf: false,
        }
    };
    (0..7).map(node).collect()
}

fn lose(nodes: &mut [NodeNow], n: usize) {
    nodes[n].answers = false;
    nodes[n].offset = None;
    let lost = nodes[n].id.clone();
    for node in nodes.iter_mut().filter(|node| node.master.as_ref() == Some(&lost)) {
        node.link_up = Some(false);
    }
}

#[test]
fn a_master_that_serves_helps() {
    let plan = plan(&cluster(), &id(3), None).unwrap();
    assert_eq!((plan.mode, plan.why), (FailoverMode::Plain, Why::MasterServes));
    assert_eq!((plan.replica.clone(), plan.master.clone(), plan.slots.len()), (addr(3), addr(0), 5461));
    assert_eq!(plan.command(), NodeCommand::new(&addr(3), ["CLUSTER", "FAILOVER"]));
    assert_eq!(plan.meaning, [Meaning::NothingLost, Meaning::OldMasterFollows]);
}

#[test]
fn a_lost_master_is_replaced_by_vote_while_a_majority_is_left() {
    let mut nodes = cluster();
    lose(&mut nodes, 0);
    let plan = plan_for_master(&nodes, &id(0), None).unwrap();
    assert_eq!((plan.mode, plan.why), (FailoverMode::Force, Why::MasterLost));
    assert_eq!(plan.command().words, ["CLUSTER", "FAILOVER", "FORCE"]);
    assert!(plan.meaning.contains(&Meaning::ComesByItself) && plan.meaning.contains(&Meaning::MayLose(None)));
}

#[test]
fn a_master_that_the_cluster_calls_failed_is_not_asked_though_it_answers_us() {
    let mut nodes = cluster();
    nodes[0].failed = true;
    assert_eq!(plan(&nodes, &id(3), None).unwrap().mode, FailoverMode::Force);
}

#[test]
fn without_a_majority_only_a_takeover_works() {
    let mut nodes = cluster();
    lose(&mut nodes, 0);
    lose(&mut nodes, 1);
    let votes = Votes { can: 1, of: 3 };
    let plan = plan_for_master(&nodes, &id(0), None).unwrap();
    assert_eq!((plan.mode, plan.why), (FailoverMode::Takeover, Why::NoMajority(votes)));
    assert!(plan.meaning.contains(&Meaning::NoVotes) && !plan.meaning.contains(&Meaning::ComesByItself));
    assert_eq!(plan_for_master(&nodes, &id(0), Some(FailoverMode::Force)), Err(Refusal::NoMajority(votes)));
    // A living master's replica can't be elected either.
    assert_eq!(super::plan(&nodes, &id(5), Some(FailoverMode::Plain)), Err(Refusal::NoMajority(votes)));
    let both = plan_for_lost(&nodes, None);
    assert_eq!(both.into_iter().map(|p| p.unwrap().replica).collect::<Vec<_>>(), [addr(3), addr(4)]);
}

#[test]
fn a_deaf_build_only_takes_over() {
    let mut nodes = cluster();
    for node in &mut nodes {
        node.deaf = true;
    }
    let taken = plan(&nodes, &id(3), None).unwrap();
    assert_eq!((taken.mode, taken.why), (FailoverMode::Takeover, Why::Deaf));
    assert!(taken.meaning.contains(&Meaning::MasterStillServes));
    assert_eq!(taken.still_holds(&cluster()), Ok(()), "the nodes need not tell it themselves");
    assert_eq!(plan(&nodes, &id(3), Some(FailoverMode::Force)), Err(Refusal::Deaf));
}

#[test]
fn the_mode_that_is_asked_for_is_taken_where_it_can_work() {
    let mut nodes = cluster();
    for mode in FailoverMode::ALL {
        let plan = plan(&nodes, &id(3), Some(mode)).unwrap();
        assert_eq!((plan.mode, plan.why), (mode, Why::Asked));
    }
    lose(&mut nodes, 0);
    assert_eq!(plan(&nodes, &id(3), Some(FailoverMode::Plain)), Err(Refusal::MasterLost(addr(0))));
}

#[test]
fn wrong_targets_are_refused() {
    let mut nodes = cluster();
    assert_eq!(plan(&nodes, &id(0), None), Err(Refusal::NotAReplica(addr(0))));
    assert_eq!(plan(&nodes, &id(99), None), Err(Refusal::Unknown(id(99).to_string())));
    nodes[3].link_up = Some(false);
    assert_eq!(plan(&nodes, &id(3), None), Err(Refusal::LinkDown(addr(3), addr(0))));
    nodes[4].answers = false;
    assert_eq!(plan(&nodes, &id(4), None), Err(Refusal::ReplicaSilent(addr(4))));
    assert_eq!(plan_for_master(&nodes, &id(1), None), Err(Refusal::NoCandidate(addr(1))));
    nodes[2].slots = SlotSet::new();
    assert_eq!(plan(&nodes, &id(5), None), Err(Refusal::NothingToTake(addr(5))));
    assert_eq!(plan_for_node(&nodes, &id(2), None), Err(Refusal::NothingToTake(addr(2))));
}

#[test]
fn the_replica_that_copied_furthest_comes_first() {
    let mut nodes = cluster();
    let order = |nodes: &[NodeNow]| candidates(nodes, &id(0)).iter().map(|n| n.addr.port).collect::<Vec<_>>();
    assert_eq!(order(&nodes), [7003, 7006], "by address where nothing else differs");
    nodes[6].offset = Some(1001);
    assert_eq!(order(&nodes), [7006, 7003]);
    nodes[3].offset = Some(1001);
    nodes[3].silent_secs = Some(9);
    assert_eq!(order(&nodes), [7006, 7003]);
    nodes[6].answers = false;
    assert_eq!(order(&nodes), [7003]);
    // The better one has lost its link: the other one can still do it gently.
    nodes[6] = NodeNow { answers: true, offset: Some(2000), link_up: Some(false), ..nodes[6].clone() };
    assert_eq!(plan_for_master(&nodes, &id(0), None).unwrap().replica, addr(3));
}

#[test]
fn what_may_be_lost_is_said() {
    let mut nodes = cluster();
    nodes[0].failed = true;
    nodes[0].offset = Some(1700);
    assert!(plan(&nodes, &id(3), None).unwrap().meaning.contains(&Meaning::MayLose(Some(700))));
    nodes[3].never_linked = true;
    assert!(plan(&nodes, &id(3), None).unwrap().meaning.contains(&Meaning::NothingCopied));
}

#[test]
fn a_plan_is_refused_when_the_cluster_has_changed() {
    let before = cluster();
    let made = plan(&before, &id(3), None).unwrap();
    assert_eq!(made.still_holds(&before), Ok(()));
    let stale = |change: &dyn Fn(&mut Vec<NodeNow>)| {
        let mut nodes = cluster();
        change(&mut nodes);
        assert!(matches!(made.still_holds(&nodes), Err(Refusal::Stale(_))), "{nodes:?}");
    };
    stale(&|nodes| nodes[0].epoch = 9);
    stale(&|nodes| nodes[3].role = Role::Master);
    stale(&|nodes| nodes[3].master = Some(id(1)));
    stale(&|nodes| nodes[0].answers = false);
    stale(&|nodes| nodes[0].slots = SlotSet::from_iter(["0-100".parse::<SlotRange>().unwrap()]));
    // A master that came back needs no takeover.
    let mut lost = cluster();
    lose(&mut lost, 0);
    let forced = plan(&lost, &id(3), None).unwrap();
    assert!(matches!(forced.still_holds(&before), Err(Refusal::Stale(_))));
}

proptest! {
    /// Whatever is up or down: a plan never asks a vote that can't be won, nor a lost master for help.
    #[test]
    fn a_plan_only_asks_for_what_can_work(up in prop::collection::vec(any::<bool>(), 7), deaf in any::<bool>(), wish in 0..4_usize) {
        let mut nodes = cluster();
        for (i, up) in up.iter().enumerate() {
            nodes[i].deaf = deaf;
            if !up { lose(&mut nodes, i); }
        }
        let votes = Votes::among(&nodes);
        let wish = FailoverMode::ALL.get(wish).copied();
        for made in nodes.iter().filter_map(|n| plan_for_node(&nodes, &n.id, wish).ok()) {
            prop_assert!(made.mode == FailoverMode::Takeover || (votes.suffice() && !deaf));
            prop_assert!(made.mode != FailoverMode::Plain || nodes.iter().any(|n| n.id == made.master_id && n.is_alive()));
            prop_assert!(made.meaning.iter().any(|m| m.is_warning()) == (made.mode != FailoverMode::Plain));
            prop_assert_eq!(made.still_holds(&nodes), Ok(()));
        }
    }
}
