//! Executes a create plan: pipelined slots and epochs, a full mesh of MEETs, REPLICATE as soon as a replica knows its
//! master, then waiting by short polls until *every* node agrees; and whatever happens, changed settings are put back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::core::check::Finding;
use crate::core::count::counted;
use crate::core::plan::NodeCommand;
use crate::core::plan::create::CreatePlan;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId, Role, View};
use crate::workspace::document::CreateJournal;

use super::client::{NodeClient, NodeError, NodeErrorKind};
use super::command::Auth;
use super::detail::Detail;
use super::gather::{Gathered, ask};
use super::inspect::{Unfit, inspect, keys_in};
use super::job::Step;
use super::steps::Steps;

/// The steps of a creation, in order.
pub const CREATE_STEPS: [Step; 10] = [
    Step::InspectNodes,
    Step::TuneForCreate,
    Step::AssignSlots,
    Step::AssignEpochs,
    Step::Meet,
    Step::AwaitJoin,
    Step::AssignReplicas,
    Step::AwaitAgreement,
    Step::RestoreSettings,
    Step::Check,
];

/// How long all nodes may take to know each other, and then to agree. Handshakes take tenths of a second; what takes
/// longer is blocked, and the error says which pair of nodes.
const JOIN_DEADLINE: Duration = Duration::from_secs(30);
const AGREE_DEADLINE: Duration = Duration::from_mins(1);

/// Keeps the journal of a creation on disk while it runs.
pub trait Journal: Send + Sync {
    /// Saves what to put back and what may be reset. Called before anything is changed.
    ///
    /// # Errors
    /// In words; the creation then stops before it changes anything.
    fn save(&self, journal: &CreateJournal) -> Result<(), String>;

    /// The creation has ended with nothing left to put back or to reset.
    fn clear(&self);
}

/// Why a creation did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CreateError {
    /// Nothing was changed.
    #[error("nothing was changed: {0}")]
    Untouched(String),
    /// Some nodes were changed.
    #[error("{reason}")]
    HalfMade {
        /// The nodes that this run changed.
        touched: Vec<NodeAddr>,
        /// What went wrong, where.
        reason: String,
        /// Asked to stop, rather than failed.
        cancelled: bool,
    },
}

/// Whether a creation begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every node must still be as empty as when the plan was made.
    Fresh,
    /// An earlier run stopped half-way: what is done already is left as it is, nodes must only be the plan's own.
    Resume,
}

/// Makes the cluster of a confirmed plan. Returns the final check's findings that are worth knowing but no errors.
///
/// # Errors
/// [`CreateError::Untouched`] when nodes are no longer what the plan was made from; [`CreateError::HalfMade`] with the
/// touched nodes when something failed later or the work was cancelled.
pub async fn create(
    plan: &CreatePlan,
    mode: Mode,
    auth: &Auth,
    steps: &Steps,
    journal: &dyn Journal,
) -> Result<Vec<Finding>, CreateError> {
    steps.begin(Step::InspectNodes);
    let clients = match prepare(plan, mode, auth).await {
        Ok(clients) => clients,
        Err(reason) => {
            steps.fail(&reason);
            return Err(CreateError::Untouched(reason));
        }
    };
    let mut record = CreateJournal {
        plan: Some(plan.clone()),
        touched: plan.nodes().map(|n| n.addr.clone()).collect(),
        restore: restore_list(plan),
        reason: None,
    };
    if let Err(reason) = journal.save(&record) {
        steps.fail(&reason);
        return Err(CreateError::Untouched(reason));
    }
    let back = tune(plan, &clients, steps).await;
    let result = form(plan, mode, &clients, steps).await;
    if let Err(reason) = &result {
        steps.fail(reason);
    }
    let not_restored = restore(back, &clients, steps).await;
    let result = match (result, not_restored) {
        (Ok(()), None) => final_check(&clients, steps).await,
        (Ok(()), Some(reason)) | (Err(reason), None) => Err(reason),
        (Err(reason), Some(more)) => Err(format!("{reason}; {more}")),
    };
    match result {
        Ok(findings) => {
            journal.clear();
            Ok(findings)
        }
        Err(reason) => {
            record.reason = Some(reason.clone());
            // The error below tells the same; a journal that can't be written again still holds what to reset.
            journal.save(&record).ok();
            Err(CreateError::HalfMade { touched: record.touched, reason, cancelled: steps.is_cancelled() })
        }
    }
}

type Clients = BTreeMap<NodeAddr, NodeClient>;

