//! Moves slots with their keys from master to master, while clients go on.
//!
//! Three ways, chosen for each pair of masters by what both say they can do ([`probe`]): Redis's own atomic migration
//! (pulled by the target), Valkey's (pushed by the source), and the classic one (`SETSLOT` and `MIGRATE`), which every
//! server knows. Pairs that share no source run at the same time.
//!
//! Nothing needs to be written down on the way: which slots are done is what the servers themselves say, so an
//! interrupted plan is finished by carrying the same plan out again in [`Mode::Resume`]. No key is ever deleted here: a
//! slot changes hands when its source has no key of it left.

mod atomic;
mod chunk;
mod classic;
mod preview;
mod probe;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub use preview::preview;

use crate::core::check::Finding;
use crate::core::plan::moves::{Master, MovePlan, SlotMove, masters_of, obstacles};
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId};

use super::client::{CONNECT_DEADLINE, NodeClient, NodeError};
use super::command::Auth;
use super::gather::{Gathered, gather};

/// How long the news of new owners may take to every node: each is told directly, and gossip repeats it.
const SPREAD_DEADLINE: Duration = Duration::from_secs(30);
/// redis-cli's own MIGRATE timeout (`--cluster-timeout`), which bounds one wait for the target, not a whole batch.
pub const MIGRATE_TIMEOUT: Duration = Duration::from_mins(1);
/// How many slots one pipeline asks about.
const COUNT_BATCH: usize = 1024;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Which way.
    pub method: Method,
    /// MIGRATE's timeout, and how long an atomic migration may take; `None` for [`MIGRATE_TIMEOUT`] and an hour.
    pub timeout: Option<Duration>,
    /// At most so many keys in one MIGRATE; `None` to go by bytes.
    pub pipeline: Option<usize>,
    /// Whether keys that the target holds already are overwritten.
    pub replace: bool,
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
    #[error("{reason}; {left} slots of the plan are not moved{}", open_words(.open))]
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

/// The two ends of a move, connected.
struct Pair<'a> {
    one: &'a SlotMove,
    from: NodeClient,
    to: NodeClient,
    /// Masters that are neither.
    others: Vec<NodeClient>,
    /// Where the source finds the target.
    place: NodeAddr,
    backend: Backend,
    /// Slots that the target owns already and whose opening is only to be closed.
    owned: SlotSet,
    /// Whether the source knows MIGRATE with KEYS (3.0.6).
    many_keys: bool,
}

/// What all pairs share.
struct Context<'a> {
    auth: &'a Auth,
    options: Options,
    report: Report,
    /// Asked to stop, by a person or by another pair's failure.
    stop: CancellationToken,
    mode: Mode,
}

