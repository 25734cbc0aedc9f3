//! Opens the window: workspace, log, lock, engine, eframe.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use eframe::egui;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::engine::handle::{Engine, StartError};
use crate::workspace::settings::Settings;
use crate::workspace::store::{Workspace, WorkspaceError};

use super::app::{App, Link};
use super::logfile::LogFile;

/// The smallest useful window, points.
const MIN_SIZE: [f32; 2] = [1024.0, 700.0];
/// The first window, points.
const FIRST_SIZE: [f32; 2] = [1280.0, 800.0];
/// At most one frame in this time on behalf of the engine: it may publish far more often.
const WAKE_EVERY: Duration = Duration::from_millis(100);

/// Why there is no window.
#[derive(Debug, Error)]
pub enum RunError {
    /// The workspace can't be used, or another window has it.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The engine could not start.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// No window could be opened.
    #[error("The window can't be opened: {0}. Slotdeck needs OpenGL 2.0 or newer; slotctl needs no window.")]
    Window(#[from] eframe::Error),
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`RunError`] says what is missing and what to do.
pub fn run() -> Result<(), RunError> {
    let workspace = Workspace::open(None)?;
    start_log(&workspace);
    let _lock = workspace.instance_lock()?;
    let settings = workspace.load_settings().unwrap_or_else(|why| {
        tracing::warn!(%why, "the settings can't be read; the defaults are used");
        Settings::default()
    });
    let mut failed = None;
    let opened = eframe::run_native(
        "Slotdeck",
        options(),
        Box::new(|cc| {
            let app = open(&cc.egui_ctx, workspace, settings);
            app.map(|app| Box::new(app) as Box<dyn eframe::App>).map_err(|why| {
                let text = why.to_string();
                failed = Some(why);
                text.into()
            })
        }),
    );
    match failed {
        Some(why) => Err(why.into()),
        None => Ok(opened?),
    }
}

fn open(ctx: &egui::Context, workspace: Workspace, settings: Settings) -> Result<App, StartError> {
    let waker = ctx.clone();
    // Several wakes within the time make one frame.
    let engine = Engine::start(workspace.clone(), Arc::new(move || waker.request_repaint_after(WAKE_EVERY)))?;
    Ok(App::new(ctx, Link::Engine(engine), Some(workspace), settings))
}

fn options() -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Slotdeck")
        .with_app_id("slotdeck")
        .with_inner_size(FIRST_SIZE)
        .with_min_inner_size(MIN_SIZE);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(why) => tracing::warn!(%why, "the window's icon can't be read"),
    }
    eframe::NativeOptions { viewport, renderer: eframe::Renderer::Glow, centered: true, ..Default::default() }
}

/// Logs into the workspace; a window that can't log still opens. `SLOTDECK_LOG` sets the level, as in `debug`.
fn start_log(workspace: &Workspace) {
    let file = match LogFile::open(&workspace.root().join("slotdeck.log")) {
        Ok(file) => file,
        Err(why) => {
            eprintln!("slotdeck: no log: {why}");
            return;
        }
    };
    let filter = EnvFilter::try_from_env("SLOTDECK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file));
    if log.try_init().is_err() {
        eprintln!("slotdeck: the log was started twice");
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
        before(panic);
    }));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Slotdeck opens");
}
