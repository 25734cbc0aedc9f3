//! From the arguments to the window: workspace, lock, log, renderer; and to words where there is no window.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::os::window::{RunningMark, allow_foreground, has_display};
use crate::workspace::crashes::Crashes;
use crate::workspace::lock::Holder;
use crate::workspace::requests::{self, OpenRequest};
use crate::workspace::settings::{Renderer, Settings};
use crate::workspace::store::{Workspace, WorkspaceError};
use crate::workspace::trial::Trial;

use super::app::language_of;
use super::args::Args;
use super::crash::{self, Crash};
use super::i18n::{self, tr};
use super::logfile::LogFile;
use super::message;
use super::opening::{Attempt, Ended};
use super::renderer::{self, BUILT, Next, Situation};

/// How long a second start waits for the first window to take its request.
const HAND_OVER: Duration = requests::MEANT_FOR;
/// Longest reason that is handed to the next start, characters.
const REASON: usize = 400;

/// slotdeck, from its arguments to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let begun = Instant::now();
    i18n::set_language(i18n::Language::of_system());
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            message::complain(&error.to_string());
            return ExitCode::from(2);
        }
        Err(help) => {
            message::print(&help.to_string());
            return ExitCode::SUCCESS;
        }
    };
    match run(&args, begun) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            message::error(&why);
            ExitCode::FAILURE
        }
    }
}

/// Opens the window and returns when it is closed; or brings the one that is open to the front.
fn run(args: &Args, begun: Instant) -> Result<(), String> {
    let workspace = Workspace::open(None).map_err(|why| why.to_string())?;
    let lock = match workspace.instance_lock() {
        Ok(lock) => lock,
        Err(WorkspaceError::Locked { holder, .. }) => return hand_over(&workspace, args, holder),
        Err(why) => return Err(why.to_string()),
    };
    start_log(&workspace);
    crash::watch(Crashes::of(&workspace));
    let mark = RunningMark::set();
    let settings = workspace.load_settings().unwrap_or_else(|why| {
        tracing::warn!(%why, "the settings can't be read; the defaults are used");
        Settings::default()
    });
    i18n::set_language(language_of(settings.language));
    let again = open(args, &workspace, settings, begun)?;
    // The next one needs what this one holds.
    drop((lock, mark));
    match again {
        Some(failed) => start_again(args, &failed),
        None => Ok(()),
    }
}

/// What failed so far, and why.
type Failed = Vec<(Renderer, String)>;

/// Opens the window with the renderer that is due. `Some` when it failed and another one is left, for another process:
/// a window system's event loop can't be begun twice in one.
fn open(args: &Args, workspace: &Workspace, settings: Settings, begun: Instant) -> Result<Option<Failed>, String> {
    if !has_display() {
        return Err(tr!("run.no_display"));
    }
    let mut failed = args.failed.clone();
    let mut trial = Trial::open(workspace);
    let won = settings.renderer;
    let due = |failed: &Failed, crashed: &[Renderer]| {
        let failed: Vec<Renderer> = failed.iter().map(|(renderer, _)| *renderer).collect();
        renderer::next(&Situation { forced: args.forced(), built: BUILT, won, crashed, failed: &failed })
    };
    let renderer = match due(&failed, trial.crashed()) {
        Next::Try(renderer) => renderer,
        Next::Ask(renderer) => {
            let why = no_window(&failed, trial.crashed(), args);
            let question = tr!("run.once_more", renderer = name(renderer));
            if !message::ask(&format!("{why}\n\n{question}")) {
                return Ok(None);
            }
            renderer
        }
        Next::GiveUp => return Err(no_window(&failed, trial.crashed(), args)),
        Next::Lacking(renderer) => return Err(tr!("run.lacking", renderer = name(renderer))),
    };
    tracing::info!(?renderer, crashed = ?trial.crashed(), "opening the window");
    trial.begin(renderer);
    let attempt = Attempt {
        workspace: workspace.clone(),
        settings,
        definition: args.definition(),
        painted: painted(workspace.clone(), trial.clone(), renderer, args.forced().is_none(), begun),
    };
    let ended = attempt.run(renderer);
    match ended {
        Ok(()) => {
            trial.painted();
            Ok(None)
        }
        Err(Ended::Unopened(why)) => {
            tracing::warn!(?renderer, why, "no window");
            trial.failed(renderer);
            failed.push((renderer, why));
            match due(&failed, trial.crashed()) {
                Next::Try(_) | Next::Ask(_) => Ok(Some(failed)),
                Next::GiveUp | Next::Lacking(_) => Err(no_window(&failed, trial.crashed(), args)),
            }
        }
        Err(Ended::Engine(why)) => {
            trial.painted();
            Err(why.to_string())
        }
        Err(Ended::Lost(why)) => Err(tr!("run.lost", why = why)),
        Err(Ended::Crashed(crash)) => Err(crashed(crash.as_ref())),
    }
}

