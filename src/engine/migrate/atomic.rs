//! Atomic migrations: the servers copy the slots themselves and swap the owner at the end. Until then nothing has
//! changed for clients, so a cancelled or failed one leaves nothing behind.
//!
//! Redis (8.4) is told at the target, `CLUSTER MIGRATION IMPORT`, and answers a task id. Valkey (9.0) is told at the
//! source, `CLUSTER MIGRATESLOTS`, and answers OK; the job is the new name in `CLUSTER GETSLOTMIGRATIONS`.
//!
//! Redis cancels one task by its id. Valkey (9.1) knows `CLUSTER CANCELSLOTMIGRATIONS` alone, which ends all migrations away
//! from that node, whoever began them: it is sent only while ours is the only one there. Somebody may begin another one
//! between our look and our word, a round trip later; that can't be told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::Value;
use tokio::time::{Instant, sleep};

use crate::core::slot::{Slot, SlotSet};
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind, as_text};

use super::under_way::cancel_all;
use super::{Backend, Context, News, Pair, Why, keys_in};

/// How long a migration may take when nothing else is asked for; redis-cli 8.10's.
pub(super) const LONGEST: Duration = Duration::from_hours(1);
/// How long a server may be busy with the end of another task.
pub(in crate::engine) const FREE_DEADLINE: Duration = Duration::from_secs(30);
/// How many slots one task gets where the move may be held up.
const PORTION: usize = 128;
/// How long a task that failed because the source was busy is looked at: the target may try it again by itself.
const SECOND_CHANCE: Duration = Duration::from_millis(500);
/// How long a cancelled one may take to end.
pub(super) const CANCEL_DEADLINE: Duration = Duration::from_secs(30);

/// A task's fields.
pub(super) type Fields = BTreeMap<String, String>;

/// Where a task stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Done,
    Ended(String),
}

/// All slots of a pair as one task of the servers; in portions where a file may hold the move up between two.
pub(super) async fn run(pair: &Pair<'_>, context: &Context<'_>) -> Result<(), Why> {
    let all: Vec<Slot> = pair.one.slots.iter().collect();
    let portion = if context.options.pause_file.is_some() { PORTION } else { all.len().max(1) };
    for slots in all.chunks(portion) {
        context.pass(0, 0).await;
        if context.stop.is_cancelled() {
            break;
        }
        migrate_when_free(pair, slots, context).await?;
    }
    Ok(())
}

