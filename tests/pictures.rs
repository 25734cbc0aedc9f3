//! Pictures of the main screens, drawn in software and compared with the ones in `tests/snapshots`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test pictures` draws them anew. `cargo test --test pictures -- --ignored` draws every
//! screen in both themes, both languages and three sizes into `target/gallery`, for a look by eye.
//! Without any graphics adapter (Mesa's software ones suffice) the tests say so and pass.

#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../src/gui/samples.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod samples;
#[path = "../src/gui/testing.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod testing;

use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use slotdeck::core::slot::Slot;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::job::JobState;
use slotdeck::engine::look::Subject;
use slotdeck::engine::snapshot::{ClusterView, Snapshot};
use slotdeck::gui::action::{Screen, View};
use slotdeck::gui::app::App;
use slotdeck::gui::i18n::Language;
use slotdeck::gui::views::inspect::Tab;
use slotdeck::gui::views::topology::Part;
use std::sync::Arc;
use testing::Look;

/// Whether anything here can draw.
fn can_draw() -> bool {
    let drawn = std::panic::catch_unwind(|| {
        let mut harness = Harness::builder().with_size(egui::vec2(8.0, 8.0)).wgpu().build_ui(|_| {});
        harness.render().is_ok()
    });
    let can = drawn.unwrap_or(false);
    if !can {
        eprintln!("SKIPPED: no graphics adapter, not even in software (install mesa-vulkan-drivers or libegl1)");
    }
    can
}

fn app(look: Look, snapshot: Arc<Snapshot>, screen: Screen) -> Harness<'static, App> {
    let mut harness = testing::builder(look).wgpu().build_eframe(move |cc| {
        let mut app = App::preview(&cc.egui_ctx, snapshot, samples::now(), screen);
        app.pin(Slot::new(6000).unwrap());
        app
    });
    harness.run_steps(4);
    harness
}

fn on(view: View) -> Screen {
    Screen::Cluster("orders".to_owned(), view)
}

/// Edges differ a little between drivers; a wrong layout differs in thousands of pixels.
fn compare(results: &mut SnapshotResults, name: &str, cluster: ClusterView, view: View, theme: egui::Theme) {
    let look = Look { theme, ..Look::default() };
    let mut harness = app(look, samples::snapshot(cluster), on(view));
    let options = SnapshotOptions::new().threshold(1.5).max_failed_pixels(600);
    results.add(harness.try_snapshot_options(name, &options));
}

#[test]
fn the_main_screens_look_as_they_did() {
    if !can_draw() {
        return;
    }
    let mut results = SnapshotResults::new();
    compare(&mut results, "overview_healthy_dark", samples::healthy(), View::Overview, egui::Theme::Dark);
    compare(&mut results, "overview_failed_light", samples::failed(), View::Overview, egui::Theme::Light);
    compare(&mut results, "slots_healthy_light", samples::healthy(), View::Slots, egui::Theme::Light);
    compare(&mut results, "slots_uncovered_dark", samples::uncovered(), View::Slots, egui::Theme::Dark);
    compare(&mut results, "metrics_light", samples::measured(), View::Metrics, egui::Theme::Light);
    compare(&mut results, "nodes_failed_dark", samples::failed(), View::Nodes, egui::Theme::Dark);
}

/// The first node, inspected.
fn inspected(look: Look, tab: Tab) -> Harness<'static, App> {
    let node = NodeAddr::new("127.0.0.1", 7000);
    let subject = match tab {
        Tab::Facts | Tab::Log => Subject::Facts(node.clone()),
        Tab::Config => Subject::Config(node.clone()),
        Tab::Clients => Subject::Clients(node.clone()),
        Tab::SlowLog => Subject::SlowLog(node.clone()),
        Tab::Latency => Subject::Latency(node.clone()),
    };
    let mut snapshot = (*samples::snapshot(samples::healthy())).clone();
    snapshot.look = Some(Arc::new(samples::look(subject)));
    let mut harness = app(look, Arc::new(snapshot), on(View::Nodes));
    harness.state_mut().inspect(node, tab);
    harness.run_steps(4);
    harness
}

