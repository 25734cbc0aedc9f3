//! `create`: makes a cluster of empty servers that run already.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use serde::Serialize;

use crate::core::plan::ShownCommand;
use crate::core::plan::create::{CreatePlan, CreatePlanError};
use crate::core::topology::{NodeAddr, NodeId, Role, View};
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;
use crate::engine::create::{Journal, Mode, reset_touched, restore_settings};
use crate::engine::gather::{Gathered, gather};
use crate::engine::inspect::{Unfit, inspect};
use crate::engine::job::Step;
use crate::engine::steps::Steps;
use crate::workspace::document::CreateJournal;
use crate::workspace::journal::JournalFile;
use crate::workspace::store::Workspace;

use super::carry_out::{Halt, Wish, Work, ask_way_out, carry_out};
use super::cluster::{Access, access, bare, could_not_connect, resolved};
use super::cluster_args::CreateArgs;
use super::failure::Failure;
use super::form::Means;
use super::interrupt::Interrupt;
use super::json::{CheckJson, findings_of, nodes_of};
use super::steps::{redis_report, steps_json};
use super::terminal::{Terminal, complain};
use super::{login, redis_lines, until_cancelled};

/// What is said when a creation that stopped half-way is left so.
const UNDONE: &str = "Nothing was undone. The same command, given again, can go on or make these nodes empty; by hand, CLUSTER RESET HARD on each of them does the latter.";

/// What can be done about nodes that are not empty.
const EMPTY_IT: &str = "      To use such a node all the same: 'slotctl del-node' takes it out of a cluster that it is of; FLUSHALL and CLUSTER RESET HARD on it make it empty, and what it holds is lost.";

/// What the command line asks for, and whom it can ask.
#[derive(Clone, Copy)]
struct Asked<'a> {
    addrs: &'a [NodeAddr],
    access: &'a Access,
    terminal: Terminal,
    interrupt: &'a Interrupt,
    yes: bool,
}

/// `create`: makes a cluster of empty servers, or goes on with one that was interrupted. `home` is the workspace.
///
/// # Errors
/// Bad nodes (all of them are named), a no to the question, a creation that failed, or a final check that does not
/// hold.
pub async fn create(
    args: &CreateArgs,
    home: Option<PathBuf>,
    terminal: Terminal,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let yes = args.yes || login::env_says_yes(|name| std::env::var(name).ok());
    if terminal.is_json() && !yes {
        return Err(Failure::cant_ask());
    }
    let (addrs, access) = until_cancelled(reach(args), interrupt).await?;
    let workspace = Workspace::open(home);
    if let Err(error) = &workspace {
        complain(&format!("Warning: {error} Should slotctl be killed half-way, it can't go on or undo."));
    }
    let workspace = workspace.ok();
    let asked = Asked { addrs: &addrs, access: &access, terminal, interrupt, yes };
    let made = make(&asked, workspace.as_ref(), usize::from(args.cluster_replicas)).await?;
    let (gathered, steps, whole) = (made.gathered, made.steps, made.whole);
    let findings = gathered.check();
    terminal.object(&CheckJson {
        ok: whole,
        nodes: nodes_of(&gathered.topology),
        findings: findings_of(&findings),
        keys: None,
        steps: steps_json(&steps.views()),
        hint: None,
    });
    if whole { Ok(()) } else { Err(Failure::Shown) }
}

/// What a creation made.
pub(super) struct Made {
    /// Every node's answer at the end.
    pub(super) gathered: Gathered,
    steps: Steps,
    /// Whether the check of all nodes holds. It was shown.
    whole: bool,
}

/// A new cluster, or one that was begun earlier, and its check in words.
async fn make(asked: &Asked<'_>, workspace: Option<&Workspace>, replicas: usize) -> Result<Made, Failure> {
    let begun = match workspace {
        Some(workspace) => earlier(asked, workspace).await?,
        None => None,
    };
    let job = match begun {
        Some(job) => job,
        None => fresh(asked, workspace, replicas).await?,
    };
    let steps = finish(asked, &job).await?;
    // An earlier creation that was gone on with may have been about fewer nodes.
    let planned = |addr: &&NodeAddr| job.plan.nodes().any(|node| node.addr.same_place(addr));
    let addrs: Vec<NodeAddr> = asked.addrs.iter().filter(planned).cloned().collect();
    let Some(seed) = addrs.first() else { return Err(Failure::message("the plan names none of these nodes")) };
    let gathered = gather(&addrs, &asked.access.auth, asked.access.connect).await;
    let mut text = asked.terminal.text();
    let whole = redis_lines::check(&mut text, &gathered.topology, seed, &gathered.check());
    asked.terminal.print(&text.into_string());
    Ok(Made { gathered, steps, whole })
}

