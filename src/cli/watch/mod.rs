//! `watch`: a cluster while it lives. On a terminal a picture that is drawn anew, else a block of lines or a line of
//! JSON for each look.

mod frame;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch as channel};

use crate::core::topology::{NodeAddr, Role, Topology};
use crate::core::version::{Family, ServerVersion};
use crate::engine::assemble::{Known, Shards, assemble};
use crate::engine::client::NodeClient;
use crate::engine::command::Auth;
use crate::engine::migrate::{RunningTask, running};
use crate::engine::poll::{PollEvent, PollPlan, Polled, poll};
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;

use super::cluster::{access, look, resolved, seed_of};
use super::cluster_args::WatchArgs;
use super::failure::Failure;
use super::form::Means;
use super::json::FailureJson;
use super::state;
use super::terminal::complain;
use frame::{Frame, Seen};
use screen::{Screen, draw, ending_key};

/// How long asking for the servers' own migrations may hold a look up.
const TASKS_DEADLINE: Duration = Duration::from_millis(900);

/// The cluster that is watched, and all that is known of it.
struct Watched<'a> {
    name: String,
    seeds: Vec<NodeAddr>,
    auth: Auth,
    means: &'a Means<'a>,
    known: BTreeMap<NodeAddr, Known>,
    shards: Shards,
    /// Connections that ask for migrations, to the masters whose servers may have some.
    askers: BTreeMap<NodeAddr, NodeClient>,
    /// How often they have asked.
    asked: BTreeMap<NodeAddr, u64>,
}

/// `watch NAME|HOST:PORT`. Ends with q, Ctrl-C, after so many looks, or when nobody reads on.
///
/// # Errors
/// No such cluster, or the node that was named does not answer at the beginning.
pub async fn watch(means: &Means<'_>, args: &WatchArgs) -> Result<(), Failure> {
    let Err(failure) = run(means, args).await else { return Ok(()) };
    // Its JSON is lines, this one too.
    if !means.terminal.is_json() {
        return Err(failure);
    }
    if let Failure::Message(text) = &failure {
        complain(text);
    }
    means.terminal.json_line(&FailureJson { ok: false, error: failure.to_string() });
    Err(Failure::Shown)
}

async fn run(means: &Means<'_>, args: &WatchArgs) -> Result<(), Failure> {
    let mut watched = Watched::find(means, args).await?;
    let every = args.interval();
    let plan = PollPlan { addrs: watched.seeds.clone(), auth: watched.auth.clone(), every, closely: false, urge: 0 };
    let (plan, plans) = channel::channel(plan);
    let (reports, mut events) = mpsc::channel(64);
    let polling = tokio::spawn(poll(plans, reports));
    let screen = if args.count.is_none() && !means.terminal.is_json() { Screen::enter() } else { None };
    // Without a screen there are no keys; the sender stays, so that the channel does not end.
    let (_no_keys, none) = mpsc::channel(1);
    let mut ended = if screen.is_some() { ending_key().map_err(|error| Failure::message(&error))? } else { none };
    let cancel = means.interrupt.token();
    let mut left = args.count;
    let mut first = true;
    while left != Some(0) {
        tokio::select! {
            () = cancel.cancelled() => break,
            Some(()) = ended.recv() => break,
            event = events.recv() => match event {
                None => break,
                Some(PollEvent::Node(polled)) => watched.note(*polled),
                Some(PollEvent::RoundDone) => {
                    // The first round asked only the nodes that were named: the next one, which comes at once, shows all.
                    if watched.follow(&plan) && std::mem::take(&mut first) {
                        continue;
                    }
                    first = false;
                    // Nobody reads on (`| head`): there is nothing to watch for.
                    if !show(means, screen.as_ref(), &watched.frame().await) {
                        break;
                    }
                    left = left.map(|left| left - 1);
                }
            },
        }
    }
    polling.abort();
    Ok(())
}

/// Whether it was taken.
fn show(means: &Means<'_>, screen: Option<&Screen>, frame: &Frame) -> bool {
    if !means.terminal.json_line(frame) {
        return false;
    }
    let mut text = means.terminal.text();
    frame.text(&mut text);
    let text = text.into_string();
    match screen {
        Some(_) => {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            draw(&lines, "q ends");
            true
        }
        None => means.terminal.offer(&format!("{text}\n")),
    }
}

impl<'a> Watched<'a> {
    async fn find(means: &'a Means<'a>, args: &WatchArgs) -> Result<Self, Failure> {
        let mut access = access(&args.login).await?;
        let name = args.target.join(":");
        // No cluster's name holds a colon.
        let seeds = if name.contains(':') {
            let seed = resolved(seed_of(&args.target)?, &args.login, false).await?;
            look(&seed, &access, means.terminal).await?;
            vec![seed]
        } else {
            let doc = means.workspace.load(&name)?;
            access.complete(&doc);
            doc.places()
        };
        let (known, shards, askers, asked) = (BTreeMap::new(), Shards::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self { name, seeds, auth: access.auth, means, known, shards, askers, asked })
    }

