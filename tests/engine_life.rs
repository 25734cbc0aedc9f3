//! The whole life of a cluster through the engine's handle, over real servers: launch, plan, create, watch, fail over,
//! stop, start again, find again after a restart, delete.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here should say so and end")]

mod common;
#[path = "engine_tools/works.rs"]
mod works;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{free_port, free_port_run, server_program, wait_until};
use slotdeck::core::build::Build;
use slotdeck::core::plan::moves::MovePlan;
use slotdeck::core::secret::Secret;
use slotdeck::core::slot::key_slot;
use slotdeck::core::spec::{ClusterSpec, Ports, ServerExe};
use slotdeck::core::timeline::Change;
use slotdeck::core::topology::{NodeAddr, Role};
use slotdeck::engine::client::LOGIN_REFUSED;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::discover::probe;
use slotdeck::engine::event::{Level, What};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::job::{JobKind, JobState};
use slotdeck::engine::lifecycle::{DELETE_STEPS, delete as delete_elsewhere};
use slotdeck::engine::process::identify;
use slotdeck::engine::snapshot::{ClusterView, Health, Phase, ProcessState, Reach, Standing};
use slotdeck::engine::steps::Steps;
use slotdeck::workspace::document::{OnClose, ProcessRecord};
use slotdeck::workspace::store::Workspace;

/// A workspace of its own; the servers launched in it are ended when it goes.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn workspace(&self) -> Workspace {
        Workspace::open(Some(self.dir.path().join("home"))).unwrap()
    }

    fn engine(&self) -> Engine {
        Engine::start(self.workspace(), Arc::new(|| ())).unwrap()
    }

    fn spec(&self, name: &str, masters: u16, replicas: u16) -> ClusterSpec {
        let mut spec = ClusterSpec::new(name, self.dir.path().join("Cluster 文件夹 'x'"));
        spec.server = Some(server());
        spec.masters = masters;
        spec.replicas = replicas;
        spec.ports = Ports::From(free_port_run(masters * (replicas + 1)));
        spec
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for (_, doc) in self.workspace().list() {
            for record in doc.iter().flat_map(|d| d.processes.values()) {
                slotdeck::engine::signal::kill(*record).ok();
            }
        }
    }
}

/// The server program of the test, with the version that it tells.
fn server() -> ServerExe {
    let path = which::which(server_program()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let version = runtime.block_on(probe(&path)).unwrap();
    ServerExe { path, version, build: Build::Upstream }
}

fn connect(port: u16) -> redis::Connection {
    redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap().get_connection().unwrap()
}

fn config_get(port: u16, name: &str) -> String {
    let pair: Vec<String> = redis::cmd("CONFIG").arg("GET").arg(name).query(&mut connect(port)).unwrap();
    pair[1].clone()
}

fn command(port: u16, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(word);
    }
    command.exec(&mut connect(port)).unwrap();
}

fn launch(engine: &Engine, spec: &ClusterSpec) {
    engine.send(Command::Launch { spec: Box::new(spec.clone()), edited: BTreeMap::new() }).unwrap();
    await_job(engine, JobKind::Launch);
}

fn await_job(engine: &Engine, kind: JobKind) {
    let state = job_end(engine, kind);
    assert_eq!(state, JobState::Done, "{kind:?}");
}

/// Waits until no job runs any more and the newest one is of this kind.
fn job_end(engine: &Engine, kind: JobKind) -> JobState {
    wait_until(&format!("{kind:?} to end"), || {
        let snapshot = engine.snapshot();
        let job = snapshot.jobs.last().filter(|job| job.kind == kind)?;
        job.state.is_over().then(|| job.state.clone())
    })
}

fn cluster(engine: &Engine, name: &str) -> Arc<ClusterView> {
    wait_until("the cluster to appear", || engine.snapshot().clusters.get(name).cloned())
}

fn await_cluster(engine: &Engine, name: &str, what: &str, is: impl Fn(&ClusterView) -> bool) -> Arc<ClusterView> {
    wait_until(what, || engine.snapshot().clusters.get(name).filter(|c| is(c)).cloned())
}

