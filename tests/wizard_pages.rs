//! Every page of the create wizard, pressed and typed into, with snapshots made by hand.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

#[path = "../src/gui/testing.rs"]
mod testing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use egui::accesskit::Role as Ui;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use slotdeck::core::plan::create::{Candidate, CreatePlan};
use slotdeck::core::slot::SlotSet;
use slotdeck::core::spec::{Field, Problem, ProblemKind};
use slotdeck::core::topology::NodeAddr;
use slotdeck::core::version::ServerVersion;
use slotdeck::engine::command::Command;
use slotdeck::engine::event::{Event, Level, What};
use slotdeck::engine::job::{JobKind, JobState, JobView, Step, StepState, StepView};
use slotdeck::engine::snapshot::{
    ClusterView, DraftFile, DraftReport, FoundServer, HalfMade, Health, NO_OWNER, NodeView, Origin, Phase,
    ProcessState, ProcessView, Reach, Servers, Snapshot, Standing,
};
use slotdeck::gui::action::{Action, Confirm, View};
use slotdeck::gui::i18n::Language;
use slotdeck::gui::views::create::{CreateUi, create_ui};
use slotdeck::workspace::document::OnClose;

/// The wizard, what it looks at, and what it said.
#[derive(Default)]
struct Stage {
    snapshot: Snapshot,
    wizard: CreateUi,
    actions: Vec<Action>,
    /// What the check is to find; each request is answered at once, as a quick engine would.
    problems: Vec<Problem>,
}

impl Stage {
    fn show(ui: &mut egui::Ui, stage: &mut Stage) {
        let Some(action) = create_ui(ui, &stage.snapshot, &mut stage.wizard) else { return };
        if let Action::Do(Command::CheckDraft { generation, spec, edited }) = &action {
            let file = |port: u16| DraftFile {
                port,
                path: spec.node_dir(port).join("redis.conf"),
                text: edited
                    .get(&port)
                    .cloned()
                    .unwrap_or_else(|| format!("port {port}\ncluster-enabled yes\n{LONG_LINE}\n")),
                edited: edited.contains_key(&port),
            };
            let files = spec.port_list().into_iter().map(file).collect();
            let report = DraftReport { generation: *generation, problems: stage.problems.clone(), files };
            stage.snapshot.draft = Some(Arc::new(report));
        }
        stage.actions.push(action);
    }

    fn commands(&self) -> Vec<&Command> {
        self.actions.iter().flat_map(flat).collect()
    }
}

fn flat(action: &Action) -> Vec<&Command> {
    match action {
        Action::Do(command) => vec![command],
        Action::All(list) => list.iter().flat_map(flat).collect(),
        _ => Vec::new(),
    }
}

/// Generated files explain themselves in comments.
const LONG_LINE: &str = "# a comment that is far longer than the preview is wide: it must not wrap, or the line numbers beside it lie about the lines below";

type Window = Harness<'static, Stage>;

fn window(stage: Stage) -> Window {
    testing::harness(stage, Stage::show)
}

fn server(path: &str, version: Result<ServerVersion, &str>) -> FoundServer {
    FoundServer { path: PathBuf::from(path), origin: Origin::Path, version: version.map_err(str::to_owned) }
}

fn stage() -> Stage {
    let long = "/home/somebody/.local/share/package manager/store/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b-redis-8/bin/redis-server";
    let found = vec![
        server("/usr/bin/redis-server", Ok(ServerVersion::redis(7, 0, 15))),
        server(long, Ok(ServerVersion::redis(8, 0, 0))),
        server("/opt/old/redis-server", Err("Redis 2.8.19 is too old")),
    ];
    let servers = Servers { searching: false, found };
    Stage {
        snapshot: Snapshot { servers, clusters_dir: PathBuf::from("/data/clusters"), ..Snapshot::default() },
        ..Stage::default()
    }
}

/// Lets checks be asked for and answered.
fn settle(window: &mut Window) {
    for _ in 0..4 {
        window.run_ok();
        window.step();
    }
}

