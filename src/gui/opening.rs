//! One attempt to open the window with one renderer: ends when the window is closed, or says why there was none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eframe::egui;

use crate::engine::handle::{Engine, StartError};
use crate::workspace::settings::{Renderer, Settings};
use crate::workspace::store::Workspace;

use super::app::{App, Link};
use super::crash::{self, Crash};
use super::i18n::tr;
use super::outline;
use super::wake::Wake;

/// The smallest useful window, points.
const MIN_SIZE: [f32; 2] = [1024.0, 700.0];
/// The first window, points.
const FIRST_SIZE: [f32; 2] = [1280.0, 800.0];
/// At most one frame in this time on behalf of the engine: it may publish far more often.
const WAKE_EVERY: Duration = Duration::from_millis(100);

/// How an attempt ended that was not closed by the person.
#[derive(Debug)]
pub enum Ended {
    /// The engine did not start: no renderer would help.
    Engine(StartError),
    /// Nothing was painted; why, in the renderer's words.
    Unopened(String),
    /// The window was there and was lost; why.
    Lost(String),
    /// The window's thread panicked after it had been there.
    Crashed(Option<Crash>),
}

/// What the attempt opens.
pub struct Attempt {
    /// The workspace that is shown.
    pub workspace: Workspace,
    /// The person's choices.
    pub settings: Settings,
    /// The definition to open the wizard with.
    pub definition: Option<std::path::PathBuf>,
    /// Called once, when the first picture is on the screen.
    pub painted: Box<dyn FnOnce()>,
}

impl Attempt {
    /// Opens the window and returns when it is closed.
    ///
    /// # Errors
    /// See [`Ended`].
    pub fn run(self, renderer: Renderer) -> Result<(), Ended> {
        let painted = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&painted);
        let mut engine_failed = None;
        let opened = catch_unwind(AssertUnwindSafe(|| {
            test_panic("opening");
            eframe::run_native(
                "Slotdeck",
                options(renderer),
                Box::new(|cc| match self.app(&cc.egui_ctx, seen) {
                    Ok(app) => Ok(Box::new(app) as Box<dyn eframe::App>),
                    Err(why) => {
                        let text = why.to_string();
                        engine_failed = Some(why);
                        Err(text.into())
                    }
                }),
            )
        }));
        let was_there = painted.load(Ordering::Relaxed);
        match (engine_failed, opened) {
            (Some(why), _) => Err(Ended::Engine(why)),
            (None, Ok(Ok(()))) => Ok(()),
            (None, Ok(Err(why))) if was_there => Err(Ended::Lost(why.to_string())),
            (None, Ok(Err(why))) => Err(Ended::Unopened(plain(&why))),
            (None, Err(_panic)) => {
                let crash = crash::take().into_iter().rfind(|crash| crash.of_window);
                match crash {
                    Some(crash) if !was_there => Err(Ended::Unopened(crash.what)),
                    None if !was_there => Err(Ended::Unopened("it panicked".to_owned())),
                    crash => Err(Ended::Crashed(crash)),
                }
            }
        }
    }

    fn app(self, ctx: &egui::Context, seen: Arc<AtomicBool>) -> Result<Opening, StartError> {
        outline::install_if_asked(ctx);
        let waker = ctx.clone();
        crash::wake_with(Arc::new(move || waker.request_repaint()));
        let waker = ctx.clone();
        // Several wakes within the time make one frame.
        let wake = Arc::new(Wake::default());
        let due = wake.clone();
        let on_news = move || {
            if due.is_due() {
                waker.request_repaint_after(WAKE_EVERY);
            }
        };
        let engine = Engine::start(self.workspace.clone(), Arc::new(on_news))?;
        let mut app = App::new(ctx, Link::Engine(engine), Some(self.workspace), self.settings);
        app.wake_by(wake);
        if let Some(file) = &self.definition {
            app.open_definition(file);
        }
        Ok(Opening { app, shown: false, painted: Some(self.painted), seen })
    }
}

/// The window until its first picture is on the screen, and the window itself from then on.
struct Opening {
    app: App,
    /// Whether a frame has begun.
    shown: bool,
    painted: Option<Box<dyn FnOnce()>>,
    seen: Arc<AtomicBool>,
}

impl eframe::App for Opening {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        // What comes after a frame finds it painted.
        if self.shown
            && let Some(painted) = self.painted.take()
        {
            self.seen.store(true, Ordering::Relaxed);
            painted();
            test_panic("window");
        }
        self.app.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        self.shown = true;
        if self.painted.is_some() {
            ui.request_repaint();
        }
    }

    fn on_exit(&mut self, gl: Option<&eframe::glow::Context>) {
        self.app.on_exit(gl);
    }
}

fn options(renderer: Renderer) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Slotdeck")
        .with_app_id("slotdeck")
        .with_inner_size(FIRST_SIZE)
        .with_min_inner_size(MIN_SIZE);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(why) => tracing::warn!(%why, "the window's icon can't be read"),
    }
    let options = eframe::NativeOptions { viewport, centered: true, ..Default::default() };
    match renderer {
        Renderer::Glow => eframe::NativeOptions { renderer: eframe::Renderer::Glow, ..options },
        Renderer::Wgpu => directx(options),
    }
}

/// Why no window was opened, without the long list of what was wished for.
fn plain(why: &eframe::Error) -> String {
    match why {
        eframe::Error::NoGlutinConfigs(_, why) => tr!("run.no_opengl", why = why),
        other => other.to_string(),
    }
}

/// `DirectX` 12 alone: the other ways of wgpu need drivers that a machine without OpenGL lacks as well. A tool that shows
/// tables must not wake a laptop's second graphics card.
#[cfg(windows)]
fn directx(mut options: eframe::NativeOptions) -> eframe::NativeOptions {
    use eframe::egui_wgpu::WgpuSetup;
    options.renderer = eframe::Renderer::Wgpu;
    if let WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup {
        setup.instance_descriptor.backends = wgpu::Backends::DX12;
        setup.power_preference = wgpu::PowerPreference::LowPower;
    }
    options
}

/// Never asked for: [`renderer::BUILT`](super::renderer::BUILT) does not have it.
#[cfg(not(windows))]
fn directx(options: eframe::NativeOptions) -> eframe::NativeOptions {
    options
}

/// Panics where `SLOTDECK_TEST_PANIC` says so: the way to words is tried with a real one. Not in a release.
fn test_panic(place: &str) {
    if cfg!(debug_assertions) && std::env::var_os("SLOTDECK_TEST_PANIC").is_some_and(|wanted| wanted == *place) {
        let panic = move || panic!("SLOTDECK_TEST_PANIC={}", std::env::var("SLOTDECK_TEST_PANIC").unwrap_or_default());
        panic();
    }
}
