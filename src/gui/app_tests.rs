use eframe::egui::{ViewportCommand, ViewportEvent, ViewportId};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::engine::job::{JobKind, JobState, JobView};
use crate::engine::snapshot::ClusterView;
use crate::gui::samples;
use crate::gui::testing::{self, Look};
use crate::workspace::document::OnClose;

fn app(cluster: ClusterView) -> Harness<'static, App> {
    let snapshot = samples::snapshot(cluster);
    let mut harness = testing::builder(Look::default())
        .build_eframe(|cc| App::preview(&cc.egui_ctx, snapshot, samples::now(), Screen::Welcome));
    harness.run();
    harness
}

fn request_close(harness: &mut Harness<'static, App>) -> bool {
    harness.input_mut().viewports.entry(ViewportId::ROOT).or_default().events.push(ViewportEvent::Close);
    harness.step();
    let commands = &harness.output().viewport_output[&ViewportId::ROOT].commands;
    let cancelled = commands.contains(&ViewportCommand::CancelClose);
    if let Some(info) = harness.input_mut().viewports.get_mut(&ViewportId::ROOT) {
        info.events.clear();
    }
    harness.step();
    !cancelled
}

#[test]
fn the_first_cluster_opens_by_itself_and_every_screen_can_be_reached() {
    let mut harness = app(samples::healthy());
    harness.get_by_label("3 masters, 3 replicas");
    for (screen, sign) in
        [("Slots", "Shards"), ("Nodes", "Filter nodes"), ("Log", "Follow"), ("Events", "Only problems")]
    {
        harness.get_all_by_label(screen).next().unwrap().click();
        harness.run();
        harness.get_by_label(sign);
    }
    harness.get_by_label("Settings").click();
    harness.run();
    harness.get_by_label("Dark");
}

#[test]
fn stopping_asks_first_and_then_sends() {
    let mut harness = app(samples::healthy());
    harness.get_by_label("Stop…").click();
    harness.run();
    assert!(harness.state().sent().is_empty());
    harness.get_by_label("Stop").click();
    harness.run();
    assert!(matches!(harness.state().sent(), [Command::Stop { cluster }] if cluster == "orders"));
    assert!(harness.query_by_label("Stop the servers of orders?").is_none());
}

#[test]
fn closing_with_running_servers_asks_and_obeys() {
    let mut harness = app(samples::healthy());
    assert!(!request_close(&mut harness), "must not close yet");
    harness.get_by_label("Leave them running").click();
    harness.step();
    harness.step();
    assert_eq!(harness.state().closing, Closing::Allowed);
    let sent = harness.state().sent();
    assert!(matches!(sent, [Command::SetOnClose { on_close: OnClose::Leave, .. }]), "asked once, then remembered");
}

#[test]
fn closing_with_stop_remembers_stops_and_waits() {
    let mut harness = app(samples::healthy());
    assert!(!request_close(&mut harness));
    harness.get_by_label("Stop them and close").click();
    harness.run_steps(3);
    let sent = harness.state().sent();
    assert!(matches!(sent, [Command::SetOnClose { on_close: OnClose::Stop, .. }, Command::Stop { .. }]), "{sent:?}");
    harness.get_by_label_contains("0 of 6 stopped");
    let stopped = samples::snapshot(samples::stopped());
    harness.state_mut().link = Link::preview(stopped);
    harness.run_steps(2);
    assert_eq!(harness.state().closing, Closing::Allowed);
}

/// Shows the cluster with these stop jobs.
fn with_stops(harness: &mut Harness<'static, App>, jobs: &[(u64, JobState)]) {
    let mut snapshot = (*samples::snapshot(samples::healthy())).clone();
    let stop = |(id, state): &(u64, JobState)| JobView { id: *id, kind: JobKind::Stop, ..samples::job(state.clone()) };
    snapshot.jobs = jobs.iter().map(stop).map(Arc::new).collect();
    harness.state_mut().link = Link::preview(Arc::new(snapshot));
    harness.run_steps(2);
}

fn stop_and_close(harness: &mut Harness<'static, App>) {
    assert!(!request_close(harness));
    harness.get_by_label("Stop them and close").click();
    harness.run_steps(3);
}

#[test]
fn an_earlier_failed_stop_does_not_count_but_a_new_one_keeps_the_window_open() {
    let mut harness = app(samples::healthy());
    let failed = || JobState::Failed("can't save".to_owned());
    with_stops(&mut harness, &[(3, failed())]);
    stop_and_close(&mut harness);
    harness.get_by_label_contains("0 of 6 stopped");
    with_stops(&mut harness, &[(3, failed()), (4, JobState::Running)]);
    assert!(matches!(harness.state().closing, Closing::Stopping(_)));
    with_stops(&mut harness, &[(3, failed()), (4, failed())]);
    assert_eq!(harness.state().closing, Closing::No);
    assert!(harness.state().ui.question.is_none());
}

