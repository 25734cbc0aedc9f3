//! The refresh loop of one cluster: asks every node about once a second, each on its own, and reports each answer as it
//! comes, so that one silent node never holds up the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::core::topology::NodeAddr;

use super::client::{NodeClient, NodeError, NodeErrorKind};
use super::command::Auth;
use super::gather::{Answer, ask};
use super::migrate::{RunningTask, running_where_known};

/// How long a node may take to answer before its values count as old. Below the poll's pace, so that the picture is at
/// most about a second old.
const ANSWER_DEADLINE: Duration = Duration::from_millis(900);

/// The longest pause between two tries to reach a node that can't be reached.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(8);

/// In one round of so many, servers are asked what they migrate by themselves while nothing speaks for it: another
/// program may have told them to.
const MIGRATIONS_EVERY: u32 = 4;

/// What a poll should do; changed by the actor at any time.
#[derive(Debug, Clone, PartialEq)]
pub struct PollPlan {
    /// Whom to ask.
    pub addrs: Vec<NodeAddr>,
    /// How to log in.
    pub auth: Auth,
    /// The pace.
    pub every: Duration,
    /// Whether servers are asked in each round what they migrate by themselves, not just now and then.
    pub closely: bool,
    /// Grows when the next poll should come at once.
    pub urge: u64,
}

/// How an answer was asked for: what the server has counted of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Over which connection to this node, by number.
    pub connection: u64,
    /// How many commands that connection has sent by now.
    pub sent: u64,
}

/// One node's answer, or what went wrong instead.
#[derive(Debug)]
pub struct Polled {
    /// The node.
    pub addr: NodeAddr,
    /// Its answer.
    pub answer: Result<Arc<Answer>, NodeError>,
    /// What its server moves by itself; `None` where it was not asked this time.
    pub under_way: Option<Vec<RunningTask>>,
    /// How it came.
    pub asked: Asked,
    /// When it came.
    pub at: SystemTime,
}

/// What the loop reports.
#[derive(Debug)]
pub enum PollEvent {
    /// A node answered, or did not.
    Node(Box<Polled>),
    /// A round is over.
    RoundDone,
}

/// One node's connection and how often it failed in a row.
#[derive(Debug, Default)]
struct Line {
    client: Option<NodeClient>,
    connections: u64,
    failures: u32,
    not_before: Option<Instant>,
    migrations: Migrations,
}

/// When a server is asked what it migrates by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Migrations {
    /// It knows no such thing.
    Unknown,
    /// In so many rounds.
    In(u32),
}

impl Default for Migrations {
    fn default() -> Self {
        Self::In(0)
    }
}

impl Migrations {
    /// Whether this is the round, and what comes next if the server can tell.
    fn turn(self, closely: bool) -> (bool, Self) {
        match self {
            Self::Unknown => (false, self),
            Self::In(0) => (true, Self::In(MIGRATIONS_EVERY)),
            Self::In(rounds) => (closely, Self::In(if closely { MIGRATIONS_EVERY } else { rounds - 1 })),
        }
    }
}

/// Runs until the plan's sender or the reports' receiver is gone. One round runs at a time; what is urged meanwhile
/// becomes the one next round.
pub async fn poll(mut plan: watch::Receiver<PollPlan>, reports: mpsc::Sender<PollEvent>) {
    let mut lines: BTreeMap<NodeAddr, Line> = BTreeMap::new();
    let mut auth = Auth::default();
    loop {
        let began = Instant::now();
        let now = plan.borrow_and_update().clone();
        if now.auth != auth {
            lines.clear();
            auth = now.auth.clone();
        }
        lines.retain(|addr, _| now.addrs.contains(addr));
        if round(&now, &mut lines, &reports).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep_until(began + now.every) => {}
            changed = plan.changed() => if changed.is_err() { return },
        }
    }
}