/// Plans and applies, as a person does who says yes.
fn create(engine: &Engine, name: &str) {
    engine.send(Command::PlanCreate { cluster: name.into(), replicas: None }).unwrap();
    let view = await_cluster(engine, name, "a plan", |c| c.plan.is_some() || c.plan_error.is_some());
    let plan = view.plan.clone().unwrap_or_else(|| panic!("no plan: {:?}", view.plan_error));
    engine.send(Command::ApplyCreate { cluster: name.into(), plan }).unwrap();
    await_job(engine, JobKind::Create);
}

fn pid_of(view: &ClusterView, port: u16) -> u32 {
    view.nodes.iter().find(|n| n.addr.port == port).and_then(|n| n.process.state.pid()).expect("a running process")
}

fn delete(engine: &Engine, name: &str) {
    engine.send(Command::Delete { cluster: name.into(), wipe: true }).unwrap();
    await_job(engine, JobKind::Delete);
}

#[test]
fn six_servers_become_a_healthy_cluster_that_can_be_stopped_started_and_deleted() {
    let home = Home::new();
    let engine = home.engine();
    let spec = home.spec("first 集群", 3, 1);
    launch(&engine, &spec);
    let view = await_cluster(&engine, &spec.name, "six running processes", |c| {
        c.nodes.iter().filter(|n| matches!(n.process.state, ProcessState::Running { .. })).count() == 6
    });
    assert_eq!(view.phase, Phase::Unformed);

    create(&engine, &spec.name);
    let view = await_cluster(&engine, &spec.name, "health", |c| c.health == Health::Ok);
    assert_eq!(view.phase, Phase::Formed);
    assert_eq!(view.findings.len(), 0);
    assert_eq!(view.nodes.iter().filter(|n| n.role == Some(Role::Replica)).count(), 3);
    let owned: usize = view.nodes.iter().map(|n| n.slots.len()).sum();
    assert_eq!(owned, 16384);
    let timeout = config_get(spec.port_list()[0], "cluster-node-timeout");
    assert_eq!(timeout, "15000", "settings changed for the creation are put back");

    engine.send(Command::Stop { cluster: spec.name.clone() }).unwrap();
    await_job(&engine, JobKind::Stop);
    let view = await_cluster(&engine, &spec.name, "the stop to show", |c| c.phase == Phase::Stopped);
    assert!(view.nodes.iter().all(|n| n.process.state == ProcessState::Stopped));

    engine.send(Command::Start { cluster: spec.name.clone() }).unwrap();
    await_job(&engine, JobKind::Start);
    await_cluster(&engine, &spec.name, "health after the start", |c| c.health == Health::Ok);

    delete(&engine, &spec.name);
    wait_until("the cluster to go", || (!engine.snapshot().clusters.contains_key(&spec.name)).then_some(()));
    assert!(!spec.dir.exists(), "nothing stays behind");
}

#[test]
fn a_killed_master_is_seen_and_its_replica_takes_over() {
    let home = Home::new();
    let mut engine = home.engine();
    let mut spec = home.spec("failing", 3, 1);
    spec.config.node_timeout_ms = 2000;
    launch(&engine, &spec);
    create(&engine, &spec.name);
    let view = await_cluster(&engine, &spec.name, "health", |c| c.health == Health::Ok);
    let port = spec.port_list()[0];
    let slots = view.nodes.iter().find(|n| n.addr.port == port).unwrap().slots.clone();
    let pid = pid_of(&view, port);
    let doc = home.workspace().load(&spec.name).unwrap();
    let record: ProcessRecord = doc.processes[&port];
    assert_eq!(record.pid, pid);
    slotdeck::engine::signal::kill(record).unwrap();

    let view = await_cluster(&engine, &spec.name, "the death to show", |c| {
        c.nodes.iter().any(|n| n.addr.port == port && matches!(n.process.state, ProcessState::Died { .. }))
    });
    let dead = view.nodes.iter().find(|n| n.addr.port == port).unwrap();
    assert!(dead.is_stale() && dead.stats.is_some(), "the last good values stay, marked as old");
    let view = await_cluster(&engine, &spec.name, "the failover", |c| {
        c.nodes.iter().any(|n| n.addr.port != port && n.role == Some(Role::Master) && n.slots == slots)
    });
    let heir = view.nodes.iter().find(|n| n.slots == slots && n.addr.port != port).unwrap();
    assert_eq!(heir.shard, dead.shard, "the shard keeps its colour");
    await_cluster(&engine, &spec.name, "the failed flag", |c| {
        c.health == Health::Degraded && c.nodes.iter().any(|n| n.addr.port == port && n.standing == Standing::Failed)
    });
    let events = engine.drain_events();
    assert!(events.iter().any(|e| matches!(&e.what, What::ProcessDied(addr, _) if addr.ends_with(&port.to_string()))));
    assert!(events.iter().any(|e| matches!(&e.what, What::Changed(_, Change::Role { after: Role::Master, .. }))));

    engine.send(Command::Start { cluster: spec.name.clone() }).unwrap();
    await_job(&engine, JobKind::Start);
    await_cluster(&engine, &spec.name, "health again", |c| c.health == Health::Ok);
    delete(&engine, &spec.name);
}

