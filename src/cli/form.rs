//! From launched servers to a cluster: inspect, plan, ask, carry out, check. `up` and `start` share it.

use std::io::IsTerminal;

use tokio_util::sync::CancellationToken;

use crate::core::plan::create::CreatePlan;
use crate::core::plan::shell_word;
use crate::engine::client::CONNECT_DEADLINE;
use crate::engine::command::Auth;
use crate::engine::create::{Mode, reset_touched};
use crate::engine::creation::DocJournal;
use crate::engine::gather::{Gathered, gather};
use crate::engine::inspect::inspect;
use crate::engine::job::{Step, StepView};
use crate::engine::lifecycle::auth_of;
use crate::engine::steps::Steps;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::Workspace;

use super::carry_out::{Halt, Wish, Work, carry_out};

use super::failure::Failure;
use super::interrupt::Interrupt;
use super::plan::no_plan;
use super::redis_lines;
use super::steps::timed_report;
use super::terminal::Terminal;

/// How a formation ended that made no cluster.
#[derive(Debug)]
pub enum NotFormed {
    /// Nothing was sent to any node; why, in words.
    Untouched(String),
    /// Some nodes were changed and left so; why, in words.
    HalfMade(String),
    /// The same, and a person wants them left so.
    Left(String),
}

/// The commands' common means.
#[derive(Debug)]
pub struct Means<'a> {
    /// The documents.
    pub workspace: &'a Workspace,
    /// Where the words go.
    pub terminal: Terminal,
    /// Ctrl-C and the like.
    pub interrupt: &'a Interrupt,
    /// Whether questions are answered yes beforehand; never where only the plan is wanted.
    pub yes: bool,
    /// Whether only the plan is wanted: see [`plan`](super::plan).
    pub plan: bool,
}

impl Means<'_> {
    /// Asks a question that only `yes` answers; whether it need be asked is for the caller to know. `otherwise` says
    /// what has not been done.
    ///
    /// # Errors
    /// Another answer, or `--json`, which can't ask.
    pub async fn ask_for_yes(&self, question: &str, otherwise: &str) -> Result<(), Failure> {
        if self.plan {
            return Err(no_plan());
        }
        if self.terminal.is_json() {
            return Err(Failure::cant_ask());
        }
        if self.interrupt.confirmed(self.terminal, question).await {
            return Ok(());
        }
        self.terminal.print("\n");
        Err(Failure::message(&format!("Not confirmed: {otherwise}.")))
    }

    /// The same where redis-cli does not ask: only a person at a terminal is asked, since scripts never were. With
    /// `--json` the yes has to be given, as everywhere.
    ///
    /// # Errors
    /// As [`ask_for_yes`](Self::ask_for_yes).
    pub async fn ask_a_person(&self, question: &str, otherwise: &str) -> Result<(), Failure> {
        if self.yes || !(person_is_there() || self.terminal.is_json()) {
            return Ok(());
        }
        self.ask_for_yes(question, otherwise).await
    }
}

/// Whether somebody can read a question and answer it: a script that is run by hand has the terminal for its input, and
/// its output may go elsewhere.
fn person_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// What was made.
#[derive(Debug)]
pub struct Formed {
    /// Every node's answer at the end.
    pub gathered: Gathered,
    /// The steps of the creation.
    pub steps: Vec<StepView>,
}

/// Makes a cluster of a document's running servers, or goes on where an earlier run stopped half-way.
///
/// # Errors
/// [`NotFormed`]; what happened was said already, except for its last sentence.
pub async fn form(means: &Means<'_>, doc: &ClusterDoc) -> Result<Formed, NotFormed> {
    let untouched = |why: String| NotFormed::Untouched(why);
    let spec = doc.spec.as_ref().ok_or_else(|| untouched("its servers were not launched here".to_owned()))?;
    let auth = auth_of(doc);
    let begun = doc.creating.as_ref().and_then(|journal| journal.plan.clone());
    let (plan, mode) = match begun {
        Some(plan) => (plan, Mode::Resume),
        None => (new_plan(doc, &auth).await.map_err(untouched)?, Mode::Fresh),
    };
    let (order, replicas) = (spec.addrs(), usize::from(spec.replicas));
    means.terminal.say(|text| redis_lines::plan(text, &plan, &order, replicas));
    if !means.yes {
        let answer = means.interrupt.confirmed(means.terminal, redis_lines::QUESTION).await;
        if !answer {
            means.terminal.print("\n");
            return Err(untouched("Not confirmed: nothing was sent to any node.".to_owned()));
        }
    }
    let steps = make(means, doc, &plan, mode, &auth).await?;
    let gathered = gather(&order, &auth, CONNECT_DEADLINE).await;
    Ok(Formed { gathered, steps })
}

