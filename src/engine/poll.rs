//! The refresh loop of one cluster: asks every node about once a second, each on its own, and reports each answer as it
//! comes, so that one silent node never holds up the others.
//!
//! # Views of large clusters
//! What a node says of itself is short; its view of the others grows with the cluster, and there are as many views as
//! nodes: a thousand are 120 MB. So a round asks for as many views as `VIEW_BUDGET` allows: for all of them up to some
//! 180 nodes, beyond that for those told longest ago. Sooner asked are nodes whose role, master or epoch changed, nodes
//! of which somebody tells something new, and nodes that were away. Each answer says from when its view is.

mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::core::topology::NodeAddr;

use super::client::{NodeClient, NodeError, NodeErrorKind};
use super::command::Auth;
use super::gather::{Answer, Words, tell};
use super::migrate::{RunningTask, running_where_known};
use super::socket::wants_tls;
use super::tls::WANTS_TLS;
use turns::{Held, Turns, Want};

/// How long a node may take to answer before its values count as old. Below the poll's pace, so that the picture is at
/// most about a second old.
const ANSWER_DEADLINE: Duration = Duration::from_millis(900);

/// The longest pause between two tries to reach a node that can't be reached.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(8);

/// So many rounds pass before servers are asked again what they migrate by themselves, while nothing speaks for it:
/// another program may have told them to.
const MIGRATIONS_EVERY: u32 = 1;

/// How many nodes are asked at the same time. Each has its own deadline, which begins when it is asked.
const AT_ONCE: usize = 256;

/// How many connections for large views there are at the same time.
const PASSING_AT_ONCE: usize = 16;

/// The most that the views asked for in a round may come to, bytes, for a round a second.
const VIEW_BUDGET: usize = 4 * 1024 * 1024;

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
    /// How many commands we have sent to this node since that connection began.
    pub sent: u64,
    /// When its view was told, where that was before this answer.
    pub viewed: Option<SystemTime>,
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