#[test]
fn servers_that_another_program_stops_raise_no_alarm() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Of servers that are no cluster yet, and of a cluster.
    for formed in [false, true] {
        let home = Home::new();
        let mut engine = home.engine();
        let spec = home.spec("calm", 3, 0);
        launch(&engine, &spec);
        if formed {
            create(&engine, &spec.name);
        }
        await_cluster(&engine, &spec.name, "the servers to run", |c| {
            (c.phase == Phase::Formed) == formed
                && c.nodes.iter().all(|n| matches!(n.process.state, ProcessState::Running { .. }))
        });
        engine.drain_events();
        let steps = Steps::silent(&DELETE_STEPS);
        runtime.block_on(delete_elsewhere(&home.workspace(), &spec.name, true, &steps)).unwrap();
        wait_until("it to go", || engine.snapshot().clusters.is_empty().then_some(()));
        let alarms: Vec<_> =
            engine.drain_events().into_iter().filter(|e| matches!(e.level, Level::Warning | Level::Error)).collect();
        assert!(alarms.is_empty(), "{alarms:#?}");
    }
}

#[test]
fn servers_outlive_the_engine_and_are_found_again_by_the_next_one() {
    let home = Home::new();
    let spec = home.spec("lasting", 3, 0);
    let before = {
        let engine = home.engine();
        launch(&engine, &spec);
        create(&engine, &spec.name);
        engine.send(Command::SetOnClose { cluster: spec.name.clone(), on_close: OnClose::Leave }).unwrap();
        let view = await_cluster(&engine, &spec.name, "the choice", |c| c.on_close == OnClose::Leave);
        spec.port_list().into_iter().map(|port| pid_of(&view, port)).collect::<Vec<_>>()
    };
    let doc = home.workspace().load(&spec.name).unwrap();
    assert!(doc.processes.values().all(|record| identify(*record).is_some()), "they run on");

    // A record that is lost is found by the folder; one that lies about the start time is not believed.
    let mut lost = doc.clone();
    lost.processes.remove(&spec.port_list()[0]);
    lost.processes.get_mut(&spec.port_list()[1]).unwrap().started -= 1000;
    home.workspace().save(&lost).unwrap();
    let engine = home.engine();
    let view = await_cluster(&engine, &spec.name, "the servers to be found", |c| {
        c.phase == Phase::Formed && c.nodes.iter().all(|n| matches!(n.process.state, ProcessState::Running { .. }))
    });
    let after: Vec<u32> = spec.port_list().into_iter().map(|port| pid_of(&view, port)).collect();
    assert_eq!(before, after);
    assert_eq!(view.on_close, OnClose::Leave);
    delete(&engine, &spec.name);
}

