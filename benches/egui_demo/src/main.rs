//! Draws a frame of egui's own demo, without a graphics card, for each line that comes in, and answers with its
//! microseconds: what `dev/bench frame` sets beside the frames of Slotdeck. The window is as large as Slotdeck's there.

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

fn main() {
    let ctx = egui::Context::default();
    ctx.set_theme(egui::Theme::Dark);
    let mut demo = egui_demo_lib::DemoWindows::default();
    let (mut out, mut drawn) = (std::io::stdout().lock(), 0_u32);
    for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1280.0, 800.0))),
            time: Some(f64::from(drawn) / 60.0),
            focused: true,
            ..egui::RawInput::default()
        };
        drawn += 1;
        let began = Instant::now();
        let mut output = ctx.run_ui(input, |ui| demo.ui(ui));
        let shapes = std::mem::take(&mut output.shapes);
        let meshes = ctx.tessellate(shapes, output.pixels_per_point);
        let took = began.elapsed();
        drop(meshes);
        output.drop_without_applying_deltas();
        // Nobody listens any more: the bench has ended.
        if writeln!(out, "{}", took.as_secs_f64() * 1e6).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