/// Connects, and makes sure that every node is still the one that the plan was made from (and, for a fresh creation,
/// still empty).
async fn prepare(plan: &CreatePlan, mode: Mode, auth: &Auth) -> Result<Clients, String> {
    let addrs: Vec<NodeAddr> = plan.nodes().map(|n| n.addr.clone()).collect();
    if mode == Mode::Fresh {
        let joined = |unfit: Vec<Unfit>| unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let now = inspect(&addrs, auth).await.map_err(joined)?;
        // What is put back at the end is what the plan says; it must still be so.
        if let Some((planned, _)) = plan.nodes().zip(&now).find(|(planned, now)| planned.tuned != now.tuned) {
            return Err(format!("settings of {} changed since the plan was made: make a new plan", planned.addr));
        }
    }
    let connections = join_all(addrs.iter().map(|addr| NodeClient::connect(addr, auth))).await;
    let clients: Clients = connections
        .into_iter()
        .map(|client| client.map(|c| (c.addr().clone(), c)).map_err(|error| error.to_string()))
        .collect::<Result<_, String>>()?;
    let views = views(&clients).await;
    for planned in plan.nodes() {
        let Some(view) = views.get(&planned.addr) else { return Err(format!("{} does not answer", planned.addr)) };
        if view.myself != planned.id {
            return Err(format!(
                "{} is another node than when the plan was made ({} instead of {}): make a new plan",
                planned.addr,
                view.myself.short(),
                planned.id.short()
            ));
        }
        // Its MEETs would join that cluster to this one.
        if let Some(stranger) = stranger(view, plan) {
            return Err(format!("{} knows {stranger}, which is not part of the plan: take it out first", planned.addr));
        }
    }
    Ok(clients)
}

/// A node that this view knows and the plan does not.
fn stranger(view: &View, plan: &CreatePlan) -> Option<String> {
    let other = view.nodes.values().find(|node| !node.flags.handshake && !plan.nodes().any(|n| n.id == node.id))?;
    Some(other.addr.as_ref().map_or_else(|| other.id.to_string(), ToString::to_string))
}

/// The slot commands of a plan; when it is gone on with, only for the slots that a master does not own already.
async fn slot_commands(plan: &CreatePlan, mode: Mode, clients: &Clients) -> Vec<NodeCommand> {
    if mode == Mode::Fresh {
        return plan.slot_commands();
    }
    let views = views(clients).await;
    plan.masters
        .iter()
        .flat_map(|m| {
            let mut missing = SlotSet::from_iter([m.slots]);
            if let Some(me) = views.get(&m.node.addr).and_then(View::me) {
                for slot in me.slots.iter() {
                    missing.remove(slot);
                }
            }
            missing.ranges().into_iter().map(|range| m.node.add_slots_command(range)).collect::<Vec<_>>()
        })
        .collect()
}

fn restore_list(plan: &CreatePlan) -> Vec<(NodeAddr, String, String)> {
    let settings = plan.nodes().flat_map(|n| n.tuned.iter().map(move |t| (n, t)));
    settings.map(|(n, t)| (n.addr.clone(), t.name.clone(), t.before.clone())).collect()
}

/// Shortens the waiting times; returns the commands that put them back. A server that refuses a setting is only slower,
/// and has nothing to be put back; one whose answer was lost may have taken it.
async fn tune(plan: &CreatePlan, clients: &Clients, steps: &Steps) -> Vec<NodeCommand> {
    steps.begin(Step::TuneForCreate);
    let results = run_all(clients, plan.tune_commands()).await;
    let refused = |result: &Result<(), NodeError>| {
        matches!(result, Err(NodeError { kind: NodeErrorKind::Refused(_) | NodeErrorKind::Auth(_), .. }))
    };
    plan.restore_commands().into_iter().zip(results).filter(|(_, r)| !refused(r)).map(|(back, _)| back).collect()
}

/// Everything between the tuning and putting the settings back.
async fn form(plan: &CreatePlan, mode: Mode, clients: &Clients, steps: &Steps) -> Result<(), String> {
    stop_if_cancelled(steps)?;
    steps.begin(Step::AssignSlots);
    all_ok(run_all(clients, slot_commands(plan, mode, clients).await).await)?;
    steps.begin(Step::AssignEpochs);
    // A node that was part of a cluster before may keep an epoch, and one that is gone on with may know others already:
    // the cluster settles equal epochs by itself (redis-cli ignores every refusal here).
    all_ok(run_all(clients, plan.epoch_commands()).await.into_iter().filter(|r| !epoch_already_set(r)).collect())?;
    stop_if_cancelled(steps)?;
    steps.begin(Step::Meet);
    all_ok(run_all(clients, plan.meet_commands()).await)?;
    join_and_replicate(plan, clients, steps).await?;
    steps.begin(Step::AwaitAgreement);
    await_agreement(plan, clients, steps).await
}

