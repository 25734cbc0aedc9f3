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
fn a_nodes_menu_leads_to_its_removal() {
    let mut harness = table(samples::healthy());
    harness.get_all_by_label("127.0.0.1:7002").next().unwrap().click_secondary();
    harness.run();
    harness.get_by_label("Drain or remove this node…").click();
    harness.run();
    let Some(Action::Ask(crate::gui::action::Confirm::RemoveNode { node, .. })) = &harness.state().1 else {
        panic!("{:?}", harness.state().1)
    };
    assert_eq!(node.as_ref(), Some(&samples::id(2)));
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

#[test]
fn the_filter_speaks_of_fields_and_numbers() {
    let cluster = samples::failed();
    let mut state = NodeTableUi::default();
    let mut with = |filter: &str| {
        filter.clone_into(&mut state.filter);
        ports(&mut state, &cluster)
    };
    assert_eq!(with("role:master"), [7000, 7001, 7002]);
    assert_eq!(with("role:master state:fail"), [7000]);
    assert_eq!(with("role:slave -link:down"), [7004, 7005]);
    assert_eq!(with("slots>5461"), [7001]);
    assert_eq!(with("shard:1 state:ok"), [7001, 7004]);
    assert_eq!(with("master:127.0.0.1:7002"), [7005]);
}

#[test]
fn replicas_stand_under_their_masters_and_fold_away() {
    let cluster = samples::healthy();
    let mut state = NodeTableUi { grouped: true, ..NodeTableUi::default() };
    assert_eq!(ports(&mut state, &cluster), [7000, 7003, 7001, 7004, 7002, 7005]);
    state.fold(&samples::id(1));
    assert_eq!(ports(&mut state, &cluster), [7000, 7003, 7001, 7002, 7005]);
    state.click(Col::Keys);
    assert_eq!(ports(&mut state, &cluster), [7002, 7005, 7001, 7000, 7003], "masters are sorted");
    state.filter = "role:replica".to_owned();
    assert_eq!(ports(&mut state, &cluster), [7005, 7004, 7003], "replicas without their masters stand alone");
}

#[test]
fn a_click_selects_ctrl_adds_and_shift_reaches_from_there() {
    let cluster = samples::healthy();
    let mut state = NodeTableUi::default();
    let addr = |port| NodeAddr::new("127.0.0.1", port);
    let mut click = |port, keys| {
        state.select(&cluster, &addr(port), keys);
        state.selected.iter().map(|a| a.port).collect::<Vec<_>>()
    };
    assert_eq!(click(7001, egui::Modifiers::NONE), [7001]);
    assert_eq!(click(7003, egui::Modifiers::COMMAND), [7001, 7003]);
    assert_eq!(click(7005, egui::Modifiers::SHIFT), [7003, 7004, 7005]);
    assert_eq!(click(7004, egui::Modifiers::NONE), [7004]);
    assert_eq!(click(7004, egui::Modifiers::NONE), Vec::<u16>::new());
}

#[test]
fn a_click_on_a_row_selects_it_and_a_copy_takes_only_it() {
    let mut harness = table(samples::healthy());
    harness.get_by_label("127.0.0.1:7004").click();
    harness.run();
    let picked = harness.state_mut().0.picked(&samples::healthy()).len();
    assert_eq!(picked, 1);
    let (rows, columns) = (samples::healthy(), Col::chosen(&["keys".to_owned(), "role".to_owned()]));
    let csv = to_csv(&harness.state_mut().0.picked(&rows), &columns);
    let keys = rows.nodes[4].stats.as_ref().unwrap().keys;
    assert_eq!(csv, format!("address,keys,role,id\n127.0.0.1:7004,{keys},replica,{}\n", samples::id(4)));
    let json: serde_json::Value =
        serde_json::from_str(&to_json(&harness.state_mut().0.picked(&rows), &columns)).unwrap();
    assert_eq!((json[0]["keys"].as_u64(), json[0]["role"].as_str()), (Some(keys), Some("replica")));
}

#[test]
fn columns_are_those_that_were_chosen_with_the_address_first() {
    let names = ["keys", "nonsense", "address", "role", "keys"].map(str::to_owned);
    assert_eq!(Col::chosen(&names), [Col::Address, Col::Keys, Col::Role]);
    assert_eq!(Col::chosen(&[]), Col::ALL);
    assert!(Col::ALL.iter().all(|col| columns::FIELDS.contains(&col.name())));
}

#[test]
fn only_rows_in_view_are_laid_out_and_each_is_told_as_a_row_with_its_cells() {
    let cluster = samples::cluster(500);
    let harness = table(cluster.clone());
    let rows: Vec<_> = harness.get_all_by_role(egui::accesskit::Role::Row).collect();
    assert!((10..60).contains(&rows.len()), "{}", rows.len());
    let texts: Vec<String> = rows[1].children().filter_map(|cell| cell.accesskit_node().value()).collect();
    let node = Row { node: &cluster.nodes[1], master: None };
    assert_eq!(texts.len(), Col::ALL.len());
    assert_eq!((texts[0].as_str(), texts[4].as_str()), (&*Col::Address.text(node), &*Col::Slots.text(node)));
    assert!((rows[2].rect().top() - rows[1].rect().bottom()).abs() < 10.0, "one below the other");
}

#[test]
fn a_double_click_anywhere_in_a_row_inspects_its_node() {
    let mut harness = table(samples::healthy());
    let row = harness.get_all_by_role(egui::accesskit::Role::Row).nth(3).unwrap().rect();
    let at = row.left_center() + egui::vec2(row.width() * 0.6, 0.0);
    harness.hover_at(at);
    harness.run();
    // Both clicks within a frame: between frames too much time passes here.
    for pressed in [true, false, true, false] {
        let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
        harness.input_mut().events.push(egui::Event::PointerButton { pos: at, button, pressed, modifiers });
    }
    harness.run();
    let Some(Action::InspectNode(addr)) = &harness.state().1 else { panic!("{:?}", harness.state().1) };
    assert_eq!(addr.port, 7003);
}
