//! Launch, plan and the creation itself.

use std::path::PathBuf;
use std::sync::Arc;

use egui::accesskit::Role as Ui;
use egui_kittest::kittest::Queryable;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::Command;
use slotdeck::engine::event::What;
use slotdeck::engine::job::{JobKind, JobState, Step, StepState};
use slotdeck::engine::snapshot::{HalfMade, Health, Phase, ProcessState};
use slotdeck::gui::action::{Action, Confirm, View};

use crate::stage::*;

#[test]
fn the_launch_sends_the_spec_and_shows_a_row_for_each_server() {
    let mut window = at_launch(stage());
    let commands = window.state().commands();
    let launched = commands.iter().find_map(|c| if let Command::Launch { spec, .. } = c { Some(spec) } else { None });
    assert_eq!(launched.unwrap().name, "demo");
    let nodes = vec![
        node(7000, ProcessState::Running { pid: 4711 }, &[]),
        node(7001, ProcessState::Starting { pid: 4712 }, &[]),
    ];
    put(&mut window, cluster(nodes), vec![job(1, JobKind::Launch, JobState::Running, Vec::new())]);
    window.get_by_label("Log of 127.0.0.1:7000");
    window.get_by_label("pid 4711");
    window.get_by_label("Starting");
    assert!(!enabled(&window, "Next"));
}

#[test]
fn a_server_that_died_shows_its_last_lines_and_the_likely_cause() {
    let mut window = at_launch(stage());
    let died = ProcessState::Died {
        how: slotdeck::engine::process::Exit::Code(1),
        cause: Some("the port is taken".to_owned()),
    };
    let nodes = vec![node(7000, died, &["# Could not create server TCP listening socket"])];
    let failed = JobState::Failed("127.0.0.1:7000 ended: exit code 1".to_owned());
    put(&mut window, cluster(nodes), vec![job(1, JobKind::Launch, failed, Vec::new())]);
    window.get_by_label("Likely cause: the port is taken");
    window.get_by_label_contains("Could not create server TCP listening socket");
    press(&mut window, "Start again");
    assert!(window.state().commands().iter().any(|c| matches!(c, Command::Start { cluster } if cluster == "demo")));
}

#[test]
fn once_all_run_the_plan_is_asked_for_once_and_shown() {
    let mut window = at_launch(stage());
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    let asked = |window: &Window| {
        window.state().commands().iter().filter(|c| matches!(c, Command::PlanCreate { replicas: None, .. })).count()
    };
    assert_eq!(asked(&window), 1);
    let mut view = running();
    view.plan = Some(plan());
    put(&mut window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    assert_eq!(asked(&window), 1);
    window.get_by_label("Can I set the above configuration?");
    window.get_by_label_contains("slots:[0-5460]");
}

#[test]
fn why_there_is_no_plan_is_told_and_it_can_be_asked_for_again() {
    let mut window = at_launch(stage());
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    let mut view = running();
    view.plan_error = Some("127.0.0.1:7003 holds 12 keys".into());
    put(&mut window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    window.get_by_label("127.0.0.1:7003 holds 12 keys");
    press(&mut window, "Plan again");
    assert_eq!(window.state().commands().iter().filter(|c| matches!(c, Command::PlanCreate { .. })).count(), 2);
}

#[test]
fn an_open_log_keeps_the_launch_page_until_next_is_pressed() {
    let mut window = at_launch(stage());
    let jobs = || vec![job(1, JobKind::Launch, JobState::Done, Vec::new())];
    put(&mut window, cluster(vec![node(7000, ProcessState::Starting { pid: 1 }, &["a line"])]), jobs());
    press(&mut window, "Log of 127.0.0.1:7000");
    window.get_by_label("a line");
    let mut view = running();
    view.plan = Some(plan());
    put(&mut window, view, jobs());
    assert!(window.query_by_label("Can I set the above configuration?").is_none());
    press(&mut window, "Next");
    window.get_by_label("Can I set the above configuration?");
}

#[test]
fn a_refused_launch_says_why_and_lets_one_go_back() {
    let mut window = at_launch(stage());
    tell(&mut window, What::Refused("launch", "the folder is not empty".to_owned()));
    window.get_by_label_contains("the folder is not empty");
    press(&mut window, "Back");
    window.get_by_label("Launch 6 servers");
}

#[test]
fn going_back_after_the_launch_offers_to_stop_and_remove() {
    let mut window = at_launch(stage());
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    press(&mut window, "Back");
    window.get_by_label_contains("stops 6 servers");
    window.get_by_label(PathBuf::from("/data/clusters").join("demo").to_str().unwrap());
    press(&mut window, "Stop and remove");
    let gone = |c: &&Command| matches!(c, Command::Delete { cluster, wipe: true } if cluster == "demo");
    assert!(window.state().commands().iter().any(gone));
    assert!(!enabled(&window, "Launch 6 servers"), "not before the old ones are gone");
    window.state_mut().snapshot.clusters.clear();
    settle(&mut window);
    assert!(enabled(&window, "Launch 6 servers"));
}

#[test]
fn a_job_under_way_is_cancelled_before_its_servers_are_removed() {
    let mut window = at_launch(stage());
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Running, Vec::new())]);
    press(&mut window, "Leave…");
    press(&mut window, "Stop and remove");
    let deleted = |window: &Window| window.state().commands().iter().any(|c| matches!(c, Command::Delete { .. }));
    assert!(window.state().commands().iter().any(|c| matches!(c, Command::CancelJob(1))));
    assert!(!deleted(&window));
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Cancelled(String::new()), Vec::new())]);
    assert!(deleted(&window));
    let left = |window: &Window| window.state().actions.iter().any(|action| matches!(action, Action::LeaveWizard));
    assert!(!left(&window));
    window.state_mut().snapshot.clusters.clear();
    settle(&mut window);
    assert!(left(&window));
}