#[test]
fn a_server_that_ends_at_once_tells_its_cause_and_leaves_a_cluster_that_can_be_deleted() {
    let home = Home::new();
    let engine = home.engine();
    let mut spec = home.spec("doomed", 3, 0);
    // As if another program had taken the port between the check and the launch.
    let taken = free_port();
    let _listener = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let mut ports = spec.port_list();
    ports[1] = taken;
    spec.ports = Ports::List(ports);
    engine.send(Command::Launch { spec: Box::new(spec.clone()), edited: BTreeMap::new() }).unwrap();
    let JobState::Failed(reason) = job_end(&engine, JobKind::Launch) else { panic!("it must fail") };
    assert!(reason.contains(&taken.to_string()), "{reason}");
    let view = await_cluster(&engine, &spec.name, "the death", |c| {
        c.nodes.iter().any(|n| matches!(n.process.state, ProcessState::Died { .. }))
    });
    let dead = view.nodes.iter().find(|n| matches!(n.process.state, ProcessState::Died { .. })).unwrap();
    assert_eq!(dead.addr.port, taken);
    assert!(dead.process.log_tail.iter().any(|line| line.contains("bind")), "{:?}", dead.process.log_tail);
    delete(&engine, &spec.name);
    assert!(!spec.dir.exists());
}

#[test]
fn two_sizes_more_three_without_replicas_and_five_with() {
    let home = Home::new();
    let engine = home.engine();
    for (name, masters, replicas) in [("bare", 3, 0), ("ten", 5, 1)] {
        let mut spec = home.spec(name, masters, replicas);
        spec.dir.push(name);
        launch(&engine, &spec);
        create(&engine, name);
        let view = await_cluster(&engine, name, "health", |c| c.health == Health::Ok);
        assert_eq!(view.nodes.len(), usize::from(masters * (replicas + 1)));
        delete(&engine, name);
    }
}

#[test]
fn a_slot_moves_with_its_keys_and_leaves_no_record() {
    let home = Home::new();
    let engine = home.engine();
    let spec = home.spec("moving", 3, 0);
    launch(&engine, &spec);
    create(&engine, "moving");
    let slot = key_slot(b"a");
    let view = await_cluster(&engine, "moving", "health", |c| c.health == Health::Ok);
    let from = view.owner_of(slot).unwrap().clone();
    let to = view.nodes.iter().find(|node| node.addr != from.addr).unwrap().clone();
    for number in 0..200 {
        command(from.addr.port, &["SET", &format!("{{a}}{number}"), &number.to_string()]);
    }
    let plan = MovePlan::of([(from.id.unwrap(), to.id.clone().unwrap(), slot)]);
    engine.send(Command::MoveSlots { cluster: "moving".into(), plan: plan.into() }).unwrap();
    await_job(&engine, JobKind::MoveSlots);
    await_cluster(&engine, "moving", "the new owner", |c| c.owner_of(slot).is_some_and(|node| node.addr == to.addr));
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connect(to.addr.port)).unwrap();
    assert_eq!(keys, 200);
    let records = std::fs::read_dir(home.dir.path().join("home/journal")).unwrap().flatten();
    assert!(records.map(|file| file.path()).all(|path| path.extension().is_none_or(|end| end != "json")));
    delete(&engine, "moving");
}

#[test]
fn a_node_that_is_not_empty_is_named_with_what_it_holds_and_nothing_is_touched() {
    let home = Home::new();
    let engine = home.engine();
    let servers: Vec<common::TestServer> = (0..3).map(|_| common::TestServer::start_cluster_node("")).collect();
    let port = servers[1].port();
    command(port, &["CLUSTER", "ADDSLOTS", "1"]);
    let addrs = servers.iter().map(|s| format!("127.0.0.1:{}", s.port()).parse().unwrap()).collect();
    engine.send(Command::Attach { name: "given".into(), addrs, auth: Auth::default() }).unwrap();
    cluster(&engine, "given");
    engine.send(Command::PlanCreate { cluster: "given".into(), replicas: Some(0) }).unwrap();
    let view = await_cluster(&engine, "given", "the refusal", |c| c.plan_error.is_some());
    let reason = view.plan_error.as_deref().unwrap();
    assert!(reason.contains(&format!(":{port} is not empty: it owns 1 slot")), "{reason}");
    command(port, &["CLUSTER", "DELSLOTS", "1"]);
    create_external(&engine);
    await_cluster(&engine, "given", "health", |c| c.health == Health::Ok && c.phase == Phase::Formed);
}