/// Redis takes one task at a time, and may still be busy with the end of one whose slots have changed hands already: it
/// refuses the next one then, with nothing moved.
async fn migrate_when_free(pair: &Pair<'_>, slots: &[Slot], context: &Context<'_>) -> Result<(), Why> {
    let deadline = Instant::now() + FREE_DEADLINE;
    loop {
        match migrate(pair, slots, context).await {
            Err(why) if is_busy(&why) && Instant::now() < deadline && !context.stop.is_cancelled() => {
                sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

/// The source still ends the task before; or the target still holds the one of ours that failed for that reason.
fn is_busy(why: &str) -> bool {
    why.contains("task is already in progress") || why.contains("overlapping import exists")
}

async fn migrate(pair: &Pair<'_>, slots: &[Slot], context: &Context<'_>) -> Result<(), Why> {
    let moved: SlotSet = slots.iter().copied().collect();
    let task = Task::begin(pair, &moved).await?;
    let deadline = Instant::now() + context.options.timeout.unwrap_or(LONGEST);
    let mut asked_to_end: Option<(Instant, Why)> = None;
    let mut told_of_others = false;
    let mut second_chance: Option<Instant> = None;
    let mut pause = Duration::from_millis(2);
    loop {
        let state = match task.state().await {
            Ok(state) => state,
            Err(why) => {
                // Left alone it would go on by itself.
                let ended = task.cancel().await.is_ok();
                let rest = if ended { "it was cancelled" } else { "the servers may still carry it out by themselves" };
                return Err(format!("{why}: how the migration of {moved} stands is not known, {rest}"));
            }
        };
        match state {
            State::Done => break,
            State::Ended(why) if is_busy(&why) && asked_to_end.is_none() && !context.stop.is_cancelled() => {
                let end = *second_chance.get_or_insert_with(|| Instant::now() + SECOND_CHANCE);
                if Instant::now() > end {
                    // It may be kept for yet another try, in the way of a new one.
                    task.cancel().await.ok();
                    return Err(format!("{}: the migration ended: {why}", task.at.addr()));
                }
            }
            State::Ended(why) => {
                return match asked_to_end {
                    // Asked for by a person: the end is no failure.
                    Some(_) if context.stop.is_cancelled() => Ok(()),
                    Some((_, late)) => Err(late),
                    None => Err(format!("{}: the migration ended: {why}", task.at.addr())),
                };
            }
            State::Running => {}
        }
        let late = Instant::now() > deadline;
        if asked_to_end.is_none() && (context.stop.is_cancelled() || late) {
            let refused = match task.cancel().await {
                Ok(()) => String::new(),
                Err(NotCancelled::Others(others)) if late => {
                    return Err(format!(
                        "{}: the migration took too long and goes on by itself: {}",
                        task.at.addr(),
                        others_words(&others)
                    ));
                }
                // Ours comes to its end instead, unless the others do before.
                Err(NotCancelled::Others(others)) => {
                    if !std::mem::replace(&mut told_of_others, true) {
                        (context.report)(News::EndsFirst { at: task.at.addr().clone(), others });
                    }
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
                // Refused where it has just ended: the next look tells.
                Err(NotCancelled::Refused(why)) => format!(" ({why})"),
            };
            let why = format!("{}: the migration took too long and was cancelled{refused}", task.at.addr());
            asked_to_end = Some((Instant::now() + CANCEL_DEADLINE, why));
        }
        if let Some((end, why)) = &asked_to_end
            && Instant::now() > *end
        {
            return Err(format!("{why}, but has not ended yet"));
        }
        sleep(pause).await;
        // A short migration is not waited for longer than it takes, a long one not asked about all the time.
        pause = (pause * 5 / 4).min(Duration::from_millis(100));
    }
    // Nobody else knows how many it were.
    if let Ok(counts) = keys_in(pair.to.one(), slots).await {
        (context.report)(News::Keys(counts.into_iter().sum()));
    }
    let (from, to) = (pair.from.addr().clone(), pair.to.addr().clone());
    (context.report)(News::Moved { from, to, slots: moved });
    Ok(())
}

/// Why a migration can't be followed that may have begun.
fn unanswered(error: &NodeError) -> Why {
    match error.kind {
        NodeErrorKind::Lost(_) | NodeErrorKind::Timeout(_) => {
            format!("{error}: the servers may carry the migration out by themselves all the same")
        }
        _ => error.to_string(),
    }
}

/// A migration under way.
struct Task<'a> {
    backend: Backend,
    /// The node that was told.
    at: &'a NodeClient,
    id: String,
}

impl<'a> Task<'a> {
    async fn begin(pair: &'a Pair<'_>, slots: &SlotSet) -> Result<Self, Why> {
        let ranges = slots.ranges();
        let numbers = ranges.iter().flat_map(|range| [range.first.to_string(), range.last.to_string()]);
        let backend = pair.backend;
        if backend == Backend::RedisAtomic {
            let at = pair.to.one();
            let words: Vec<String> =
                ["CLUSTER", "MIGRATION", "IMPORT"].map(str::to_owned).into_iter().chain(numbers).collect();
            let answer = at.call(&words).await.map_err(|error| unanswered(&error))?;
            let id = as_text(&answer).ok_or_else(|| format!("{}: MIGRATION IMPORT gave no task", at.addr()))?;
            return Ok(Self { backend, at, id });
        }
        let at = pair.from.one();
        let known: BTreeSet<String> = tasks(at, backend).await.map_err(|e| e.to_string())?.into_keys().collect();
        let mut words = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"].map(str::to_owned).to_vec();
        words.extend(numbers);
        words.extend(["NODE".to_owned(), pair.one.to.to_string()]);
        at.call(&words).await.map_err(|error| unanswered(&error))?;
        let now = tasks(at, backend).await.map_err(|error| unanswered(&error))?;
        let ours = now.into_iter().find(|(name, fields)| {
            let to_it = fields.get("target_node").is_some_and(|to| to == pair.one.to.as_str());
            !known.contains(name) && to_it && slots_of(fields) == *slots
        });
        let (id, _) = ours.ok_or_else(|| {
            format!("{}: the migration is not listed; the server may carry it out by itself all the same", at.addr())
        })?;
        Ok(Self { backend, at, id })
    }

    async fn state(&self) -> Result<State, Why> {
        let tasks = tasks(self.at, self.backend).await.map_err(|error| error.to_string())?;
        let fields =
            tasks.get(&self.id).ok_or_else(|| format!("{} does not know the migration any more", self.at.addr()))?;
        Ok(state_of(fields))
    }

    /// Ends it, and nobody else's.
    async fn cancel(&self) -> Result<(), NotCancelled> {
        let refused = |error: NodeError| NotCancelled::Refused(error.to_string());
        let words: &[&str] = match self.backend {
            Backend::RedisAtomic => &["CLUSTER", "MIGRATION", "CANCEL", "ID", &self.id],
            backend => {
                let others = exports_beside(&tasks(self.at, backend).await.map_err(refused)?, &self.id);
                if !others.is_empty() {
                    return Err(NotCancelled::Others(others));
                }
                cancel_all(backend)
            }
        };
        self.at.call(words).await.map(drop).map_err(refused)
    }
}

/// Why a task was not cancelled.
#[derive(Debug, PartialEq, Eq)]
enum NotCancelled {
    /// The server says no, or nothing.
    Refused(Why),
    /// Migrations of others, with these slots, would end with it.
    Others(SlotSet),
}

/// What would be lost with ours, in words.
pub(in crate::engine) fn others_words(others: &SlotSet) -> String {
    format!("this server cancels all its migrations or none, and migrates slots {others} for somebody else")
}

/// The slots that a node migrates to others beside the task of this id.
fn exports_beside(tasks: &BTreeMap<String, Fields>, id: &str) -> SlotSet {
    let running = tasks.iter().filter(|(name, fields)| *name != id && state_of(fields) == State::Running);
    let exports = running.filter(|(_, fields)| fields.get("operation").is_none_or(|what| what != "IMPORT"));
    let mut all = SlotSet::new();
    exports.for_each(|(_, fields)| all.union_with(&slots_of(fields)));
    all
}

/// The slots of a task of Valkey's; all of them where it does not tell any that can be understood.
fn slots_of(fields: &Fields) -> SlotSet {
    let ranges = fields.get("slot_ranges").map(|ranges| ranges.replace(' ', ","));
    ranges.and_then(|ranges| ranges.parse().ok()).unwrap_or_else(SlotSet::full)
}

pub(super) fn state_of(fields: &Fields) -> State {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let why = [field("last_error"), field("message")].into_iter().find(|why| !why.is_empty());
    match field("state") {
        "completed" | "success" => State::Done,
        state @ ("failed" | "canceled" | "cancelled") => State::Ended(why.unwrap_or(state).to_owned()),
        _ => State::Running,
    }
}

/// All tasks that a node knows, by their ids.
pub(super) async fn tasks(at: &NodeClient, backend: Backend) -> Result<BTreeMap<String, Fields>, NodeError> {
    let words: &[&str] = match backend {
        Backend::RedisAtomic => &["CLUSTER", "MIGRATION", "STATUS", "ALL"],
        _ => &["CLUSTER", "GETSLOTMIGRATIONS"],
    };
    let Value::Array(items) = at.call(words).await? else { return Ok(BTreeMap::new()) };
    let named = items.iter().filter_map(|item| {
        let fields = fields_of(item);
        let id = fields.get("id").or_else(|| fields.get("name"))?.clone();
        Some((id, fields))
    });
    Ok(named.collect())
}

fn fields_of(item: &Value) -> Fields {
    match item {
        Value::Map(pairs) => pairs.iter().filter_map(|(name, value)| Some((as_text(name)?, as_text(value)?))).collect(),
        Value::Array(words) => {
            words.chunks_exact(2).filter_map(|pair| Some((as_text(&pair[0])?, as_text(&pair[1])?))).collect()
        }
        _ => Fields::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::engine::migrate) fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn both_families_states_are_understood() {
        for state in ["completed", "success"] {
            assert_eq!(state_of(&fields(&[("state", state)])), State::Done);
        }
        for state in ["failed", "canceled", "cancelled"] {
            assert_eq!(state_of(&fields(&[("state", state), ("message", "")])), State::Ended(state.into()));
        }
        let refused = fields(&[("state", "failed"), ("last_error", "no link")]);
        assert_eq!(state_of(&refused), State::Ended("no link".into()));
        for state in ["waiting-to-snapshot", "accumulate-buffer", "stream-eof", ""] {
            assert_eq!(state_of(&fields(&[("state", state)])), State::Running);
        }
    }

    #[test]
    fn what_valkey_would_cancel_with_ours_are_its_other_exports_that_still_run() {
        let task =
            |operation, ranges, state| fields(&[("operation", operation), ("slot_ranges", ranges), ("state", state)]);
        let mut tasks = BTreeMap::from([
            ("ours".to_owned(), task("EXPORT", "0-9", "snapshotting")),
            ("done".to_owned(), task("EXPORT", "10-19", "success")),
            ("comes".to_owned(), task("IMPORT", "20-29", "receiving-snapshot")),
        ]);
        assert!(exports_beside(&tasks, "ours").is_empty());
        tasks.insert("theirs".to_owned(), task("EXPORT", "30-39 50", "waiting-to-snapshot"));
        assert_eq!(exports_beside(&tasks, "ours").to_string(), "30-39,50");
        tasks.insert("odd".to_owned(), task("EXPORT", "?", "waiting-to-snapshot"));
        assert_eq!(exports_beside(&tasks, "ours"), SlotSet::full(), "what is not understood is not taken for nothing");
    }

    #[test]
    fn a_server_that_has_not_ended_its_last_task_is_tried_again() {
        assert!(is_busy(
            "127.0.0.1:7000: the migration ended: Main channel - Failed to sync with source node: Error reply to CLUSTER \
             SYNCSLOTS SYNC from the source: -ERR Another ASM task is already in progress (state: syncslots-reply, …)"
        ));
        assert!(is_busy("the server refused: ERR overlapping import exists for slot range: 256-383"));
        assert!(!is_busy("127.0.0.1:7000: the migration ended: no link"));
    }

    #[test]
    fn a_task_may_come_as_a_list_or_a_map() {
        let word = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let list = Value::Array(vec![word("id"), word("abc"), word("retries"), Value::Int(0)]);
        let map = Value::Map(vec![(word("id"), word("abc")), (word("retries"), Value::Int(0))]);
        assert_eq!(fields_of(&list), fields(&[("id", "abc"), ("retries", "0")]));
        assert_eq!(fields_of(&map), fields_of(&list));
    }
}
