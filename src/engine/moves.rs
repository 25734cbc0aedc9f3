//! A plan of moves as a piece of work with a record, and as a job of the window: [`migrate`] under its journal, which is
//! gone when every slot is where it should be, and lets `slotctl resume` go on otherwise.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::core::plan::moves::MovePlan;
use crate::core::topology::NodeAddr;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::{JournalFile, Record as _};
use crate::workspace::store::{Workspace, WorkspaceError};

use super::command::Auth;
use super::detail::Detail;
use super::gather::Gathered;
use super::job::Step;
use super::migrate::{Method, MigrateError, Mode, News, Options, Report, migrate};
use super::move_tally::MoveTally;
use super::steps::Steps;

/// The steps of a job that moves slots.
pub const MOVE_STEPS: [Step; 2] = [Step::CheckRoles, Step::MoveSlots];

/// Why a plan was not carried out to its end.
#[derive(Debug, Error)]
pub enum MovesError {
    /// The record can't be kept; nothing was changed.
    #[error(transparent)]
    Record(#[from] WorkspaceError),
    /// The move itself.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// The cluster of a plan: how to reach it, and how its record is found again.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where the nodes say that they are.
    pub nodes: Vec<NodeAddr>,
    /// Where they are asked; the first one's word on the order of masters counts.
    pub seeds: Vec<NodeAddr>,
    /// How to log in.
    pub auth: Auth,
}

impl Place {
    /// The addresses that records of work in this cluster bear.
    #[must_use]
    pub fn names(&self) -> &[NodeAddr] {
        if self.nodes.is_empty() { &self.seeds } else { &self.nodes }
    }
}

/// Who moves or repairs slots among these nodes now, in words; `None` while nobody does.
#[must_use]
pub fn at_work(workspace: &Workspace, nodes: &[NodeAddr]) -> Option<String> {
    let (record, holder) = JournalFile::<MoveJournal>::worker(workspace, nodes)?;
    let who = holder.map_or_else(|| "another slotctl or Slotdeck".to_owned(), |holder| holder.to_string());
    Some(format!("{} is running now, by {who}", record.work()))
}

/// Carries the plan out under its journal. A new plan takes the place of an earlier one's record, unless it changed
/// nothing.
///
/// # Errors
/// [`MovesError`]: with [`MigrateError::Stopped`], the record stays.
pub async fn move_slots(
    workspace: &Workspace,
    place: &Place,
    plan: &MovePlan,
    mode: Mode,
    options: Options,
    report: Report,
    cancel: &CancellationToken,
) -> Result<Gathered, MovesError> {
    let journal = MoveJournal {
        nodes: place.names().to_vec(),
        plan: plan.clone(),
        classic: options.method == Method::Classic,
        atomic: options.method == Method::Atomic,
        replace: options.replace,
        timeout_ms: options.timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
        pipeline: options.pipeline,
        max_rate: options.max_rate,
        pause_file: options.pause_file.clone(),
    };
    let (file, earlier) = JournalFile::begin(workspace, &journal)?;
    file.save(&journal)?;
    let result = migrate(plan, mode, &place.seeds, &place.auth, options, report, cancel).await;
    match (&result, earlier) {
        // A record that stays says nothing: every slot of it is where it should be.
        (Ok(_), _) => file.remove().unwrap_or_else(|why| tracing::warn!(%why, "the record of a move that is done")),
        // What was left half-way before still is.
        (Err(MigrateError::Untouched(_)), Some(earlier)) => file.save(&earlier)?,
        (Err(MigrateError::Untouched(_)), None) if mode == Mode::Fresh => file.remove()?,
        (Err(_), _) => {}
    }
    Ok(result?)
}

/// How a move that was left half-way is gone on with: what is said now counts, the rest is as it was begun.
#[must_use]
pub fn as_begun(mut now: Options, journal: &MoveJournal) -> Options {
    now.replace |= journal.replace;
    now.timeout = now.timeout.or(journal.timeout_ms.map(Duration::from_millis));
    now.pipeline = now.pipeline.or(journal.pipeline);
    now.max_rate = now.max_rate.or(journal.max_rate);
    if now.method == Method::Auto && journal.classic {
        now.method = Method::Classic;
    }
    if now.method == Method::Auto && journal.atomic && now.max_rate.is_none() {
        now.method = Method::Atomic;
    }
    now.pause_file = now.pause_file.or_else(|| journal.pause_file.clone());
    now
}

/// A new plan as a job: tells its steps, and stops when they are cancelled.
///
/// # Errors
/// What [`move_slots`] says, in words.
pub async fn move_slots_job(
    workspace: &Workspace,
    place: &Place,
    plan: &MovePlan,
    steps: &Steps,
) -> Result<(), String> {
    run_job(workspace, place, plan, Mode::Fresh, Options::default(), steps).await
}

/// A move that was left half-way, gone on with as a job, if it is still this one.
///
/// # Errors
/// What [`move_slots`] says, in words; somebody else has ended it or begun another one.
pub async fn resume_job(workspace: &Workspace, place: &Place, plan: &MovePlan, steps: &Steps) -> Result<(), String> {
    let (file, journal) = left_half_way(workspace, place, plan)?;
    // Carrying out takes the record again.
    drop(file);
    let options = as_begun(Options::default(), &journal);
    run_job(workspace, place, plan, Mode::Resume, options, steps).await
}

/// Forgets a move that was left half-way, if it is still this one: nothing is sent to any server.
///
/// # Errors
/// Somebody works on it, has ended it or begun another one; the record can't be removed.
pub fn forget_move(workspace: &Workspace, place: &Place, plan: &MovePlan) -> Result<(), String> {
    let (file, _) = left_half_way(workspace, place, plan)?;
    file.remove().map_err(|why| why.to_string())
}

fn left_half_way(
    workspace: &Workspace,
    place: &Place,
    plan: &MovePlan,
) -> Result<(JournalFile<MoveJournal>, MoveJournal), String> {
    let found = JournalFile::<MoveJournal>::find(workspace, &place.nodes).map_err(|why| why.to_string())?;
    found.filter(|(_, journal)| journal.plan == *plan).ok_or_else(|| "the move was ended meanwhile".to_owned())
}

/// Tells a job's steps how far a move has come, from now on.
pub(super) fn told_to(steps: &Steps, pause_file: Option<PathBuf>) -> Report {
    let tally = Mutex::new(MoveTally::new(pause_file));
    let (begun, steps) = (Instant::now(), steps.clone());
    Arc::new(move |news| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(news, News::Counted { .. }) {
            steps.begin(Step::MoveSlots);
        }
        tally.take(&news, begun.elapsed());
        steps.detail(Detail::Moved(tally.figures()));
    })
}

async fn run_job(
    workspace: &Workspace,
    place: &Place,
    plan: &MovePlan,
    mode: Mode,
    options: Options,
    steps: &Steps,
) -> Result<(), String> {
    steps.begin(Step::CheckRoles);
    let report = told_to(steps, options.pause_file.clone());
    let moved = move_slots(workspace, place, plan, mode, options, report, steps.cancelled());
    match moved.await {
        Ok(_) => {
            steps.done();
            Ok(())
        }
        Err(error) => {
            steps.fail(&error.to_string());
            Err(error.to_string())
        }
    }
}
