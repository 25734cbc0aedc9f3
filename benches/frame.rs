//! `dev/bench frame`: what one frame of the whole window costs the CPU, for a small and a large cluster.
//!
//! A frame is what eframe does sixty times a second while something moves, up to the graphics card: take in the
//! snapshot, lay out every widget, make triangles. Frames of the sizes take turns, so that all see the same machine.
//! `FRAMES=n` sets how many are counted; `SCREEN=Nodes` with `SIZE=1000` draws that one only, for a profiler.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

#[path = "../src/gui/samples.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod samples;

use std::time::{Duration, Instant};

use eframe::App as _;
use slotdeck::core::slot::Slot;
use slotdeck::gui::action::{Screen, View};
use slotdeck::gui::app::App;
use slotdeck::gui::i18n::{self, Language};

/// Nodes of the clusters; half of them are replicas. Sixty fill every list of the window.
const SIZES: [usize; 3] = [6, 60, 1000];
const SCREENS: [View; 3] = [View::Slots, View::Nodes, View::Overview];
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
    fn new(nodes: usize, view: View) -> Self {
        let ctx = egui::Context::default();
        ctx.set_theme(egui::Theme::Dark);
        let cluster = samples::cluster(nodes / 2);
        let screen = Screen::Cluster(cluster.name.clone(), view);
        let mut app = App::preview(&ctx, samples::snapshot(cluster), samples::now(), screen);
        app.pin(Slot::new(6000).expect("a slot"));
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

/// The middle and the smallest of the frames, in microseconds.
fn figures(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    (micros(times[times.len() / 2]), micros(times[0]))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn measure(view: View, frames: usize) {
    let mut windows: Vec<Window> = SIZES.iter().map(|nodes| Window::new(*nodes, view)).collect();
    let mut times = vec![Vec::new(); windows.len()];
    for i in 0..WARM_UP + frames {
        for (window, times) in windows.iter_mut().zip(&mut times) {
            let took = window.frame();
            if i >= WARM_UP {
                times.push(took);
            }
        }
    }
    let figures: Vec<(f64, f64)> = times.into_iter().map(figures).collect();
    for ((nodes, window), (median, least)) in SIZES.iter().zip(&windows).zip(&figures) {
        let (ratio, triangles) = (median / figures[0].0, window.triangles);
        println!("{:<10} {nodes:>6} {median:>10.0} {least:>10.0} {triangles:>10} {ratio:>12.2}", format!("{view:?}"));
    }
}

fn main() {
    i18n::set_language(Language::English);
    let variable = |name: &str| std::env::var(name).ok();
    let number = |name: &str| variable(name).and_then(|text| text.parse().ok());
    let frames = number("FRAMES").unwrap_or(240).max(60);
    if let (Some(screen), Some(size)) = (variable("SCREEN"), number("SIZE")) {
        let view = SCREENS.into_iter().find(|view| format!("{view:?}") == screen).expect("Slots, Nodes or Overview");
        let mut window = Window::new(size, view);
        let times = (0..WARM_UP + frames).map(|_| window.frame()).skip(WARM_UP).collect();
        return println!("{screen} {size}: {:.0} µs", figures(times).0);
    }
    println!(
        "One frame of a window of {} x {} points, {frames} frames of each, on one core without a graphics card",
        WINDOW.x, WINDOW.y
    );
    println!(
        "{:<10} {:>6} {:>10} {:>10} {:>10} {:>12}",
        "screen", "nodes", "median µs", "least µs", "triangles", "to 6 nodes"
    );
    for view in SCREENS {
        measure(view, frames);
    }
}
