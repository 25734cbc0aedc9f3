use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::gui::{samples, testing};

fn first() -> NodeAddr {
    NodeAddr::new("127.0.0.1", 7000)
}

type Shown = (InspectUi, Option<Action>);

fn view(cluster: ClusterView, tab: Tab, with_look: bool) -> Harness<'static, Shown> {
    format::begin_frame(samples::now());
    let mut state = InspectUi { tab, ..InspectUi::default() };
    state.open(first());
    let look = state.subject().filter(|_| with_look).map(samples::look);
    let mut harness = testing::harness((state, None), move |ui, (state, action): &mut Shown| {
        *action = inspect_ui(ui, &cluster, look.as_ref(), state).or(action.take());
    });
    harness.run();
    harness
}

#[test]
fn facts_are_grouped_with_units_and_copied_by_a_click() {
    let mut harness = view(samples::healthy(), Tab::Facts, true);
    harness.get_by_label("used_memory_rss: 16.2 MiB").click();
    harness.run();
    assert!(matches!(&harness.state().1, Some(Action::Copy(text)) if text == "17039360"));
    harness.get_by_label("Copy the group Memory").click();
    harness.run();
    let Some(Action::Copy(text)) = &harness.state().1 else { panic!() };
    assert!(text.starts_with("# Memory INFO\nused_memory: 12779520\n"), "{text}");
}

#[test]
fn a_filter_also_finds_what_fields_mean() {
    let mut harness = view(samples::healthy(), Tab::Facts, true);
    harness.state_mut().0.filter = "fragmented".to_owned();
    harness.run();
    harness.get_by_label("mem_fragmentation_ratio: 1.33");
    assert!(harness.query_by_label("hz: 10").is_none());
}

#[test]
fn long_groups_are_folded_at_first() {
    let mut harness = view(samples::healthy(), Tab::Facts, true);
    assert!(harness.query_by_label_contains("cmdstat_get").is_none());
    harness.state_mut().0.turned.insert("Commandstats".to_owned());
    harness.run();
    harness.get_by_label_contains("cmdstat_get");
    harness.get_by_label("Fold Identity").click();
    harness.run();
    harness.run();
    harness.get_by_label("Unfold Identity");
    assert!(harness.query_by_label("Address: 127.0.0.1:7000").is_none());
}

#[test]
fn a_node_that_does_not_answer_still_has_its_identity() {
    let harness = view(samples::failed(), Tab::Facts, false);
    harness.get_by_label("Address: 127.0.0.1:7000");
    harness.get_by_label_contains("Asking the server");
}

#[test]
fn settings_that_differ_are_marked_and_secrets_are_hidden() {
    let mut harness = view(samples::healthy(), Tab::Config, true);
    harness.get_by_label("•••••• (set, not shown)");
    harness.get_by_label("each node's own");
    harness.get_by_label("Only differences (1)").click();
    harness.run();
    harness.run();
    harness.get_by_label_contains("268435456 on 127.0.0.1:7003");
    assert!(harness.query_by_label("appendonly").is_none());
}

#[test]
fn clients_are_filtered_by_their_fields() {
    let mut harness = view(samples::healthy(), Tab::Clients, true);
    harness.get_by_label("37 of 37 clients");
    harness.state_mut().0.filter = "idle>5 name:shop-1".to_owned();
    harness.run();
    harness.get_by_label("shop-13");
    harness.get_by_label("1 of 37 clients");
}

#[test]
fn slow_calls_show_any_bytes_and_their_client() {
    let harness = view(samples::healthy(), Tab::SlowLog, true);
    harness.get_by_label("3 of 3 calls that took longer than 10.0 ms");
    harness.get_by_label("SET \\x00\\xff\\x01 \"a value\"");
    harness.get_by_label("1.8 s");
}

#[test]
fn latency_is_told_with_its_history() {
    let harness = view(samples::healthy(), Tab::Latency, true);
    harness.get_by_label("259 ms");
    harness.get_by_label_contains("History of command: 40 spikes");
}

#[test]
fn the_log_is_there_too() {
    let harness = view(samples::healthy(), Tab::Log, false);
    harness.get_by_label_contains("Ready to accept connections");
}

#[test]
fn the_way_back_and_the_refresh_are_actions() {
    let mut harness = view(samples::healthy(), Tab::Clients, true);
    harness.get_by_label("Fetch now").click();
    harness.run();
    let Some(Action::Do(Command::LookAt(Some((name, subject))))) = &harness.state().1 else { panic!() };
    assert_eq!((name.as_str(), subject), ("orders", &Subject::Clients(first())));
    harness.get_by_label("Back to the nodes").click();
    harness.run();
    assert!(matches!(&harness.state().1, Some(Action::LeaveNode)));
}