/// Makes a cluster of these empty servers for a command that needs one, after a yes; says every node's answer at the end.
///
/// # Errors
/// As [`create`].
pub(super) async fn of_empty(
    means: &Means<'_>,
    addrs: &[NodeAddr],
    access: &Access,
    replicas: usize,
) -> Result<Gathered, Failure> {
    let asked = Asked { addrs, access, terminal: means.terminal, interrupt: means.interrupt, yes: means.yes };
    let made = make(&asked, Some(means.workspace), replicas).await?;
    if made.whole { Ok(made.gathered) } else { Err(Failure::message("[ERR] The new cluster is not whole.")) }
}

/// The plan for these empty servers, shown in words.
///
/// # Errors
/// Bad nodes (all of them are named), or too few.
pub(super) async fn planned(
    addrs: &[NodeAddr],
    access: &Access,
    terminal: Terminal,
    replicas: usize,
) -> Result<CreatePlan, Failure> {
    let candidates = inspect(addrs, &access.auth).await.map_err(|unfit| refuse(terminal, &unfit))?;
    let plan = CreatePlan::new(candidates, replicas).map_err(|error| no_plan(terminal, &error))?;
    terminal.say(|text| redis_lines::plan(text, &plan, addrs, replicas));
    Ok(plan)
}

/// A creation as its plan's JSON shows it.
#[derive(Debug, Serialize)]
pub(super) struct CreationJson {
    nodes: Vec<PlannedNodeJson>,
}

/// A node of it.
#[derive(Debug, Serialize)]
struct PlannedNodeJson {
    addr: String,
    id: String,
    role: Role,
    master: Option<String>,
    slots: String,
    slot_count: usize,
}

impl CreationJson {
    pub(super) fn of(plan: &CreatePlan) -> Self {
        let node = |addr: &NodeAddr, id: &NodeId| (addr.to_string(), id.to_string());
        let masters = plan.masters.iter().map(|m| {
            let (addr, id) = node(&m.node.addr, &m.node.id);
            let (slots, slot_count) = (m.slots.to_string(), usize::from(m.slots.count()));
            PlannedNodeJson { addr, id, role: Role::Master, master: None, slots, slot_count }
        });
        let replicas = plan.replicas.iter().map(|r| {
            let (addr, id) = node(&r.node.addr, &r.node.id);
            let master = Some(r.master.to_string());
            PlannedNodeJson { addr, id, role: Role::Replica, master, slots: String::new(), slot_count: 0 }
        });
        Self { nodes: masters.chain(replicas).collect() }
    }
}

/// `plan create`: the plan for these empty servers, and nothing else.
///
/// # Errors
/// Bad nodes (all of them are named), or too few.
pub async fn plan(args: &CreateArgs, terminal: Terminal) -> Result<(), Failure> {
    let (addrs, access) = reach(args).await?;
    let plan = planned(&addrs, &access, terminal, usize::from(args.cluster_replicas)).await?;
    let commands: Vec<ShownCommand> = plan.commands().into_iter().map(Into::into).collect();
    super::plan::tell(terminal, &CreationJson::of(&plan), &commands, &access.auth);
    Ok(())
}

/// The nodes by address, and how to log in.
async fn reach(args: &CreateArgs) -> Result<(Vec<NodeAddr>, Access), Failure> {
    let mut addrs = Vec::new();
    for word in &args.nodes {
        let addr = word.parse().map_err(|_| Failure::message(&format!("Invalid address format: {word}")))?;
        addrs.push(resolved(addr, &args.login, true).await?);
    }
    Ok((addrs, access(&args.login).await?))
}