    fn note(&mut self, polled: Polled) {
        let mut asked = polled.asked;
        asked.sent += self.asked.get(&polled.addr).copied().unwrap_or_default();
        let known = self.known.entry(polled.addr).or_default();
        match polled.answer {
            Ok(answer) => known.answered(answer, polled.at, asked),
            Err(error) => known.error = Some(error.kind.to_string()),
        }
    }

    /// The next look also asks nodes that have joined; nodes that were forgotten are left alone.
    fn follow(&mut self, plan: &channel::Sender<PollPlan>) -> bool {
        let topology = self.topology();
        if topology.views.is_empty() {
            return false;
        }
        let answering: BTreeSet<_> = topology.views.values().map(|view| view.myself.clone()).collect();
        let joined = topology.nodes().into_values().filter(|node| !answering.contains(&node.id)).filter_map(|n| n.addr);
        let addrs: BTreeSet<NodeAddr> = topology.views.keys().cloned().chain(self.seeds.iter().cloned()).collect();
        let known_at = |addr: &NodeAddr| addrs.iter().any(|a| a.same_place(addr));
        let joined: Vec<NodeAddr> = joined.filter(|addr| !addr.host.is_empty() && !known_at(addr)).collect();
        let mut all: Vec<NodeAddr> = addrs.into_iter().chain(joined).collect();
        all.sort();
        self.known.retain(|addr, _| all.contains(addr));
        plan.send_if_modified(|plan| {
            let changed = plan.addrs != all;
            plan.addrs = all;
            changed
        })
    }

    fn topology(&self) -> Topology {
        let mut topology = Topology::default();
        for (addr, known) in &self.known {
            match (&known.error, &known.answer) {
                (None, Some(answer)) => drop(topology.views.insert(addr.clone(), answer.view.clone())),
                (Some(error), _) => drop(topology.unreachable.insert(addr.clone(), error.clone())),
                (None, None) => {}
            }
        }
        topology
    }

    async fn frame(&mut self) -> Frame {
        let topology = self.topology();
        // Read for each look: it may be stopped meanwhile. No document's name holds a colon.
        let doc = self.means.workspace.load(&self.name).ok();
        let phase = state::phase(doc.as_ref(), &self.known);
        let tasks = self.tasks(&topology).await;
        let mut found = assemble(&self.known, &BTreeMap::new(), phase, &mut self.shards);
        let addrs: Vec<NodeAddr> = topology.nodes().into_values().filter_map(|node| node.addr).collect();
        let journal = JournalFile::<MoveJournal>::peek(self.means.workspace, &addrs);
        if let Some(under_way) = JournalFile::<MoveJournal>::under_way(self.means.workspace, &addrs) {
            found.pardon(&under_way.plan.slots());
        }
        let state = state::word(doc.as_ref(), &self.known, found.health);
        let (journal, topology, found, tasks) = (journal.as_ref(), &topology, &found, &tasks);
        let now = SystemTime::now();
        Frame::of(&Seen { cluster: &self.name, state, found, topology, journal, tasks, now })
    }

    /// The migrations that the servers carry out by themselves.
    async fn tasks(&mut self, topology: &Topology) -> Vec<RunningTask> {
        let may = |addr: &NodeAddr| {
            let master = topology.views.get(addr).and_then(|view| view.me()).is_some_and(|me| me.role == Role::Master);
            let info = self.known.get(addr).and_then(|known| known.answer.as_ref()).map(|answer| answer.info.as_str());
            master && info.is_some_and(knows_atomic)
        };
        let due: Vec<NodeAddr> = topology.views.keys().filter(|addr| may(addr)).cloned().collect();
        self.askers.retain(|addr, _| due.contains(addr));
        let asking = due.iter().map(|addr| {
            let client = self.askers.get(addr).cloned();
            let auth = &self.auth;
            async move {
                let asked = async {
                    let client = match client {
                        Some(client) => client,
                        None => NodeClient::connect_within(addr, auth, TASKS_DEADLINE).await?,
                    };
                    let tasks = running(&client).await?;
                    Ok::<_, crate::engine::client::NodeError>((client, tasks))
                };
                (addr.clone(), tokio::time::timeout(TASKS_DEADLINE, asked).await)
            }
        });
        let answers = join_all(asking).await;
        let mut all: Vec<RunningTask> = Vec::new();
        for (addr, answer) in answers {
            match answer {
                Ok(Ok((client, tasks))) => {
                    *self.asked.entry(addr.clone()).or_default() += 1;
                    self.askers.insert(addr, client);
                    // Both ends tell of it.
                    all.extend(
                        tasks
                            .into_iter()
                            .filter(|task| !all.iter().any(|known| known.is_same(task)))
                            .collect::<Vec<_>>(),
                    );
                }
                _ => drop(self.askers.remove(&addr)),
            }
        }
        all
    }
}

/// Whether a server of this version may migrate slots by itself; that it refuses to tell is no harm.
fn knows_atomic(info: &str) -> bool {
    let Some(version) = ServerVersion::parse_info(info) else { return false };
    match version.family {
        Family::Redis => version.numbers() >= (8, 4, 0),
        Family::Valkey => version.numbers() >= (9, 0, 0),
        Family::Memurai => false,
    }
}
