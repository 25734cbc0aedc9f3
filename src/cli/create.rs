//! `create`: makes a cluster of empty servers that run already.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::core::plan::create::{CreatePlan, CreatePlanError};
use crate::core::topology::NodeAddr;
use crate::engine::client::{NodeError, NodeErrorKind};
use crate::engine::command::Auth;
use crate::engine::create::{CREATE_STEPS, CreateError, Journal, Mode, create as make, reset_touched};
use crate::engine::gather::gather;
use crate::engine::inspect::{Unfit, inspect};
use crate::engine::job::Step;
use crate::engine::steps::Steps;
use crate::workspace::document::CreateJournal;

use super::args::CreateArgs;
use super::cluster::{access, bare, could_not_connect, resolved};
use super::failure::Failure;
use super::json::{CheckJson, findings_of, nodes_of};
use super::steps::{redis_report, steps_json};
use super::terminal::{Terminal, complain};
use super::{login, redis_lines};

/// The question after a creation that stopped half-way.
const WAY_OUT: &str =
    "Type 'yes' to go on, 'reset' to make exactly these nodes empty again, anything else to leave them: ";

/// `create`: makes a cluster of empty servers.
///
/// # Errors
/// Bad nodes (all of them are named), a no to the question, a creation that failed, or a final check that does not
/// hold.
pub async fn create(args: &CreateArgs, terminal: Terminal, cancel: &CancellationToken) -> Result<(), Failure> {
    let yes = args.yes || login::env_says_yes(|name| std::env::var(name).ok());
    if terminal.is_json() && !yes {
        return Err(Failure::message("--json prints nothing but the result and can't ask: add --yes"));
    }
    let mut addrs = Vec::new();
    for word in &args.nodes {
        let addr = word.parse().map_err(|_| Failure::message(&format!("Invalid address format: {word}")))?;
        addrs.push(resolved(addr, &args.login, true).await?);
    }
    let access = access(&args.login).await?;
    let candidates = inspect(&addrs, &access.auth).await.map_err(|unfit| refuse(terminal, &unfit))?;
    let replicas = usize::from(args.cluster_replicas);
    let plan = CreatePlan::new(candidates, replicas).map_err(|error| no_plan(terminal, &error))?;
    let order: Vec<NodeAddr> = addrs.clone();
    terminal.say(|text| redis_lines::plan(text, &plan, &order, replicas));
    if !yes {
        let answer = tokio::select! {
            answer = terminal.confirmed(redis_lines::QUESTION) => answer,
            () = cancel.cancelled() => false,
        };
        if !answer {
            terminal.print("\n");
            return Err(Failure::message("Not confirmed: nothing was sent to any node."));
        }
    }
    let steps = carry_out(&plan, &access.auth, terminal, cancel, yes).await?;
    let seed = &addrs[0];
    let gathered = gather(&addrs, &access.auth, access.connect).await;
    let findings = gathered.check();
    let mut text = terminal.text();
    let whole = redis_lines::check(&mut text, &gathered.topology, seed, &findings);
    terminal.print(&text.into_string());
    terminal.object(&CheckJson {
        ok: whole,
        nodes: nodes_of(&gathered.topology),
        findings: findings_of(&findings),
        keys: None,
        steps: steps_json(&steps.views()),
    });
    if whole { Ok(()) } else { Err(Failure::Shown) }
}

/// Names every node that can't take part: redis-cli's line, then what the node holds.
fn refuse(terminal: Terminal, unfit: &[Unfit]) -> Failure {
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
                Unfit::Node(NodeError { addr, kind: NodeErrorKind::Connect(why) }) => {
                    connection_errors.push(could_not_connect(addr, bare(why)));
                }
                Unfit::Node(NodeError { addr, kind }) => connection_errors.push(could_not_connect(addr, &kind.to_string())),
            }
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

/// What a creation may undo, kept for the time of the command.
#[derive(Default)]
struct MemoryJournal(Mutex<Option<CreateJournal>>);

impl MemoryJournal {
    fn get(&self) -> Option<CreateJournal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal for MemoryJournal {
    fn save(&self, journal: &CreateJournal) -> Result<(), String> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal.clone());
        Ok(())
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Carries the plan out. Where it stops half-way, says what state was left and offers the two ways out: to go on, or to
/// make exactly the touched nodes empty again. Where nothing may be asked (`--cluster-yes`) they are made empty at once:
/// they were empty a moment ago, and a second try would be refused otherwise.
async fn carry_out(
    plan: &CreatePlan,
    auth: &Auth,
    terminal: Terminal,
    cancel: &CancellationToken,
    yes: bool,
) -> Result<Steps, Failure> {
    let journal = MemoryJournal::default();
    let (mut mode, mut cancel) = (Mode::Fresh, cancel.clone());
    loop {
        let steps = Steps::new(&CREATE_STEPS, redis_report(terminal), cancel);
        let (touched, reason) = match make(plan, mode, auth, &steps, &journal).await {
            Ok(_) => return Ok(steps),
            Err(CreateError::Untouched(reason)) => {
                return Err(Failure::message(&format!("[ERR] Nothing was changed: {reason}")));
            }
            Err(CreateError::HalfMade { touched, reason, .. }) => (touched, reason),
        };
        let nodes = touched.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let said = format!("[ERR] The cluster is not finished: {reason}. Changed nodes: {nodes}.");
        complain(&said);
        let answer = if yes { "reset".to_owned() } else { terminal.ask(WAY_OUT).await };
        if answer == "yes" {
            (mode, cancel) = (Mode::Resume, CancellationToken::new());
            continue;
        }
        let outcome = if answer == "reset" {
            reset(&journal, auth).await
        } else {
            "Nothing was undone. To begin anew, send CLUSTER RESET HARD to each of these nodes.".to_owned()
        };
        complain(&outcome);
        return Err(Failure::said(&format!("{said} {outcome}")));
    }
}

async fn reset(journal: &MemoryJournal, auth: &Auth) -> String {
    let Some(record) = journal.get() else { return "No node was changed.".to_owned() };
    let steps = Steps::silent(&[Step::RestoreSettings, Step::ResetNodes]);
    match reset_touched(&record, auth, &steps).await {
        Ok(()) => "These nodes are empty again: the command can be tried once more.".to_owned(),
        Err(why) => format!("Not all nodes could be made empty again: {why}"),
    }
}
