//! Pictures of the slot map over a real cluster of six nodes under load, for a look by eye and for the guide.
//!
//! `cargo test --test map_pictures -- --ignored` draws every mode in both themes, both languages and two sizes into
//! `target/gallery`, and those of docs/slot-map.md into `target/gallery/docs`.

#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here should say so and end")]

mod common;
mod slotctl_tools;
#[path = "../src/gui/testing.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod testing;

use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use common::{TestServer, cached_server, server_program, wait_until};
use egui_kittest::Harness;
use slotctl_tools::slotctl_at;
use slotdeck::core::slot::{Slot, key_slot};
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::slot_figures::Figure;
use slotdeck::engine::snapshot::{Health, Snapshot};
use slotdeck::gui::action::{Screen, View};
use slotdeck::gui::app::App;
use slotdeck::gui::i18n::Language;
use slotdeck::workspace::settings::{MapLayout, MapMode};
use slotdeck::workspace::store::Workspace;
use testing::Look;

const NAME: &str = "orders";
const MODES: [MapMode; 7] =
    [MapMode::Owner, MapMode::Keys, MapMode::Memory, MapMode::Cpu, MapMode::NetIn, MapMode::NetOut, MapMode::State];

/// Six nodes, a load on them, and an engine that watches.
struct Live {
    load: Child,
    engine: Engine,
    servers: Vec<TestServer>,
    _home: tempfile::TempDir,
}

impl Live {
    fn start() -> Self {
        let program = cached_server("redis-newest").unwrap_or_else(server_program);
        let extra = "cluster-slot-stats-enabled yes";
        let extra = if program.ends_with("redis-server") && program.is_absolute() { extra } else { "" };
        let servers: Vec<TestServer> = (0..6).map(|_| TestServer::start_cluster_node_of(&program, extra)).collect();
        let home = tempfile::tempdir().unwrap();
        let addrs: Vec<String> = servers.iter().map(TestServer::addr).collect();
        let mut args = vec!["--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        slotctl_at(home.path(), &args, "").fine();
        let port = servers[0].port().to_string();
        let load = Process::new("redis-benchmark")
            .args(["--cluster", "-p", &port, "-c", "12", "-P", "8", "-r", "40000", "-n", "100000000", "-t", "set"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let workspace = Workspace::open(Some(home.path().join("watching"))).unwrap();
        let engine = Engine::start(workspace, Arc::new(|| ())).unwrap();
        let addrs = servers.iter().map(|server| NodeAddr::new("127.0.0.1", server.port())).collect();
        engine.send(Command::Attach { name: NAME.to_owned(), addrs, auth: Auth::default() }).unwrap();
        Self { load, engine, servers, _home: home }
    }

    /// What is shown, once it is as wanted.
    #[track_caller]
    fn when(&self, what: &str, wanted: impl Fn(&slotdeck::engine::snapshot::ClusterView) -> bool) -> Arc<Snapshot> {
        wait_until(what, || {
            let snapshot = self.engine.snapshot();
            let ready = snapshot.clusters.get(NAME).is_some_and(|cluster| wanted(cluster));
            ready.then_some(snapshot)
        })
    }

    fn redis(&self, server: usize, words: &[&str]) {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut self.servers[server].connect(None)).unwrap();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.load.kill().ok();
        self.load.wait().ok();
    }
}

struct Scene<'a> {
    snapshot: &'a Arc<Snapshot>,
    mode: MapMode,
    layout: MapLayout,
    selection: &'a str,
    pinned: Option<Slot>,
    /// How often `+` is pressed.
    zoomed: usize,
}

fn draw(scene: &Scene<'_>, look: Look, file: &Path) {
    let Scene { snapshot, mode, layout, selection, pinned, zoomed } = *scene;
    let (snapshot, selection) = (Arc::clone(snapshot), selection.parse().unwrap());
    let mut harness: Harness<'static, App> = testing::builder(look).wgpu().build_eframe(move |cc| {
        let screen = Screen::Cluster(NAME.to_owned(), View::Slots);
        let mut app = App::preview(&cc.egui_ctx, snapshot, SystemTime::now(), screen);
        app.show_map(mode, layout, selection);
        if let Some(slot) = pinned {
            app.pin(slot);
        }
        app
    });
    harness.run_steps(4);
    for _ in 0..zoomed {
        harness.key_press(egui::Key::Plus);
        harness.run_steps(2);
    }
    harness.render().unwrap().save(file).unwrap();
}