#[test]
fn going_back_before_the_files_are_written_takes_the_launch_back() {
    let mut window = at_launch(stage());
    let launch = |state| vec![job(1, JobKind::Launch, state, Vec::new())];
    window.state_mut().snapshot.jobs = launch(JobState::Running);
    settle(&mut window);
    press(&mut window, "Back");
    window.get_by_label_contains("stops 6 servers");
    press(&mut window, "Stop and remove");
    assert!(window.state().commands().iter().any(|c| matches!(c, Command::CancelJob(1))));
    assert!(!enabled(&window, "Launch 6 servers"));
    window.state_mut().snapshot.jobs = launch(JobState::Cancelled(String::new()));
    settle(&mut window);
    assert!(enabled(&window, "Launch 6 servers"));
}

#[test]
fn a_removal_that_is_refused_or_cancelled_gives_the_servers_back_with_the_reason() {
    let removing = || {
        let mut window = at_launch(stage());
        put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
        press(&mut window, "Back");
        press(&mut window, "Stop and remove");
        window
    };
    let mut window = removing();
    tell(&mut window, What::Refused("check draft", "busy".to_owned()));
    assert!(window.query_by_label_contains("Log of 127.0.0.1:7000").is_none(), "that was not the removal");
    tell(&mut window, What::Refused("delete", "the engine is busy".to_owned()));
    window.get_by_label_contains("the engine is busy");
    window.get_by_label("Log of 127.0.0.1:7000");

    let mut window = removing();
    put(&mut window, running(), vec![job(2, JobKind::Delete, JobState::Cancelled(String::new()), Vec::new())]);
    window.get_by_label("The removal was cancelled");
}

#[test]
fn somebody_elses_cluster_of_the_same_name_is_never_touched() {
    let mut window = at_launch(stage());
    put(&mut window, running(), Vec::new());
    press(&mut window, "Back");
    assert!(window.query_by_label_contains("Stop and remove").is_none());
    window.get_by_label("Launch 6 servers");
}

#[test]
fn yes_applies_exactly_the_plan_that_is_shown() {
    let mut window = at_plan();
    let shown = window.state().snapshot.clusters["demo"].plan.clone().unwrap();
    press(&mut window, "Yes");
    let commands = window.state().commands();
    let applied =
        commands.iter().find_map(|c| if let Command::ApplyCreate { plan, .. } = c { Some(plan) } else { None });
    assert!(Arc::ptr_eq(applied.unwrap(), &shown));
}

#[test]
fn enter_does_not_confirm_a_plan() {
    let mut window = at_plan();
    window.key_press(egui::Key::Enter);
    settle(&mut window);
    assert!(!window.state().commands().iter().any(|c| matches!(c, Command::ApplyCreate { .. })));
    window.get_by_label("Can I set the above configuration?");
}

#[test]
fn enter_on_a_focused_next_does_not_slip_through_to_yes() {
    let mut window = at_launch(stage());
    let jobs = || vec![job(1, JobKind::Launch, JobState::Done, Vec::new())];
    put(&mut window, cluster(vec![node(7000, ProcessState::Starting { pid: 1 }, &[])]), jobs());
    press(&mut window, "Log of 127.0.0.1:7000");
    let mut view = running();
    view.plan = Some(plan());
    put(&mut window, view, jobs());
    window.get_by_role_and_label(Ui::Button, "Next").focus();
    window.step();
    for _ in 0..3 {
        window.key_press(egui::Key::Enter);
        settle(&mut window);
    }
    window.get_by_label("Can I set the above configuration?");
    assert!(!window.state().commands().iter().any(|c| matches!(c, Command::ApplyCreate { .. })));
}