#[test]
fn an_attached_server_that_wants_a_password_gets_it_under_the_same_name() {
    let home = Home::new();
    let engine = home.engine();
    let server = common::TestServer::start_cluster_node("");
    command(server.port(), &["CONFIG", "SET", "requirepass", "s3cret"]);
    let addr: NodeAddr = format!("127.0.0.1:{}", server.port()).parse().unwrap();
    let attach = |addrs: Vec<NodeAddr>, password: &str| {
        let auth = Auth { password: Secret::new(password), ..Auth::default() };
        engine.send(Command::Attach { name: "given".into(), addrs, auth }).unwrap();
    };
    attach(vec![addr.clone()], "");
    let refused =
        |c: &ClusterView| matches!(&c.nodes[0].reach, Reach::Never { error } if error.contains(LOGIN_REFUSED));
    await_cluster(&engine, "given", "the refused login", refused);
    // The window names every node that it shows, and those may be more than were given at first.
    attach(vec![addr, NodeAddr::new("127.0.0.1", free_port())], "s3cret");
    await_cluster(&engine, "given", "an answer", |c| c.nodes[0].reach == Reach::Live);
}

fn create_external(engine: &Engine) {
    engine.send(Command::PlanCreate { cluster: "given".into(), replicas: Some(0) }).unwrap();
    let view = await_cluster(engine, "given", "a plan", |c| c.plan.is_some());
    engine.send(Command::ApplyCreate { cluster: "given".into(), plan: view.plan.clone().unwrap() }).unwrap();
    await_job(engine, JobKind::Create);
}

#[test]
fn a_creation_that_loses_a_node_is_explained_and_can_be_gone_on_with_or_reset() {
    let home = Home::new();
    let engine = home.engine();
    let spec = home.spec("half", 3, 1);
    launch(&engine, &spec);
    engine.send(Command::PlanCreate { cluster: spec.name.clone(), replicas: None }).unwrap();
    let view = await_cluster(&engine, &spec.name, "a plan", |c| c.plan.is_some());
    engine.send(Command::ApplyCreate { cluster: spec.name.clone(), plan: view.plan.clone().unwrap() }).unwrap();
    // Cancelled as soon as it has begun to change nodes.
    let id = wait_until("the job", || {
        let snapshot = engine.snapshot();
        let job = snapshot.jobs.iter().find(|j| j.kind == JobKind::Create)?;
        (job.progress().0 >= 4 || job.state.is_over()).then_some(job.id)
    });
    engine.send(Command::CancelJob(id)).unwrap();
    assert!(matches!(job_end(&engine, JobKind::Create), JobState::Cancelled(_)));
    let view = await_cluster(&engine, &spec.name, "the explanation", |c| c.half_made.is_some());
    assert_eq!(view.half_made.as_ref().unwrap().touched.len(), 6);
    let timeout = config_get(spec.port_list()[0], "cluster-node-timeout");
    assert_eq!(timeout, "15000", "put back although it was cancelled");

    engine.send(Command::ResumeCreate { cluster: spec.name.clone() }).unwrap();
    let resumed = wait_until("the second job to end", || {
        let snapshot = engine.snapshot();
        let job = snapshot.jobs.iter().filter(|j| j.kind == JobKind::Create).nth(1)?;
        job.state.is_over().then(|| job.state.clone())
    });
    assert_eq!(resumed, JobState::Done);
    await_cluster(&engine, &spec.name, "health", |c| c.health == Health::Ok);
    delete(&engine, &spec.name);
}

#[test]
fn a_password_is_in_the_nodes_files_only_and_still_logs_in_after_a_restart() {
    let home = Home::new();
    let mut spec = home.spec("secret", 3, 0);
    spec.config.password = slotdeck::core::secret::Secret::new("pass 密码 \"quoted\" \\back #hash");
    {
        let engine = home.engine();
        launch(&engine, &spec);
        create(&engine, &spec.name);
    }
    for entry in files_under(&home.dir.path().join("home")) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        assert!(!text.contains("密码"), "{} holds the password", entry.display());
    }
    let engine = home.engine();
    await_cluster(&engine, &spec.name, "health with the password from the files", |c| c.health == Health::Ok);
    delete(&engine, &spec.name);
}

