//! `failover`: plans, shows, asks, carries out, looks.

use serde::Serialize;

use crate::core::count::counted;
use crate::core::limits::can_fail_over;
use crate::core::plan::ShownCommand;
use crate::core::plan::failover::{
    FailoverMode, FailoverPlan, NodeNow, Refusal, lost_masters, plan_for_lost, plan_for_node,
};
use crate::core::plan::shell_word;
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::client::CONNECT_DEADLINE;
use crate::engine::command::Auth;
use crate::engine::failover::{failover as carry_out, failover_steps, nodes_now};
use crate::engine::gather::{Gathered, gather};
use crate::engine::lifecycle::auth_of;
use crate::engine::moves::at_work;
use crate::engine::steps::Steps;
use crate::engine::tls::Tls;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::{ClusterLock, WorkspaceError};

use super::cluster::{Access, access, look, resolved, seed_of};
use super::cluster_args::FailoverArgs;

use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::moving::places;
use super::steps::{StepJson, steps_json, timed_report};
use super::terminal::complain;
use super::text::Text;
use super::until_cancelled;

/// `failover` as JSON.
#[derive(Debug, Serialize)]
struct FailoverJson {
    ok: bool,
    failovers: Vec<PlanJson>,
    /// Lost masters that nobody can take over from, and why.
    refused: Vec<String>,
    steps: Vec<StepJson>,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
}

/// The plans alone as JSON.
#[derive(Debug, Serialize)]
struct PlansJson {
    failovers: Vec<PlanJson>,
    refused: Vec<String>,
}

/// A plan as JSON shows it.
#[derive(Debug, Serialize)]
struct PlanJson {
    replica: String,
    replica_id: String,
    master: String,
    master_id: String,
    mode: &'static str,
    why: String,
    slots: String,
    behind_bytes: Option<u64>,
    command: String,
}

impl From<&FailoverPlan> for PlanJson {
    fn from(plan: &FailoverPlan) -> Self {
        Self {
            replica: plan.replica.to_string(),
            replica_id: plan.replica_id.to_string(),
            master: plan.master.to_string(),
            master_id: plan.master_id.to_string(),
            mode: plan.mode.word(),
            why: plan.why.to_string(),
            slots: plan.slots.to_string(),
            behind_bytes: plan.behind,
            command: plan.mode.command().join(" "),
        }
    }
}

/// Where the cluster is, and how to get in.
struct Place {
    seeds: Vec<NodeAddr>,
    access: Access,
    /// What it is called, where it has a name here.
    name: Option<String>,
    /// Whether the way in was given, and is not the cluster's own.
    given: bool,
    /// Whether its server program is known not to elect masters.
    deaf: bool,
}

/// `failover TARGET NODE` and `failover TARGET --lost`.
///
/// # Errors
/// No plan, a no to the question, or a failover that did not end as it should.
pub async fn failover(means: &Means<'_>, args: &FailoverArgs) -> Result<(), Failure> {
    if args.node.is_none() && !args.lost {
        return Err(Failure::message(&format!(
            "failover needs a node: 'slotctl failover {target} NODE' names the replica that takes over, or the master \
             that is replaced; 'slotctl failover {target} --lost' replaces every lost master",
            target = shell_word(&args.target)
        )));
    }
    let (mut place, gathered) = until_cancelled(find(means, args), means.interrupt).await?;
    let mut nodes = nodes_now(&gathered);
    for node in &mut nodes {
        node.deaf |= place.deaf;
    }
    let (plans, refused) = plan(args, &nodes)?;
    means.terminal.say(|text| plans.iter().for_each(|plan| show(text, plan, &place.access.auth)));
    let planned = PlansJson { failovers: plans.iter().map(PlanJson::from).collect(), refused: refused.clone() };
    let commands: Vec<ShownCommand> = plans.iter().map(|plan| plan.command().into()).collect();
    if means.tell_plan(&planned, &commands, &place.access.auth) {
        return Ok(());
    }
    insist_on_rest(means, &plans, &gathered)?;
    if !means.yes {
        let question = "Do you want to proceed with this failover (type 'yes' to accept): ";
        means.ask_for_yes(question, "nothing was sent to any node").await?;
    }
    // Not before: a question may wait for its answer all night. Whether the plans still hold is looked at once more.
    let _lock = claim(means, &mut place)?;
    let steps = Steps::new(&failover_steps(plans.len()), timed_report(means.terminal), means.interrupt.token());
    let done = carry_out(&plans, &place.seeds, &place.access.auth, &steps).await;
    let after = done.map_err(|error| Failure::message(&format!("[ERR] {error}")))?;
    tell(means, &plans, refused, &after, &steps)
}

