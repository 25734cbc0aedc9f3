//! Migrations that servers carry out by themselves just now, whoever began them: seen, waited for, cancelled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::core::plan::NodeCommand;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, Role};
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;
use crate::engine::gather::Gathered;

use super::atomic::{CANCEL_DEADLINE, Fields, LONGEST, State, state_of, tasks};
use super::{Backend, Context, Why};

/// A migration that servers carry out by themselves right now, as one of them tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    /// Ranges of slots, with commas between.
    pub slots: String,
    /// The source's id.
    pub from: String,
    /// The target's id.
    pub to: String,
    /// The server's word for how far it is.
    pub state: String,
}

impl RunningTask {
    /// Whether this is the same migration, as its other end tells it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.slots, &self.from, &self.to) == (&other.slots, &other.from, &other.to)
    }

    fn of(fields: &Fields) -> Self {
        let field = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name)).cloned().unwrap_or_default();
        Self {
            slots: field(["slots", "slot_ranges"]).replace(' ', ","),
            from: field(["source", "source_node"]),
            to: field(["dest", "target_node"]),
            state: field(["state", "state"]),
        }
    }
}

/// The migrations that this node takes part in right now; none where its server knows no such thing.
///
/// # Errors
/// The node does not answer.
pub async fn running(client: &NodeClient) -> Result<Vec<RunningTask>, NodeError> {
    Ok(running_where_known(client).await?.unwrap_or_default())
}

/// The same; `None` where the server knows no such thing, or the login may not ask.
///
/// # Errors
/// As [`running`].
pub async fn running_where_known(client: &NodeClient) -> Result<Option<Vec<RunningTask>>, NodeError> {
    Ok(running_of(client).await?.map(|(_, tasks)| tasks))
}

/// The same, with the family of servers that tells it.
async fn running_of(client: &NodeClient) -> Result<Option<(Backend, Vec<RunningTask>)>, NodeError> {
    for backend in [Backend::RedisAtomic, Backend::ValkeyAtomic] {
        let Some(tasks) = known(tasks(client, backend).await)? else { continue };
        let running = tasks.values().filter(|fields| state_of(fields) == State::Running);
        let running: Vec<RunningTask> = running.map(RunningTask::of).collect();
        // Whose slots are not understood is not to be taken for none.
        if let Some(odd) = running.iter().find(|task| task.slots.parse::<SlotSet>().is_err()) {
            let kind = NodeErrorKind::Unexpected(format!("a migration of the slots '{}'", odd.slots));
            return Err(NodeError { addr: client.addr().clone(), kind });
        }
        return Ok(Some((backend, running)));
    }
    Ok(None)
}

