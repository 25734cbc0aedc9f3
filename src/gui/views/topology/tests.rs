use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::gui::{samples, testing};

type Shown = (TopologyUi, Option<Action>);

fn view(cluster: ClusterView, part: Part) -> Harness<'static, Shown> {
    let state = TopologyUi { part, ..TopologyUi::default() };
    let mut harness = testing::harness((state, None), move |ui, (state, action): &mut Shown| {
        *action = topology_ui(ui, &cluster, None, state).or(action.take());
    });
    harness.run();
    harness
}

#[test]
fn shards_show_how_far_replicas_are_behind() {
    let mut harness = view(samples::healthy(), Part::Shards);
    harness.get_by_label("Shard 1");
    assert_eq!(harness.get_all_by_label_contains("in step").count(), 3);
    harness.get_by_label("127.0.0.1:7003").click();
    harness.run();
    assert!(matches!(&harness.state().1, Some(Action::InspectNode(node)) if node.port == 7003));
}

#[test]
fn a_link_that_is_down_is_said() {
    let harness = view(samples::failed(), Part::Shards);
    harness.get_by_label_contains("no link");
}

#[test]
fn a_partition_is_named_and_its_halves_stand_together() {
    let harness = view(samples::parted(), Part::Links);
    harness.get_by_label_contains("The cluster is parted: 2 groups");
    harness.get_by_label("Link matrix: 6 nodes, 16 pairs with trouble, 2 groups");
    let whole = Whole::of(&samples::parted());
    assert_eq!(whole.groups, [vec![0, 1, 2, 3], vec![4, 5]]);
    let ports: Vec<u16> = whole.order.iter().map(|at| samples::parted().nodes[*at].addr.port).collect();
    assert_eq!(ports[4..], [7001, 7004]);
}

#[test]
fn who_thinks_what_is_told() {
    let harness = view(samples::parted(), Part::Views);
    harness.get_by_label_contains("things about which 6 nodes don't agree");
    assert!(harness.get_all_by_label_contains("Does it work?").count() > 1);
    let majority = "4 (127.0.0.1:7000, 127.0.0.1:7002, 127.0.0.1:7003 and 1 more):";
    assert!(harness.get_all_by_label_contains(majority).count() > 1);
}

#[test]
fn a_cell_is_chosen_by_keys_and_told_in_both_directions() {
    let mut harness = view(samples::parted(), Part::Links);
    harness.get_by_label_contains("Link matrix").focus();
    harness.run();
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    assert!(harness.state().0.matrix.pinned.is_some());
    assert_eq!(harness.get_all_by_label_contains("Copy what").count(), 2, "one way and the other");
}
