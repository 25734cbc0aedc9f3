//! slotctl: the terminal twin. It calls the engine's operations itself, one command a run, and prints what they say.
//!
//! [`argv`] brings redis-cli's grammar ([`grammar`]) into one order, [`args`] reads it (the options are in the modules
//! `…_args`), and each command is a function: `create`,
//! `check` and `info` in [`cluster`], the others in the modules of their names. [`redis_lines`] holds the lines that
//! scripts search for; [`json`] the shapes of `--json`.

pub mod add_node;
pub mod args;
pub mod argv;
pub mod backup;
pub mod call;
mod carry_out;
pub mod cluster;
pub mod cluster_args;
pub mod create;
pub mod data_args;
pub mod del_node;
pub mod draft;
pub mod drain;
pub mod export;
pub mod failover;
pub mod failure;
pub mod fix;
pub mod form;
pub mod grammar;
pub mod import;
pub mod interrupt;
pub mod json;
pub mod local;
pub mod local_args;
pub mod login;
pub mod login_args;
pub mod move_args;
mod move_progress;
pub mod move_slots;
pub mod moving;
pub mod node_args;
pub mod plan;
pub mod progress;
pub mod ps;
pub mod rebalance;
pub mod redis_lines;
pub mod replies;
pub mod reshard;
pub mod restore;
pub mod resume;
pub mod servers;
pub mod set_timeout;
pub mod setup;
mod state;
pub mod steps;
pub mod terminal;
pub mod text;
pub mod up;
mod waiting;
pub mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::os::system::allow_many_sockets;
use crate::workspace::store::Workspace;
use clap::Parser;

use args::{Cli, Cmd};
use failure::{Failure, UNNEEDED};
use form::Means;
use interrupt::Interrupt;
use json::FailureJson;
use terminal::{Terminal, complain};

/// Runs slotctl with these arguments (without the program's name) and says its exit code: 0 when the command did what it
/// says and its own check at the end holds, else 1.
#[must_use]
pub fn run(argv: Vec<OsString>) -> u8 {
    // A program that asked for JSON gets its failure so, whatever is wrong with the rest of the line.
    let usage = Terminal::new(argv.iter().any(|word| word == "--json"));
    let argv = match argv::normalise(argv, terminal::all_of_stdin) {
        Ok(argv::Line::Words(argv)) => argv,
        Ok(argv::Line::ClusterHelp) => {
            Terminal::new(false).print(&grammar::Grammar::new().help());
            return 0;
        }
        Err(error) => return exit_code(Err(Failure::message(&error)), usage),
    };
    let cli = match Cli::try_parse_from(std::iter::once(OsString::from("slotctl")).chain(argv)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, the rest to standard error. Nobody listens: nothing to be done.
            let _ = error.print();
            if error.use_stderr() {
                usage.object(&FailureJson { ok: false, error: error.to_string() });
            }
            return u8::from(error.use_stderr());
        }
    };
    let Cli { command, json, home } = cli;
    let (command, plan, bare) = match command {
        Cmd::Plan(plan) => (plan.of.into(), true, plan.commands && !json),
        command => (command, false, false),
    };
    let terminal = if bare { Terminal::bare() } else { Terminal::new(json) };
    allow_many_sockets();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("slotctl can't start its threads: {error}"));
            return 1;
        }
    };
    let result = runtime.block_on(async { dispatch(&command, plan, home, terminal, &Interrupt::listen()).await });
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    exit_code(result, terminal)
}

