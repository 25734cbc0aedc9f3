//! An eframe window with nothing in it: what any window of this toolkit costs. The benches set Slotdeck beside it.
//!
//! `empty_window FILE` makes FILE when the first frame is done, and stays open.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::path::PathBuf;

use eframe::egui;

struct Empty {
    mark: Option<PathBuf>,
}

impl eframe::App for Empty {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        ui.label("Nothing");
        if let Some(mark) = self.mark.take() {
            // The bench waits for the file in vain if this fails, and says so.
            let _ = std::fs::write(mark, "painted");
        }
    }
}

fn main() -> eframe::Result {
    let mark = std::env::args_os().nth(1).map(PathBuf::from);
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1280.0, 800.0]),
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    eframe::run_native("Slotdeck's empty window", options, Box::new(|_| Ok(Box::new(Empty { mark }))))
}