fn press(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Ui::Button, label).click();
    settle(window);
}

fn enabled(window: &Window, label: &str) -> bool {
    !window.get_by_role_and_label(Ui::Button, label).accesskit_node().is_disabled()
}

/// Replaces the text of a field.
fn type_into(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Ui::TextInput, label).focus();
    window.step();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.step();
    window.get_by_role_and_label(Ui::TextInput, label).type_text(text);
    settle(window);
}

fn at_shape(stage: Stage) -> Window {
    let mut window = window(stage);
    settle(&mut window);
    press(&mut window, "Next");
    window
}

fn at_configuration(stage: Stage) -> Window {
    let mut window = at_shape(stage);
    press(&mut window, "Next");
    window
}

fn at_launch(stage: Stage) -> Window {
    let mut window = at_configuration(stage);
    press(&mut window, "Launch 6 servers");
    window
}

fn last_draft(window: &Window) -> slotdeck::core::spec::ClusterSpec {
    let drafts = window.state().commands().into_iter().rev();
    let mut specs = drafts.filter_map(|c| if let Command::CheckDraft { spec, .. } = c { Some(spec) } else { None });
    specs.next().expect("a check was asked for").as_ref().clone()
}

fn node(port: u16, state: ProcessState, log: &[&str]) -> NodeView {
    NodeView {
        addr: NodeAddr::new("127.0.0.1", port),
        id: None,
        role: None,
        master: None,
        shard: None,
        slots: SlotSet::new(),
        epoch: 0,
        standing: Standing::Fine,
        reach: Reach::Unknown,
        stats: None,
        process: ProcessView { state, log_tail: log.iter().map(ToString::to_string).collect() },
    }
}

fn cluster(nodes: Vec<NodeView>) -> ClusterView {
    ClusterView {
        name: "demo".to_owned(),
        spec: None,
        phase: Phase::Unformed,
        health: Health::Unknown,
        findings: Arc::new([]),
        nodes: nodes.into(),
        slot_owner: vec![NO_OWNER; 16384].into(),
        plan: None,
        plan_error: None,
        half_made: None,
        slot_keys: None,
        on_close: OnClose::Ask,
        polled_at: None,
        busy_elsewhere: false,
    }
}

fn running() -> ClusterView {
    cluster((7000..7006).map(|port| node(port, ProcessState::Running { pid: u32::from(port) }, &["Ready"])).collect())
}

fn job(id: u64, kind: JobKind, state: JobState, steps: Vec<StepView>) -> Arc<JobView> {
    let (started, took) = (SystemTime::UNIX_EPOCH, Duration::from_millis(1250));
    Arc::new(JobView { id, cluster: "demo".to_owned(), kind, steps, state, started, took })
}

fn plan() -> Arc<CreatePlan> {
    let candidate = |port: u16| Candidate {
        addr: NodeAddr::new("127.0.0.1", port),
        id: format!("{port:0>40}").parse().unwrap(),
        version: ServerVersion::redis(7, 0, 15),
        tuned: Vec::new(),
    };
    Arc::new(CreatePlan::new((7000..7006).map(candidate).collect(), 1).unwrap())
}

