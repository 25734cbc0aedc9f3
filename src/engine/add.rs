//! Carries additions out: functions to new masters, MEET between each new node and every other, REPLICATE, and waiting
//! until *every* node knows the new ones and new replicas are linked.
//!
//! All that can be looked at beforehand is ([`functions`], [`preview`]). What fails or is cancelled before a new node has
//! got its role is undone: the nodes were empty, and are so again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::core::plan::NodeCommand;
use crate::core::plan::add::{AddPlan, Newcomer};
use crate::core::plan::create::Candidate;
use crate::core::plan::members::{Host, Member};
use crate::core::plan::moves::obstacles;
use crate::core::plan::remove::RemovePlan;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId, Role, View};

use super::agreement::await_agreement;
use super::client::{NodeClient, NodeError, NodeErrorKind, as_text};
use super::command::Auth;
use super::detail::Detail;
use super::gather::{Gathered, gather};
use super::inspect::{Unfit, inspect, numeric};
use super::remove::take_back;
use super::replication::{Couple, await_links};

/// How long all nodes may take to know a new one. Handshakes take tenths of a second; but a node that has just been
/// removed is refused for 60 s (`CLUSTER_BLACKLIST_TTL`, which servers from 7.2 on also tell each other).
const JOIN_DEADLINE: Duration = Duration::from_secs(75);
/// How long to wait before those who don't know a new node are met again.
const MEET_AGAIN: Duration = Duration::from_secs(5);
/// How long a new node may take to find the cluster up: at most five seconds (`clusterUpdateState`), and a bit.
const UP_DEADLINE: Duration = Duration::from_secs(30);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(30);

/// The functions that new masters get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Functions {
    /// Nobody needs any: only replicas are added.
    NotNeeded,
    /// The cluster's servers have no functions (before 7.0), or don't give them; their words.
    Unsupported(String),
    /// What the cluster has.
    Dump {
        /// FUNCTION DUMP.
        payload: Vec<u8>,
        /// Whether these are none at all.
        none: bool,
    },
}

impl Functions {
    /// Whether there are none to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !matches!(self, Self::Dump { none: false, .. })
    }
}

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The functions go to a new master.
    SendingFunctions(NodeAddr),
    /// A new node meets the others.
    Meeting(NodeAddr),
    /// Everybody is waited for.
    Joining {
        /// Whether replicas are among the new nodes.
        replicas: bool,
    },
    /// A new node becomes a replica.
    Configuring {
        /// The new node.
        replica: NodeAddr,
        /// Its master.
        master: NodeAddr,
    },
    /// What is waited for.
    Waiting(Detail),
    /// What was done is undone.
    Undoing,
}

/// Receives the news; must not block.
pub type Report<'a> = &'a (dyn Fn(News) + Sync);

/// Why nodes were not added, or not as they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddError {
    /// Nothing was changed.
    #[error("nothing was changed: {0}")]
    Untouched(String),
    /// It failed and was undone.
    #[error("{0}. It was undone: the new nodes are empty again, and no node knows them")]
    Undone(String),
    /// It failed, and could not be undone everywhere.
    #[error("{0}. It could not be undone everywhere: {1}")]
    HalfMade(String, String),
    /// The nodes are members, but something is not as it should be.
    #[error("the new nodes are members of the cluster, but {0}")]
    Unsettled(String),
}

/// Why functions are in the way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FunctionError {
    /// The new node has some of its own.
    #[error("{0} already contains functions")]
    NotEmpty(NodeAddr),
    /// The new node can't have any, and the cluster does; its words.
    #[error("{0} takes no functions: {1}")]
    Refused(NodeAddr, String),
}

/// Makes sure that these new nodes can be replicas of masters that want a password: without `masterauth` a link never
/// comes up. Nodes that hide their settings are taken at their word.
///
/// # Errors
/// The first node that can't log in at its master, in words.
pub async fn preview(plan: &AddPlan, auth: &Auth, connect: Duration) -> Result<(), String> {
    let checks = plan.newcomers.iter().filter_map(|new| Some((new, new.master.as_ref()?)));
    join_all(checks.map(|(new, master)| async move {
        let open = NodeClient::connect_within(&master.at, &auth.nobody(), connect).await;
        let wants_password = match open {
            Ok(client) => matches!(client.call(&["PING"]).await, Err(NodeError { kind: NodeErrorKind::Auth(_), .. })),
            Err(_) => false,
        };
        let Ok(client) = NodeClient::connect_within(&new.addr, auth, connect).await else { return Ok(()) };
        let setting = client.call(&["CONFIG", "GET", "masterauth"]).await.ok();
        match setting.as_ref().and_then(second) {
            Some(password) if wants_password && password.is_empty() => Err(format!(
                "{} has no masterauth, and its master {} wants a password: set it with 'CONFIG SET masterauth …' and in \
                 its redis.conf",
                new.addr, master.at
            )),
            _ => Ok(()),
        }
    }))
    .await
    .into_iter()
    .collect()
}