/// `plan`: whether only the plan is wanted. `home`: the workspace's folder, where it was given.
async fn dispatch(
    command: &Cmd,
    plan: bool,
    home: Option<PathBuf>,
    terminal: Terminal,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    match command {
        Cmd::Create(args) if plan => return until_cancelled(create::plan(args, terminal), interrupt).await,
        Cmd::Create(args) => return create::create(args, home, terminal, interrupt).await,
        // These make no folder: where there is none, no cluster is known by a name, and nothing was left half-way.
        Cmd::Check(args) => {
            let workspace = found(home);
            return until_cancelled(cluster::check(args, terminal, &workspace), interrupt).await;
        }
        Cmd::Info(args) => {
            let workspace = found(home);
            return until_cancelled(cluster::info(args, terminal, &workspace), interrupt).await;
        }
        Cmd::Call(args) => {
            let workspace = found(home);
            return until_cancelled(call::call(args, terminal, &workspace), interrupt).await;
        }
        Cmd::SetTimeout(args) => return set_timeout::set_timeout(args, terminal, &found(home)).await,
        Cmd::Setup(args) => return setup::setup(args, home, terminal, interrupt).await,
        _ => {}
    }
    let workspace = match Workspace::open(home) {
        Err(error) if needs_no_folder(command) => {
            if !plan && keeps_record(command) {
                complain(&format!(
                    "Warning: {error} Should this be interrupted, 'slotctl resume' can't go on with it."
                ));
            }
            Workspace::nowhere()
        }
        opened => opened?,
    };
    let env_yes = login::env_says_yes(|name| std::env::var(name).ok());
    let with = |yes: bool| Means { workspace: &workspace, terminal, interrupt, yes: (yes || env_yes) && !plan, plan };
    match command {
        Cmd::Up(args) => up::up(&with(args.yes), args).await,
        Cmd::Config(args) => up::config(&with(args.yes), args).await,
        Cmd::Ps => until_cancelled(ps::ps(&workspace, terminal), interrupt).await,
        Cmd::Servers(args) => until_cancelled(servers::servers(&workspace, terminal, args), interrupt).await,
        Cmd::Export(args) => export::export(&Means { yes: args.yes, ..with(false) }, args).await,
        Cmd::Start(args) => local::start(&with(args.yes), &args.name).await,
        Cmd::Stop(args) => local::stop(&with(true), &args.name).await,
        Cmd::Down(args) => local::down(&with(args.yes), args).await,
        Cmd::Fix(args) => fix::fix(&with(args.how.yes), args).await,
        Cmd::Reshard(args) => reshard::reshard(&with(args.how.yes), args).await,
        Cmd::Rebalance(args) => rebalance::rebalance(&with(args.how.yes), args).await,
        Cmd::MoveSlots(args) => move_slots::move_slots(&with(args.how.yes), args).await,
        Cmd::Resume(args) => resume::resume(&with(args.how.yes), args).await,
        Cmd::Backup(args) => backup::backup(args, terminal, interrupt, &workspace).await,
        Cmd::Restore(args) => restore::restore(&with(args.yes), args).await,
        Cmd::Watch(args) => watch::watch(&with(false), args).await,
        Cmd::Import(args) => import::import(&with(args.yes), args).await,
        Cmd::Failover(args) => failover::failover(&with(args.yes), args).await,
        Cmd::AddNode(args) => add_node::add_node(&with(args.yes), args).await,
        Cmd::DelNode(args) => del_node::del_node(&with(args.yes), args).await,
        Cmd::Drain(args) => drain::drain(&with(args.how.yes), args).await,
        Cmd::Call(_)
        | Cmd::SetTimeout(_)
        | Cmd::Create(_)
        | Cmd::Check(_)
        | Cmd::Info(_)
        | Cmd::Setup(_)
        | Cmd::Plan(_) => Ok(()),
    }
}

/// The workspace that is there.
fn found(home: Option<PathBuf>) -> Workspace {
    Workspace::find(home).ok().flatten().unwrap_or_else(Workspace::nowhere)
}

/// Whether a command works on servers that are named by their addresses, and so needs no folder of ours: redis-cli has
/// none.
fn needs_no_folder(command: &Cmd) -> bool {
    match command {
        Cmd::Watch(args) => args.target.join(":").contains(':'),
        Cmd::Failover(args) => args.target.contains(':'),
        Cmd::Backup(_) | Cmd::Restore(_) | Cmd::Import(_) | Cmd::AddNode(_) | Cmd::DelNode(_) => true,
        _ => keeps_record(command),
    }
}

/// Whether it writes down what it moves, where it can.
fn keeps_record(command: &Cmd) -> bool {
    matches!(command, Cmd::Fix(_) | Cmd::Reshard(_) | Cmd::Rebalance(_) | Cmd::MoveSlots(_) | Cmd::Drain(_))
}

/// For commands, or their parts, that only read: they end at once.
async fn until_cancelled<T>(
    work: impl Future<Output = Result<T, Failure>>,
    interrupt: &Interrupt,
) -> Result<T, Failure> {
    let cancel = interrupt.token();
    tokio::select! {
        result = work => result,
        () = cancel.cancelled() => Err(Failure::message("Interrupted.")),
    }
}

fn exit_code(result: Result<(), Failure>, terminal: Terminal) -> u8 {
    let Err(failure) = result else { return 0 };
    if let Failure::Message(text) | Failure::Unneeded(text) = &failure {
        complain(text);
    }
    if let Failure::Aloud(text) = &failure {
        terminal.say(|out| out.error(text));
    }
    if !matches!(failure, Failure::Shown) {
        terminal.object(&FailureJson { ok: false, error: failure.to_string() });
    }
    if matches!(failure, Failure::Unneeded(_)) { UNNEEDED } else { 1 }
}