/// A part of the topology of a cluster that is parted.
fn parted(look: Look, part: Part) -> Harness<'static, App> {
    let mut harness = app(look, samples::snapshot(samples::parted()), on(View::Topology));
    harness.state_mut().show_topology(part);
    harness.run_steps(4);
    harness
}

#[test]
fn a_node_and_a_partition_look_as_they_did() {
    if !can_draw() {
        return;
    }
    let options = SnapshotOptions::new().threshold(1.5).max_failed_pixels(600);
    let mut results = SnapshotResults::new();
    let dark = Look { theme: egui::Theme::Dark, ..Look::default() };
    results.add(inspected(dark, Tab::Facts).try_snapshot_options("node_facts_dark", &options));
    let light = Look { theme: egui::Theme::Light, language: Language::Chinese, ..Look::default() };
    results.add(parted(light, Part::Links).try_snapshot_options("topology_parted_light_zh", &options));
}

#[test]
#[ignore = "draws some sixty pictures for the eye; compares nothing"]
fn nodes_and_topology() {
    if !can_draw() {
        return;
    }
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(&dir).unwrap();
    for (size_name, size) in [("small", (1024.0, 700.0)), ("large", (2560.0, 1440.0))] {
        for (language, theme) in [(Language::English, egui::Theme::Dark), (Language::Chinese, egui::Theme::Light)] {
            let look = Look { size, theme, language };
            let file = |name: &str| dir.join(format!("{name}-{size_name}-{}-{theme:?}.png", language.code()));
            for tab in Tab::ALL {
                inspected(look, tab).render().unwrap().save(file(&format!("node-{tab:?}"))).unwrap();
            }
            for part in [Part::Shards, Part::Links, Part::Views] {
                parted(look, part).render().unwrap().save(file(&format!("topology-{part:?}"))).unwrap();
            }
        }
    }
}

#[test]
#[ignore = "draws some eighty pictures for the eye; compares nothing"]
fn gallery() {
    if !can_draw() {
        return;
    }
    let only = std::env::var("GALLERY").unwrap_or_default();
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(&dir).unwrap();
    for (size_name, size) in [("small", (1024.0, 700.0)), ("usual", (1280.0, 800.0)), ("large", (2560.0, 1440.0))] {
        for language in Language::ALL {
            for theme in [egui::Theme::Dark, egui::Theme::Light] {
                for (name, snapshot, screen) in scenes() {
                    let file = format!("{name}-{size_name}-{}-{theme:?}.png", language.code());
                    if !file.contains(&only) {
                        continue;
                    }
                    let look = Look { size, theme, language };
                    let picture = app(look, snapshot, screen).render().unwrap();
                    picture.save(dir.join(file)).unwrap();
                }
            }
        }
    }
}

fn scenes() -> Vec<(&'static str, Arc<Snapshot>, Screen)> {
    let one = samples::snapshot;
    let mut busy = (*one(samples::half_made())).clone();
    busy.jobs.push(Arc::new(samples::job(JobState::Running)));
    busy.jobs.push(Arc::new({
        let mut job = samples::job(JobState::Failed("127.0.0.1:7004 knows 4 of 6 nodes; open port 17004".to_owned()));
        job.id = 10;
        job
    }));
    vec![
        ("welcome", Arc::default(), Screen::Welcome),
        ("overview", one(samples::healthy()), on(View::Overview)),
        ("overview_failed", one(samples::failed()), on(View::Overview)),
        ("overview_half_made", Arc::new(busy), on(View::Overview)),
        ("overview_stopped", one(samples::stopped()), on(View::Overview)),
        ("slots", one(samples::healthy()), on(View::Slots)),
        ("slots_uncovered", one(samples::uncovered()), on(View::Slots)),
        ("slots_failed", one(samples::failed()), on(View::Slots)),
        ("slots_twelve", one(samples::cluster(12)), on(View::Slots)),
        ("nodes", one(samples::failed()), on(View::Nodes)),
        ("metrics", one(samples::measured()), on(View::Metrics)),
        ("topology", one(samples::healthy()), on(View::Topology)),
        ("nodes_many", one(samples::cluster(12)), on(View::Nodes)),
        ("log", one(samples::healthy()), on(View::Log)),
        ("events", one(samples::healthy()), on(View::Events)),
        ("settings", one(samples::healthy()), Screen::Settings),
    ]
}