/// A move that loses its source or its target to a failover stops with keys on both sides. Lost masters are replaced all the
/// same.
fn insist_on_rest(means: &Means<'_>, plans: &[FailoverPlan], now: &Gathered) -> Result<(), Failure> {
    let Some(running) = at_work(means.workspace, &places(now)) else { return Ok(()) };
    if plans.iter().any(|plan| plan.mode == FailoverMode::Plain) {
        return Err(Failure::message(&format!("[ERR] {running}: wait for its end. A failover would cut it short.")));
    }
    means.terminal.say(|text| {
        text.warn(format_args!(
            "[WARNING] {running}. If it stops, 'slotctl fix' brings the keys of its slots together."
        ));
    });
    Ok(())
}

/// Takes exclusive use of a cluster that has a name here, and what its document says by now.
fn claim(means: &Means<'_>, place: &mut Place) -> Result<Option<ClusterLock>, WorkspaceError> {
    let Some(name) = &place.name else { return Ok(None) };
    let lock = means.workspace.lock(name)?;
    let doc = means.workspace.load(name)?;
    place.seeds = seeds_of(&doc);
    if !place.given {
        let tls = place.access.auth.tls.take();
        place.access.auth = auth_of(&doc);
        place.access.auth.tls = tls.or(place.access.auth.tls.take());
    }
    Ok(Some(lock))
}

fn seeds_of(doc: &ClusterDoc) -> Vec<NodeAddr> {
    doc.spec.as_ref().map_or_else(|| doc.addrs.clone(), crate::core::spec::ClusterSpec::addrs)
}

/// The cluster by its name here, or by the address of one of its nodes.
async fn find(means: &Means<'_>, args: &FailoverArgs) -> Result<(Place, Gathered), Failure> {
    let mut access = access(&args.login).await?;
    // No cluster's name holds a colon.
    if args.target.contains(':') {
        let seed = resolved(seed_of(std::slice::from_ref(&args.target))?, &args.login, false).await?;
        let gathered = look(&seed, &access, means.terminal).await?;
        // All nodes that are known: the one that was named may be the next to go.
        let mut seeds = vec![seed];
        seeds.extend(gathered.topology.views.keys().cloned());
        seeds.dedup();
        return Ok((Place { seeds, access, name: None, given: true, deaf: false }, gathered));
    }
    let doc = means.workspace.load(&args.target)?;
    let seeds = seeds_of(&doc);
    let given = !access.auth.password.is_empty();
    access.complete(&doc);
    let gathered = gather(&seeds, &access.auth, access.connect.max(CONNECT_DEADLINE)).await;
    if gathered.topology.views.is_empty() {
        let why = gathered.topology.unreachable.values().next().cloned().unwrap_or_default();
        return Err(Failure::message(&format!("No node of {} answers: {why}", args.target)));
    }
    let server = doc.spec.as_ref().and_then(|spec| spec.server.as_ref());
    let deaf = server.is_some_and(|server| can_fail_over(server.build, server.version) == Some(false));
    Ok((Place { seeds, access, name: Some(doc.name), given, deaf }, gathered))
}