async fn new_plan(doc: &ClusterDoc, auth: &Auth) -> Result<CreatePlan, String> {
    let Some(spec) = &doc.spec else { return Err("its servers were not launched here".to_owned()) };
    let candidates = inspect(&spec.addrs(), auth)
        .await
        .map_err(|unfit| unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    CreatePlan::new(candidates, usize::from(spec.replicas)).map_err(|error| error.to_string())
}

/// Carries the plan out, holding the cluster's lock. Where it stops half-way, offers the ways out.
async fn make(
    means: &Means<'_>,
    doc: &ClusterDoc,
    plan: &CreatePlan,
    mode: Mode,
    auth: &Auth,
) -> Result<Vec<StepView>, NotFormed> {
    let _lock = means.workspace.lock(&doc.name).map_err(|error| NotFormed::Untouched(error.to_string()))?;
    let journal = DocJournal::new(means.workspace.clone(), &doc.name);
    let (terminal, interrupt) = (means.terminal, means.interrupt);
    let work = Work { plan, auth, terminal, interrupt, report: timed_report, yes: means.yes };
    match carry_out(&work, mode, &journal).await {
        Ok(steps) => {
            journal.formed().map_err(NotFormed::HalfMade)?;
            Ok(steps.views())
        }
        Err(Halt::Untouched(reason)) => Err(NotFormed::Untouched(reason)),
        Err(Halt::HalfMade { said, wish: None }) => Err(NotFormed::HalfMade(said)),
        Err(Halt::HalfMade { wish: Some(Wish::Reset), .. }) => Err(reset(means, doc, &journal, auth).await),
        Err(Halt::HalfMade { wish, .. }) => {
            terminal.print("\n");
            let go_on = format!("'slotctl start {}' goes on where it stopped.", shell_word(&doc.name));
            let left = wish == Some(Wish::Leave);
            Err(if left { NotFormed::Left(go_on) } else { NotFormed::HalfMade(go_on) })
        }
    }
}

async fn reset(means: &Means<'_>, doc: &ClusterDoc, journal: &DocJournal, auth: &Auth) -> NotFormed {
    let record = means.workspace.load(&doc.name).ok().and_then(|doc| doc.creating);
    let Some(record) = record else { return NotFormed::Untouched("No node was changed.".to_owned()) };
    let steps =
        Steps::new(&[Step::RestoreSettings, Step::ResetNodes], timed_report(means.terminal), CancellationToken::new());
    let result = match reset_touched(&record, auth, &steps).await {
        Ok(()) => journal.forget(),
        Err(why) => Err(why),
    };
    match result {
        Ok(()) => NotFormed::Untouched("These nodes are empty again.".to_owned()),
        Err(why) => NotFormed::HalfMade(format!("Not all nodes could be made empty again: {why}")),
    }
}

/// The check on every node, told in redis-cli's lines.
///
/// # Errors
/// The cluster is not whole.
pub fn tell_check(means: &Means<'_>, doc: &ClusterDoc, gathered: &Gathered) -> Result<(), Failure> {
    let Some(seed) = doc.spec.as_ref().and_then(|spec| spec.addrs().into_iter().next()) else { return Ok(()) };
    let findings = gathered.check();
    let mut text = means.terminal.text();
    let whole = redis_lines::check(&mut text, &gathered.topology, &seed, &findings);
    means.terminal.print(&text.into_string());
    if whole { Ok(()) } else { Err(Failure::message(&format!("{} is not whole: see the lines above.", doc.name))) }
}