#[test]
#[ignore = "starts six servers and draws some sixty pictures for the eye; compares nothing"]
fn every_mode_over_a_cluster_under_load() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(dir.join("docs")).unwrap();
    let live = Live::start();
    live.when("the cluster is not healthy", |cluster| cluster.health == Health::Ok);
    live.engine.send(Command::MeasureSlots(Some(NAME.to_owned()))).unwrap();
    live.when("nothing is measured", |cluster| {
        let figures = cluster.slots.figures.as_ref();
        figures.is_some_and(|f| {
            f.sum(Figure::Keys, &slotdeck::core::slot::SlotSet::full()).0 > 20_000
                && f.nodes.len() == 3
                && f.of(Figure::NetIn).iter().filter(|rate| (1..u64::MAX).contains(*rate)).count() > 1500
        })
    });
    let snapshot = live.engine.snapshot();
    let cluster = &snapshot.clusters[NAME];
    let pinned = key_slot(b"key:000000000000");
    // One slot's keys, and one key's value.
    live.engine.send(Command::LookIntoSlot { cluster: NAME.to_owned(), slot: pinned, limit: 8 }).unwrap();
    let looked = live.when("no keys", |cluster| cluster.slots.content.is_some());
    let mut files = 0;
    for (size_name, size) in [("small", (1024.0, 700.0)), ("large", (2560.0, 1440.0))] {
        for language in Language::ALL {
            for theme in [egui::Theme::Dark, egui::Theme::Light] {
                for mode in MODES {
                    let scene = Scene {
                        snapshot: &looked,
                        mode,
                        layout: if mode == MapMode::Memory { MapLayout::Bands } else { MapLayout::Square },
                        selection: if mode == MapMode::NetIn { "1000-2500,7000" } else { "" },
                        pinned: Some(pinned),
                        zoomed: if mode == MapMode::NetOut { 7 } else { 0 },
                    };
                    let name = format!("map-{mode:?}-{size_name}-{}-{theme:?}.png", language.code());
                    draw(&scene, Look { size, theme, language }, &dir.join(name));
                    files += 1;
                }
            }
        }
    }
    println!("{files} pictures in {}", dir.display());
    // A slot on its way, as both sides say it.
    let (source, target) = (cluster.owner_of(Slot::FIRST).unwrap(), cluster.owner_of(Slot::LAST).unwrap());
    let at = |addr: &NodeAddr| live.servers.iter().position(|server| server.port() == addr.port).unwrap();
    let id = |node: &slotdeck::engine::snapshot::NodeView| node.id.clone().unwrap().to_string();
    for slot in 700..716 {
        let slot = slot.to_string();
        live.redis(at(&target.addr), &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(source)]);
        live.redis(at(&source.addr), &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(target)]);
    }
    let moving = live.when("no slot is open", |cluster| cluster.slots.states.open.len() == 32);
    let scene =
        |snapshot, mode, layout, selection, pinned, zoomed| Scene { snapshot, mode, layout, selection, pinned, zoomed };
    let square = MapLayout::Square;
    let for_docs = [
        ("keys-dark", scene(&looked, MapMode::Keys, square, "", Some(pinned), 0), egui::Theme::Dark),
        ("selection-light", scene(&looked, MapMode::Owner, square, "1000-2500,7000", None, 0), egui::Theme::Light),
        ("zoom-light", scene(&looked, MapMode::Keys, square, "", Some(pinned), 8), egui::Theme::Light),
        ("bands-dark", scene(&looked, MapMode::NetIn, MapLayout::Bands, "", None, 0), egui::Theme::Dark),
        ("moving-dark", scene(&moving, MapMode::State, square, "", Slot::new(705).ok(), 4), egui::Theme::Dark),
    ];
    for (name, scene, theme) in for_docs {
        let look = Look { theme, ..Look::default() };
        draw(&scene, look, &dir.join("docs").join(format!("map-{name}.png")));
    }
}
