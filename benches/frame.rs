//! `dev/bench frame`: what one frame of the whole window costs the CPU, for a small and a large cluster.
//!
//! A frame is what eframe does sixty times a second while something moves, up to the graphics card: take in the
//! snapshot, lay out every widget, make triangles. Frames of the sizes take turns, so that all see the same machine, and
//! with them frames of egui's own demo, where `EGUI_DEMO` names its program (`benches/egui_demo`, as `dev/bench` builds it).
//! `FRAMES=n` sets how many are counted; `SCREEN=Nodes` with `SIZE=1000` draws that one only, for a profiler.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

#[path = "../src/gui/samples.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod samples;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::App as _;
use slotdeck::core::slot::{Slot, SlotSet};
use slotdeck::engine::slot_figures::{Figure, SlotFigures};
use slotdeck::gui::action::{Screen, View};
use slotdeck::gui::app::App;
use slotdeck::gui::i18n::{self, Language};
use slotdeck::workspace::settings::{MapLayout, MapMode};

/// Nodes of the clusters; half of them are replicas. A hundred fill every list of the window.
const SIZES: [usize; 3] = [6, 100, 1000];
const SCREENS: [View; 6] = [View::Slots, View::Nodes, View::Overview, View::Metrics, View::Events, View::Log];
/// The modes of the slot map, each as a square and as bands.
const MODES: [MapMode; 7] =
    [MapMode::Owner, MapMode::Keys, MapMode::Memory, MapMode::Cpu, MapMode::NetIn, MapMode::NetOut, MapMode::State];
/// Width and height of the window, points.
const WINDOW: egui::Vec2 = egui::vec2(1280.0, 800.0);
/// Frames before the first that counts: fonts are drawn, tables find their widths, animations end.
const WARM_UP: usize = 40;

/// A window without a graphics card.
struct Window {
    ctx: egui::Context,
    app: App,
    host: eframe::Frame,
    drawn: u32,
    triangles: usize,
}

impl Window {
    fn new(nodes: usize, view: View, map: (MapMode, MapLayout)) -> Self {
        let ctx = egui::Context::default();
        ctx.set_theme(egui::Theme::Dark);
        let mut cluster =
            if view == View::Metrics { samples::measured_with(nodes / 2) } else { samples::cluster(nodes / 2) };
        cluster.slots.figures = Some(Arc::new(figures_of_slots()));
        let screen = Screen::Cluster(cluster.name.clone(), view);
        let mut app = App::preview(&ctx, samples::snapshot(cluster), samples::now(), screen);
        app.pin(Slot::new(6000).expect("a slot"));
        app.show_map(map.0, map.1, SlotSet::new());
        Self { ctx, app, host: eframe::Frame::_new_kittest(), drawn: 0, triangles: 0 }
    }

    /// Draws one frame; how long it took.
    fn frame(&mut self) -> Duration {
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, WINDOW)),
            time: Some(f64::from(self.drawn) / 60.0),
            focused: true,
            ..egui::RawInput::default()
        };
        self.drawn += 1;
        let began = Instant::now();
        let mut output = self.ctx.run_ui(input, |ui| {
            self.app.logic(&ui.ctx().clone(), &mut self.host);
            self.app.ui(ui, &mut self.host);
        });
        let shapes = std::mem::take(&mut output.shapes);
        let meshes = self.ctx.tessellate(shapes, output.pixels_per_point);
        let took = began.elapsed();
        output.drop_without_applying_deltas();
        let triangles = |mesh: &egui::ClippedPrimitive| match &mesh.primitive {
            egui::epaint::Primitive::Mesh(mesh) => mesh.indices.len() / 3,
            egui::epaint::Primitive::Callback(_) => 0,
        };
        self.triangles = meshes.iter().map(triangles).sum();
        took
    }
}

/// Figures that differ from slot to slot, so that nearly every cell of the map has a shade of its own.
fn figures_of_slots() -> SlotFigures {
    let mut figures = SlotFigures::default();
    for slot in Slot::all() {
        let value = u64::from(slot.get()) * 2_654_435_761 % 1009;
        for figure in Figure::ALL {
            figures.set(figure, slot, Some(value), Some(value));
        }
    }
    figures
}