/// The six servers run and the engine has made a plan.
fn at_plan() -> Window {
    let mut window = at_launch(stage());
    let mut view = running();
    view.plan = Some(plan());
    put(&mut window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    window
}

fn put(window: &mut Window, view: ClusterView, jobs: Vec<Arc<JobView>>) {
    let snapshot = &mut window.state_mut().snapshot;
    snapshot.clusters = BTreeMap::from([("demo".to_owned(), Arc::new(view))]);
    snapshot.jobs = jobs;
    settle(window);
}

/// An event comes in.
fn tell(window: &mut Window, what: What) {
    let event = Event { at: SystemTime::UNIX_EPOCH, level: Level::Error, cluster: None, what };
    window.state_mut().wizard.note(&event);
    settle(window);
}

#[test]
fn the_best_server_is_chosen_already_and_unusable_ones_say_why() {
    let mut window = window(stage());
    settle(&mut window);
    let best = window.get_by_role_and_label(Ui::RadioButton, "Redis 7.0.15 — /usr/bin/redis-server");
    assert_eq!(best.accesskit_node().toggled(), Some(egui::accesskit::Toggled::True));
    window.get_by_label("Can't be used: Redis 2.8.19 is too old");
    assert!(enabled(&window, "Next"));
}

#[test]
fn without_a_server_the_page_tells_how_to_get_one_and_next_stays_shut() {
    let mut stage = stage();
    stage.snapshot.servers.found.clear();
    let mut window = window(stage);
    settle(&mut window);
    window.get_by_label("No usable redis-server was found on this machine");
    window.get_by_label("Choose a redis-server program.");
    assert!(!enabled(&window, "Next"));
    press(&mut window, "Look again");
    assert!(window.state().commands().iter().any(|command| matches!(command, Command::FindServers)));
    press(&mut window, "Choose a file…");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::ChooseServerFile)));
}

#[test]
fn a_file_chosen_in_the_dialog_becomes_the_server() {
    let mut window = window(stage());
    settle(&mut window);
    tell(&mut window, What::ServerRefused("/etc/passwd".to_owned(), "it is no program".to_owned()));
    window.get_by_label("/etc/passwd can't be used as a server: it is no program");
    tell(&mut window, What::ServerAccepted("/home/me/redis-server".to_owned(), "Redis 8.0.0".to_owned()));
    assert!(window.query_by_label_contains("/etc/passwd").is_none());
    let mut chosen = server("/home/me/redis-server", Ok(ServerVersion::redis(8, 0, 0)));
    chosen.origin = Origin::Chosen;
    window.state_mut().snapshot.servers.found.push(chosen);
    settle(&mut window);
    press(&mut window, "Next");
    assert_eq!(last_draft(&window).server.unwrap().path, PathBuf::from("/home/me/redis-server"));
}

#[test]
fn what_is_typed_is_checked_as_it_is_typed() {
    let mut window = at_shape(stage());
    type_into(&mut window, "Name", "shop");
    type_into(&mut window, "First port", "7100");
    let spec = last_draft(&window);
    assert_eq!(spec.name, "shop");
    assert_eq!(spec.dir, PathBuf::from("/data/clusters").join("shop"), "the folder follows the name");
    assert_eq!(spec.port_list(), [7100, 7101, 7102, 7103, 7104, 7105]);
    window.get_by_label("6 servers: ports 7100–7105, bus ports 17100–17105");
}

#[test]
fn a_problem_stands_beside_its_field_and_shuts_next() {
    let mut stage = stage();
    let kind = ProblemKind::PortInUse { port: 7000, reason: "it is in use".to_owned() };
    stage.problems = vec![Problem::error(Field::Ports, kind)];
    let mut window = at_shape(stage);
    assert_eq!(window.query_all_by_label("Port 7000 can't be used: it is in use.").count(), 2, "field and footer");
    assert!(!enabled(&window, "Next"));
    window.state_mut().problems.clear();
    type_into(&mut window, "First port", "7100");
    assert!(window.query_by_label("Port 7000 can't be used: it is in use.").is_none());
    assert!(enabled(&window, "Next"));
}

#[test]
fn a_warning_does_not_shut_next() {
    let mut stage = stage();
    stage.problems = vec![Problem::warning(Field::Replicas, ProblemKind::NoReplicas)];
    let window = at_shape(stage);
    window.get_by_label("Without replicas, the slots of a lost master are lost with it.");
    assert!(enabled(&window, "Next"));
}

#[test]
fn a_port_that_is_no_number_is_named_without_asking_the_engine() {
    let mut window = at_shape(stage());
    type_into(&mut window, "First port", "70000");
    assert!(window.query_all_by_label_contains("Port 70000 does not exist").count() > 0);
    assert!(!enabled(&window, "Next"));
}