fn stop_if_cancelled(steps: &Steps) -> Result<(), String> {
    if steps.is_cancelled() { Err("cancelled before the cluster was whole".to_owned()) } else { Ok(()) }
}

fn epoch_already_set(result: &Result<(), NodeError>) -> bool {
    matches!(result, Err(NodeError { kind: NodeErrorKind::Refused(reply), .. })
        if reply.contains("epoch is already non-zero") || reply.contains("does not know any other node"))
}

/// Sends each node its commands in order, all nodes at once.
async fn run_all(clients: &Clients, commands: Vec<NodeCommand>) -> Vec<Result<(), NodeError>> {
    join_all(commands.iter().map(|command| async move {
        match clients.get(&command.node) {
            Some(client) => client.run(command).await.map(drop),
            None => Err(NodeError {
                addr: command.node.clone(),
                kind: NodeErrorKind::Unexpected("the plan names a node that it does not hold".into()),
            }),
        }
    }))
    .await
}

fn all_ok(results: Vec<Result<(), NodeError>>) -> Result<(), String> {
    let errors: Vec<String> = results.into_iter().filter_map(|r| r.err().map(|e| e.to_string())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

/// How long to rest between two looks at all nodes: 20 ms for a handful, longer for hundreds.
fn poll_pause(nodes: usize) -> Duration {
    Duration::from_millis(20 + nodes as u64)
}

/// Waits until every node knows every other, and makes each replica follow as soon as *it* knows its master.
async fn join_and_replicate(plan: &CreatePlan, clients: &Clients, steps: &Steps) -> Result<(), String> {
    steps.begin(Step::AwaitJoin);
    let deadline = Instant::now() + JOIN_DEADLINE + poll_pause(clients.len()) * 10;
    let ids: BTreeSet<&NodeId> = plan.nodes().map(|n| &n.id).collect();
    let mut following: BTreeSet<NodeAddr> = BTreeSet::new();
    loop {
        stop_if_cancelled(steps)?;
        let views = views(clients).await;
        let ready = plan.replicate_commands().into_iter().zip(&plan.replicas).filter(|(command, replica)| {
            !following.contains(&command.node)
                && views.get(&command.node).is_some_and(|view| knows(view, &replica.master))
        });
        let ready: Vec<NodeCommand> = ready.map(|(command, _)| command).collect();
        following.extend(ready.iter().map(|command| command.node.clone()));
        all_ok(run_all(clients, ready).await)?;
        let strangers = strangers(plan, &views, &ids);
        if strangers.is_empty() && following.len() == plan.replicas.len() {
            steps.waited();
            steps.begin(Step::AssignReplicas);
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(explain_strangers(&strangers));
        }
        steps.detail(Detail::Acquainted { nodes: clients.len() - strangers.len(), of: clients.len() });
        sleep(poll_pause(clients.len())).await;
    }
}

async fn views(clients: &Clients) -> BTreeMap<NodeAddr, View> {
    let answers = join_all(clients.values().map(NodeClient::view)).await;
    clients.keys().cloned().zip(answers).filter_map(|(addr, view)| Some((addr, view.ok()?))).collect()
}

fn knows(view: &View, id: &NodeId) -> bool {
    view.nodes.get(id).is_some_and(|node| !node.flags.handshake && !node.flags.noaddr)
}

/// For each node that does not know all others yet, whom it misses.
fn strangers(
    plan: &CreatePlan,
    views: &BTreeMap<NodeAddr, View>,
    ids: &BTreeSet<&NodeId>,
) -> BTreeMap<NodeAddr, Vec<NodeAddr>> {
    let addr_of = |id: &NodeId| plan.nodes().find(|n| n.id == *id).map(|n| n.addr.clone());
    plan.nodes()
        .filter_map(|node| {
            let missing: Vec<NodeAddr> = match views.get(&node.addr) {
                Some(view) => ids.iter().filter(|id| !knows(view, id)).filter_map(|id| addr_of(id)).collect(),
                None => ids.iter().filter_map(|id| addr_of(id)).collect(),
            };
            (!missing.is_empty()).then(|| (node.addr.clone(), missing))
        })
        .collect()
}

fn explain_strangers(strangers: &BTreeMap<NodeAddr, Vec<NodeAddr>>) -> String {
    let pairs: Vec<String> = strangers
        .iter()
        .take(6)
        .map(|(addr, missing)| {
            let missing: Vec<String> = missing
                .iter()
                .take(6)
                .map(|m| format!("{m} (bus port {})", m.bus_port().map_or_else(|| "?".into(), |p| p.to_string())))
                .collect();
            format!("{addr} does not reach {}", missing.join(", "))
        })
        .collect();
    format!(
        "the nodes did not get to know each other in time: {}. Each node must reach the bus port of every other; look for a firewall, a wrong announced address, or two nodes that share one nodes.conf",
        pairs.join("; ")
    )
}

/// Waits until every node reports what was planned: roles, masters, slots, links, state ok.
async fn await_agreement(plan: &CreatePlan, clients: &Clients, steps: &Steps) -> Result<(), String> {
    let deadline = Instant::now() + AGREE_DEADLINE + poll_pause(clients.len()) * 10;
    loop {
        stop_if_cancelled(steps)?;
        let mut gathered = Gathered::default();
        let answers = join_all(clients.values().map(ask)).await;
        for (addr, answer) in clients.keys().cloned().zip(answers) {
            gathered.insert(addr, answer);
        }
        let waiting = not_as_planned(plan, &gathered);
        let Some(first) = waiting.first() else {
            steps.waited();
            return Ok(());
        };
        if Instant::now() > deadline {
            let list = waiting.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Err(format!("the nodes did not agree in time: {list}"));
        }
        steps.detail(first.clone());
        sleep(poll_pause(clients.len())).await;
    }
}

/// What still differs from the plan, node by node.
fn not_as_planned(plan: &CreatePlan, gathered: &Gathered) -> Vec<Detail> {
    let silent = gathered.topology.unreachable.iter();
    let mut waiting: Vec<Detail> =
        silent.map(|(node, why)| Detail::Silent { node: node.clone(), why: why.clone() }).collect();
    waiting.extend(gathered.topology.views.iter().filter_map(|(addr, view)| view_differs(plan, addr, view)));
    for (addr, health) in &gathered.health {
        if health.link_up == Some(false) {
            waiting.push(Detail::NotLinked(addr.clone()));
        }
        if health.state_ok == Some(false) {
            waiting.push(Detail::NotOk(addr.clone()));
        }
    }
    waiting
}

fn view_differs(plan: &CreatePlan, by: &NodeAddr, view: &View) -> Option<Detail> {
    let unknown = |whom: &NodeAddr| Some(Detail::DoesNotKnow { node: by.clone(), whom: whom.clone() });
    let unlinked = |to: &NodeAddr| Some(Detail::NoSteadyLink { node: by.clone(), to: to.to_string() });
    for m in &plan.masters {
        let Some(node) = view.nodes.get(&m.node.id) else { return unknown(&m.node.addr) };
        if node.role != Role::Master || node.slots.ranges() != [m.slots] {
            return Some(Detail::SlotsUnseen { node: by.clone(), of: m.node.addr.clone() });
        }
        if !node.is_settled() || !(node.linked || node.id == view.myself) {
            return unlinked(&m.node.addr);
        }
    }
    for r in &plan.replicas {
        let Some(node) = view.nodes.get(&r.node.id) else { return unknown(&r.node.addr) };
        if node.role != Role::Replica || node.master.as_ref() != Some(&r.master) {
            return Some(Detail::RoleUnseen { node: by.clone(), of: r.node.addr.clone() });
        }
        if !node.is_settled() || !(node.linked || node.id == view.myself) {
            return unlinked(&r.node.addr);
        }
    }
    None
}

/// Puts the changed settings back, with a second try for nodes that did not answer. `Some` says what could not be put
/// back.
async fn restore(back: Vec<NodeCommand>, clients: &Clients, steps: &Steps) -> Option<String> {
    steps.begin(Step::RestoreSettings);
    let mut left = back;
    let mut errors = Vec::new();
    for pause_ms in [0, 200, 1000] {
        sleep(Duration::from_millis(pause_ms)).await;
        let results = run_all(clients, left.clone()).await;
        errors = results.iter().filter_map(|r| r.as_ref().err().map(ToString::to_string)).collect();
        left = left.into_iter().zip(&results).filter(|(_, r)| r.is_err()).map(|(c, _)| c).collect();
        if left.is_empty() {
            return None;
        }
    }
    let list: Vec<String> =
        left.iter().map(|c| format!("{} on {} should be {}", c.words[2], c.node, c.words[3])).collect();
    let reason = format!("settings could not be put back: {} ({})", list.join(", "), errors.join("; "));
    steps.fail(&reason);
    Some(reason)
}

async fn final_check(clients: &Clients, steps: &Steps) -> Result<Vec<Finding>, String> {
    steps.begin(Step::Check);
    let mut gathered = Gathered::default();
    let answers = join_all(clients.values().map(ask)).await;
    for (addr, answer) in clients.keys().cloned().zip(answers) {
        gathered.insert(addr, answer);
    }
    let (errors, rest): (Vec<Finding>, Vec<Finding>) = gathered.check().into_iter().partition(Finding::is_error);
    if errors.is_empty() {
        steps.done();
        return Ok(rest);
    }
    let reason = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    steps.fail(&reason);
    Err(reason)
}

/// Puts back the settings of a creation that was interrupted, on the nodes that are still the plan's own.
///
/// # Errors
/// Which nodes could not be reached or refused.
pub async fn restore_settings(journal: &CreateJournal, auth: &Auth) -> Result<(), String> {
    let (clients, mut errors) = reach_planned(journal, auth).await;
    errors.extend(restore_on(journal, &clients).await);
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

async fn restore_on(journal: &CreateJournal, clients: &Clients) -> Vec<String> {
    let restore = journal.restore.iter().filter(|(addr, _, _)| clients.contains_key(addr));
    let commands = restore.map(|(addr, name, value)| NodeCommand::new(addr, ["CONFIG", "SET", name, value])).collect();
    run_all(clients, commands).await.into_iter().filter_map(|r| r.err().map(|e| e.to_string())).collect()
}

/// Connects to the touched nodes that are still the ones that the plan names: another server may have their address by
/// now. The others are named.
async fn reach_planned(journal: &CreateJournal, auth: &Auth) -> (Clients, Vec<String>) {
    let answers = join_all(journal.touched.iter().map(|addr| async move {
        let client = NodeClient::connect(addr, auth).await.map_err(|error| error.to_string())?;
        let view = client.view().await.map_err(|error| error.to_string())?;
        let planned = journal.plan.as_ref().and_then(|plan| plan.nodes().find(|n| n.addr == *addr));
        match planned {
            Some(node) if node.id == view.myself => Ok((addr.clone(), client)),
            _ => Err(format!("{addr} is not the node that was touched any more: it was left alone")),
        }
    }))
    .await;
    let mut errors = Vec::new();
    let mut clients = Clients::new();
    for answer in answers {
        match answer {
            Ok((addr, client)) => drop(clients.insert(addr, client)),
            Err(error) => errors.push(error),
        }
    }
    (clients, errors)
}

/// Undoes a half-made creation: puts settings back, then CLUSTER RESET HARD on exactly the nodes that were touched. A
/// node that holds keys by now, knows a node outside the plan, or is another node at the same address is left alone and
/// named: a reset empties a replica, and what is in it is not ours.
///
/// # Errors
/// Which nodes could not be reset, and why.
pub async fn reset_touched(journal: &CreateJournal, auth: &Auth, steps: &Steps) -> Result<(), String> {
    steps.begin(Step::RestoreSettings);
    let (clients, mut errors) = reach_planned(journal, auth).await;
    errors.extend(restore_on(journal, &clients).await);
    steps.begin(Step::ResetNodes);
    for reason in join_all(clients.values().map(|client| may_be_reset(client, journal))).await {
        errors.extend(reason.err());
    }
    // All or none: half of a cluster that was reset is harder to mend than one that is half made.
    if errors.is_empty() {
        let resets = clients.keys().map(|addr| NodeCommand::new(addr, ["CLUSTER", "RESET", "HARD"])).collect();
        errors.extend(run_all(&clients, resets).await.into_iter().filter_map(|r| r.err().map(|e| e.to_string())));
    }
    if errors.is_empty() {
        steps.done();
        return Ok(());
    }
    let reason = errors.join("; ");
    steps.fail(&reason);
    Err(reason)
}

async fn may_be_reset(client: &NodeClient, journal: &CreateJournal) -> Result<(), String> {
    let addr = client.addr();
    let answer = ask(client).await.map_err(|error| error.to_string())?;
    let keys = keys_in(&answer.info);
    if keys > 0 {
        return Err(format!("{addr} holds {} by now: nothing was reset", counted(keys, "key")));
    }
    match journal.plan.as_ref().and_then(|plan| stranger(&answer.view, plan)) {
        Some(other) => Err(format!("{addr} knows {other}, which was not part of the plan: nothing was reset")),
        None => Ok(()),
    }
}