#[test]
fn a_refused_stop_keeps_the_window_open() {
    let mut harness = app(samples::healthy());
    stop_and_close(&mut harness);
    let refused = |cluster: &str| Event {
        at: samples::now(),
        level: Level::Error,
        cluster: Some(cluster.to_owned()),
        what: crate::engine::event::What::Refused("start a job", "another job works on this cluster".to_owned()),
    };
    harness.state_mut().take_event(refused("sessions"));
    harness.run_steps(2);
    assert!(matches!(harness.state().closing, Closing::Stopping(_)), "that is another cluster");
    harness.state_mut().take_event(refused("orders"));
    harness.run_steps(2);
    assert_eq!(harness.state().closing, Closing::No);
}

#[test]
fn a_move_under_way_comes_to_its_safe_point_before_the_window_closes() {
    let mut leave = samples::healthy();
    leave.on_close = OnClose::Leave;
    let mut harness = app(leave.clone());
    let with = |state: JobState| {
        let mut snapshot = (*samples::snapshot(leave.clone())).clone();
        snapshot.jobs = vec![Arc::new(JobView { id: 7, kind: JobKind::MoveSlots, ..samples::job(state) })];
        Link::preview(Arc::new(snapshot))
    };
    harness.state_mut().link = with(JobState::Running);
    harness.run_steps(2);
    assert!(!request_close(&mut harness), "must not close yet");
    harness.get_by_label("Keep the window open").click();
    harness.run_steps(2);
    assert!(harness.state().ui.question.is_none());
    assert!(!request_close(&mut harness), "asks again");
    harness.get_by_label("End it safely, then close").click();
    harness.run_steps(2);
    assert!(matches!(harness.state().sent(), [Command::CancelJob(7)]), "{:?}", harness.state().sent());
    harness.state_mut().link = with(JobState::Cancelling);
    harness.run_steps(2);
    harness.get_by_label("Close without waiting");
    harness.state_mut().link = with(JobState::Cancelled("300 slots of the plan are not moved".to_owned()));
    harness.step();
    let closes = &harness.output().viewport_output[&ViewportId::ROOT].commands;
    assert!(closes.contains(&ViewportCommand::Close), "{closes:?}");
    assert!(harness.state().ui.question.is_none());
}

#[test]
fn remembered_answers_are_obeyed_without_asking() {
    let mut leave = samples::healthy();
    leave.on_close = OnClose::Leave;
    assert!(request_close(&mut app(leave)), "closes at once");

    let mut stop = samples::healthy();
    stop.on_close = OnClose::Stop;
    let mut harness = app(stop);
    assert!(!request_close(&mut harness), "waits for the servers");
    assert!(matches!(harness.state().sent(), [Command::Stop { .. }]));
}

#[test]
fn a_deleted_cluster_leaves_the_screen() {
    let mut harness = app(samples::healthy());
    let mut snapshot = (*samples::snapshot(samples::healthy())).clone();
    snapshot.clusters.remove("orders");
    harness.state_mut().link = Link::preview(Arc::new(snapshot));
    harness.run();
    assert!(matches!(&harness.state().ui.screen, Screen::Cluster(name, _) if name == "sessions"));
}

/// The first cluster is shown, its plots are held still, and one of its slots is picked.
fn busy_with_the_first() -> Harness<'static, App> {
    let mut harness = app(samples::healthy());
    let ui = &mut harness.state_mut().ui;
    ui.slots.select("5-9".parse().unwrap());
    ui.slots.pinned = crate::core::slot::Slot::new(5).ok();
    ui.log.node = Some(crate::core::topology::NodeAddr::new("127.0.0.1", 7000));
    harness
}

fn remembers(harness: &Harness<'static, App>) -> bool {
    let ui = &harness.state().ui;
    ui.slots.pinned.is_some() && !ui.slots.selection.is_empty() && ui.log.node.is_some()
}

#[test]
fn nothing_of_a_cluster_that_is_gone_is_shown_for_another() {
    let mut harness = busy_with_the_first();
    assert!(remembers(&harness));
    let mut snapshot = (*samples::snapshot(samples::healthy())).clone();
    snapshot.clusters.remove("orders");
    harness.state_mut().link = Link::preview(Arc::new(snapshot));
    harness.run();
    assert!(matches!(&harness.state().ui.screen, Screen::Cluster(name, _) if name == "sessions"));
    assert!(!remembers(&harness));
}

