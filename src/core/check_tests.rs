//! What the check finds, and what it lets pass.

use super::*;
use crate::core::topology::View;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

/// A master with all slots on 7000 and its replica on 7001, as `myself` (a or b) sees them.
fn view(myself: &str, b_role: &str, slots: &str) -> View {
    let flag = |id: &str| if id == myself { "myself," } else { "" };
    let text = format!(
        "{A} 127.0.0.1:7000@17000 {}master - 0 0 1 connected {slots}\n{B} 127.0.0.1:7001@17001 {}{b_role} 0 0 1 connected\n",
        flag(A),
        flag(B)
    );
    View::parse(&text).unwrap()
}

fn replica() -> String {
    format!("slave {A}")
}

fn healthy() -> Topology {
    let views =
        [(addr(7000), view(A, &replica(), "0-16383").into()), (addr(7001), view(B, &replica(), "0-16383").into())]
            .into();
    Topology { views, ..Topology::default() }
}

fn fine(port: u16) -> (NodeAddr, NodeHealth) {
    (addr(port), NodeHealth { state_ok: Some(true), link_up: (port == 7001).then_some(true) })
}

#[test]
fn a_whole_cluster_has_no_findings() {
    assert_eq!(check(&healthy(), &[fine(7000), fine(7001)].into()), []);
}

#[test]
fn uncovered_slots_are_counted_and_listed() {
    let mut topology = healthy();
    topology.views = [(addr(7000), view(A, &replica(), "0-99 200-16383").into())].into();
    let findings = check(&topology, &BTreeMap::new());
    assert_eq!(findings[0].to_string(), "Not all 16384 slots are covered: 100 have no owner (100-199)");
}

#[test]
fn a_view_with_other_slot_owners_is_named() {
    let mut topology = healthy();
    topology.views.insert(addr(7001), view(B, &replica(), "0-16000").into());
    assert!(check(&topology, &BTreeMap::new()).contains(&Finding::SlotsDisagree(vec![addr(7001)])));
}

#[test]
fn a_view_that_takes_a_replica_for_a_master_is_named() {
    let mut topology = healthy();
    topology.views.insert(addr(7000), view(A, "master -", "0-16383").into());
    let findings = check(&topology, &BTreeMap::new());
    assert!(findings.contains(&Finding::RolesDisagree(vec![addr(7000)])), "{findings:?}");
}

#[test]
fn a_node_that_does_not_know_another_is_named() {
    let mut topology = healthy();
    let alone = format!("{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n");
    topology.views.insert(addr(7000), View::parse(&alone).unwrap().into());
    let expected = Finding::Unknown { by: addr(7000), missing: vec![addr(7001)] };
    assert!(check(&topology, &BTreeMap::new()).contains(&expected));
}

#[test]
fn states_links_and_silence_are_findings() {
    let mut topology = healthy();
    topology.unreachable.insert(addr(7009), "connection refused".into());
    let health = [
        (addr(7000), NodeHealth { state_ok: Some(false), link_up: None }),
        (addr(7001), NodeHealth { state_ok: Some(true), link_up: Some(false) }),
    ]
    .into();
    let findings = check(&topology, &health);
    assert!(findings.contains(&Finding::Unreachable(addr(7009), "connection refused".into())));
    assert!(findings.contains(&Finding::StateFail(addr(7000))));
    assert!(findings.contains(&Finding::LinkDown(addr(7001))));
}

#[test]
fn open_slots_name_node_and_partner() {
    let found = |open: &str| {
        let text = format!("{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383 {open}\n");
        let view = View::parse(&text).unwrap().into();
        check(&Topology { views: [(addr(7000), view)].into(), ..Topology::default() }, &BTreeMap::new())
    };
    let many = found(&format!("[5->-{B}] [6->-{B}] [9->-{B}] [7-<-{B}]"));
    let open: Vec<_> = many.iter().filter(|finding| matches!(finding, Finding::OpenSlots { .. })).collect();
    assert_eq!(open[0].to_string(), format!("3 slots are open: 127.0.0.1:7000 is migrating them to {B} (5-6,9)"));
    assert_eq!(open[1].to_string(), format!("Slot 7 is open: 127.0.0.1:7000 is importing it from {B}"));
    assert_eq!(open.len(), 2, "one a partner and direction");
    let findings = found(&format!("[5->-{B}]"));
    assert_eq!(findings[0].to_string(), format!("Slot 5 is open: 127.0.0.1:7000 is migrating it to {B}"));
}

#[test]
fn a_master_without_replica_is_worth_knowing_but_no_error() {
    let text = format!("{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n");
    let topology = Topology { views: [(addr(7000), View::parse(&text).unwrap().into())].into(), ..Topology::default() };
    let findings = check(&topology, &BTreeMap::new());
    assert_eq!(findings, [Finding::NoReplica(addr(7000))]);
    assert!(!findings[0].is_error());
}

#[test]
fn slots_of_a_master_that_is_lost_are_not_served_though_it_owns_them() {
    let line = |letter: char, flags: &str, slots: &str| {
        let port = if letter == 'a' { 7000 } else { 7001 };
        format!(
            "{} 127.0.0.1:{port}@{} {flags} - 0 0 1 connected {slots}\n",
            letter.to_string().repeat(40),
            port + 10000
        )
    };
    let seen = |flags: &str| {
        let text = line('a', "myself,master", "0-99") + &line('b', flags, "100-16383");
        let views = [(NodeAddr::new("127.0.0.1", 7000), std::sync::Arc::new(View::parse(&text).unwrap()))].into();
        Topology { views, ..Topology::default() }
    };
    assert!(unserved(&seen("master")).is_empty(), "nobody complains");
    assert_eq!(unserved(&seen("master,fail")).to_string(), "100-16383");
    assert_eq!(unserved(&seen("master,fail?")).to_string(), "100-16383");
    let mut silent = seen("master");
    silent.unreachable.insert(NodeAddr::new("127.0.0.1", 7001), "refused".into());
    assert_eq!(unserved(&silent).to_string(), "100-16383");
}

#[test]
fn one_node_sees_and_several_see() {
    let at = |port| NodeAddr::new("127.0.0.1", port);
    assert!(
        Finding::RolesDisagree(vec![at(7000)]).to_string().ends_with("127.0.0.1:7000 sees other masters and replicas")
    );
    assert!(Finding::SlotsDisagree(vec![at(7000), at(7001)]).to_string().ends_with("127.0.0.1:7001 see other owners"));
}

#[test]
fn failed_nodes_are_named_in_the_order_of_their_addresses() {
    let text = format!(
        "{A} 127.0.0.1:7009@17009 master,fail - 0 0 1 connected\n{B} 127.0.0.1:7008@17008 master,fail - 0 0 1 connected\n\
         {C} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n",
        C = "cccccccccccccccccccccccccccccccccccccccc"
    );
    let topology = Topology { views: [(addr(7000), View::parse(&text).unwrap().into())].into(), ..Topology::default() };
    let failed: Vec<Finding> =
        check(&topology, &BTreeMap::new()).into_iter().filter(|f| matches!(f, Finding::Failed(_))).collect();
    assert_eq!(failed, [7008, 7009].map(|port| Finding::Failed(addr(port))));
}
