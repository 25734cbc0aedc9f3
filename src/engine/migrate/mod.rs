//! Moves slots with their keys from master to master, while clients go on.
//!
//! Three ways, chosen for each pair of masters by what both say they can do (`probe`): Redis's own atomic migration
//! (pulled by the target), Valkey's (pushed by the source), and the classic one (`SETSLOT` and `MIGRATE`), which every
//! server knows. Pairs that share no source run at the same time.
//!
//! Nothing needs to be written down on the way: which slots are done is what the servers themselves say, so an
//! interrupted plan is finished by carrying the same plan out again in [`Mode::Resume`]. No key is ever deleted here: a
//! slot changes hands when its source has no key of it left.

mod atomic;
pub(in crate::engine) mod bring;
mod chunk;
mod classic;
pub(super) mod drain;
mod epochs;
mod last_slot;
mod pace;
mod pairs;
mod place;
mod pool;
mod preview;
mod probe;
pub(in crate::engine) mod rights;
mod twins;
mod under_way;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub use preview::preview;
pub use under_way::{Migration, RunningTask, cancel, running, running_where_known};

use crate::core::check::Finding;
use crate::core::count::counted;
use crate::core::plan::moves::{Master, MovePlan, masters_of, obstacles};
use crate::core::plan::standing::Standing;
use crate::core::rate::Rate;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId};

use super::client::CONNECT_DEADLINE;
use super::command::Auth;
use super::gather::{Gathered, gather};

pub(in crate::engine) use atomic::{FREE_DEADLINE, others_words};
pub(in crate::engine) use chunk::is_passing;
pub(in crate::engine) use last_slot::loses_nothing;
use pace::Pace;
pub(in crate::engine) use pairs::keys_in;
use pairs::{Pair, connect, count};

/// How long the news of new owners may take to every node: each is told directly, and gossip repeats it.
const SPREAD_DEADLINE: Duration = Duration::from_secs(30);
/// redis-cli's own MIGRATE timeout (`--cluster-timeout`), which bounds one wait for the target, not a whole batch.
pub const MIGRATE_TIMEOUT: Duration = Duration::from_mins(1);

/// How slots may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Atomically where both servers can, else the classic way.
    #[default]
    Auto,
    /// The classic way only.
    Classic,
    /// Atomically or not at all.
    Atomic,
}

/// What moves the slots of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// SETSLOT and MIGRATE.
    Classic,
    /// `CLUSTER MIGRATION IMPORT` on the target (Redis 8.4).
    RedisAtomic,
    /// `CLUSTER MIGRATESLOTS` on the source (Valkey 9.0).
    ValkeyAtomic,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "key by key (SETSLOT and MIGRATE)",
            Self::RedisAtomic => "atomically (CLUSTER MIGRATION)",
            Self::ValkeyAtomic => "atomically (CLUSTER MIGRATESLOTS)",
        })
    }
}

/// What a person may set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Which way.
    pub method: Method,
    /// MIGRATE's timeout, and how long an atomic migration may take; `None` for [`MIGRATE_TIMEOUT`] and an hour.
    pub timeout: Option<Duration>,
    /// At most so many keys in one MIGRATE; `None` to go by bytes.
    pub pipeline: Option<usize>,
    /// Whether keys that the target holds already are overwritten.
    pub replace: bool,
    /// How long a connection may take; `None` for [`CONNECT_DEADLINE`].
    pub connect: Option<Duration>,
    /// At most so much a second, over all pairs. The servers' own migrations know no such limit: with one, slots move key
    /// by key.
    pub max_rate: Option<Rate>,
    /// While this file exists, nothing is begun: no slot, no batch of keys, no atomic migration.
    pub pause_file: Option<PathBuf>,
}

/// Whether a plan is new, or may have been begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// New: the cluster must be whole and the plan not stale.
    Fresh,
    /// It may have stopped anywhere: what is done stays done, the plan's own open slots are finished.
    Resume,
}

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// So many slots are to be moved, with so many keys now.
    Counted {
        /// Slots.
        slots: usize,
        /// Keys.
        keys: u64,
    },
    /// A pair begins.
    Begun {
        /// The source.
        from: NodeAddr,
        /// The target.
        to: NodeAddr,
        /// How.
        backend: Backend,
    },
    /// Keys have arrived; their slots are not done yet.
    Keys(u64),
    /// Slots have changed hands.
    Moved {
        /// The source.
        from: NodeAddr,
        /// The target.
        to: NodeAddr,
        /// Which.
        slots: SlotSet,
    },
    /// A stop was asked for, but this master can't cancel our migration without those of somebody else, of these slots: ours
    /// is waited for.
    EndsFirst {
        /// The source.
        at: NodeAddr,
        /// The others' slots.
        others: SlotSet,
    },
    /// The pause file is there: the move waits.
    Paused,
    /// The pause file is gone.
    GoesOn,
}

/// Receives the news; must not block.
pub type Report = Arc<dyn Fn(News) + Send + Sync>;

