//! Repairs in the window: what a look found, kept for the dialog, and the repair as a job under the record of moves.

use std::sync::Arc;

use crate::core::plan::fix::FixPlan;
use crate::core::plan::moves::masters_of;
use crate::core::topology::NodeAddr;
use crate::engine::client::CONNECT_DEADLINE;
use crate::engine::gather::gather;
use crate::engine::migrate::Options;
use crate::engine::moves::Place;
use crate::engine::steps::Steps;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;
use crate::workspace::store::{Workspace, WorkspaceError};

use super::{FixError, Fixed, How, Scope, fix, look, planned};

/// So many slots that could not be repaired are named one by one.
const NAMED: usize = 3;

/// How far a look and a repair may go. All are risks or cost time or touch servers, and off unless asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixWish {
    /// Look at every slot for keys on masters that do not own it, not only at slots that something is wrong with.
    pub everywhere: bool,
    /// Give the slots of masters that do not answer to others: their keys may be lost.
    pub with_unreachable: bool,
    /// Open slots on servers that hide keys of slots that they do not own, to see them, and close them at once.
    pub peek: bool,
}

impl FixWish {
    fn how(self, place: &Place) -> How<'_> {
        How {
            seeds: &place.seeds,
            auth: &place.auth,
            options: Options::default(),
            scope: self.scope(),
            with_unreachable: self.with_unreachable,
        }
    }

    fn scope(self) -> Scope {
        if self.everywhere { Scope::All } else { Scope::Suspects }
    }
}

/// What a look for damage found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixLook {
    /// What was wished.
    pub wish: FixWish,
    /// What can be repaired, or why nothing can.
    pub found: Result<FixFound, FixError>,
}

/// The repairs of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixFound {
    /// The repairs, and what stays as it is.
    pub plan: Arc<FixPlan>,
    /// Masters that hold keys of slots that they do not own, where nothing else is wrong with these: a look everywhere
    /// finds their repairs.
    pub passed_over: Vec<(NodeAddr, u64)>,
    /// Masters that hide keys which may be of slots to be repaired: nothing is repaired before they were looked at.
    pub dark: Vec<(NodeAddr, u64)>,
}

/// Looks at the cluster and plans its repair.
pub async fn fix_look(place: &Place, wish: FixWish) -> FixLook {
    let gathered = gather(&place.seeds, &place.auth, CONNECT_DEADLINE).await;
    let found = async {
        let seen = look(gathered, &place.auth, wish.scope(), wish.peek).await.map_err(FixError::Node)?;
        let plan = Arc::new(planned(&seen.damage(), wish.with_unreachable)?);
        let dark = seen.dark_keys().collect();
        Ok(FixFound { plan, passed_over: seen.passed_over.into_iter().collect(), dark })
    };
    FixLook { wish, found: found.await }
}

/// Keeps moves and other repairs away from this cluster for as long as the record is held: the one of a move that was left
/// half-way, with what it says, or one of its own, which goes with it.
///
/// # Errors
/// A move or a repair is under way there, or the system refused.
pub fn hold(
    workspace: &Workspace,
    nodes: &[NodeAddr],
) -> Result<(JournalFile<MoveJournal>, Option<MoveJournal>), WorkspaceError> {
    JournalFile::begin_passing(workspace, &MoveJournal { nodes: nodes.to_vec(), ..MoveJournal::default() })
}

/// Carries a confirmed plan out while no move of slots can begin; a move that was left half-way and has nothing more to
/// move afterwards is off the record.
///
/// # Errors
/// What was not repaired, and why, in words.
pub async fn fix_job(
    workspace: &Workspace,
    place: &Place,
    plan: &FixPlan,
    wish: FixWish,
    steps: &Steps,
) -> Result<(), String> {
    let (file, journal) = hold(workspace, place.names()).map_err(|why| why.to_string())?;
    let fixed = match fix(plan, &wish.how(place), steps).await {
        Ok(fixed) => fixed,
        Err(why) => {
            steps.fail(&why.to_string());
            return Err(why.to_string());
        }
    };
    told(&fixed)?;
    let seed = place.seeds.first();
    let masters = seed.map(|seed| masters_of(&fixed.after.topology, seed)).unwrap_or_default();
    if journal.is_some_and(|journal| journal.plan.rest(&masters).is_empty()) {
        file.remove().map_err(|why| why.to_string())?;
    }
    Ok(())
}

fn told(fixed: &Fixed) -> Result<(), String> {
    if fixed.stopped {
        return Err("stopped as asked; the repair can be gone on with".to_owned());
    }
    if fixed.failures.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> =
        fixed.failures.iter().take(NAMED).map(|(slot, why)| format!("slot {slot}: {why}")).collect();
    if fixed.failures.len() > NAMED {
        named.push(format!("and {} more slots", fixed.failures.len() - NAMED));
    }
    Err(named.join("; "))
}
