//! A plan of moves as a piece of work with a record, and as a job of the window: [`migrate`] under its journal, which is
//! gone when every slot is where it should be, and lets `slotctl resume` go on otherwise.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::core::plan::moves::MovePlan;
use crate::core::topology::NodeAddr;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;
use crate::workspace::store::{Workspace, WorkspaceError};

use super::command::Auth;
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

/// Carries the plan out under its journal. A new plan that changed nothing leaves no record.
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
    let file = match JournalFile::find(workspace, &place.nodes)? {
        Some((file, _)) => file,
        None => JournalFile::open(workspace, place.nodes.first().unwrap_or(&place.seeds[0]))?,
    };
    file.save(&MoveJournal {
        nodes: place.nodes.clone(),
        plan: plan.clone(),
        classic: options.method == Method::Classic,
        replace: options.replace,
        timeout_ms: options.timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
        pipeline: options.pipeline,
        max_rate: options.max_rate,
    })?;
    let result = migrate(plan, mode, &place.seeds, &place.auth, options, report, cancel).await;
    let over = match &result {
        Ok(_) => true,
        // A plan that was only begun before stays on record.
        Err(error) => matches!(error, MigrateError::Untouched(_)) && mode == Mode::Fresh,
    };
    if over {
        file.remove()?;
    }
    Ok(result?)
}

/// The same as a job: tells its steps, and stops when they are cancelled.
///
/// # Errors
/// What [`move_slots`] says, in words.
pub async fn move_slots_job(
    workspace: &Workspace,
    place: &Place,
    plan: &MovePlan,
    steps: &Steps,
) -> Result<(), String> {
    steps.begin(Step::CheckRoles);
    let (tally, begun, told) = (Mutex::new(MoveTally::default()), Instant::now(), steps.clone());
    let report: Report = Arc::new(move |news| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(news, News::Counted { .. }) {
            told.begin(Step::MoveSlots);
        }
        tally.take(&news, begun.elapsed());
        told.detail(tally.words());
    });
    let moved = move_slots(workspace, place, plan, Mode::Fresh, Options::default(), report, steps.cancelled());
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
