//! Who is a member, whatever the views say.

use super::*;

pub(in crate::core::plan) fn id(n: u16) -> NodeId {
    format!("{n:x}{}", "0".repeat(40 - format!("{n:x}").len())).parse().unwrap()
}

pub(in crate::core::plan) fn addr(n: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", 7000 + n)
}

/// A node as everybody sees it: number, master (or none), slots.
pub(in crate::core::plan) type Seen<'a> = (u16, Option<u16>, &'a str);

/// The view of `myself` of these nodes.
pub(in crate::core::plan) fn view(myself: u16, nodes: &[Seen<'_>]) -> View {
    let line = |(n, master, slots): &Seen<'_>| {
        let me = if *n == myself { "myself," } else { "" };
        let role = master.map_or_else(|| "master -".to_owned(), |master| format!("slave {}", id(master)));
        let slots = slots.replace(',', " ");
        format!("{} {} {me}{role} 0 0 1 connected {slots}\n", id(*n), addr(*n))
    };
    View::parse(&nodes.iter().map(line).collect::<String>()).unwrap()
}

/// The same view of every node, but for those that do not answer.
pub(in crate::core::plan) fn agreed(nodes: &[Seen<'_>], silent: &[u16]) -> Topology {
    let mut topology = Topology::default();
    for (n, ..) in nodes {
        if silent.contains(n) {
            topology.unreachable.insert(addr(*n), "can't connect".into());
        } else {
            topology.views.insert(addr(*n), view(*n, nodes).into());
        }
    }
    topology
}

const NODES: [Seen<'static>; 4] = [(1, None, "0-8191"), (2, None, "8192-16383"), (3, Some(1), ""), (4, None, "")];

#[test]
fn the_silent_are_members_too() {
    let all = members(&agreed(&NODES, &[3]), &addr(1));
    let told: Vec<_> = all.iter().map(|m| (m.id.clone(), m.at.is_some(), m.role, m.master.clone())).collect();
    assert_eq!(
        told,
        [
            (id(1), true, Role::Master, None),
            (id(2), true, Role::Master, None),
            (id(3), false, Role::Replica, Some(id(1))),
            (id(4), true, Role::Master, None)
        ]
    );
    assert_eq!(all[2].addr, Some(addr(3)));
}

#[test]
fn who_has_left_for_another_cluster_answers_no_more_as_a_member_and_brings_nobody() {
    let mut topology = agreed(&NODES, &[]);
    // 4 was reset and met 5: both answer, and neither knows 1.
    for n in [4, 5] {
        topology.views.insert(addr(n), view(n, &[(4, None, "5"), (5, None, "0-4")]).into());
    }
    let all = members(&topology, &addr(1));
    assert_eq!(all.iter().map(|m| m.id.clone()).collect::<Vec<_>>(), [id(1), id(2), id(3), id(4)]);
    let gone = &all[3];
    assert_eq!((gone.at.as_ref(), gone.addr.clone(), gone.slots.len()), (None, Some(addr(4)), 0));
}

#[test]
fn a_member_is_named_by_id_by_the_beginning_of_one_or_by_address() {
    let mut all = members(&agreed(&NODES, &[]), &addr(1));
    for name in [id(3).as_str(), "3", "127.0.0.1:7003", &id(3).as_str().to_uppercase()] {
        assert_eq!(member_named(&all, name).unwrap().id, id(3), "{name}");
    }
    assert_eq!(member_named(&all, "beef").unwrap_err().to_string(), "[ERR] No such node ID beef");
    assert!(member_named(&all, "").is_err());
    // A server that came back with another id: its address names both.
    all[3].addr = Some(addr(3));
    let why = member_named(&all, "127.0.0.1:7003").unwrap_err().to_string();
    assert!(why.contains(id(3).as_str()) && why.contains(id(4).as_str()), "{why}");
}

#[test]
fn the_master_with_fewest_replicas_is_taken_from_another_host_if_it_can_be() {
    let mut all = members(&agreed(&NODES, &[]), &addr(1));
    let counts = replica_counts(&all);
    let living = |all: &[Member]| {
        fewest_replicas(all.iter().filter(|m| m.is_living_master()), &counts, Some(&addr(9))).unwrap().id.clone()
    };
    assert_eq!(living(&all), id(2));
    all[1].addr = Some(NodeAddr::new("127.0.0.1", 1));
    all[3].addr = Some(NodeAddr::new("10.0.0.1", 1));
    assert_eq!(living(&all), id(4));
}
