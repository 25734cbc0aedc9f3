use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::*;
use crate::gui::{samples, testing};

type Seen = (NodeTableUi, Option<Action>);

fn table(cluster: ClusterView) -> egui_kittest::Harness<'static, Seen> {
    let mut harness = testing::harness((NodeTableUi::default(), None), move |ui, (table, action): &mut Seen| {
        let got = node_table_ui(ui, &cluster, table);
        *action = got.or(action.take());
    });
    harness.run();
    harness
}

fn ports(table: &mut NodeTableUi, cluster: &ClusterView) -> Vec<u16> {
    table.rows(cluster).iter().map(|row| row.node.addr.port).collect()
}

#[test]
fn rows_stand_by_address_until_a_header_is_clicked() {
    let cluster = samples::healthy();
    let mut state = NodeTableUi::default();
    assert_eq!(ports(&mut state, &cluster), [7000, 7001, 7002, 7003, 7004, 7005]);
    state.click(Col::Keys);
    assert_eq!(ports(&mut state, &cluster)[0], 7002, "most keys on top");
    state.click(Col::Keys);
    assert_eq!(ports(&mut state, &cluster)[0], 7000, "fewest keys on top");
}

#[test]
fn the_filter_looks_into_every_column_and_at_ids() {
    let cluster = samples::failed();
    let mut state = NodeTableUi { filter: "replica".to_owned(), ..NodeTableUi::default() };
    assert_eq!(ports(&mut state, &cluster), [7003, 7004, 7005]);
    state.filter = "died".to_owned();
    assert_eq!(ports(&mut state, &cluster), [7000]);
    state.filter = samples::id(4).short().to_owned();
    assert_eq!(ports(&mut state, &cluster), [7004]);
}

#[test]
fn a_row_is_copied_from_its_menu_as_tab_separated_values_with_the_full_id() {
    let mut harness = table(samples::healthy());
    harness.get_by_label("127.0.0.1:7005").click_secondary();
    harness.run();
    harness.get_by_label_contains("Copy row").click();
    harness.run();
    let Some(Action::Copy(text)) = &harness.state().1 else { panic!("{:?}", harness.state().1) };
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].len(), lines[1].len());
    assert_eq!(lines[1][..3], ["127.0.0.1:7005", "Replica", "127.0.0.1:7002"]);
    assert_eq!(*lines[1].last().unwrap(), samples::id(5).as_str());
}

#[test]
fn a_dead_node_says_so_and_since_when() {
    crate::gui::format::begin_frame(samples::now());
    let harness = table(samples::failed());
    harness.get_by_label_contains("Died");
    harness.get_by_label("42 s ago");
}

#[test]
fn a_replicas_menu_leads_to_a_failover_plan_and_a_masters_takes_the_best_replica() {
    for (row, label) in [("127.0.0.1:7005", "Fail over to this replica…"), ("127.0.0.1:7002", "Fail over…")] {
        let mut harness = table(samples::healthy());
        harness.get_all_by_label(row).next().unwrap().click_secondary();
        harness.run();
        harness.get_by_label(label).click();
        harness.run();
        let Some(Action::Ask(crate::gui::action::Confirm::Failover { plans, .. })) = &harness.state().1 else {
            panic!("{:?}", harness.state().1)
        };
        assert_eq!((plans[0].replica.port, plans[0].master.port), (7005, 7002));
    }
}

#[test]
fn a_replica_that_can_not_take_over_says_why() {
    let mut cluster = samples::healthy();
    let mut nodes = cluster.nodes.to_vec();
    nodes[5].reach = crate::engine::snapshot::Reach::Never { error: "gone".to_owned() };
    cluster.nodes = nodes.into();
    let mut harness = table(cluster);
    harness.get_by_label("127.0.0.1:7005").click_secondary();
    harness.run();
    assert!(harness.get_by_label("Fail over to this replica…").accesskit_node().is_disabled());
}
