//! `add-node`: empty nodes into a cluster, with redis-cli's lines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::count::counted;
use crate::core::plan::add::{AddPlan, Wish};
use crate::core::plan::members::{Member, members};
use crate::core::plan::moves::obstacles;
use crate::core::plan::{NodeCommand, ShownCommand};
use crate::core::topology::{NodeAddr, Role};
use crate::core::version::ServerVersion;
use crate::engine::add::{FunctionError, Functions, News, add, functions, has_no_functions, preview};
use crate::engine::gather::Gathered;
use crate::engine::inspect::{Unfit, inspect};

use super::cluster::{Access, look, named, resolved, seed_of};
use super::create::refuse;
use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::moving::Earlier;
use super::node_args::AddNodeArgs;
use super::redis_lines;
use super::terminal::complain;
use super::waiting::Lines;

/// An added node as JSON shows it.
#[derive(Debug, Clone, Serialize)]
struct AddedJson {
    addr: String,
    id: String,
    role: Role,
    master: Option<String>,
    master_id: Option<String>,
}

/// The plan as JSON.
#[derive(Debug, Serialize)]
struct PlanJson {
    added: Vec<AddedJson>,
}

/// `add-node` as JSON.
#[derive(Debug, Serialize)]
struct AddNodeJson {
    ok: bool,
    added: Vec<AddedJson>,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
}

/// `add-node NEW… EXISTING`.
///
/// # Errors
/// A cluster that is not whole, a node that can't be added, or one that did not become what it should.
pub async fn add_node(means: &Means<'_>, args: &AddNodeArgs) -> Result<(), Failure> {
    let Some((existing, new)) = args.nodes.split_last() else { return Err(Failure::message("no node is named")) };
    let mut addrs = Vec::new();
    for word in new {
        addrs.push(resolved(seed_of(std::slice::from_ref(word))?, &args.login, true).await?);
    }
    let (seed, access) = named(std::slice::from_ref(existing), &args.login, means.workspace).await?;
    means.terminal.say(|text| {
        for addr in &addrs {
            text.info(format_args!(">>> Adding node {addr} to cluster {seed}"));
        }
    });
    let gathered = look(&seed, &access, means.terminal).await?;
    insist_on_health(means, &gathered, &seed, &access)?;
    let plan = planned(means, args, &gathered, &seed, &addrs, &access).await?;
    preview(&plan, &access.auth, access.connect).await.map_err(|why| Failure::message(&format!("[ERR] {why}")))?;
    let functions = look_at_functions(means, &plan, &seed, &access).await?;
    if means.tell_plan(&PlanJson { added: added(&plan) }, &shown(&plan, &functions), &access.auth) {
        return Ok(());
    }
    let lines = Lines::new(means.terminal);
    let report = |news: News| tell(&lines, &news);
    let cancel = means.interrupt.token();
    let done = add(&plan, &functions, &access.auth, access.connect, &report, &cancel).await;
    lines.wait_for("");
    let after = done.map_err(|error| Failure::message(&format!("[ERR] {error}.")))?;
    means.terminal.say(|text| {
        for _ in &plan.newcomers {
            text.ok("[OK] New node added correctly.");
        }
    });
    means.terminal.object(&AddNodeJson {
        ok: true,
        added: added(&plan),
        nodes: nodes_of(&after.topology),
        findings: findings_of(&after.check()),
    });
    Ok(())
}

fn insist_on_health(means: &Means<'_>, gathered: &Gathered, seed: &NodeAddr, access: &Access) -> Result<(), Failure> {
    let findings = gathered.check();
    means.terminal.say(|text| {
        redis_lines::check(text, &gathered.topology, seed, &findings);
    });
    let against = obstacles(&gathered.topology, &findings);
    let Some(first) = against.first() else { return Ok(()) };
    // What is open is so on purpose: there is nothing to repair.
    if let Some(running @ Earlier::Running(_)) = Earlier::find(means.workspace, gathered, seed, &access.place(seed)) {
        return Err(Failure::Message(format!("[ERR] {}", running.words())));
    }
    Err(Failure::message(&format!("*** Please fix your cluster problems before adding nodes\n[ERR] {first}")))
}

async fn planned(
    means: &Means<'_>,
    args: &AddNodeArgs,
    gathered: &Gathered,
    seed: &NodeAddr,
    addrs: &[NodeAddr],
    access: &Access,
) -> Result<AddPlan, Failure> {
    let candidates = match inspect(addrs, &access.auth).await {
        Ok(candidates) => candidates,
        Err(unfit) => {
            let failure = refuse(means.terminal, &unfit);
            means.terminal.say(|text| known_already(gathered, seed, &unfit).iter().for_each(|line| text.line(line)));
            return Err(failure);
        }
    };
    let wish = if args.cluster_replica { Wish::Replicas(args.cluster_master_id.clone()) } else { Wish::Masters };
    let versions: BTreeMap<NodeAddr, ServerVersion> = gathered
        .infos
        .iter()
        .filter_map(|(addr, info)| Some((addr.clone(), ServerVersion::parse_info(info)?)))
        .collect();
    let plan = AddPlan::new(&gathered.topology, seed, &candidates, &versions, &wish);
    let plan = plan.map_err(|why| Failure::message(&why))?;
    means.terminal.say(|text| {
        if args.cluster_master_id.is_some() && !args.cluster_replica {
            text.warn("[WARNING] --cluster-master-id without --cluster-slave has no effect: a master is added.");
        }
        if wish == Wish::Replicas(None) {
            for master in plan.newcomers.iter().filter_map(|new| new.master.as_ref()) {
                text.line(format_args!("Automatically selected master {}", master.at));
            }
        }
        for addr in &plan.silent {
            text.warn(format_args!("[WARNING] {addr} does not answer: it hears of the new node when it is back."));
        }
        for (addr, version) in &plan.unreadable {
            text.warn(format_args!(
                "[WARNING] {addr} can't read keys of {version}: slots that hold any can't be moved to it."
            ));
        }
    });
    Ok(plan)
}