#[test]
fn what_was_picked_in_a_cluster_outlives_a_look_at_other_screens() {
    let mut harness = busy_with_the_first();
    for elsewhere in ["Settings", "Create cluster"] {
        harness.get_all_by_label(elsewhere).next().unwrap().click();
        harness.run();
        assert!(!matches!(harness.state().ui.screen, Screen::Cluster(..)), "{elsewhere}");
        harness.state_mut().open_some();
        harness.run();
        assert!(remembers(&harness), "{elsewhere}");
    }
}

#[test]
fn leaving_the_wizard_leads_back_to_the_cluster_that_was_shown() {
    let mut harness = app(samples::healthy());
    for name in ["sessions", "Create cluster"] {
        harness.get_all_by_label_contains(name).next().unwrap().click();
        harness.run();
    }
    assert_eq!(harness.state().ui.screen, Screen::Wizard);
    harness.state_mut().open_some();
    assert!(matches!(&harness.state().ui.screen, Screen::Cluster(name, _) if name == "sessions"));
}

#[test]
fn escape_closes_the_dialog_and_nothing_behind_it() {
    let mut harness = app(samples::healthy());
    let press_escape = |harness: &mut Harness<'static, App>| {
        harness.key_press(egui::Key::Escape);
        harness.run();
    };
    let ask = |harness: &mut Harness<'static, App>| {
        harness.state_mut().ui.question = Some(Confirm::Stop("orders".to_owned()));
        harness.run();
    };
    harness.state_mut().ui.slots.select("5-9".parse().unwrap());
    for view in [View::Slots, View::Nodes] {
        harness.state_mut().show_view(view);
        harness.run();
        ask(&mut harness);
        press_escape(&mut harness);
        assert!(harness.state().ui.question.is_none(), "{view:?}");
        assert_eq!(harness.state().ui.slots.selection.len(), 5, "{view:?}");
    }
    harness.state_mut().show_view(View::Slots);
    harness.run();
    press_escape(&mut harness);
    assert!(harness.state().ui.slots.selection.is_empty(), "without a dialog it is the map's");
}

#[test]
fn an_idle_window_asks_for_no_frame_but_to_count_the_seconds() {
    let mut harness = app(samples::healthy());
    harness.run();
    let delay = harness.output().viewport_output[&ViewportId::ROOT].repaint_delay;
    assert!(delay >= Duration::from_secs(1), "{delay:?}");
}

#[test]
fn every_screen_is_reached_by_keys_and_the_palette_by_ctrl_k() {
    use eframe::egui::{Key, Modifiers};
    let mut harness = app(samples::healthy());
    for (key, sign) in
        [(Key::Num2, "Shards"), (Key::Num3, "Filter nodes"), (Key::Num4, "Links"), (Key::Num7, "Only problems")]
    {
        harness.key_press_modifiers(Modifiers::COMMAND, key);
        harness.run();
        harness.get_by_label(sign);
    }
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run();
    harness.event(eframe::egui::Event::Text("settings".to_owned()));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    harness.get_by_label("Dark");
    assert!(harness.query_by_label_contains("choose, Enter does it").is_none(), "the palette is gone");
}

#[test]
fn keys_do_nothing_while_a_question_is_open() {
    use eframe::egui::{Key, Modifiers};
    let mut harness = app(samples::healthy());
    harness.get_by_label("Stop…").click();
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Num3);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run();
    harness.get_by_label("Stop the servers of orders?");
    assert!(harness.query_by_label("Filter nodes").is_none());
}

#[test]
fn an_event_leads_to_the_map_as_it_was_and_from_there_to_now() {
    let mut cluster = samples::healthy();
    let mut log = crate::core::timeline::OwnerLog::default();
    let owners: Vec<_> =
        crate::core::slot::Slot::all().map(|slot| cluster.owner_of(slot).map(|node| node.addr.clone())).collect();
    let at = crate::engine::figures::millis(samples::now());
    log.record(at - 60_000, owners.iter().map(|_| owners[0].as_ref()));
    log.record(at - 5_000, owners.iter().map(Option::as_ref));
    cluster.owners = Arc::new(log);
    let addr = cluster.nodes[1].addr.clone();
    let mut harness = app(cluster);
    let what = What::Changed(Some(addr), Change::Epoch { before: 1, after: 2 });
    let event = Event {
        at: samples::now() - Duration::from_secs(30),
        level: Level::Info,
        cluster: Some("orders".to_owned()),
        what,
    };
    harness.state_mut().take_event(event);
    harness.get_all_by_label("Events").next().unwrap().click();
    harness.run();
    harness.get_by_label("Show the slot map as it was then").click();
    harness.run();
    harness.get_by_label_contains("The map as it was at");
    harness.get_by_label_contains("1 masters");
    harness.get_by_label("Back to now").click();
    harness.run();
    harness.get_by_label_contains("3 masters");
    assert!(harness.query_by_label_contains("The map as it was at").is_none());
}