/// One node's connection, the view that it told last, and how often it failed in a row.
#[derive(Debug, Default)]
struct Line {
    client: Option<NodeClient>,
    connections: u64,
    /// What passing connections sent since this one began.
    aside: u64,
    held: Option<Held>,
    failures: u32,
    not_before: Option<Instant>,
    migrations: Migrations,
    /// Whether the port speaks TLS where we do not: asked once, when it first hangs up.
    wants_tls: Option<bool>,
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
    let mut turns = Turns::default();
    let mut auth = Auth::default();
    loop {
        let began = Instant::now();
        let now = plan.borrow_and_update().clone();
        if now.auth != auth {
            lines.clear();
            auth = now.auth.clone();
        }
        let asked: BTreeSet<&NodeAddr> = now.addrs.iter().collect();
        lines.retain(|addr, _| asked.contains(addr));
        if round(&now, &mut lines, &mut turns, &reports).await.is_err() {
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
    turns: &mut Turns,
    reports: &mpsc::Sender<PollEvent>,
) -> Result<(), mpsc::error::SendError<PollEvent>> {
    let now = Instant::now();
    let budget = VIEW_BUDGET as f64 * plan.every.as_secs_f64().min(1.0);
    turns.begin(budget, plan.addrs.iter().map(|addr| (addr, lines.get(addr).and_then(|line| line.held.as_ref()))));
    let how = How { auth: &plan.auth, closely: plan.closely, passing: Semaphore::new(PASSING_AT_ONCE) };
    let mut due = Vec::new();
    for addr in &plan.addrs {
        let line = lines.remove(addr).unwrap_or_default();
        if line.not_before.is_some_and(|then| then > now) {
            lines.insert(addr.clone(), line);
        } else {
            due.push(ask_line(addr.clone(), line, turns.want(addr), &how));
        }
    }
    let mut asking = stream::iter(due).buffer_unordered(AT_ONCE);
    while let Some((addr, mut line, told)) = asking.next().await {
        let at = SystemTime::now();
        let (under_way, answer) = match told {
            Ok(mut told) => (told.under_way.take(), take_in(&addr, &mut line, turns, told, at)),
            Err(error) => (None, Err(error)),
        };
        let sent = line.client.as_ref().map_or(0, NodeClient::sent) + line.aside;
        let viewed = line.held.as_ref().map(|held| held.at);
        let asked = Asked { connection: line.connections, sent, viewed };
        lines.insert(addr.clone(), line);
        let polled = Polled { addr, answer, under_way, asked, at };
        reports.send(PollEvent::Node(Box::new(polled))).await?;
    }
    turns.end();
    reports.send(PollEvent::RoundDone).await
}

/// How nodes are asked in a round.
struct How<'a> {
    auth: &'a Auth,
    closely: bool,
    /// Turns of passing connections.
    passing: Semaphore,
}

/// What a node told.
struct Told {
    /// Of itself.
    words: Words,
    /// The text of its view, if it was asked for.
    text: Option<String>,
    /// What its server moves by itself, where it was asked for that.
    under_way: Option<Vec<RunningTask>>,
}

/// An answer from what was told now and the view that was told last.
fn take_in(
    addr: &NodeAddr,
    line: &mut Line,
    turns: &mut Turns,
    Told { words, text, .. }: Told,
    at: SystemTime,
) -> Result<Arc<Answer>, NodeError> {
    let unexpected = |what: String| NodeError { addr: addr.clone(), kind: NodeErrorKind::Unexpected(what) };
    if let Some(text) = text {
        let before = line.held.take().map(|held| held.view);
        let view = turns.read(&text, before).map_err(|error| unexpected(error.to_string()))?;
        line.held = Some(Held { view, at, epoch: words.epoch, part: None });
    }
    let held = line.held.as_mut().ok_or_else(|| unexpected("CLUSTER NODES gave no text".to_owned()))?;
    let answer = Answer::new(held.view.clone(), words.health, words.info);
    held.part.get_or_insert_with(|| answer.facts().part.clone());
    Ok(Arc::new(answer))
}

async fn ask_line(
    addr: NodeAddr,
    mut line: Line,
    want: Want,
    how: &How<'_>,
) -> (NodeAddr, Line, Result<Told, NodeError>) {
    match ask(&addr, &mut line, want, how).await {
        Ok(told) => {
            (line.failures, line.not_before, line.wants_tls) = (0, None, None);
            (addr, line, Ok(told))
        }
        Err(error) => {
            line.client = None;
            let error = explained(error, &mut line, how.auth).await;
            line.failures = line.failures.saturating_add(1);
            line.not_before = Some(Instant::now() + back_off(&error.kind, line.failures));
            // Another server may answer there next.
            line.migrations = Migrations::default();
            (addr, line, Err(error))
        }
    }
}

/// A server that hangs up on plain commands may want TLS: then that is what is wrong.
async fn explained(error: NodeError, line: &mut Line, auth: &Auth) -> NodeError {
    if matches!(error.kind, NodeErrorKind::Connect(_)) {
        // Nobody is there: who comes next may want something else.
        line.wants_tls = None;
    }
    if auth.tls.is_some() || !matches!(error.kind, NodeErrorKind::Lost(_)) {
        return error;
    }
    if line.wants_tls.is_none() {
        line.wants_tls = Some(wants_tls(&error.addr, ANSWER_DEADLINE).await);
    }
    match line.wants_tls {
        Some(true) => NodeError { kind: NodeErrorKind::Tls(WANTS_TLS.to_owned()), ..error },
        _ => error,
    }
}

async fn ask(addr: &NodeAddr, line: &mut Line, mut want: Want, how: &How<'_>) -> Result<Told, NodeError> {
    let due;
    (due, line.migrations) = line.migrations.turn(how.closely);
    let known = line.client.is_some();
    let (client, (words, mut text), under_way) = in_time(addr, async {
        let client = if let Some(client) = line.client.take() {
            client
        } else {
            (line.connections, line.aside) = (line.connections + 1, 0);
            // Whoever was away may have changed since.
            want = want.at_least_aside();
            NodeClient::connect_within(addr, how.auth, ANSWER_DEADLINE).await?
        };
        let under_way = async { if due { running_where_known(&client).await.map(Some) } else { Ok(None) } };
        let (told, under_way) = tokio::join!(tell(&client, want == Want::WithTheRest), under_way);
        // What else it was asked about must not cost what it tells of itself.
        Ok((client, told?, under_way.unwrap_or_default()))
    })
    .await?;
    line.client = Some(client);
    if under_way == Some(None) {
        line.migrations = Migrations::Unknown;
    }
    let changed = || line.held.as_ref().is_none_or(|held| held.is_outdone_by(&words));
    if want == Want::Aside || (want == Want::Nothing && changed()) {
        // A connection keeps room for the largest answer it has had: a thousand would keep a hundred megabytes. So this
        // one ends with its answer, and there are few at a time. The semaphore is never closed.
        let _turn = how.passing.acquire().await.ok();
        let asking = async {
            let client = NodeClient::connect_within(addr, how.auth, ANSWER_DEADLINE).await?;
            let text = client.text(&["CLUSTER", "NODES"]).await?;
            Ok((text, client.sent()))
        };
        match in_time(addr, asking).await {
            Ok((view, sent)) => {
                text = Some(view);
                line.aside += sent;
            }
            // It has answered: the view from before stands, as old as it says, and is asked for again in its turn.
            Err(_) if known && line.held.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Told { words, text, under_way: under_way.flatten() })
}

/// What a node answers within [`ANSWER_DEADLINE`].
async fn in_time<T>(addr: &NodeAddr, asking: impl Future<Output = Result<T, NodeError>>) -> Result<T, NodeError> {
    let late = || Err(NodeError { addr: addr.clone(), kind: NodeErrorKind::Timeout(ANSWER_DEADLINE) });
    timeout(ANSWER_DEADLINE, asking).await.unwrap_or_else(|_| late())
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
        assert_eq!(asked, [true, false, true, false, true, false, true, true]);
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
