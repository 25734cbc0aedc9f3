//! `plan SUB …`: a command up to its question. It says what it would do, as text, JSON or redis commands, and sends
//! nothing that changes anything.
//!
//! A command takes part with a variant in [`PlannedCmd`] and a call of [`Means::tell_plan`]
//! where it would ask.

use serde::Serialize;

use crate::core::plan::ShownCommand;
use crate::engine::command::Auth;
use crate::engine::tls::Tls;

use super::args::{Cmd, PlannedCmd};
use super::failure::Failure;
use super::form::Means;
use super::terminal::Terminal;

/// A plan as JSON shows it.
#[derive(Debug, Serialize)]
struct PlanJson<'a, T> {
    ok: bool,
    planned: bool,
    #[serde(flatten)]
    plan: &'a T,
    commands: &'a [ShownCommand],
}

impl From<PlannedCmd> for Cmd {
    fn from(planned: PlannedCmd) -> Self {
        match planned {
            PlannedCmd::Create(args) => Self::Create(args),
            PlannedCmd::Fix(args) => Self::Fix(args),
            PlannedCmd::Reshard(args) => Self::Reshard(args),
            PlannedCmd::Rebalance(args) => Self::Rebalance(args),
            PlannedCmd::MoveSlots(args) => Self::MoveSlots(args),
            PlannedCmd::Failover(args) => Self::Failover(args),
            PlannedCmd::Restore(args) => Self::Restore(args),
            PlannedCmd::Import(args) => Self::Import(args),
            PlannedCmd::AddNode(args) => Self::AddNode(args),
            PlannedCmd::DelNode(args) => Self::DelNode(args),
            PlannedCmd::Drain(args) => Self::Drain(args),
        }
    }
}

impl Means<'_> {
    /// For a command that has shown its plan in words and is about to ask: where only the plan is wanted, tells the
    /// rest of it and says so; `auth` says how the nodes are spoken to. Then the command must end.
    pub fn tell_plan(&self, plan: &impl Serialize, commands: &[ShownCommand], auth: &Auth) -> bool {
        self.plan && tell(self.terminal, plan, commands, auth)
    }
}

/// Tells the plan as the terminal was asked to.
pub(super) fn tell(terminal: Terminal, plan: &impl Serialize, commands: &[ShownCommand], auth: &Auth) -> bool {
    let tls = auth.tls.as_ref().map(Tls::options);
    terminal.result(&commands.iter().map(|command| command.line_in(tls) + "\n").collect::<String>());
    terminal.print("Nothing was sent: this is the plan only.\n");
    terminal.object(&PlanJson { ok: true, planned: true, plan, commands });
    true
}

/// A plan never asks: a command that would has none.
pub(super) fn no_plan() -> Failure {
    Failure::message("this command has no plan to show: nothing was sent")
}