#[test]
fn cancel_sends_nothing_and_offers_to_keep_or_remove_the_servers() {
    let mut window = at_plan();
    let before = window.state().actions.len();
    press(&mut window, "Cancel");
    assert_eq!(window.state().actions.len(), before, "nothing is sent");
    window.get_by_label("Nothing was sent");
    window.get_by_label(PathBuf::from("/data/clusters").join("demo").to_str().unwrap());
    press(&mut window, "Keep the servers running");
    let Some(Action::All(list)) = window.state().actions.iter().rev().find(|a| matches!(a, Action::All(_))) else {
        panic!("the wizard is left");
    };
    assert!(matches!(&list[..], [Action::LeaveWizard, Action::OpenCluster(name)] if name == "demo"));
}

#[test]
fn cancel_can_stop_and_remove_what_was_made() {
    let mut window = at_plan();
    press(&mut window, "Cancel");
    press(&mut window, "Stop and remove");
    assert!(window.state().commands().iter().any(|c| matches!(c, Command::Delete { wipe: true, .. })));
}

#[test]
fn the_commands_of_a_node_are_shown_on_demand() {
    let mut window = at_plan();
    window.get_by_label_contains("127.0.0.1:7000 (").click();
    settle(&mut window);
    window.get_by_label_contains("CLUSTER ADDSLOTSRANGE 0 5460");
}
#[test]
fn the_steps_of_the_creation_show_their_times() {
    let mut window = at_plan();
    press(&mut window, "Yes");
    let steps = vec![
        step(Step::AssignSlots, StepState::Done),
        step(Step::Meet, StepState::Running),
        step(Step::Check, StepState::Pending),
    ];
    put(&mut window, running(), vec![job(2, JobKind::Create, JobState::Running, steps)]);
    window.get_by_label("Assign the slots");
    assert_eq!(window.query_all_by_label("120 ms").count(), 2);
    assert!(!enabled(&window, "Open the cluster"));
    press(&mut window, "Cancel the creation");
    assert!(window.state().commands().iter().any(|c| matches!(c, Command::CancelJob(2))));
}

#[test]
fn a_whole_cluster_can_be_opened_at_its_slots() {
    let mut window = at_plan();
    press(&mut window, "Yes");
    let mut view = running();
    (view.phase, view.health) = (Phase::Formed, Health::Ok);
    put(&mut window, view, vec![job(2, JobKind::Create, JobState::Done, vec![step(Step::Check, StepState::Done)])]);
    window.get_by_label_contains("All 6 nodes agree");
    press(&mut window, "Open the cluster");
    let Some(Action::All(list)) = window.state().actions.iter().rev().find(|a| matches!(a, Action::All(_))) else {
        panic!("the cluster is opened");
    };
    assert!(matches!(&list[..], [Action::OpenCluster(name), Action::ShowView(View::Slots)] if name == "demo"));
}

#[test]
fn a_failed_creation_offers_to_go_on_or_to_reset_exactly_the_touched_nodes() {
    let mut window = at_plan();
    press(&mut window, "Yes");
    let touched = vec![NodeAddr::new("127.0.0.1", 7000), NodeAddr::new("127.0.0.1", 7001)];
    let mut view = running();
    let reason = "127.0.0.1:7004 does not answer".to_owned();
    view.half_made = Some(Arc::new(HalfMade { touched: touched.clone(), reason: reason.clone() }));
    let steps = vec![step(Step::Meet, StepState::Failed("timed out".to_owned()))];
    put(&mut window, view, vec![job(2, JobKind::Create, JobState::Failed(reason.clone()), steps)]);
    window.get_by_label(&reason);
    window.get_by_label("Nodes that were changed: 127.0.0.1:7000, 127.0.0.1:7001");
    press(&mut window, "Reset these 2 nodes…");
    let asked =
        window.state().actions.iter().find_map(|a| if let Action::Ask(question) = a { Some(question) } else { None });
    assert_eq!(asked, Some(&Confirm::Reset { cluster: "demo".to_owned(), nodes: touched }));
    press(&mut window, "Go on with the same plan");
    assert!(
        window.state().commands().iter().any(|c| matches!(c, Command::ResumeCreate { cluster } if cluster == "demo"))
    );
    window.get_by_label("The creation begins…");
}