/// Why a plan was not carried out to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MigrateError {
    /// Nothing was changed.
    #[error("nothing was moved: {0}")]
    Untouched(String),
    /// Some slots are moved, others are not. No key is lost: what is open is served by both masters together.
    #[error("{reason}; {} of the plan {} not moved{}", counted(*.left, "slot"), if *.left == 1 { "is" } else { "are" }, open_words(.open))]
    Stopped {
        /// Why.
        reason: String,
        /// How many slots of the plan are still to be moved.
        left: usize,
        /// Those of them that are open.
        open: SlotSet,
    },
}

fn open_words(open: &SlotSet) -> String {
    if open.is_empty() { ", none is open".to_owned() } else { format!(", slots {open} are open") }
}

/// Why a pair stopped, in words: what failed, where.
type Why = String;

/// What all pairs share.
struct Context<'a> {
    auth: &'a Auth,
    options: Options,
    report: Report,
    /// Asked to stop, by a person or by another pair's failure.
    stop: CancellationToken,
    mode: Mode,
    pace: Pace,
}

impl Context<'_> {
    fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(MIGRATE_TIMEOUT)
    }

    /// For calls to servers that may be busy with a large value.
    fn patience(&self) -> Duration {
        self.timeout().max(Duration::from_secs(5)) * 10
    }

    /// How long a connection may take.
    fn connect(&self) -> Duration {
        self.options.connect.unwrap_or(CONNECT_DEADLINE)
    }

    /// Waits until so much may be moved.
    async fn pass(&self, keys: u64, bytes: u64) {
        self.pace.pass(keys, bytes, &self.stop, &self.report).await;
    }
}

/// Carries a plan out. `seeds` are addresses of the cluster; a cancelled `cancel` finishes the slots in flight and stops.
/// Returns every node's last answer.
///
/// # Errors
/// [`MigrateError::Untouched`] where nothing was sent that changes anything, else [`MigrateError::Stopped`].
pub async fn migrate(
    plan: &MovePlan,
    mode: Mode,
    seeds: &[NodeAddr],
    auth: &Auth,
    options: Options,
    report: Report,
    cancel: &CancellationToken,
) -> Result<Gathered, MigrateError> {
    let stop = cancel.child_token();
    let pace = Pace::new(options.max_rate, options.pause_file.clone());
    let context = Context { auth, options, report, stop, mode, pace };
    let (before, masters) = prepare(plan, seeds, &context).await.map_err(MigrateError::Untouched)?;
    let before = epochs::settled(plan, before, seeds, &context).await.map_err(MigrateError::Untouched)?;
    let work = match mode {
        Mode::Fresh => plan.clone(),
        Mode::Resume => to_finish(plan, &masters, &before).map_err(MigrateError::Untouched)?,
    };
    let pairs = connect(&work, &masters, &before, &context).await.map_err(MigrateError::Untouched)?;
    count(&pairs, &context).await.map_err(MigrateError::Untouched)?;
    last_slot::guard(&pairs).await.map_err(MigrateError::Untouched)?;
    if context.stop.is_cancelled() {
        return Err(MigrateError::Untouched("cancelled".to_owned()));
    }
    let locks: BTreeMap<&NodeId, Semaphore> = masters.iter().map(|m| (&m.id, Semaphore::new(1))).collect();
    let (sources, targets): (BTreeSet<&NodeId>, BTreeSet<&NodeId>) =
        pairs.iter().map(|pair| (&pair.one.from, &pair.one.to)).unzip();
    let chain = |pair: &Pair<'_>| sources.contains(&pair.one.to) || targets.contains(&pair.one.from);
    // Who takes part in an atomic migration may have no open slot of another pair.
    let atomic = pairs.iter().any(|pair| pair.backend != Backend::Classic);
    let running = pairs.iter().map(|pair| run_pair(pair, &locks, (atomic, chain(pair)), seeds, &context));
    let results = join_all(running).await;
    let failed: Vec<Why> = results.into_iter().filter_map(Result::err).collect();
    let after = await_agreement(seeds, &context, plan, failed.is_empty() && !cancel.is_cancelled()).await;
    let now = masters_of(&after.topology, &seeds[0]);
    let left = plan.rest(&now).slot_count();
    let open = open_slots(&after, plan);
    let reason = match failed.first() {
        Some(why) => why.clone(),
        None if cancel.is_cancelled() && left > 0 => "stopped as asked".to_owned(),
        None if left > 0 || !open.is_empty() => "the nodes do not agree about the moved slots yet".to_owned(),
        None => return Ok(after),
    };
    Err(MigrateError::Stopped { reason, left, open })
}

