//! Whom a new node meets, whom it copies, and which nodes are refused.

use proptest::prelude::*;

use super::super::members::tests::{Seen, addr, agreed, id};
use super::*;

const NODES: [Seen<'static>; 4] = [(1, None, "0-8191"), (2, None, "8192-16383"), (3, Some(1), ""), (4, None, "")];

const SEVEN: ServerVersion = ServerVersion::redis(7, 0, 15);

fn candidate(n: u16, version: ServerVersion) -> Candidate {
    Candidate { addr: addr(n), id: id(n), version, tuned: Vec::new() }
}

fn versions(nodes: &[Seen<'_>], version: ServerVersion) -> BTreeMap<NodeAddr, ServerVersion> {
    nodes.iter().map(|(n, ..)| (addr(*n), version)).collect()
}

fn plan(new: &[u16], wish: &Wish) -> Result<AddPlan, AddRefusal> {
    let new: Vec<Candidate> = new.iter().map(|n| candidate(*n, SEVEN)).collect();
    AddPlan::new(&agreed(&NODES, &[]), &addr(1), &new, &versions(&NODES, SEVEN), wish)
}

fn lines(commands: &[NodeCommand]) -> Vec<String> {
    commands.iter().map(|c| format!("{} {}", c.node.port, c.words[1..].join(" "))).collect()
}

#[test]
fn a_new_node_meets_every_node_and_every_other_new_one() {
    let plan = plan(&[8, 9], &Wish::Masters).unwrap();
    let meets = lines(&plan.meet_commands());
    assert_eq!(meets.len(), 4 + 4 + 1);
    assert!(meets.contains(&"7008 MEET 127.0.0.1 7003".into()) && meets.contains(&"7009 MEET 127.0.0.1 7008".into()));
    assert!(plan.replicate_commands().is_empty());
}

#[test]
fn a_bus_port_of_its_own_is_named_where_the_server_takes_one() {
    let mut plan = plan(&[8], &Wish::Masters).unwrap();
    plan.hosts.truncate(1);
    plan.hosts[0].addr.bus_port = Some(7777);
    assert_eq!(lines(&plan.meet_commands()), ["7008 MEET 127.0.0.1 7001 7777"]);
}

#[test]
fn replicas_go_one_by_one_to_the_master_with_fewest() {
    let plan = plan(&[7, 8, 9], &Wish::Replicas(None)).unwrap();
    let expected = [(7, 2), (8, 4), (9, 1)].map(|(n, m)| format!("{} REPLICATE {}", 7000 + n, id(m)));
    assert_eq!(lines(&plan.replicate_commands()), expected);
}

#[test]
fn a_master_is_named_by_id_or_address_and_must_be_one() {
    for name in [id(2).to_string(), "2".into(), "127.0.0.1:7002".into()] {
        let plan = plan(&[8], &Wish::Replicas(Some(name))).unwrap();
        assert_eq!(plan.newcomers[0].master, Some(Heading { id: id(2), at: addr(2) }));
    }
    let why = |name: &str| plan(&[8], &Wish::Replicas(Some(name.to_owned()))).unwrap_err().to_string();
    assert_eq!(why("beef"), "[ERR] No such master ID beef");
    assert_eq!(why("3"), "[ERR] No such master ID 3: 127.0.0.1:7003 is a replica");
}

#[test]
fn a_silent_master_can_not_be_copied_and_is_not_chosen() {
    let topology = agreed(&NODES, &[2, 4]);
    let new = [candidate(8, SEVEN)];
    let plan = |wish: &Wish| AddPlan::new(&topology, &addr(1), &new, &versions(&NODES, SEVEN), wish);
    assert_eq!(plan(&Wish::Replicas(Some("2".into()))).unwrap_err(), AddRefusal::MasterSilent("127.0.0.1:7002".into()));
    let chosen = plan(&Wish::Replicas(None)).unwrap();
    assert_eq!(chosen.newcomers[0].master.as_ref().unwrap().id, id(1));
    assert_eq!(chosen.silent, [addr(2), addr(4)]);
}

#[test]
fn what_could_never_work_is_refused_and_what_works_half_is_named() {
    let topology = agreed(&NODES, &[]);
    let plan = |new: ServerVersion, cluster, wish: &Wish| {
        AddPlan::new(&topology, &addr(1), &[candidate(8, new)], &versions(&NODES, cluster), wish)
    };
    let (three, six, eight) =
        (ServerVersion::redis(3, 2, 6), ServerVersion::redis(6, 2, 5), ServerVersion::redis(8, 0, 2));
    assert!(matches!(plan(three, SEVEN, &Wish::Masters), Err(AddRefusal::OtherBus(..))));
    assert!(matches!(plan(SEVEN, three, &Wish::Masters), Err(AddRefusal::OtherBus(..))));
    assert!(matches!(plan(six, eight, &Wish::Replicas(None)), Err(AddRefusal::TooOld(..))));
    assert_eq!(plan(six, eight, &Wish::Masters).unwrap().unreadable, [(addr(8), eight)]);
    assert!(plan(eight, six, &Wish::Replicas(None)).unwrap().unreadable.is_empty());
    let twice = [candidate(8, SEVEN), candidate(8, SEVEN)];
    let why = AddPlan::new(&topology, &addr(1), &twice, &BTreeMap::new(), &Wish::Masters).unwrap_err();
    assert_eq!(why, AddRefusal::Twice(addr(8)));
}

#[test]
fn one_that_was_removed_half_way_can_come_back() {
    let new = [candidate(4, SEVEN)];
    let mut topology = agreed(&NODES, &[4]);
    topology.unreachable.clear();
    let plan = AddPlan::new(&topology, &addr(1), &new, &BTreeMap::new(), &Wish::Masters).unwrap();
    assert_eq!((plan.hosts.len(), plan.silent.len()), (3, 0));
}

proptest! {
    /// However the replicas are spread before: adding as many as it takes makes them as even as can be.
    #[test]
    fn added_replicas_even_the_shards_out(before in prop::collection::vec(0_u16..4, 1..5)) {
        let masters = u16::try_from(before.len()).unwrap();
        let mut nodes: Vec<Seen<'_>> = (1..=masters).map(|n| (n, None, "")).collect();
        for (i, count) in before.iter().enumerate() {
            let master = u16::try_from(i).unwrap() + 1;
            nodes.extend((0..*count).map(|k| (100 * master + k, Some(master), "")));
        }
        let most = *before.iter().max().unwrap();
        let missing = before.iter().map(|count| most - count).sum::<u16>();
        let new: Vec<Candidate> = (0..missing).map(|n| candidate(1000 + n, SEVEN)).collect();
        let plan = AddPlan::new(&agreed(&nodes, &[]), &addr(1), &new, &BTreeMap::new(), &Wish::Replicas(None)).unwrap();
        let mut after = before.clone();
        for new in &plan.newcomers {
            let master = nodes.iter().find(|n| id(n.0) == new.master.as_ref().unwrap().id).unwrap().0;
            after[usize::from(master) - 1] += 1;
        }
        prop_assert!(after.iter().all(|count| *count == most), "{before:?} became {after:?}");
    }
}