/// The second of a pair, as CONFIG GET gives it.
fn second(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => as_text(items.get(1)?),
        Value::Map(pairs) => as_text(&pairs.first()?.1),
        _ => None,
    }
}

/// The cluster's functions, from the node at `from`.
///
/// # Errors
/// The node does not answer.
pub async fn functions(from: &NodeAddr, auth: &Auth, connect: Duration) -> Result<Functions, NodeError> {
    let client = NodeClient::connect_within(from, auth, connect).await?;
    match client.call(&["FUNCTION", "DUMP"]).await {
        Ok(Value::BulkString(payload)) => {
            let list = client.call(&["FUNCTION", "LIST"]).await?;
            Ok(Functions::Dump { payload, none: list == Value::Array(Vec::new()) })
        }
        Ok(other) => Ok(Functions::Unsupported(format!("FUNCTION DUMP gave {other:?}"))),
        Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) => Ok(Functions::Unsupported(reply)),
        Err(error) => Err(error),
    }
}

/// Makes sure that a new master has no functions of its own.
///
/// # Errors
/// [`FunctionError`].
pub async fn has_no_functions(at: &NodeAddr, auth: &Auth, connect: Duration) -> Result<(), FunctionError> {
    let refused = |error: NodeError| FunctionError::Refused(at.clone(), error.kind.to_string());
    let client = NodeClient::connect_within(at, auth, connect).await.map_err(refused)?;
    match client.call(&["FUNCTION", "LIST"]).await.map_err(refused)? {
        Value::Array(list) if list.is_empty() => Ok(()),
        _ => Err(FunctionError::NotEmpty(at.clone())),
    }
}

type Clients = BTreeMap<NodeAddr, NodeClient>;

struct Work<'a> {
    plan: &'a AddPlan,
    auth: &'a Auth,
    connect: Duration,
    clients: Clients,
    report: Report<'a>,
    cancel: &'a CancellationToken,
}

/// Carries an addition out. Returns the cluster afterwards, as all nodes say.
///
/// # Errors
/// [`AddError`].
pub async fn add(
    plan: &AddPlan,
    functions: &Functions,
    auth: &Auth,
    connect: Duration,
    report: Report<'_>,
    cancel: &CancellationToken,
) -> Result<Gathered, AddError> {
    let clients = prepare(plan, auth, connect).await.map_err(AddError::Untouched)?;
    let work = Work { plan, auth, connect, clients, report, cancel };
    work.not_cancelled().map_err(AddError::Untouched)?;
    let joined = async {
        work.send_functions(functions).await?;
        work.meet().await?;
        work.await_join().await?;
        work.replicate().await
    };
    if let Err(why) = joined.await {
        report(News::Undoing);
        return Err(match work.undo(functions).await {
            Ok(()) => AddError::Undone(why),
            Err(left) => AddError::HalfMade(why, left),
        });
    }
    work.settle().await.map_err(AddError::Unsettled)
}

/// Insists that the new nodes are still the plan's and empty, and connects to everybody.
async fn prepare(plan: &AddPlan, auth: &Auth, connect: Duration) -> Result<Clients, String> {
    let addrs: Vec<NodeAddr> = plan.newcomers.iter().map(|new| new.addr.clone()).collect();
    let joined = |unfit: Vec<Unfit>| unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let now: Vec<Candidate> = inspect(&addrs, auth).await.map_err(joined)?;
    if let Some((new, _)) = plan.newcomers.iter().zip(&now).find(|(new, now)| new.id != now.id) {
        return Err(format!("{} is another node than when the plan was made", new.addr));
    }
    let all = addrs.iter().chain(plan.hosts.iter().map(|host| &host.at));
    let clients = join_all(all.map(|addr| NodeClient::connect_within(addr, auth, connect))).await;
    let clients: Result<Vec<NodeClient>, NodeError> = clients.into_iter().collect();
    Ok(clients.map_err(|error| error.to_string())?.into_iter().map(|c| (c.addr().clone(), c)).collect())
}

