//! What a plan would send, without sending it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::plan::moves::MovePlan;
use crate::core::plan::{NodeCommand, ShownCommand};
use crate::core::slot::Slot;
use crate::core::topology::NodeAddr;
use crate::engine::command::Auth;

use super::pace::Pace;
use super::pool::Pool;
use super::{Backend, Context, Mode, Options, Pair, Why, connect, count, keys_in, last_slot, prepare};

/// Makes sure that a new plan can be carried out, as [`migrate`](super::migrate) does before it changes anything, and
/// says the commands that would move its slots, in the order of each pair. Keys are not named: which ones a slot holds
/// is asked when it is moved.
///
/// # Errors
/// Why the plan can't be carried out.
pub async fn preview(
    plan: &MovePlan,
    seeds: &[NodeAddr],
    auth: &Auth,
    options: Options,
) -> Result<Vec<ShownCommand>, String> {
    let stop = CancellationToken::new();
    let context = Context { auth, options, report: Arc::new(|_| {}), stop, mode: Mode::Fresh, pace: Pace::default() };
    let (before, masters) = prepare(plan, seeds, &context).await?;
    let pairs = connect(plan, &masters, &before, &context).await?;
    count(&pairs, &context).await?;
    last_slot::guard(&pairs).await?;
    let mut shown = Vec::new();
    for pair in &pairs {
        match pair.backend {
            Backend::Classic => shown.extend(classic(pair, &context).await?),
            backend => shown.push(atomic(pair, backend)),
        }
    }
    Ok(shown)
}

fn atomic(pair: &Pair<'_>, backend: Backend) -> ShownCommand {
    let ranges = pair.one.slots.ranges();
    let numbers = ranges.iter().flat_map(|range| [range.first.to_string(), range.last.to_string()]);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    if backend == Backend::RedisAtomic {
        return NodeCommand::new(pair.to.addr(), words(&["CLUSTER", "MIGRATION", "IMPORT"]).into_iter().chain(numbers))
            .into();
    }
    let head = words(&["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"]);
    let tail = words(&["NODE", pair.one.to.as_str()]);
    NodeCommand::new(pair.from.addr(), head.into_iter().chain(numbers).chain(tail)).into()
}

async fn classic(pair: &Pair<'_>, context: &Context<'_>) -> Result<Vec<ShownCommand>, Why> {
    let slots: Vec<Slot> = pair.one.slots.iter().collect();
    let counts = keys_in(pair.from.one(), &slots).await?;
    Ok(slots.into_iter().zip(counts).flat_map(|(slot, keys)| one_slot(pair, context, slot, keys)).collect())
}

/// The commands of one slot. Several slots are open at a time; for each of them this is the order.
fn one_slot(pair: &Pair<'_>, context: &Context<'_>, slot: Slot, keys: u64) -> Vec<ShownCommand> {
    let number = slot.to_string();
    let set = |client: &Pool, what: &str, id: &str| {
        ShownCommand::from(NodeCommand::new(client.addr(), ["CLUSTER", "SETSLOT", &number, what, id]))
    };
    let (from, to) = (pair.one.from.as_str(), pair.one.to.as_str());
    let mut shown = vec![set(&pair.to, "IMPORTING", from), set(&pair.from, "MIGRATING", to)];
    if keys > 0 {
        shown.push(migrate_command(pair, context, slot, keys));
    }
    shown.extend([&pair.to, &pair.from].into_iter().chain(&pair.others).map(|client| set(client, "NODE", to)));
    shown
}

fn migrate_command(pair: &Pair<'_>, context: &Context<'_>, slot: Slot, keys: u64) -> ShownCommand {
    let timeout = context.timeout().as_millis().to_string();
    let port = pair.place.port.to_string();
    let single = if pair.many_keys { "" } else { "KEY" };
    let mut words = vec!["MIGRATE", &pair.place.host, &port, single, "0", &timeout];
    if context.options.replace {
        words.push("REPLACE");
    }
    if pair.many_keys {
        words.extend(["KEYS", "KEY…"]);
    }
    let login = if context.auth.password.is_empty() { "" } else { ", with the login" };
    let command = NodeCommand::new(pair.from.addr(), words);
    ShownCommand { command, note: Some(format!("until slot {slot} has no key left, {keys} now{login}")) }
}