impl Context<'_> {
    fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(MIGRATE_TIMEOUT)
    }

    /// For calls to servers that may be busy with a large value.
    fn patience(&self) -> Duration {
        self.timeout().max(Duration::from_secs(5)) * 10
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
    let context = Context { auth, options, report, stop, mode };
    let (before, masters) = prepare(plan, seeds, &context).await.map_err(MigrateError::Untouched)?;
    let work = match mode {
        Mode::Fresh => plan.clone(),
        Mode::Resume => to_finish(plan, &masters, &before).map_err(MigrateError::Untouched)?,
    };
    let pairs = connect(&work, &masters, &before, &context).await.map_err(MigrateError::Untouched)?;
    count(&pairs, &context).await.map_err(MigrateError::Untouched)?;
    if context.stop.is_cancelled() {
        return Err(MigrateError::Untouched("cancelled".to_owned()));
    }
    let locks: BTreeMap<&NodeId, Semaphore> = masters.iter().map(|m| (&m.id, Semaphore::new(1))).collect();
    let results = join_all(pairs.iter().map(|pair| run_pair(pair, &locks, &context))).await;
    let failed: Vec<Why> = results.into_iter().filter_map(Result::err).collect();
    let after = await_agreement(seeds, auth, plan, failed.is_empty() && !cancel.is_cancelled()).await;
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
    let mut gathered = gather(seeds, context.auth, CONNECT_DEADLINE).await;
    if context.mode == Mode::Resume {
        atomic::await_running(&gathered, context).await?;
        gathered = gather(seeds, context.auth, CONNECT_DEADLINE).await;
    }
    if gathered.topology.views.is_empty() {
        return Err("no node of the cluster answers".to_owned());
    }
    let masters = masters_of(&gathered.topology, &seeds[0]);
    let mine = |finding: &Finding| {
        context.mode == Mode::Resume
            && match finding {
                Finding::OpenSlot { slot, .. } => plan.moves().iter().any(|one| one.slots.contains(*slot)),
                Finding::SlotsDisagree(_) => true,
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
/// A slot that a third master has got meanwhile is nobody's to take.
fn to_finish(plan: &MovePlan, masters: &[Master], gathered: &Gathered) -> Result<MovePlan, Why> {
    let rest = plan.rest(masters);
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

/// Connects to all masters and finds out for each pair how its slots can be moved.
async fn connect<'a>(
    work: &'a MovePlan,
    masters: &[Master],
    gathered: &Gathered,
    context: &Context<'_>,
) -> Result<Vec<Pair<'a>>, Why> {
    let patience = context.patience();
    let connecting =
        masters.iter().map(|m| NodeClient::connect_with(&m.addr, context.auth, CONNECT_DEADLINE, patience));
    let clients: Vec<NodeClient> =
        join_all(connecting).await.into_iter().collect::<Result<_, NodeError>>().map_err(|e| e.to_string())?;
    let by_id: BTreeMap<&NodeId, (&Master, NodeClient)> =
        masters.iter().zip(clients).map(|(master, client)| (&master.id, (master, client))).collect();
    let open = open_slots(gathered, work);
    let mut pairs = Vec::new();
    for one in work.moves() {
        let end =
            |id: &NodeId| by_id.get(id).cloned().ok_or_else(|| format!("{} is no master that answers", id.short()));
        let ((source, from), (target, to)) = (end(&one.from)?, end(&one.to)?);
        let others = by_id.iter().filter(|(id, _)| **id != &one.from && **id != &one.to);
        // What was begun key by key is finished key by key.
        let begun = one.slots.iter().any(|slot| open.contains(slot));
        let method = if begun { Method::Classic } else { context.options.method };
        let backend = probe::backend(&from, &to, method).await?;
        let mut many_keys = true;
        if backend == Backend::Classic {
            many_keys = probe::classic(&from, source, context.auth).await?;
        }
        // The source's own idea of where the target is; ours may lead through a tunnel.
        let seen = gathered.topology.views.get(&source.addr).and_then(|view| view.nodes.get(&one.to)?.addr.clone());
        pairs.push(Pair {
            one,
            others: others.map(|(_, (_, client))| client.clone()).collect(),
            place: seen.filter(|addr| !addr.host.is_empty()).unwrap_or_else(|| target.addr.clone()),
            owned: one.slots.iter().filter(|slot| target.slots.contains(*slot)).collect(),
            from,
            to,
            backend,
            many_keys,
        });
    }
    Ok(pairs)
}

/// Counts the keys that will move, and refuses targets that hold keys of slots they do not own: those would be in the
/// way, or be overwritten.
async fn count(pairs: &[Pair<'_>], context: &Context<'_>) -> Result<(), Why> {
    let (mut slots, mut keys) = (0, 0);
    for pair in pairs {
        let all: Vec<_> = pair.one.slots.iter().collect();
        slots += all.len();
        keys += keys_in(&pair.from, &all).await?.into_iter().sum::<u64>();
        if context.mode == Mode::Resume || context.options.replace {
            continue;
        }
        let strays = keys_in(&pair.to, &all).await?;
        if let Some((slot, count)) = all.iter().zip(strays).find(|(_, count)| *count > 0) {
            return Err(format!(
                "{} already holds {count} keys of slot {slot}, which it does not own; --cluster-replace overwrites \
                 those that {} has too",
                pair.to.addr(),
                pair.from.addr()
            ));
        }
    }
    (context.report)(News::Counted { slots, keys });
    Ok(())
}

/// COUNTKEYSINSLOT for each slot, pipelined.
async fn keys_in(client: &NodeClient, slots: &[crate::core::slot::Slot]) -> Result<Vec<u64>, Why> {
    let mut counts = Vec::with_capacity(slots.len());
    for batch in slots.chunks(COUNT_BATCH) {
        let commands: Vec<Vec<String>> = batch
            .iter()
            .map(|slot| vec!["CLUSTER".to_owned(), "COUNTKEYSINSLOT".to_owned(), slot.to_string()])
            .collect();
        for answer in client.call_all(&commands).await {
            match answer.map_err(|error| error.to_string())? {
                redis::Value::Int(count) => counts.push(u64::try_from(count).unwrap_or_default()),
                other => return Err(format!("{}: COUNTKEYSINSLOT gave {other:?}", client.addr())),
            }
        }
    }
    Ok(counts)
}

/// One pair, as soon as its source is free (and its target, where the servers themselves move the slots). A failure
/// stops the others at their next safe point.
async fn run_pair(pair: &Pair<'_>, locks: &BTreeMap<&NodeId, Semaphore>, context: &Context<'_>) -> Result<(), Why> {
    let mut ends = vec![&pair.one.from];
    if pair.backend != Backend::Classic {
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
async fn await_agreement(seeds: &[NodeAddr], auth: &Auth, plan: &MovePlan, expect: bool) -> Gathered {
    let deadline = Instant::now() + SPREAD_DEADLINE;
    loop {
        let gathered = gather(seeds, auth, CONNECT_DEADLINE).await;
        let masters = masters_of(&gathered.topology, &seeds[0]);
        let disagree = gathered.check().iter().any(|finding| matches!(finding, Finding::SlotsDisagree(_)));
        let settled = !disagree && (!expect || plan.rest(&masters).is_empty());
        if settled || Instant::now() > deadline {
            return gathered;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
