//! The wizard on a stage: snapshots made by hand, checks answered at once, and hands that press and type.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use egui::accesskit::Role as Ui;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use slotdeck::core::build::Build;
use slotdeck::core::plan::create::{Candidate, CreatePlan};
use slotdeck::core::spec::{Field, Problem, ProblemKind};
use slotdeck::core::topology::NodeAddr;
use slotdeck::core::version::ServerVersion;
use slotdeck::engine::command::Command;
use slotdeck::engine::detail::Detail;
use slotdeck::engine::event::{Event, Level, What};
use slotdeck::engine::job::{JobKind, JobState, JobView, Step, StepState, StepView};
use slotdeck::engine::snapshot::{
    ClusterView, DraftFile, DraftReport, FoundServer, Health, NO_OWNER, NodeView, Origin, Phase, ProcessState,
    ProcessView, Servers, Snapshot,
};
use slotdeck::gui::action::Action;
use slotdeck::gui::views::create::{CreateUi, create_ui};
use slotdeck::workspace::document::OnClose;

use crate::testing;

/// The wizard, what it looks at, and what it said.
#[derive(Default)]
pub struct Stage {
    pub snapshot: Snapshot,
    pub wizard: CreateUi,
    pub actions: Vec<Action>,
    /// What the check is to find; each request is answered at once, as a quick engine would.
    pub problems: Vec<Problem>,
    /// Ports that another program has.
    pub taken: std::ops::Range<u16>,
}

impl Stage {
    pub fn show(ui: &mut egui::Ui, stage: &mut Stage) {
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
            let mut problems = stage.problems.clone();
            let in_use = |port| ProblemKind::PortInUse { port, reason: "it is in use".to_owned() };
            let taken = spec.port_list().into_iter().filter(|port| stage.taken.contains(port));
            problems.extend(taken.map(|port| Problem::error(Field::Ports, in_use(port))));
            let report = DraftReport { generation: *generation, problems, files };
            stage.snapshot.draft = Some(Arc::new(report));
        }
        stage.actions.push(action);
    }

    pub fn commands(&self) -> Vec<&Command> {
        self.actions.iter().flat_map(flat).collect()
    }
}

pub fn flat(action: &Action) -> Vec<&Command> {
    match action {
        Action::Do(command) | Action::Confirmed(command) => vec![command],
        Action::All(list) => list.iter().flat_map(flat).collect(),
        _ => Vec::new(),
    }
}

/// Generated files explain themselves in comments.
pub const LONG_LINE: &str = "# a comment that is far longer than the preview is wide: it must not wrap, or the line numbers beside it lie about the lines below";

pub type Window = Harness<'static, Stage>;

pub fn window(stage: Stage) -> Window {
    testing::harness(stage, Stage::show)
}

/// A Windows machine with three ports, the soundest first, as the search sorts them.
pub fn windows_ports() -> Vec<FoundServer> {
    let of = |path: &str, version, build| FoundServer { build, ..server(path, Ok(version)) };
    vec![
        of("C:\\Tools\\redis\\redis-server.exe", ServerVersion::redis(7, 2, 5), Build::Zkteco),
        of("C:\\scoop\\apps\\redis\\current\\redis-server.exe", ServerVersion::redis(8, 0, 1), Build::Cygwin),
        of("C:\\Redis8\\redis-server.exe", ServerVersion::redis(8, 2, 2), Build::Zkteco),
    ]
}

pub fn server(path: &str, version: Result<ServerVersion, &str>) -> FoundServer {
    let version = version.map_err(str::to_owned);
    FoundServer { path: PathBuf::from(path), origin: Origin::Path, version, build: Build::Upstream }
}

pub fn stage() -> Stage {
    let long = "/home/somebody/.local/share/package manager/store/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b-redis-8/bin/redis-server";
    let found = vec![
        server("/usr/bin/redis-server", Ok(ServerVersion::redis(7, 0, 15))),
        server(long, Ok(ServerVersion::redis(8, 0, 0))),
        server("/opt/old/redis-server", Err("Redis 2.8.19 is too old")),
    ];
    let servers = Servers { found, ..Servers::default() };
    Stage {
        snapshot: Snapshot { servers, clusters_dir: PathBuf::from("/data/clusters"), ..Snapshot::default() },
        ..Stage::default()
    }
}