/// Looks at the cluster and insists that the plan can be carried out.
async fn prepare(plan: &MovePlan, seeds: &[NodeAddr], context: &Context<'_>) -> Result<(Gathered, Vec<Master>), Why> {
    let mut gathered = gather(seeds, context.auth, context.connect()).await;
    if context.mode == Mode::Resume {
        under_way::await_running(&gathered, context).await?;
        gathered = gather(seeds, context.auth, context.connect()).await;
    }
    if gathered.topology.views.is_empty() {
        return Err("no node of the cluster answers".to_owned());
    }
    let masters = masters_of(&gathered.topology, &seeds[0]);
    let planned = plan.slots();
    let mine = |finding: &Finding| {
        context.mode == Mode::Resume
            && match finding {
                Finding::OpenSlots { slots, .. } => slots.difference(&planned).is_empty(),
                Finding::SlotsDisagree(_) | Finding::Disputed { .. } => true,
                _ => false,
            }
    };
    let against = obstacles(&gathered.topology, &gathered.check());
    if let Some(finding) = against.iter().find(|finding| !mine(finding)) {
        return Err(finding.to_string());
    }
    if context.mode == Mode::Fresh {
        plan.still_holds(&masters).map_err(|stale| stale.to_string())?;
    }
    Ok((gathered, masters))
}

/// What a plan that was begun leaves to be done: slots that the target does not own, and those that are still open.
///
/// A plan that does not fit the cluster any more is not gone on with.
fn to_finish(plan: &MovePlan, masters: &[Master], gathered: &Gathered) -> Result<MovePlan, Why> {
    let rest = match plan.standing(&gathered.topology, masters) {
        Standing::Done => MovePlan::default(),
        Standing::Unfinished(rest) => rest,
        Standing::Stale(misfit) => return Err(misfit.to_string()),
    };
    rest.still_holds(masters).map_err(|stale| stale.to_string())?;
    let open = open_slots(gathered, plan);
    let still_open = plan.moves().iter().flat_map(|one| {
        one.slots.iter().filter(|slot| open.contains(*slot)).map(|slot| (one.from.clone(), one.to.clone(), slot))
    });
    let unmoved =
        rest.moves().iter().flat_map(|one| one.slots.iter().map(|slot| (one.from.clone(), one.to.clone(), slot)));
    Ok(MovePlan::of(unmoved.chain(still_open)))
}

/// The plan's slots that are open anywhere.
fn open_slots(gathered: &Gathered, plan: &MovePlan) -> SlotSet {
    let open = gathered
        .topology
        .views
        .values()
        .filter_map(|view| view.me())
        .flat_map(|me| me.migrating.iter().chain(&me.importing).map(|(slot, _)| *slot).collect::<Vec<_>>());
    open.filter(|slot| plan.moves().iter().any(|one| one.slots.contains(*slot))).collect()
}

/// One pair, as soon as its source is free, and its target where it needs that alone, too: where the servers themselves move
/// the slots of any pair (`atomic`); and a master that takes slots of one and gives some to another (`chain`) does one after
/// the other, for its epoch rises as it takes them. A failure stops the others at their next safe point.
async fn run_pair(
    pair: &Pair<'_>,
    locks: &BTreeMap<&NodeId, Semaphore>,
    (atomic, chain): (bool, bool),
    seeds: &[NodeAddr],
    context: &Context<'_>,
) -> Result<(), Why> {
    let mut ends = vec![&pair.one.from];
    if atomic || chain {
        ends.push(&pair.one.to);
    }
    // Always in one order, so that two pairs never wait for each other.
    ends.sort();
    let mut held = Vec::new();
    for id in ends {
        if let Some(lock) = locks.get(id) {
            held.push(lock.acquire().await.map_err(|error| error.to_string())?);
        }
    }
    if context.stop.is_cancelled() {
        return Ok(());
    }
    if chain {
        let one = MovePlan::of(pair.one.slots.iter().map(|slot| (pair.one.from.clone(), pair.one.to.clone(), slot)));
        let now = gather(seeds, context.auth, context.connect()).await;
        if let Err(why) = epochs::settled(&one, now, seeds, context).await {
            context.stop.cancel();
            return Err(why);
        }
    }
    let (from, to) = (pair.from.addr().clone(), pair.to.addr().clone());
    (context.report)(News::Begun { from, to, backend: pair.backend });
    let result = match pair.backend {
        Backend::Classic => classic::run(pair, context).await,
        Backend::RedisAtomic | Backend::ValkeyAtomic => atomic::run(pair, context).await,
    };
    if result.is_err() {
        context.stop.cancel();
    }
    result
}

/// Looks until all nodes agree about the slots, for as long as that may take.
async fn await_agreement(seeds: &[NodeAddr], context: &Context<'_>, plan: &MovePlan, expect: bool) -> Gathered {
    let mut pause = Duration::from_millis(5);
    let deadline = Instant::now() + SPREAD_DEADLINE;
    loop {
        let gathered = gather(seeds, context.auth, context.connect()).await;
        let masters = masters_of(&gathered.topology, &seeds[0]);
        let disagree = gathered.check().iter().any(|finding| matches!(finding, Finding::SlotsDisagree(_)));
        let settled = !disagree && (!expect || plan.rest(&masters).is_empty());
        if settled || Instant::now() > deadline {
            return gathered;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
