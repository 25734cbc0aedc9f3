use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::gui::{samples, testing};

fn view(cluster: ClusterView) -> Harness<'static, (MetricsUi, Option<Action>)> {
    format::begin_frame(samples::now());
    let state = (MetricsUi::default(), None);
    let mut harness = testing::harness(state, move |ui, (state, action): &mut (MetricsUi, Option<Action>)| {
        *action = metrics_ui(ui, &cluster, state).or(action.take());
    });
    harness.run_steps(3);
    harness
}

#[test]
fn every_metric_has_a_plot_with_its_newest_value() {
    let harness = view(samples::measured());
    for metric in Metric::ALL {
        harness.get_by_label_contains(&format!("{}, ", plot::title(metric)));
    }
    harness.get_by_label("Plot: Commands a second, 3,309");
}

#[test]
fn before_the_second_poll_the_screen_says_that_it_is_waiting() {
    view(samples::healthy()).get_by_label_contains("after the second poll");
    view(samples::stopped()).get_by_label_contains("is stopped");
    let mut silent = samples::failed();
    let nodes = silent.nodes.iter().cloned().map(|mut node| {
        node.reach = crate::engine::snapshot::Reach::Never { error: "refused".to_owned() };
        node
    });
    silent.nodes = nodes.collect();
    view(silent).get_by_label_contains("No node answers");
}

#[test]
fn the_figures_are_copied_as_they_are_drawn() {
    let mut harness = view(samples::measured());
    harness.get_by_label("Copy CSV").click();
    harness.run_steps(2);
    let Some(Action::Copy(text)) = &harness.state().1 else { panic!() };
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("time,node,ops_per_sec,cpu_percent,"), "{text}");
    let first = lines.next().unwrap();
    assert!(first.starts_with("2025-10-09T08:") && first.contains(",cluster,"), "{first}");
    assert_eq!(text.lines().count(), samples::measured().history.rows().len() + 1);
}

#[test]
fn masters_are_drawn_beside_the_cluster_on_request() {
    let mut harness = view(samples::measured());
    harness.get_by_label_contains("Whole cluster only").click();
    harness.run_steps(2);
    harness.get_by_label("Masters").click();
    harness.run_steps(2);
    assert_eq!(harness.state().0.nodes.len(), 3);
    assert_eq!(harness.state().0.series().len(), 4);
}

#[test]
fn a_pause_keeps_the_picture_while_the_cluster_goes_on() {
    let mut harness = view(samples::measured());
    harness.get_by_label("Pause").click();
    harness.run_steps(2);
    assert!(harness.state().0.paused.is_some());
    harness.get_by_label_contains("Paused at");
    harness.get_by_label("Go on").click();
    harness.run_steps(2);
    assert!(harness.state().0.paused.is_none());
}

#[test]
fn the_lines_are_worked_out_once_a_change() {
    let (mut state, cluster) = (MetricsUi::default(), samples::measured());
    let first = state.draw(&cluster.history).as_ptr();
    assert_eq!(state.draw(&cluster.history).as_ptr(), first);
    state.minutes = 1;
    let shorter: usize = state.draw(&cluster.history)[0][0].stretches.iter().map(Vec::len).sum();
    state.minutes = 30;
    let longer: usize = state.draw(&cluster.history)[0][0].stretches.iter().map(Vec::len).sum();
    assert!(shorter < longer);
}

#[test]
fn nodes_that_have_left_make_room_for_others() {
    let mut harness = view(samples::measured());
    let gone = (0..MOST_NODES).map(|n| NodeAddr::new("10.0.0.9", 1 + u16::try_from(n).unwrap()));
    harness.state_mut().0.nodes = gone.collect();
    harness.run_steps(2);
    assert!(harness.state().0.nodes.is_empty());
}
