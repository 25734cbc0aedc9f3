use std::time::Duration;

use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::core::timeline::{Health, Standing};
use crate::core::topology::Role;
use crate::gui::{samples, testing};

fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

fn standing(before: Standing, after: Standing) -> Change {
    Change::Standing { before, after }
}

fn some() -> EventList {
    let mut list = EventList::default();
    let mut event = |level, cluster: &str, port, change| {
        let what = What::Changed(Some(addr(port)), change);
        list.push(Event { at: samples::now(), level, cluster: Some(cluster.to_owned()), what });
    };
    event(Level::Info, "orders", 7000, standing(Standing::Failed, Standing::Fine));
    event(Level::Error, "orders", 7001, standing(Standing::Fine, Standing::Failed));
    event(Level::Error, "sessions", 8001, standing(Standing::Fine, Standing::Failed));
    list
}

#[test]
fn a_cluster_sees_its_own_events_and_problems_can_be_singled_out() {
    let list = some();
    let mut state = EventsUi::default();
    assert_eq!(state.shown(&list, Some("orders")).len(), 2);
    assert_eq!(state.shown(&list, None).len(), 3);
    state.only_problems = true;
    assert_eq!(state.shown(&list, Some("orders")).len(), 1);
    state.filter = "8001".to_owned();
    assert_eq!(state.shown(&list, None).len(), 1);
    state.topic = Some(Topic::Slots);
    assert_eq!(state.shown(&list, None).len(), 0);
}

#[test]
fn the_list_is_bounded() {
    let mut list = EventList::default();
    for _ in 0..=KEPT {
        list.push(some().events[0].clone());
    }
    assert_eq!(list.len(), KEPT);
}

/// Slots that went from the node on 7000 to another one.
fn moved(range: &str, to: u16, secs: u64) -> Event {
    let slots = [range.parse::<crate::core::slot::SlotRange>().unwrap()].into_iter().collect();
    let change = Change::Slots { slots, before: Some(addr(7000)), after: Some(addr(to)) };
    let (at, what) = (samples::now() + Duration::from_secs(secs), What::Changed(Some(addr(to)), change));
    Event { at, level: Level::Info, cluster: Some("orders".to_owned()), what }
}

#[test]
fn pairs_that_move_at_the_same_time_are_a_line_each() {
    let mut list = EventList::default();
    for second in 0..1_000_u16 {
        for to in 7001..7004 {
            let slot = (to - 7001) * 1_000 + second;
            list.push(moved(&slot.to_string(), to, u64::from(second)));
        }
    }
    assert_eq!(list.len(), 3);
    assert!(line(&list.events[1]).contains("1000-1999"), "{}", line(&list.events[1]));
    // What happened in between keeps its place.
    let what = What::Changed(Some(addr(7002)), standing(Standing::Fine, Standing::Failed));
    list.push(Event { at: samples::now() + Duration::from_secs(999), what, ..moved("1", 7001, 0) });
    list.push(moved("1000", 7001, 1000));
    assert_eq!(list.len(), 5);
}

#[test]
fn slots_that_go_on_moving_are_one_line() {
    let mut list = EventList::default();
    let moved = |range: &str, secs| moved(range, 7001, secs);
    list.push(moved("0-9", 0));
    list.push(moved("10-19", 9));
    list.push(moved("20-29", 18));
    assert_eq!(list.len(), 1);
    assert!(line(&list.events[0]).contains("0-29"), "{}", line(&list.events[0]));
    list.push(moved("30-39", 60));
    assert_eq!(list.len(), 2);
}

#[test]
fn shown_events_are_copied_newest_first() {
    let mut harness = testing::harness((EventsUi::default(), None), |ui, (state, action): &mut (_, Option<Action>)| {
        *action = events_ui(ui, &some(), None, state).or(action.take());
    });
    harness.run();
    harness.get_by_label_contains("Copy").click();
    harness.run();
    let Some(Action::Copy(text)) = &harness.state().1 else { panic!() };
    assert!(text.lines().next().unwrap().contains("8001"), "{text}");
}

#[test]
fn a_failover_reads_as_a_story_with_durations() {
    let mut list = EventList::default();
    let mut event = |millis, node: Option<u16>, change| {
        let at = samples::now() + Duration::from_millis(millis);
        let what = What::Changed(node.map(addr), change);
        list.push(Event { at, level: Level::Info, cluster: Some("orders".to_owned()), what });
    };
    event(0, Some(7000), Change::Answers(false));
    event(2000, Some(7000), standing(Standing::Fine, Standing::Suspected));
    event(3000, Some(7000), standing(Standing::Suspected, Standing::Failed));
    let master = Some(addr(7000));
    event(4000, Some(7003), Change::Role { before: Role::Replica, after: Role::Master, master });
    event(4900, None, Change::Health { before: Health::Down, after: Health::Degraded });
    event(9000, None, Change::Health { before: Health::Degraded, after: Health::Ok });
    let mut harness = testing::harness(EventsUi::default(), move |ui, state| {
        drop(events_ui(ui, &list, Some("orders"), state));
    });
    harness.run();
    harness.get_by_label_contains("127.0.0.1:7003 took over from 127.0.0.1:7000; its slots were not served for 4.9 s");
    for step in ["lost", "suspected", "failed", "elected", "promoted", "slots served", "healed"] {
        harness.get_by_label(step);
    }
    harness.get_by_label("+2.0 s");
}