#[test]
fn masters_and_replicas_have_buttons_that_say_what_they_do() {
    let mut window = at_shape(stage());
    press(&mut window, "More: Masters");
    press(&mut window, "Fewer: Replicas per master");
    let spec = last_draft(&window);
    assert_eq!((spec.masters, spec.replicas), (4, 0));
}

#[test]
fn ports_can_be_listed_one_by_one() {
    let mut window = at_shape(stage());
    window.get_by_label("List them one by one").click();
    settle(&mut window);
    type_into(&mut window, "Ports", "7001, 7003, 7005, 7007, 7009, 7011");
    assert_eq!(last_draft(&window).port_list(), [7001, 7003, 7005, 7007, 7009, 7011]);
}

#[test]
fn enter_in_a_field_goes_on() {
    let mut window = at_shape(stage());
    window.get_by_role_and_label(Ui::TextInput, "Name").focus();
    window.step();
    window.key_press(egui::Key::Enter);
    settle(&mut window);
    window.get_by_label_contains("Launch 6 servers");
}

#[test]
fn the_browse_button_asks_for_a_folder_and_the_answer_is_kept() {
    let mut window = at_shape(stage());
    press(&mut window, "Browse…");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::ChooseFolder)));
    window.state_mut().wizard.folder_chosen(&PathBuf::from("/mnt/big"));
    settle(&mut window);
    type_into(&mut window, "Name", "other");
    assert_eq!(last_draft(&window).dir, PathBuf::from("/mnt/big"));
}

#[test]
fn the_settings_reach_the_draft() {
    let mut window = at_configuration(stage());
    type_into(&mut window, "Node timeout (ms)", "5000");
    type_into(&mut window, "Memory limit per node", "256mb");
    window.get_by_label_contains("Append-only file").click();
    window.get_by_label("None").click();
    settle(&mut window);
    let config = last_draft(&window).config;
    assert_eq!((config.node_timeout_ms, config.maxmemory.as_str()), (5000, "256mb"));
    assert!(!config.append_only);
    assert_eq!(config.save, Some(Vec::new()));
}

#[test]
fn the_password_is_masked_until_it_is_shown() {
    let mut window = at_configuration(stage());
    window.get_by_role_and_label(Ui::PasswordInput, "Password").focus();
    window.step();
    window.get_by_role_and_label(Ui::PasswordInput, "Password").type_text("s3cret");
    settle(&mut window);
    assert_eq!(last_draft(&window).config.password.expose(), "s3cret");
    window.get_by_label("Show").click();
    settle(&mut window);
    assert_eq!(window.get_by_role_and_label(Ui::TextInput, "Password").value().as_deref(), Some("s3cret"));
}

#[test]
fn own_save_points_can_be_added_and_removed() {
    let mut window = at_configuration(stage());
    window.get_by_label("Own").click();
    settle(&mut window);
    press(&mut window, "Add a save point");
    type_into(&mut window, "Save point 2: seconds", "60");
    assert_eq!(last_draft(&window).config.save, Some(vec![(3600, 1), (60, 100)]));
    press(&mut window, "Remove save point 1");
    assert_eq!(last_draft(&window).config.save, Some(vec![(60, 100)]));
}

#[test]
fn an_edited_file_is_marked_and_can_go_back_to_the_generated_one() {
    let mut window = at_configuration(stage());
    press(&mut window, "File of 7002");
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7002").focus();
    window.step();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::End);
    window.step();
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7002").type_text("hz 50");
    settle(&mut window);
    window.get_by_label("Edited by hand");
    let sent = |window: &Window| match window.state().commands().last() {
        Some(Command::CheckDraft { edited, .. }) => edited.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(&window), BTreeMap::from([(7002, format!("port 7002\ncluster-enabled yes\n{LONG_LINE}\nhz 50"))]));
    press(&mut window, "Back to generated");
    assert!(sent(&window).is_empty());
    assert!(window.query_by_label("Edited by hand").is_none());
}

