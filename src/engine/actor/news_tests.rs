//! What is told of the difference between two pictures.

use super::*;
use crate::engine::process::Exit;

#[path = "../../gui/samples.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "the engine can not name the window, whose tests use the rest")]
mod samples;

fn told(was: ClusterView, now: ClusterView) -> Vec<What> {
    let clusters = |view: ClusterView| [(view.name.clone(), Arc::new(view))].into();
    let events = events(&clusters(was), &clusters(now), SystemTime::UNIX_EPOCH);
    events.into_iter().map(|event| event.what).collect()
}

fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

#[test]
fn the_same_picture_tells_nothing() {
    assert_eq!(told(samples::healthy(), samples::healthy()), []);
}

#[test]
fn a_promotion_is_told_with_the_old_master_the_epoch_and_the_slots() {
    let told = told(samples::failed(), samples::failed_over());
    let change = |change| What::Changed(Some(addr(7003)), change);
    let role = Change::Role { before: Role::Replica, after: Role::Master, master: Some(addr(7000)) };
    assert!(told.contains(&change(role)), "{told:#?}");
    assert!(told.contains(&change(Change::Epoch { before: 1, after: 7 })), "{told:#?}");
    let slots = samples::failed().nodes[0].slots.clone();
    let moved = Change::Slots { slots, before: Some(addr(7000)), after: Some(addr(7003)) };
    assert!(told.contains(&change(moved)), "{told:#?}");
    let health = Change::Health { before: Health::Down, after: Health::Degraded };
    assert!(told.contains(&What::Changed(None, health)));
}

#[test]
fn a_lost_node_is_told_with_its_end_its_silence_and_its_standing() {
    let told = told(samples::healthy(), samples::failed());
    let change = |change| What::Changed(Some(addr(7000)), change);
    assert!(told.contains(&What::ProcessDied(addr(7000).to_string(), Exit::Signal(9))));
    assert!(told.contains(&change(Change::Answers(false))));
    assert!(told.contains(&change(Change::Standing { before: Standing::Fine, after: Standing::Failed })));
    assert!(told.contains(&What::Changed(Some(addr(7003)), Change::Link(false))));
}

#[test]
fn servers_that_are_stopped_on_purpose_raise_no_alarm() {
    let mut now = samples::failed();
    let mut nodes = now.nodes.to_vec();
    nodes[0].process.state = ProcessState::Stopped;
    nodes[1].process.state = ProcessState::Stopping { pid: 7 };
    now.nodes = nodes.into();
    let told = told(samples::healthy(), now);
    assert_eq!(told, [What::Changed(Some(addr(7000)), Change::Stopped)]);
}

#[test]
fn a_changed_setting_is_told_with_both_values() {
    let with = |value: &str| {
        let mut view = samples::healthy();
        let mut nodes = view.nodes.to_vec();
        nodes[0].settings = [("maxmemory", value.to_owned())].into();
        view.nodes = nodes.into();
        view
    };
    let change = Change::Setting { name: "maxmemory", before: "0".to_owned(), after: "1048576".to_owned() };
    assert_eq!(told(with("0"), with("1048576")), [What::Changed(Some(addr(7000)), change)]);
}

#[test]
fn while_a_cluster_is_made_only_processes_are_news() {
    let told = told(samples::stopped(), samples::half_made());
    assert_eq!(told, [], "they ran before they were seen");
}

#[test]
fn what_hurts_is_loud_and_what_heals_is_good_news() {
    let loud = |change| level(&What::Changed(None, change));
    assert_eq!(loud(Change::Health { before: Health::Ok, after: Health::Down }), Level::Error);
    assert_eq!(loud(Change::Standing { before: Standing::Suspected, after: Standing::Failed }), Level::Warning);
    assert_eq!(loud(Change::Standing { before: Standing::Failed, after: Standing::Fine }), Level::Success);
    assert_eq!(loud(Change::Epoch { before: 1, after: 2 }), Level::Info);
}