/// What happens once, when the first picture is on the screen: the renderer is remembered.
fn painted(
    workspace: Workspace,
    trial: Trial,
    renderer: Renderer,
    remember: bool,
    begun: Instant,
) -> Box<dyn FnOnce()> {
    Box::new(move || {
        tracing::info!(?renderer, ms = begun.elapsed().as_millis(), "the window is open");
        trial.painted();
        let saved = workspace.load_settings().and_then(|mut settings| {
            // What was forced once is not what the person always wants; what is known already costs no write.
            if !remember || settings.renderer == Some(renderer) {
                return Ok(());
            }
            settings.renderer = Some(renderer);
            workspace.save_settings(&settings)
        });
        if let Err(why) = saved {
            tracing::warn!(%why, "the renderer can't be remembered");
        }
    })
}

/// Starts the program once more with what is known now, and does not wait for it.
fn start_again(args: &Args, failed: &Failed) -> Result<(), String> {
    let clean = |why: &String| why.chars().filter(|c| !c.is_control() || *c == '\n').take(REASON).collect();
    let failed: Failed = failed.iter().map(|(renderer, why)| (*renderer, clean(why))).collect();
    let started = std::env::current_exe().and_then(|exe| {
        tracing::info!("starting again with another renderer");
        Command::new(exe).args(args.again(&failed)).stdin(Stdio::null()).spawn()
    });
    match started {
        Ok(_child) => Ok(()),
        Err(why) => Err(format!("{}\n{why}", no_window(&failed, &[], args))),
    }
}

/// Brings the window that is open to the front, with what this start was to open.
fn hand_over(workspace: &Workspace, args: &Args, holder: Option<Holder>) -> Result<(), String> {
    if let Some(holder) = &holder {
        allow_foreground(holder.pid);
    }
    let request = OpenRequest { definition: args.definition() };
    let ticket = requests::leave(workspace, &request).map_err(|why| why.to_string())?;
    if ticket.wait(HAND_OVER) {
        return Ok(());
    }
    let who = holder.map_or_else(|| "slotdeck".to_owned(), |holder| holder.to_string());
    Err(tr!("run.deaf", who = who))
}

/// Why there is no window, in words: what was tried, what each said, what to do.
fn no_window(failed: &Failed, crashed: &[Renderer], args: &Args) -> String {
    let mut lines = vec![tr!("run.no_window"), String::new()];
    for (renderer, why) in failed {
        lines.push(tr!("run.said", renderer = name(*renderer), why = why));
    }
    for renderer in crashed.iter().filter(|renderer| failed.iter().all(|(failed, _)| failed != *renderer)) {
        lines.push(tr!("run.silent", renderer = name(*renderer)));
    }
    lines.push(String::new());
    if args.forced().is_some() {
        lines.push(tr!("run.without_order"));
    }
    lines.push(if cfg!(windows) { tr!("run.help_windows") } else { tr!("run.help") });
    lines.join("\n")
}

/// That the window's thread panicked, in words.
fn crashed(crash: Option<&Crash>) -> String {
    let what = crash.map(|crash| crash.what.as_str()).unwrap_or_default();
    match crash.and_then(|crash| crash.report.as_deref()) {
        Some(report) => tr!("run.crashed", what = what, report = report.display()),
        None => tr!("run.crashed_bare", what = what),
    }
}

/// What a renderer is called outside.
fn name(renderer: Renderer) -> String {
    match renderer {
        Renderer::Glow => "OpenGL (glow)".to_owned(),
        Renderer::Wgpu => "DirectX 12 (wgpu)".to_owned(),
    }
}

/// Logs into the workspace; a window that can't log still opens. `SLOTDECK_LOG` sets the level, as in `debug`.
fn start_log(workspace: &Workspace) {
    let file = match LogFile::open(&log_path(workspace.root())) {
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
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Slotdeck opens");
}

fn log_path(root: &Path) -> std::path::PathBuf {
    root.join("slotdeck.log")
}