#[test]
fn findings_name_their_line_at_the_field_or_below_the_edited_file() {
    let mut stage = stage();
    let kind = ProblemKind::UnknownDirective { line: 3, name: "hzz".to_owned() };
    stage.problems = vec![Problem::error(Field::ExtraFor(7000), kind)];
    let mut window = at_configuration(stage);
    window.get_by_label("The file of 7000: Line 3: this server does not know 'hzz'.");
    assert_eq!(window.query_all_by_label("Line 3: this server does not know 'hzz'.").count(), 1, "at the field");
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7000").focus();
    window.step();
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7000").type_text("hzz 1\n");
    settle(&mut window);
    assert_eq!(window.query_all_by_label("Line 3: this server does not know 'hzz'.").count(), 1, "at the file");
    assert!(!enabled(&window, "Launch 6 servers"));
}

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
    let died = ProcessState::Died { how: "exit code 1".to_owned(), cause: Some("the port is taken".to_owned()) };
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
    put(&mut window, running(), vec![job(1, JobKind::Launch, JobState::Cancelled, Vec::new())]);
    assert!(deleted(&window));
    let left = |window: &Window| window.state().actions.iter().any(|action| matches!(action, Action::LeaveWizard));
    assert!(!left(&window));
    window.state_mut().snapshot.clusters.clear();
    settle(&mut window);
    assert!(left(&window));
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

fn step(step: Step, state: StepState) -> StepView {
    StepView { step, state, detail: String::new(), took: Duration::from_millis(120) }
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

#[test]
fn escape_asks_before_leaving() {
    let mut window = at_shape(stage());
    window.key_press(egui::Key::Escape);
    settle(&mut window);
    window.get_by_label("Leave the wizard?");
    press(&mut window, "Stay here");
    assert!(window.query_by_label("Leave the wizard?").is_none());
    window.key_press(egui::Key::Escape);
    settle(&mut window);
    press(&mut window, "Leave");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::LeaveWizard)));
}

fn pressable(role: Ui) -> bool {
    // Files and directives scroll: they may be wider than the window.
    use Ui::{Button, CheckBox, PasswordInput, RadioButton, SpinButton, TextInput};
    matches!(role, Button | CheckBox | RadioButton | TextInput | PasswordInput | SpinButton)
}

#[test]
fn nothing_is_cut_off_in_the_smallest_window() {
    // What the navigation leaves of 1024 x 700.
    let size = (804.0, 620.0);
    for language in Language::ALL {
        let look = testing::Look { size, language, ..testing::Look::default() };
        let mut window = testing::builder(look).build_ui_state(Stage::show, stage());
        walk(&mut window, if language == Language::Chinese { "是" } else { "Yes" }, |window| {
            settle(window);
            for node in window.root().children_recursive().filter(|node| pressable(node.accesskit_node().role())) {
                let rect = node.rect();
                assert!(rect.left() >= 0.0 && rect.right() <= size.0, "{:?}: {rect}", node.accesskit_node().label());
            }
        });
    }
}

/// Not a test but a camera: `SLOTDECK_PICTURES=dir cargo test --test wizard_pages -- --ignored` draws every page in
/// both themes, both languages and two sizes, for eyes to judge.
#[test]
#[ignore = "draws pictures for eyes"]
fn pictures_of_every_page() {
    let Some(dir) = std::env::var_os("SLOTDECK_PICTURES").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&dir).unwrap();
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        for language in Language::ALL {
            for size in [(804.0, 620.0), (2560.0, 1440.0)] {
                let look = testing::Look { size, theme, language };
                let mut window = testing::builder(look).build_ui_state(Stage::show, stage());
                let mut shots = 0;
                let shoot = |window: &mut Window| {
                    settle(window);
                    shots += 1;
                    let name = format!("{shots:02}-{theme:?}-{}-{}.png", language.code(), size.0);
                    window.render().unwrap().save(dir.join(name)).unwrap();
                };
                walk(&mut window, if language == Language::Chinese { "是" } else { "Yes" }, shoot);
            }
        }
    }
}