impl Work<'_> {
    fn not_cancelled(&self) -> Result<(), String> {
        if self.cancel.is_cancelled() { Err("stopped as asked".to_owned()) } else { Ok(()) }
    }

    fn client(&self, addr: &NodeAddr) -> Result<&NodeClient, String> {
        self.clients.get(addr).ok_or_else(|| format!("no connection to {addr}"))
    }

    fn masters(&self) -> impl Iterator<Item = &Newcomer> {
        self.plan.newcomers.iter().filter(|new| new.master.is_none())
    }

    async fn send_functions(&self, functions: &Functions) -> Result<(), String> {
        let Functions::Dump { payload, .. } = functions else { return Ok(()) };
        for new in self.masters() {
            (self.report)(News::SendingFunctions(new.addr.clone()));
            let words: [&[u8]; 3] = [b"FUNCTION", b"RESTORE", payload];
            let sent = self.client(&new.addr)?.call(&words).await;
            sent.map_err(|error| format!("{} did not take the functions: {}", error.addr, error.kind))?;
        }
        Ok(())
    }

    async fn meet(&self) -> Result<(), String> {
        for new in &self.plan.newcomers {
            (self.report)(News::Meeting(new.addr.clone()));
        }
        self.send_all(self.meets().await?).await
    }

    /// The plan's MEETs with addresses for names, which MEET does not take.
    async fn meets(&self) -> Result<Vec<NodeCommand>, String> {
        let mut plan = self.plan.clone();
        for host in &mut plan.hosts {
            host.addr = numeric(&host.addr).await.map_err(|error| error.to_string())?;
        }
        Ok(plan.meet_commands())
    }

    async fn send_all(&self, commands: Vec<NodeCommand>) -> Result<(), String> {
        let sent = join_all(commands.iter().map(|command| async move {
            let said =
                |error: NodeError| format!("{} did not take '{}': {}", error.addr, command.words.join(" "), error.kind);
            self.client(&command.node)?.run(command).await.map_err(said).map(drop)
        }));
        sent.await.into_iter().collect()
    }

    async fn views(&self) -> BTreeMap<NodeAddr, View> {
        let answers = join_all(self.clients.values().map(NodeClient::view)).await;
        self.clients.keys().cloned().zip(answers).filter_map(|(addr, view)| Some((addr, view.ok()?))).collect()
    }

    /// Waits until every node knows every new one, and each new one everybody and who owns which slots.
    async fn await_join(&self) -> Result<(), String> {
        let replicas = self.plan.newcomers.iter().any(|new| new.master.is_some());
        (self.report)(News::Joining { replicas });
        let deadline = Instant::now() + JOIN_DEADLINE;
        let mut again = Instant::now() + MEET_AGAIN;
        loop {
            self.not_cancelled()?;
            if Instant::now() > again {
                again = Instant::now() + MEET_AGAIN;
                self.send_all(self.meets().await?).await?;
            }
            let strangers = self.strangers(&self.views().await);
            let Some(first) = strangers.first() else { return Ok(()) };
            if Instant::now() > deadline {
                let list =
                    strangers.iter().take(6).map(|(what, via)| format!("{what}{via}")).collect::<Vec<_>>().join("; ");
                return Err(format!(
                    "not every node knew the new ones after {} s: {list}. Each node must reach the bus port of every \
                     other; look for a firewall, or a wrong announced address. One that was removed less than a minute ago is \
                     refused",
                    JOIN_DEADLINE.as_secs()
                ));
            }
            (self.report)(News::Waiting(first.0.clone()));
            sleep(PAUSE).await;
        }
    }

    fn strangers(&self, views: &BTreeMap<NodeAddr, View>) -> Vec<(Detail, String)> {
        let stranger = |node: &NodeAddr, whom: &NodeAddr| {
            (Detail::DoesNotKnow { node: node.clone(), whom: whom.clone() }, format!(" ({})", bus(whom)))
        };
        let knows = |view: &View, id: &NodeId| {
            view.myself == *id
                || view.nodes.get(id).is_some_and(|node| !node.flags.handshake && !node.flags.noaddr && node.linked)
        };
        let slots = |view: &View| view.slot_owners().map(|(id, slots)| (id.clone(), slots.clone())).collect::<Vec<_>>();
        let seen: Option<Vec<(NodeId, SlotSet)>> =
            self.plan.hosts.first().and_then(|host| views.get(&host.at)).map(slots);
        let mut list = Vec::new();
        for host in &self.plan.hosts {
            for new in &self.plan.newcomers {
                if !views.get(&host.at).is_some_and(|view| knows(view, &new.id)) {
                    list.push(stranger(&host.at, &new.addr));
                }
            }
        }
        for new in &self.plan.newcomers {
            let Some(view) = views.get(&new.addr) else {
                list.push((Detail::Silent { node: new.addr.clone(), why: String::new() }, String::new()));
                continue;
            };
            let others = self.plan.hosts.iter().map(|host| (&host.id, &host.addr));
            let others = others.chain(self.plan.newcomers.iter().map(|other| (&other.id, &other.addr)));
            let unknown = others.filter(|(id, _)| !knows(view, id));
            list.extend(unknown.map(|(_, addr)| stranger(&new.addr, addr)));
            if list.is_empty() && seen.as_ref().is_some_and(|seen| *seen != slots(view)) {
                list.push((Detail::OwnersUnknown(new.addr.clone()), String::new()));
            }
        }
        list
    }

    async fn replicate(&self) -> Result<(), String> {
        for new in &self.plan.newcomers {
            if let Some(master) = &new.master {
                (self.report)(News::Configuring { replica: new.addr.clone(), master: master.at.clone() });
            }
        }
        self.send_all(self.plan.replicate_commands()).await
    }

    /// Waits until everybody knows the new replicas as such, and each is linked to its master; then looks at all.
    async fn settle(&self) -> Result<Gathered, String> {
        let waiting = |what| (self.report)(News::Waiting(what));
        let replicas: Vec<&Newcomer> = self.plan.newcomers.iter().filter(|new| new.master.is_some()).collect();
        if !replicas.is_empty() {
            let couples = replicas.iter().filter_map(|new| {
                let (replica, master) = (self.client(&new.addr).ok()?, self.client(&new.master.as_ref()?.at).ok()?);
                Some(Couple { replica: replica.clone(), master: master.clone() })
            });
            let couples: Vec<Couple> = couples.collect();
            await_links(&couples, &waiting, self.cancel).await?;
        }
        let newcomers = self.plan.newcomers.iter().map(|new| Host {
            id: new.id.clone(),
            at: new.addr.clone(),
            addr: new.addr.clone(),
        });
        let nodes: Vec<Host> = self.plan.hosts.iter().cloned().chain(newcomers).collect();
        await_agreement(&nodes, &self.clients, &waiting, self.cancel).await?;
        let all: Vec<NodeAddr> = self.clients.keys().cloned().collect();
        let deadline = Instant::now() + UP_DEADLINE;
        loop {
            let gathered = gather(&all, self.auth, self.connect).await;
            let against = obstacles(&gathered.topology, &gathered.check());
            let Some(what) = against.first() else { return Ok(gathered) };
            if Instant::now() > deadline || self.cancel.is_cancelled() {
                return Err(what.to_string());
            }
            waiting(what.into());
            sleep(PAUSE * 2).await;
        }
    }

    /// Makes the new nodes empty again and everybody else forget them.
    async fn undo(&self, functions: &Functions) -> Result<(), String> {
        if matches!(functions, Functions::Dump { .. }) {
            let flushes = self.masters().map(|new| NodeCommand::new(&new.addr, ["FUNCTION", "FLUSH"]));
            // Should it fail, the node is no worse for it than before, and the reset below is what counts.
            self.send_all(flushes.collect()).await.ok();
        }
        let gone = |new: &Newcomer| Member {
            id: new.id.clone(),
            at: Some(new.addr.clone()),
            addr: Some(new.addr.clone()),
            role: Role::Master,
            master: None,
            slots: SlotSet::new(),
            own_slots: None,
            failed: false,
        };
        let plan = RemovePlan {
            nodes: self.plan.newcomers.iter().map(gone).collect(),
            rehome: Vec::new(),
            tell: self.plan.hosts.clone(),
            silent: Vec::new(),
        };
        let removed = take_back(&plan, self.clients.clone(), self.auth, self.connect).await;
        let left = removed.missed.into_iter().chain(removed.not_reset);
        let left: Vec<String> = left.map(|(addr, why)| format!("{addr}: {why}")).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    }
}

fn bus(addr: &NodeAddr) -> String {
    addr.bus_port().map_or_else(|| "no bus port".to_owned(), |port| format!("bus port {port}"))
}