/// `None` where the server knows no such migrations; who does not answer may have some.
fn known<T>(answer: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
    match answer {
        Ok(tasks) => Ok(Some(tasks)),
        Err(NodeError { kind: NodeErrorKind::Refused(_), .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A migration that servers carry out by themselves, and who of them says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// What is under way.
    pub task: RunningTask,
    /// The masters that take part and answer, and their family.
    pub told_by: Vec<(NodeAddr, Backend)>,
}

impl Migration {
    /// The migrations that this node tells of.
    ///
    /// # Errors
    /// As [`running`].
    pub(in crate::engine) async fn all_at(client: &NodeClient) -> Result<Vec<Self>, NodeError> {
        let Some((backend, tasks)) = running_of(client).await? else { return Ok(Vec::new()) };
        let told_by = vec![(client.addr().clone(), backend)];
        Ok(tasks.into_iter().map(|task| Self { task, told_by: told_by.clone() }).collect())
    }

    /// Its slots.
    #[must_use]
    pub fn slots(&self) -> SlotSet {
        self.task.slots.parse().unwrap_or_default()
    }

    /// Adds what another node told, where it is the same migration seen from its other end.
    pub(in crate::engine) fn merge(list: &mut Vec<Self>, more: Vec<Self>) {
        for one in more {
            match list.iter_mut().find(|known| known.task.is_same(&one.task)) {
                Some(known) => known.told_by.extend(one.told_by),
                None => list.push(one),
            }
        }
    }

    /// What cancels these migrations: each end is told once, whatever it takes part in. A cancelled source does not stop
    /// a target of Redis.
    #[must_use]
    pub fn cancel_commands(list: &[Self]) -> Vec<NodeCommand> {
        let ends: BTreeMap<&NodeAddr, Backend> =
            list.iter().flat_map(|one| &one.told_by).map(|(addr, backend)| (addr, *backend)).collect();
        ends.into_iter().map(|(addr, backend)| NodeCommand::new(addr, cancel_all(backend).iter().copied())).collect()
    }
}

/// Valkey's own help has an `ALL` that 9.1 refuses.
pub(super) fn cancel_all(backend: Backend) -> &'static [&'static str] {
    match backend {
        Backend::RedisAtomic => &["CLUSTER", "MIGRATION", "CANCEL", "ALL"],
        _ => &["CLUSTER", "CANCELSLOTMIGRATIONS"],
    }
}

/// Cancels these migrations and waits until none of their nodes tells of one any more. Nothing has changed hands then.
///
/// # Errors
/// A node that does not answer, or a migration that does not end, in words.
pub async fn cancel(list: &[Migration], auth: &Auth) -> Result<(), String> {
    let words = |error: NodeError| error.to_string();
    let deadline = Instant::now() + CANCEL_DEADLINE;
    let mut refused = Vec::new();
    for command in Migration::cancel_commands(list) {
        let client = NodeClient::connect(&command.node, auth).await.map_err(words)?;
        match client.run(&command).await {
            Ok(_) => {}
            // It may have ended, and its other end may be the one that cancels.
            Err(error @ NodeError { kind: NodeErrorKind::Refused(_), .. }) => refused.push(error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
    for addr in list.iter().flat_map(|one| &one.told_by).map(|(addr, _)| addr).collect::<BTreeSet<_>>() {
        let client = NodeClient::connect(addr, auth).await.map_err(words)?;
        while !running(&client).await.map_err(words)?.is_empty() {
            if Instant::now() > deadline {
                let why = refused.first().map(|why| format!(": {why}")).unwrap_or_default();
                return Err(format!("{addr} still migrates slots by itself{why}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Waits until no node migrates anything: what a program began that was then killed goes on without it.
pub(super) async fn await_running(gathered: &Gathered, context: &Context<'_>) -> Result<(), Why> {
    let deadline = Instant::now() + context.options.timeout.unwrap_or(LONGEST);
    let masters = gathered.topology.views.iter().filter(|(_, v)| v.me().is_some_and(|me| me.role == Role::Master));
    for (addr, _) in masters {
        let client = NodeClient::connect_with(addr, context.auth, context.connect(), context.patience()).await;
        let client = client.map_err(|error| error.to_string())?;
        while !running(&client).await.map_err(|error| error.to_string())?.is_empty() {
            if context.stop.is_cancelled() || Instant::now() > deadline {
                return Err(format!("{addr} still migrates slots by itself"));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::atomic::tests::fields;
    use super::*;

    #[test]
    fn only_a_refusal_means_that_nothing_can_be_under_way() {
        let addr = NodeAddr::new("127.0.0.1", 7000);
        let failed = |kind| known::<()>(Err(NodeError { addr: addr.clone(), kind }));
        assert_eq!(known(Ok(5)), Ok(Some(5)));
        assert_eq!(failed(NodeErrorKind::Refused("ERR unknown subcommand".into())), Ok(None));
        assert!(failed(NodeErrorKind::Timeout(Duration::from_secs(5))).is_err());
        assert!(failed(NodeErrorKind::Lost("reset".into())).is_err());
    }

    #[test]
    fn both_families_tell_the_same_of_a_running_migration() {
        let redis = fields(&[("slots", "0-9 20-29"), ("source", "a"), ("dest", "b"), ("state", "ready-to-stream")]);
        let valkey =
            fields(&[("slot_ranges", "0-9 20-29"), ("source_node", "a"), ("target_node", "b"), ("state", "x")]);
        let (one, other) = (RunningTask::of(&redis), RunningTask::of(&valkey));
        assert!(one.is_same(&other) && one.slots == "0-9,20-29" && other.state == "x");
    }

    #[test]
    fn both_ends_of_a_migration_are_told_to_end_it() {
        let task = RunningTask { slots: "0-9".into(), from: "a".into(), to: "b".into(), state: "x".into() };
        let at = |port: u16, backend: Backend| Migration {
            task: task.clone(),
            told_by: vec![(NodeAddr::new("127.0.0.1", port), backend)],
        };
        let mut list = Vec::new();
        Migration::merge(&mut list, vec![at(1, Backend::RedisAtomic)]);
        Migration::merge(&mut list, vec![at(2, Backend::RedisAtomic)]);
        assert_eq!((list.len(), list[0].slots().len()), (1, 10));
        let commands = Migration::cancel_commands(&list);
        let lines: Vec<String> = commands.iter().map(|command| command.redis_cli_line_in(None)).collect();
        let line = |port: u16| format!("redis-cli -h 127.0.0.1 -p {port} CLUSTER MIGRATION CANCEL ALL");
        assert_eq!(lines, [line(1), line(2)]);
    }
}