/// Every page once, with something to see on each.
fn walk(window: &mut Window, yes: &str, mut shoot: impl FnMut(&mut Window)) {
    let enter = |window: &mut Window| {
        settle(window);
        window.key_press(egui::Key::Enter);
        settle(window);
    };
    // The check's answer is changed under the wizard's feet, so that no label is needed to type into a field.
    let find = |window: &mut Window, problems: Vec<Problem>| {
        Arc::make_mut(window.state_mut().snapshot.draft.as_mut().unwrap()).problems = problems;
        settle(window);
    };
    shoot(window);
    enter(window);
    find(
        window,
        vec![
            Problem::warning(Field::Replicas, ProblemKind::NoReplicas),
            Problem::error(Field::Ports, ProblemKind::PortInUse { port: 7000, reason: "it is in use".to_owned() }),
            Problem::error(Field::Dir, ProblemKind::DirNotEmpty("nodes-7000.conf".to_owned())),
        ],
    );
    shoot(window);
    find(window, Vec::new());
    enter(window);
    let kind = ProblemKind::UnknownDirective { line: 2, name: "hzz".to_owned() };
    find(window, vec![Problem::error(Field::ExtraFor(7000), kind)]);
    shoot(window);
    find(window, Vec::new());
    enter(window);
    let log = [
        "4711:M 23 Nov 2026 08:00:00.000 # Could not create server TCP listening socket 127.0.0.1:7002: bind: Address already in use",
        "4711:M # Failed listening on port 7002 (tcp), aborting.",
    ];
    let died = ProcessState::Died { how: "exit code 1".to_owned(), cause: Some("port 7002 is taken".to_owned()) };
    let mut nodes = running().nodes.to_vec();
    nodes[2] = node(7002, died, &log);
    nodes[4] = node(7004, ProcessState::Starting { pid: 4713 }, &[]);
    let failed =
        JobState::Failed("127.0.0.1:7002 ended at once: exit code 1. Its log says: port 7002 is taken.".to_owned());
    put(window, cluster(nodes), vec![job(1, JobKind::Launch, failed, Vec::new())]);
    shoot(window);
    let mut view = running();
    view.plan = Some(plan());
    put(window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    shoot(window);
    window.key_press(egui::Key::Escape);
    shoot(window);
    window.key_press(egui::Key::Escape);
    settle(window);
    press(window, yes);
    let steps = |until: usize| {
        let all =
            [Step::InspectNodes, Step::TuneForCreate, Step::AssignSlots, Step::Meet, Step::AwaitJoin, Step::Check];
        let state = |i: usize| match i.cmp(&until) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Running,
            std::cmp::Ordering::Greater => StepState::Pending,
        };
        all.into_iter()
            .enumerate()
            .map(|(i, s)| StepView { detail: "6 nodes".to_owned(), ..step(s, state(i)) })
            .collect::<Vec<_>>()
    };
    put(window, running(), vec![job(2, JobKind::Create, JobState::Running, steps(4))]);
    shoot(window);
    let reason = "127.0.0.1:7004 does not answer: the connection timed out after 5 s".to_owned();
    let touched = (7000..7006).map(|port| NodeAddr::new("127.0.0.1", port)).collect();
    let mut view = running();
    view.half_made = Some(Arc::new(HalfMade { touched, reason: reason.clone() }));
    put(window, view, vec![job(2, JobKind::Create, JobState::Failed(reason), steps(4))]);
    shoot(window);
    let mut view = running();
    (view.phase, view.health) = (Phase::Formed, Health::Ok);
    put(window, view, vec![job(2, JobKind::Create, JobState::Done, steps(9))]);
    shoot(window);
}