/// The plans for what was asked, and the lost masters that there is none for. What could lose writes is never chosen here: it has to be named.
fn plan(args: &FailoverArgs, nodes: &[NodeNow]) -> Result<(Vec<FailoverPlan>, Vec<String>), Failure> {
    let wish = match (args.force, args.takeover) {
        (true, _) => Some(FailoverMode::Force),
        (_, true) => Some(FailoverMode::Takeover),
        _ => None,
    };
    let refused = |why: &Refusal| Failure::message(&format!("[ERR] {why}"));
    let (plans, left) = match &args.node {
        Some(node) => {
            let id = node_id(node, nodes).map_err(|why| refused(&why))?;
            (vec![plan_for_node(nodes, &id, wish).map_err(|why| refused(&why))?], Vec::new())
        }
        None if lost_masters(nodes).is_empty() => return Err(refused(&Refusal::NothingLost)),
        None => lost_plans(nodes, wish)?,
    };
    match plans.iter().find(|plan| wish.is_none() && plan.mode != FailoverMode::Plain) {
        None => Ok((plans, left)),
        Some(plan) => Err(Failure::message(&format!(
            "[ERR] {} can't take over from {} without --{}: {}",
            plan.replica,
            plan.master,
            plan.mode.word(),
            plan.why
        ))),
    }
}

/// Plans for the lost masters that have a replica; the others are named.
fn lost_plans(nodes: &[NodeNow], wish: Option<FailoverMode>) -> Result<(Vec<FailoverPlan>, Vec<String>), Failure> {
    let (plans, refusals): (Vec<_>, Vec<_>) = plan_for_lost(nodes, wish).into_iter().partition(Result::is_ok);
    let refusals: Vec<String> = refusals.into_iter().filter_map(|r| r.err().map(|why| why.to_string())).collect();
    let lines: Vec<String> = refusals.iter().map(|why| format!("[ERR] {why}")).collect();
    if plans.is_empty() {
        return Err(Failure::message(&lines.join("\n")));
    }
    for why in &lines {
        complain(why);
    }
    Ok((plans.into_iter().flatten().collect(), refusals))
}

/// The node of this id, of an id that begins so and is the only one, or of this address.
fn node_id(text: &str, nodes: &[NodeNow]) -> Result<NodeId, Refusal> {
    let unknown = || Refusal::Unknown(text.to_owned());
    if let Ok(addr) = text.parse::<NodeAddr>() {
        return nodes.iter().find(|n| n.addr.same_place(&addr)).map(|n| n.id.clone()).ok_or_else(unknown);
    }
    let wanted = text.to_ascii_lowercase();
    let mut hits = nodes.iter().filter(|n| !wanted.is_empty() && n.id.as_str().starts_with(&wanted));
    match (hits.next(), hits.next()) {
        (Some(one), None) => Ok(one.id.clone()),
        (Some(_), Some(_)) => Err(Refusal::Unknown(format!("{text} begins several ids: it"))),
        _ => Err(unknown()),
    }
}

fn show(text: &mut Text, plan: &FailoverPlan, auth: &Auth) {
    text.info(format_args!(">>> {} takes over from {}", plan.replica, plan.master));
    text.line(format_args!("   slots: {} ({})", plan.slots, counted(plan.slots.len(), "slot")));
    text.line(format_args!("   mode: {} ({})", plan.mode.word(), plan.why));
    if let Some(bytes) = plan.behind {
        text.line(format_args!("   behind its master: {}", counted(bytes, "byte")));
    }
    for meaning in &plan.meaning {
        if meaning.is_warning() {
            text.warn(format_args!("   [WARNING] {meaning}"));
        } else {
            text.line(format_args!("   {meaning}"));
        }
    }
    text.line(format_args!("   command: {}", plan.command().redis_cli_line_in(auth.tls.as_ref().map(Tls::options))));
}

/// What was done; the masters that stay lost are an error, as the command was to replace every one.
fn tell(
    means: &Means<'_>,
    plans: &[FailoverPlan],
    refused: Vec<String>,
    after: &Gathered,
    steps: &Steps,
) -> Result<(), Failure> {
    let ok = refused.is_empty();
    let findings = after.check();
    means.terminal.say(|text| {
        for plan in plans {
            text.ok(format_args!(
                "[OK] {} is the master of {}, on every node that answers.",
                plan.replica,
                counted(plan.slots.len(), "slot")
            ));
        }
        for finding in findings.iter().filter(|finding| finding.is_error()) {
            text.warn(format_args!("[WARNING] {finding}"));
        }
    });
    means.terminal.object(&FailoverJson {
        ok,
        failovers: plans.iter().map(PlanJson::from).collect(),
        refused,
        steps: steps_json(&steps.views()),
        nodes: nodes_of(&after.topology),
        findings: findings_of(&findings),
    });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}