/// Asks every node that is due, and reports answers in the order in which they come.
async fn round(
    plan: &PollPlan,
    lines: &mut BTreeMap<NodeAddr, Line>,
    reports: &mpsc::Sender<PollEvent>,
) -> Result<(), mpsc::error::SendError<PollEvent>> {
    let now = Instant::now();
    let mut asking = FuturesUnordered::new();
    for addr in &plan.addrs {
        let line = lines.remove(addr).unwrap_or_default();
        if line.not_before.is_some_and(|then| then > now) {
            lines.insert(addr.clone(), line);
        } else {
            asking.push(ask_line(addr.clone(), line, &plan.auth, plan.closely));
        }
    }
    while let Some((addr, line, answer)) = asking.next().await {
        let sent = line.client.as_ref().map_or(0, NodeClient::sent);
        let asked = Asked { connection: line.connections, sent };
        lines.insert(addr.clone(), line);
        let (answer, under_way) = match answer {
            Ok((answer, under_way)) => (Ok(Arc::new(answer)), under_way),
            Err(error) => (Err(error), None),
        };
        let polled = Polled { addr, answer, under_way, asked, at: SystemTime::now() };
        reports.send(PollEvent::Node(Box::new(polled))).await?;
    }
    reports.send(PollEvent::RoundDone).await
}

/// A node's answer, and what its server moves by itself where it was asked for that.
type Told = (Answer, Option<Vec<RunningTask>>);

async fn ask_line(
    addr: NodeAddr,
    mut line: Line,
    auth: &Auth,
    closely: bool,
) -> (NodeAddr, Line, Result<Told, NodeError>) {
    let (due, mut migrations) = line.migrations.turn(closely);
    let asked = async {
        let client = if let Some(client) = line.client.take() {
            client
        } else {
            line.connections += 1;
            NodeClient::connect_within(&addr, auth, ANSWER_DEADLINE).await?
        };
        let under_way = async { if due { running_where_known(&client).await.map(Some) } else { Ok(None) } };
        let (answer, under_way) = tokio::join!(ask(&client), under_way);
        Ok((answer?, under_way?, client))
    };
    let late = || NodeError { addr: addr.clone(), kind: NodeErrorKind::Timeout(ANSWER_DEADLINE) };
    match timeout(ANSWER_DEADLINE, asked).await.unwrap_or_else(|_| Err(late())) {
        Ok((answer, under_way, client)) => {
            if under_way == Some(None) {
                migrations = Migrations::Unknown;
            }
            let connections = line.connections;
            let line = Line { client: Some(client), connections, failures: 0, not_before: None, migrations };
            (addr, line, Ok((answer, under_way.flatten())))
        }
        Err(error) => {
            let failures = line.failures.saturating_add(1);
            let not_before = Some(Instant::now() + back_off(&error.kind, failures));
            // Another server may answer there next.
            let migrations = Migrations::default();
            let line = Line { client: None, connections: line.connections, failures, not_before, migrations };
            (addr, line, Err(error))
        }
    }
}

/// How long to leave a node alone. A refused connection costs nothing and may end any moment, so such a node is asked
/// at the common pace; one that swallows packets is asked more and more rarely.
fn back_off(kind: &NodeErrorKind, failures: u32) -> Duration {
    match kind {
        NodeErrorKind::Timeout(_) => {
            Duration::from_millis(500).saturating_mul(1 << failures.min(5)).min(LONGEST_BACK_OFF)
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_asked_for_migrations_now_and_then_or_closely_and_never_in_vain() {
        let mut asked = Vec::new();
        let mut migrations = Migrations::default();
        for closely in [false, false, false, false, false, false, true, true] {
            let (due, next) = migrations.turn(closely);
            migrations = next;
            asked.push(due);
        }
        assert_eq!(asked, [true, false, false, false, false, true, true, true]);
        assert_eq!(Migrations::Unknown.turn(true), (false, Migrations::Unknown));
    }

    #[test]
    fn only_silence_is_answered_with_longer_pauses_and_those_are_bounded() {
        assert_eq!(back_off(&NodeErrorKind::Connect("refused".into()), 50), Duration::ZERO);
        let silent = NodeErrorKind::Timeout(ANSWER_DEADLINE);
        assert!(back_off(&silent, 1) < back_off(&silent, 2));
        assert_eq!(back_off(&silent, u32::MAX), LONGEST_BACK_OFF);
    }
}