fn files_under(dir: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() { dirs.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files
}

#[test]
fn what_another_program_does_to_the_documents_is_seen() {
    let home = Home::new();
    let engine = home.engine();
    let spec = home.spec("elsewhere", 3, 0);
    slotdeck::engine::lifecycle::write_config(&home.workspace(), &spec, &BTreeMap::new()).unwrap();
    let view = cluster(&engine, "elsewhere");
    assert_eq!(view.phase, Phase::Stopped);
    let lock = home.workspace().lock("elsewhere").unwrap();
    await_cluster(&engine, "elsewhere", "the work elsewhere", |c| c.busy_elsewhere);
    drop(lock);
    await_cluster(&engine, "elsewhere", "its end", |c| !c.busy_elsewhere);
    std::thread::sleep(Duration::from_millis(10));
    home.workspace().remove("elsewhere").unwrap();
    wait_until("it to go", || engine.snapshot().clusters.is_empty().then_some(()));
}

#[test]
fn a_reset_leaves_alone_what_is_not_as_it_was_left() {
    let home = Home::new();
    let engine = home.engine();
    let spec = home.spec("changed", 3, 0);
    launch(&engine, &spec);
    engine.send(Command::PlanCreate { cluster: spec.name.clone(), replicas: None }).unwrap();
    let view = await_cluster(&engine, &spec.name, "a plan", |c| c.plan.is_some());
    let plan = view.plan.clone().unwrap();
    engine.send(Command::ApplyCreate { cluster: spec.name.clone(), plan: plan.clone() }).unwrap();
    await_job(&engine, JobKind::Create);
    // As if the creation had stopped half-way, and somebody had begun to use a node.
    let port = spec.port_list()[0];
    let key = (0..1000).map(|i| format!("k{i}")).find(|k| slotdeck::core::slot::key_slot(k.as_bytes()).get() < 5000);
    command(port, &["SET", &key.unwrap(), "v"]);
    let journal = slotdeck::workspace::document::CreateJournal {
        touched: plan.nodes().map(|n| n.addr.clone()).collect(),
        plan: Some((*plan).clone()),
        restore: Vec::new(),
        reason: Some("for the test".into()),
    };
    let mut doc = home.workspace().load(&spec.name).unwrap();
    doc.creating = Some(journal);
    home.workspace().save(&doc).unwrap();
    await_cluster(&engine, &spec.name, "the half-made state", |c| c.half_made.is_some());
    engine.send(Command::ResetTouched { cluster: spec.name.clone() }).unwrap();
    let JobState::Failed(reason) = job_end(&engine, JobKind::Reset) else { panic!("it must refuse") };
    assert!(reason.contains("holds 1 key by now: nothing was reset"), "{reason}");
    let mut info = String::new();
    for port in spec.port_list() {
        info += &redis::cmd("CLUSTER").arg("INFO").query::<String>(&mut connect(port)).unwrap();
    }
    assert_eq!(info.matches("cluster_slots_assigned:16384").count(), 3, "no node was reset");
    delete(&engine, &spec.name);
}

#[test]
fn settings_of_an_interrupted_creation_are_put_back_by_the_next_start() {
    let home = Home::new();
    let spec = home.spec("cut", 3, 0);
    let plan = {
        let engine = home.engine();
        launch(&engine, &spec);
        engine.send(Command::PlanCreate { cluster: spec.name.clone(), replicas: None }).unwrap();
        let view = await_cluster(&engine, &spec.name, "a plan", |c| c.plan.is_some());
        view.plan.clone().unwrap()
    };
    let port = spec.port_list()[1];
    command(port, &["CONFIG", "SET", "cluster-node-timeout", "500"]);
    let mut doc = home.workspace().load(&spec.name).unwrap();
    doc.creating = Some(slotdeck::workspace::document::CreateJournal {
        touched: plan.nodes().map(|n| n.addr.clone()).collect(),
        restore: vec![(spec.addrs()[1].clone(), "cluster-node-timeout".into(), "15000".into())],
        plan: Some((*plan).clone()),
        reason: None,
    });
    home.workspace().save(&doc).unwrap();
    let engine = home.engine();
    wait_until("the setting to come back", || (config_get(port, "cluster-node-timeout") == "15000").then_some(()));
    let view = await_cluster(&engine, &spec.name, "the question", |c| c.half_made.is_some());
    assert!(view.half_made.as_ref().unwrap().reason.contains("interrupted"));
    delete(&engine, &spec.name);
}