/// Names every node that can't take part: redis-cli's line, then what the node holds.
pub(super) fn refuse(terminal: Terminal, unfit: &[Unfit]) -> Failure {
    let mut connection_errors = Vec::new();
    terminal.say(|text| {
        for reason in unfit {
            match reason {
                Unfit::NotEmpty { addr, holds } => {
                    text.error(format_args!("[ERR] Node {addr} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0."));
                    text.line(format_args!("      {addr} {}.", holds.join(" and ")));
                }
                Unfit::NotClusterEnabled(addr) => {
                    text.error(format_args!("[ERR] Node {addr} is not configured as a cluster node."));
                }
                Unfit::Loading(addr) => {
                    text.error(format_args!("[ERR] Node {addr} is still loading its data set: try again when it is done."));
                }
                Unfit::Node(NodeError { addr, kind: NodeErrorKind::Auth(reply) | NodeErrorKind::Refused(reply) }) => {
                    text.error(format_args!("Node {addr} replied with error:\n{reply}"));
                }
                Unfit::Node(NodeError { addr, kind: NodeErrorKind::Connect(why) | NodeErrorKind::Tls(why) }) => {
                    connection_errors.push(could_not_connect(addr, bare(why)));
                }
                Unfit::Node(NodeError { addr, kind }) => connection_errors.push(could_not_connect(addr, &kind.to_string())),
            }
        }
        if unfit.iter().any(|reason| matches!(reason, Unfit::NotEmpty { .. })) {
            text.line(EMPTY_IT);
        }
    });
    for line in &connection_errors {
        complain(line);
    }
    Failure::said(&unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn no_plan(terminal: Terminal, error: &CreatePlanError) -> Failure {
    let CreatePlanError::TooFewNodes { nodes, replicas, .. } = error else { return Failure::message(error) };
    terminal.say(|text| {
        text.error(format_args!(
            "*** ERROR: Invalid configuration for cluster creation.\n\
             *** Redis Cluster requires at least 3 master nodes.\n\
             *** This is not possible with {nodes} nodes and {replicas} replicas per node.\n\
             *** At least {} nodes are required.",
            3 * (replicas + 1)
        ));
    });
    Failure::said(error)
}

/// What a creation may undo: in the workspace, so that it outlives this program; in memory where there is none.
struct Record {
    file: Option<JournalFile<CreateJournal>>,
    now: Mutex<Option<CreateJournal>>,
}

impl Record {
    fn new(file: Option<JournalFile<CreateJournal>>, now: Option<CreateJournal>) -> Self {
        Self { file, now: Mutex::new(now) }
    }

    fn get(&self) -> Option<CreateJournal> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, now: Option<CreateJournal>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Journal for Record {
    fn save(&self, journal: &CreateJournal) -> Result<(), String> {
        if let Some(file) = &self.file {
            file.save(journal).map_err(|error| error.to_string())?;
        }
        self.set(Some(journal.clone()));
        Ok(())
    }

    fn clear(&self) {
        // A record that can't be removed is told from a live one by the nodes' ids when it is found again.
        self.file.as_ref().and_then(|file| file.remove().ok());
        self.set(None);
    }
}

/// The plan to carry out, and how far it may have come already.
struct Job {
    plan: CreatePlan,
    mode: Mode,
    record: Record,
}

/// A plan for these empty nodes, after a yes.
async fn fresh(asked: &Asked<'_>, workspace: Option<&Workspace>, replicas: usize) -> Result<Job, Failure> {
    let Asked { addrs, access, terminal, interrupt, yes } = asked;
    let inspected = async { inspect(addrs, &access.auth).await.map_err(|unfit| refuse(*terminal, &unfit)) };
    let candidates = until_cancelled(inspected, interrupt).await?;
    let plan = CreatePlan::new(candidates, replicas).map_err(|error| no_plan(*terminal, &error))?;
    terminal.say(|text| redis_lines::plan(text, &plan, addrs, replicas));
    if !yes && !interrupt.confirmed(*terminal, redis_lines::QUESTION).await {
        terminal.print("\n");
        return Err(Failure::message("Not confirmed: nothing was sent to any node."));
    }
    let file = workspace.map(|workspace| JournalFile::open(workspace, &addrs[0])).transpose()?;
    Ok(Job { plan, mode: Mode::Fresh, record: Record::new(file, None) })
}

/// An earlier creation on these nodes that was interrupted, once the person wants to go on with it.
async fn earlier(asked: &Asked<'_>, workspace: &Workspace) -> Result<Option<Job>, Failure> {
    let Asked { addrs, access, terminal, interrupt, yes } = asked;
    let Some((file, record)) = JournalFile::find(workspace, addrs)? else { return Ok(None) };
    let left = left_of(&record, access).await;
    let Some(plan) = record.plan.clone().filter(|_| left.same == record.touched.len()) else {
        if left.same + left.silent < record.touched.len() {
            // Nodes that were reset by hand are others now, and the record is of no use; where some are not, their
            // settings must still come back.
            restore_settings(&record, &access.auth).await.ok();
            file.remove()?;
        } else if left.same > 0 {
            let why = "An earlier creation on these nodes was interrupted. To go on with it, start those of its nodes";
            terminal.say(|text| text.warn(format_args!("[WARNING] {why} that don't answer: {}.", names(&record))));
        }
        return Ok(None);
    };
    let nodes = names(&record);
    let why = record.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let said = format!("An earlier creation on these nodes was interrupted{why}. Changed nodes: {nodes}.");
    terminal.say(|text| text.warn(format_args!("[WARNING] {said}")));
    let wish = if !yes {
        ask_way_out(interrupt, *terminal).await
    } else if is_about(&plan, addrs) {
        Wish::GoOn
    } else {
        return Err(Failure::message(&format!("[ERR] {said} Name exactly these, or leave --cluster-yes out.")));
    };
    let record = Record::new(Some(file), Some(record));
    match wish {
        Wish::GoOn => Ok(Some(Job { plan, mode: Mode::Resume, record })),
        Wish::Reset => Err(Failure::message(&reset(&record, &access.auth).await)),
        Wish::Leave | Wish::Unanswered => Err(Failure::message(UNDONE)),
    }
}

fn names(record: &CreateJournal) -> String {
    record.touched.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// How many of a record's nodes are still the ones that it names, and how many don't answer.
struct Left {
    same: usize,
    silent: usize,
}

async fn left_of(record: &CreateJournal, access: &Access) -> Left {
    let views = record
        .touched
        .iter()
        .map(|addr| async move { NodeClient::connect_within(addr, &access.auth, access.connect).await?.view().await });
    let views = join_all(views).await;
    let planned = |addr: &NodeAddr| record.plan.as_ref().and_then(|plan| plan.nodes().find(|node| node.addr == *addr));
    let same = |(addr, view): &(&NodeAddr, &Result<View, NodeError>)| {
        view.as_ref().is_ok_and(|view| planned(addr).is_some_and(|node| node.id == view.myself))
    };
    let silent = views.iter().filter(|view| view.is_err()).count();
    Left { same: record.touched.iter().zip(&views).filter(same).count(), silent }
}

/// Whether a plan is about exactly these nodes.
fn is_about(plan: &CreatePlan, addrs: &[NodeAddr]) -> bool {
    let planned: BTreeSet<_> = plan.nodes().map(|node| (&node.addr.host, node.addr.port)).collect();
    planned == addrs.iter().map(|addr| (&addr.host, addr.port)).collect()
}

/// Carries the plan out. Where it stops half-way, says what state was left and offers the two ways out: to go on, or to
/// make exactly the touched nodes empty again. Where nothing may be asked (`--cluster-yes`) they are made empty at once:
/// they were empty a moment ago, and a second try would be refused otherwise. What an earlier run left is only undone by
/// a person's word.
async fn finish(asked: &Asked<'_>, job: &Job) -> Result<Steps, Failure> {
    let Asked { access, terminal, interrupt, yes, .. } = *asked;
    let work = Work { plan: &job.plan, auth: &access.auth, terminal, interrupt, report: redis_report, yes };
    let (said, wish) = match carry_out(&work, job.mode, &job.record).await {
        Ok(steps) => return Ok(steps),
        Err(Halt::Untouched(reason)) => {
            return Err(Failure::message(&format!("[ERR] Nothing was changed: {reason}")));
        }
        Err(Halt::HalfMade { said, wish }) => (said, wish),
    };
    if wish.is_none() {
        complain(&said);
    }
    let outcome = match wish {
        Some(Wish::Reset) => reset(&job.record, &access.auth).await,
        None if job.mode == Mode::Fresh => reset(&job.record, &access.auth).await,
        _ => UNDONE.to_owned(),
    };
    complain(&outcome);
    Err(Failure::said(&format!("{said} {outcome}")))
}

async fn reset(record: &Record, auth: &Auth) -> String {
    let Some(journal) = record.get() else { return "No node was changed.".to_owned() };
    let steps = Steps::silent(&[Step::RestoreSettings, Step::ResetNodes]);
    match reset_touched(&journal, auth, &steps).await {
        Ok(()) => {
            record.clear();
            "These nodes are empty again: the command can be tried once more.".to_owned()
        }
        Err(why) => format!("Not all nodes could be made empty again: {why}"),
    }
}