/// Lets checks be asked for and answered.
pub fn settle(window: &mut Window) {
    for _ in 0..4 {
        window.run_ok();
        window.step();
    }
}

pub fn press(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Ui::Button, label).click();
    settle(window);
}

pub fn enabled(window: &Window, label: &str) -> bool {
    !window.get_by_role_and_label(Ui::Button, label).accesskit_node().is_disabled()
}

/// Replaces the text of a field.
pub fn type_into(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Ui::TextInput, label).focus();
    window.step();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.step();
    window.get_by_role_and_label(Ui::TextInput, label).type_text(text);
    settle(window);
}

pub fn at_shape(stage: Stage) -> Window {
    let mut window = window(stage);
    settle(&mut window);
    press(&mut window, "Next");
    window
}

pub fn at_configuration(stage: Stage) -> Window {
    let mut window = at_shape(stage);
    press(&mut window, "Next");
    window
}

pub fn at_launch(stage: Stage) -> Window {
    let mut window = at_configuration(stage);
    press(&mut window, "Launch 6 servers");
    window
}

pub fn last_draft(window: &Window) -> slotdeck::core::spec::ClusterSpec {
    let drafts = window.state().commands().into_iter().rev();
    let mut specs = drafts.filter_map(|c| if let Command::CheckDraft { spec, .. } = c { Some(spec) } else { None });
    specs.next().expect("a check was asked for").as_ref().clone()
}

pub fn node(port: u16, state: ProcessState, log: &[&str]) -> NodeView {
    let process = ProcessView { state, log_tail: log.iter().map(ToString::to_string).collect() };
    NodeView { process, ..NodeView::unknown(NodeAddr::new("127.0.0.1", port)) }
}

pub fn cluster(nodes: Vec<NodeView>) -> ClusterView {
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
        half_moved: None,
        fix: None,
        owners: std::sync::Arc::default(),
        slot_keys: None,
        slots: slotdeck::engine::slot_figures::SlotDetails::default(),
        topology: std::sync::Arc::default(),
        on_close: OnClose::Ask,
        tls: None,
        history: Arc::default(),
        polled_at: None,
        busy_elsewhere: false,
    }
}

pub fn running() -> ClusterView {
    cluster((7000..7006).map(|port| node(port, ProcessState::Running { pid: u32::from(port) }, &["Ready"])).collect())
}

pub fn job(id: u64, kind: JobKind, state: JobState, steps: Vec<StepView>) -> Arc<JobView> {
    let (started, took) = (SystemTime::UNIX_EPOCH, Duration::from_millis(1250));
    Arc::new(JobView { id, cluster: "demo".to_owned(), kind, steps, state, started, took })
}

pub fn plan() -> Arc<CreatePlan> {
    let candidate = |port: u16| Candidate {
        addr: NodeAddr::new("127.0.0.1", port),
        id: format!("{port:0>40}").parse().unwrap(),
        version: ServerVersion::redis(7, 0, 15),
        tuned: Vec::new(),
    };
    Arc::new(CreatePlan::new((7000..7006).map(candidate).collect(), 1).unwrap())
}

/// The six servers run and the engine has made a plan.
pub fn at_plan() -> Window {
    let mut window = at_launch(stage());
    let mut view = running();
    view.plan = Some(plan());
    put(&mut window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    window
}

pub fn put(window: &mut Window, view: ClusterView, jobs: Vec<Arc<JobView>>) {
    let snapshot = &mut window.state_mut().snapshot;
    snapshot.clusters = BTreeMap::from([("demo".to_owned(), Arc::new(view))]);
    snapshot.jobs = jobs;
    settle(window);
}

/// An event comes in.
pub fn tell(window: &mut Window, what: What) {
    let event = Event { at: SystemTime::UNIX_EPOCH, level: Level::Error, cluster: None, what };
    window.state_mut().wizard.note(&event);
    settle(window);
}
pub fn step(step: Step, state: StepState) -> StepView {
    StepView { step, state, detail: Detail::None, took: Duration::from_millis(120) }
}