/// A line for each node that is refused because it is a member of this very cluster.
fn known_already(gathered: &Gathered, seed: &NodeAddr, unfit: &[Unfit]) -> Vec<String> {
    let all = members(&gathered.topology, seed);
    let known = |addr: &NodeAddr| {
        let at = |m: &&Member| [&m.at, &m.addr].into_iter().flatten().any(|known| known.same_place(addr));
        let member = all.iter().find(at)?;
        let role = match &member.master {
            Some(master) => format!("a replica of {master}"),
            None => format!("a master with {}", counted(member.slots.len(), "slot")),
        };
        Some(format!("      {addr} is a member of this cluster already, as {role}."))
    };
    let not_empty = unfit.iter().filter_map(|why| match why {
        Unfit::NotEmpty { addr, .. } => Some(addr),
        _ => None,
    });
    not_empty.filter_map(known).collect()
}

/// The functions that new masters get, as redis-cli looks at them; replicas get their master's.
async fn look_at_functions(
    means: &Means<'_>,
    plan: &AddPlan,
    seed: &NodeAddr,
    access: &Access,
) -> Result<Functions, Failure> {
    let masters: Vec<&NodeAddr> =
        plan.newcomers.iter().filter(|new| new.master.is_none()).map(|new| &new.addr).collect();
    if masters.is_empty() {
        return Ok(Functions::NotNeeded);
    }
    means.terminal.say(|text| text.info(">>> Getting functions from cluster"));
    let found = functions(seed, &access.auth, access.connect).await.map_err(|error| Failure::message(&error))?;
    if let Functions::Unsupported(why) = &found {
        means.terminal.say(|text| {
            text.info(format_args!(">>> Failed retrieving Functions from the cluster, skip this step as Redis version do not support function command (error = '{why}')"));
        });
        return Ok(found);
    }
    for addr in masters {
        means.terminal.say(|text| {
            text.info(format_args!(">>> Send FUNCTION LIST to {addr} to verify there is no functions in it"));
        });
        let Err(why) = has_no_functions(addr, &access.auth, access.connect).await else { continue };
        if matches!(&why, FunctionError::Refused(..)) && found.is_empty() {
            means.terminal.say(|text| text.line(format_args!("    {why}; the cluster has none, so none are sent.")));
            return Ok(Functions::NotNeeded);
        }
        means.terminal.say(|text| match &why {
            FunctionError::NotEmpty(_) => text.error(">>> New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH and try again."),
            FunctionError::Refused(_, reply) => text.error(format_args!(">>> Failed on CLUSTER LIST (error = '{reply}')")),
        });
        return Err(Failure::said(&why));
    }
    Ok(found)
}

/// The commands as a plan shows them.
fn shown(plan: &AddPlan, functions: &Functions) -> Vec<ShownCommand> {
    let masters = plan.newcomers.iter().filter(|new| new.master.is_none());
    let restores = masters.filter(|_| matches!(functions, Functions::Dump { .. })).map(|new| ShownCommand {
        command: NodeCommand::new(&new.addr, ["FUNCTION", "RESTORE", "PAYLOAD"]),
        note: Some("with what FUNCTION DUMP gives".to_owned()),
    });
    let others = [plan.meet_commands(), plan.replicate_commands()].concat();
    restores.chain(others.into_iter().map(ShownCommand::from)).collect()
}

fn tell(lines: &Lines, news: &News) {
    match news {
        News::SendingFunctions(addr) => {
            lines.say(|text| text.info(format_args!(">>> Send FUNCTION RESTORE to {addr}")));
        }
        News::Meeting(addr) => lines.say(|text| {
            text.info(format_args!(">>> Send CLUSTER MEET to node {addr} to make it join the cluster."));
        }),
        News::Joining { replicas: true } => lines.say(|text| text.line("Waiting for the cluster to join\n")),
        News::Joining { replicas: false } => lines.wait_for("Waiting for the cluster to join"),
        News::Configuring { master, .. } => {
            lines.say(|text| text.info(format_args!(">>> Configure node as replica of {master}.")));
        }
        News::Waiting(what) => lines.wait_for(&what.to_string()),
        News::Undoing => {
            lines.wait_for("");
            complain("It did not work: making the new nodes empty again...");
        }
    }
}

fn added(plan: &AddPlan) -> Vec<AddedJson> {
    let json = |new: &crate::core::plan::add::Newcomer| AddedJson {
        addr: new.addr.to_string(),
        id: new.id.to_string(),
        role: if new.master.is_some() { Role::Replica } else { Role::Master },
        master: new.master.as_ref().map(|master| master.at.to_string()),
        master_id: new.master.as_ref().map(|master| master.id.to_string()),
    };
    plan.newcomers.iter().map(json).collect()
}