/// The program that draws egui's own demo; it ends with its input.
struct Demo {
    _program: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Demo {
    /// It, where the environment names it.
    fn start() -> Option<Self> {
        let program = std::env::var_os("EGUI_DEMO")?;
        let mut program = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the demo");
        let (orders, told) = (program.stdin.take().expect("its input"), program.stdout.take().expect("its output"));
        Some(Self { _program: program, orders, told: BufReader::new(told) })
    }

    /// Lets it draw one frame; how long it took.
    fn frame(&mut self) -> Duration {
        self.orders.write_all(b"\n").expect("the demo runs");
        let mut micros = String::new();
        self.told.read_line(&mut micros).expect("the demo answers");
        Duration::from_secs_f64(micros.trim().parse::<f64>().expect("microseconds") / 1e6)
    }
}

/// The middle and the smallest of the frames, in microseconds.
fn figures(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    (micros(times[times.len() / 2]), micros(times[0]))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn measure(what: &str, view: View, map: (MapMode, MapLayout), frames: usize, demo: Option<&mut Demo>) {
    let mut windows: Vec<Window> = SIZES.iter().map(|nodes| Window::new(*nodes, view, map)).collect();
    let mut times = vec![Vec::new(); windows.len()];
    let (mut demo, mut demo_times) = (demo, Vec::new());
    for i in 0..WARM_UP + frames {
        for (window, times) in windows.iter_mut().zip(&mut times) {
            let took = window.frame();
            if i >= WARM_UP {
                times.push(took);
            }
        }
        let took = demo.as_mut().map(|demo| demo.frame());
        demo_times.extend(took.filter(|_| i >= WARM_UP));
    }
    let demo = if demo_times.is_empty() { f64::NAN } else { figures(demo_times).0 };
    let figures: Vec<(f64, f64)> = times.into_iter().map(figures).collect();
    for ((nodes, window), (median, least)) in SIZES.iter().zip(&windows).zip(&figures) {
        let (ratio, to_demo, triangles) = (median / figures[0].0, median / demo, window.triangles);
        println!(
            "{what:<18} {nodes:>6} {median:>10.0} {least:>10.0} {triangles:>10} {ratio:>12.2} {demo:>10.0} {to_demo:>8.2}"
        );
    }
}

fn main() {
    i18n::set_language(Language::English);
    let variable = |name: &str| std::env::var(name).ok();
    let number = |name: &str| variable(name).and_then(|text| text.parse().ok());
    let frames = number("FRAMES").unwrap_or(240).max(60);
    if let (Some(screen), Some(size)) = (variable("SCREEN"), number("SIZE")) {
        let view = SCREENS.into_iter().find(|view| format!("{view:?}") == screen).expect("a screen's name");
        let mut window = Window::new(size, view, (MapMode::Owner, MapLayout::Square));
        let times = (0..WARM_UP + frames).map(|_| window.frame()).skip(WARM_UP).collect();
        return println!("{screen} {size}: {:.0} µs", figures(times).0);
    }
    println!(
        "One frame of a window of {} x {} points, {frames} frames of each, on one core without a graphics card",
        WINDOW.x, WINDOW.y
    );
    println!(
        "{:<18} {:>6} {:>10} {:>10} {:>10} {:>12} {:>10} {:>8}",
        "screen", "nodes", "median µs", "least µs", "triangles", "to 6 nodes", "demo µs", "to demo"
    );
    let mut demo = Demo::start();
    let square = (MapMode::Owner, MapLayout::Square);
    for view in SCREENS.into_iter().filter(|view| *view != View::Slots) {
        measure(&format!("{view:?}"), view, square, frames, demo.as_mut());
    }
    for (layout, name) in [(MapLayout::Square, "Slots"), (MapLayout::Bands, "Bands")] {
        for mode in MODES {
            measure(&format!("{name} {mode:?}"), View::Slots, (mode, layout), frames, demo.as_mut());
        }
    }
}
