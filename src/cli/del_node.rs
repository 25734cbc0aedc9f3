//! `del-node`: nodes out of a cluster, dead ones too, with redis-cli's lines.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::core::plan::remove::{RemovePlan, RemoveRefusal};
use crate::core::plan::{NodeCommand, ShownCommand};
use crate::core::topology::{NodeAddr, NodeId, Role, Topology};
use crate::engine::growth::{RETIRE_STEPS, clean_up, is_ours};
use crate::engine::remove::{News, Removed, plan as planned, remove};
use crate::engine::steps::Steps;
use crate::engine::tls::Tls;
use crate::workspace::document::ClusterDoc;

use super::cluster::{Access, look, named};
use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::node_args::DelNodeArgs;
use super::steps::timed_report;
use super::terminal::complain;
use super::until_cancelled;
use super::waiting::Lines;

/// A removed node as JSON shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GoneJson {
    addr: Option<String>,
    id: String,
    role: Role,
    answers: bool,
    /// Whether it was reset; null in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<bool>,
}

/// A replica that got another master as JSON shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RehomeJson {
    replica: String,
    replica_id: String,
    master: String,
    master_id: String,
}

/// The plan as JSON.
#[derive(Debug, Serialize)]
pub(super) struct PlanJson {
    removed: Vec<GoneJson>,
    rehomed: Vec<RehomeJson>,
}

impl PlanJson {
    pub(super) fn of(plan: &RemovePlan) -> Self {
        Self { removed: gone(plan, None), rehomed: rehomed(plan) }
    }
}

/// A node that could not be told.
#[derive(Debug, Clone, Serialize)]
struct MissedJson {
    addr: String,
    why: String,
}

/// `del-node` as JSON.
#[derive(Debug, Serialize)]
struct DelNodeJson<T: Serialize> {
    ok: bool,
    removed: Vec<GoneJson>,
    rehomed: Vec<RehomeJson>,
    missed: Vec<MissedJson>,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
    #[serde(flatten)]
    more: T,
}

/// Nothing beside the removal.
#[derive(Debug, Serialize)]
struct Nothing {}

/// `del-node HOST:PORT ID…`. A person at a terminal is asked; redis-cli's scripts, which never were, are not.
///
/// # Errors
/// A node that can't be removed, a no to the question, or a node that still knows a removed one at the end.
pub async fn del_node(means: &Means<'_>, args: &DelNodeArgs) -> Result<(), Failure> {
    let (seed, access) = named(std::slice::from_ref(&args.node), &args.login, means.workspace).await?;
    let removal = Removal { means, seed, access: &access };
    let plan = until_cancelled(removal.plan(&args.ids), means.interrupt).await?;
    let commands: Vec<ShownCommand> = plan.commands().into_iter().map(ShownCommand::from).collect();
    if means.tell_plan(&PlanJson::of(&plan), &commands, &access.auth) {
        return Ok(());
    }
    let question = "Do you want to proceed with this removal (type 'yes' to accept): ";
    means.ask_a_person(question, "nothing was removed").await?;
    removal.carry_out(&plan, Nothing {}).await
}

/// A removal that is planned and carried out.
pub(super) struct Removal<'a> {
    pub(super) means: &'a Means<'a>,
    pub(super) seed: NodeAddr,
    pub(super) access: &'a Access,
}

impl Removal<'_> {
    /// Plans and shows.
    pub(super) async fn plan(&self, names: &[String]) -> Result<RemovePlan, Failure> {
        let terminal = self.means.terminal;
        terminal.say(|text| {
            for name in names {
                text.info(format_args!(">>> Removing node {name} from cluster {}", self.seed));
            }
        });
        let mut gathered = look(&self.seed, self.access, terminal).await?;
        let plan = planned(&self.seed, names, &self.access.auth, self.access.connect, &mut gathered).await;
        let plan = plan.map_err(|why| self.refuse(&why))?;
        self.show(&plan);
        Ok(plan)
    }

    /// Shows the removal that follows when this master is drained; then it is planned anew.
    pub(super) fn plan_once_drained(&self, topology: &Topology, id: &NodeId) -> Result<RemovePlan, Failure> {
        let plan = RemovePlan::once_drained(topology, &self.seed, id).map_err(|why| self.refuse(&why))?;
        self.means.terminal.say(|text| text.info(format_args!(">>> Then node {id} is removed from the cluster")));
        self.show(&plan);
        Ok(plan)
    }

    /// redis-cli says it on standard output.
    fn refuse(&self, why: &RemoveRefusal) -> Failure {
        self.means.terminal.say(|text| text.error(why));
        Failure::said(why)
    }

    fn show(&self, plan: &RemovePlan) {
        self.means.terminal.say(|text| {
            for node in &plan.nodes {
                let role = match node.role {
                    Role::Master => "a master without slots",
                    Role::Replica => "a replica, whose copy is emptied",
                };
                let line = match &node.at {
                    Some(at) => format!("    {at} answers: {role}; it is forgotten and reset."),
                    None => format!("    {} does not answer as a member; it is forgotten.", node.name()),
                };
                text.line(line);
            }
            for (at, name, _) in self.known_here(plan).iter().filter(|(_, _, ours)| *ours) {
                text.line(format_args!(
                    "    {at} was launched for {name}: its server is stopped and its folder removed."
                ));
            }
            for one in &plan.rehome {
                text.line(format_args!("    {} will copy {} instead.", one.replica, one.master));
            }
            for node in &plan.silent {
                let name = node.name();
                text.warn(format_args!("[WARNING] {name} does not answer and can't be told to forget."));
            }
        });
    }

    /// Carries the plan out and tells how it went; `more` goes into the JSON object.
    pub(super) async fn carry_out(&self, plan: &RemovePlan, more: impl Serialize) -> Result<(), Failure> {
        let lines = Lines::new(self.means.terminal);
        let report = |news: News| tell(&lines, &news);
        let (auth, connect) = (&self.access.auth, self.access.connect);
        let done = remove(plan, &self.seed, auth, connect, &report, &self.means.interrupt.token()).await;
        lines.wait_for("");
        let removed = done.map_err(|error| Failure::message(&format!("[ERR] {error}.")))?;
        let mut left = self.left(plan, &removed);
        self.means.terminal.say(|text| {
            for node in plan.nodes.iter().filter(|_| removed.missed.is_empty()) {
                text.ok(format_args!("[OK] Node {} was removed: no node that answers knows it.", node.id));
            }
        });
        left.extend(self.clean_up(plan, &removed).await);
        let ok = left.is_empty();
        for line in &left {
            complain(line);
        }
        let silent = plan.silent.iter().map(|node| (node.name(), "it does not answer".to_owned()));
        let missed = removed.missed.iter().map(|(addr, why)| (addr.to_string(), why.clone())).chain(silent);
        self.means.terminal.object(&DelNodeJson {
            ok,
            removed: gone(plan, Some(&removed)),
            rehomed: rehomed(plan),
            missed: missed.map(|(addr, why)| MissedJson { addr, why }).collect(),
            nodes: nodes_of(&removed.after.topology),
            findings: findings_of(&removed.after.check()),
            more,
        });
        if ok { Ok(()) } else { Err(Failure::Shown) }
    }

    /// Removed nodes of clusters that are known by a name here: the node, the cluster's name, and whether its server was
    /// launched for it.
    fn known_here(&self, plan: &RemovePlan) -> Vec<(NodeAddr, String, bool)> {
        let docs: Vec<ClusterDoc> = self.means.workspace.list().into_iter().filter_map(|(_, doc)| doc.ok()).collect();
        let knows = |doc: &ClusterDoc, addr: &NodeAddr| doc.places().iter().any(|place| place.same_place(addr));
        let gone = plan.nodes.iter().filter_map(|node| node.at.as_ref().or(node.addr.as_ref()));
        let found = gone.flat_map(|at| {
            let others = |doc: &&ClusterDoc| plan.tell.iter().any(|host| knows(doc, &host.at));
            let of_it = docs.iter().filter(|doc| knows(doc, at)).filter(others);
            of_it.map(|doc| (at.clone(), doc.name.clone(), is_ours(doc, at)))
        });
        found.collect()
    }

    /// The documents forget the removed nodes, and servers that were launched for them are stopped and their folders removed:
    /// else the next start would bring them back. Answers what is left.
    async fn clean_up(&self, plan: &RemovePlan, removed: &Removed) -> Vec<String> {
        let others: Vec<NodeAddr> = plan.tell.iter().map(|host| host.at.clone()).collect();
        let member = |at: &NodeAddr| removed.missed.iter().chain(&removed.not_reset).any(|(addr, _)| addr == at);
        let (workspace, terminal) = (self.means.workspace, self.means.terminal);
        let mut left = Vec::new();
        for (at, name, ours) in self.known_here(plan).into_iter().filter(|(at, ..)| !member(at)) {
            let cleaned = async {
                let _lock = workspace.lock(&name).map_err(|why| why.to_string())?;
                let steps = if ours { &RETIRE_STEPS[..] } else { &[] };
                let steps = Steps::new(steps, timed_report(terminal), CancellationToken::new());
                clean_up(workspace, &name, &others, &at, &steps).await
            };
            if let Err(why) = cleaned.await {
                left.push(format!("[ERR] {at} was removed, but {name} still knows it: {why}."));
            }
        }
        left
    }

    /// What is not as it should be, and how to finish it.
    fn left(&self, plan: &RemovePlan, removed: &Removed) -> Vec<String> {
        let ids: Vec<&str> = plan.nodes.iter().map(|node| node.id.as_str()).collect();
        let first = plan.tell.first().map_or(&self.seed, |host| &host.at);
        let seed = if plan.tell.iter().any(|host| host.at == self.seed) { &self.seed } else { first };
        let again = format!("slotctl del-node {} {}", self.access.place(seed), ids.join(" "));
        let mut left = Vec::new();
        for (addr, why) in &removed.missed {
            left.push(format!(
                "[ERR] {addr}: {why}. Nodes refuse a forgotten one for 60 s only: run '{again}' once more."
            ));
        }
        for node in &plan.silent {
            left.push(format!(
                "[ERR] {} does not answer and was not told. When it is back it brings the removed node back to the \
                 others: run '{again}' then, or remove it as well.",
                node.name()
            ));
        }
        for (addr, why) in &removed.not_reset {
            left.push(format!(
                "[ERR] {addr} was forgotten by all, but could not be reset: {why}. It still takes itself for a member: \
                 '{}' resets it.",
                NodeCommand::new(addr, ["CLUSTER", "RESET", "SOFT"])
                    .redis_cli_line_in(self.access.auth.tls.as_ref().map(Tls::options))
            ));
        }
        left.extend(removed.unlinked.iter().map(|why| format!("[ERR] The node was removed, but {why}.")));
        left
    }
}

fn tell(lines: &Lines, news: &News) {
    match news {
        News::Rehoming { replica, master } => {
            lines.say(|text| text.info(format_args!(">>> {replica} as replica of {master}")));
        }
        News::Forgetting => {
            lines.say(|text| text.info(">>> Sending CLUSTER FORGET messages to the cluster..."));
        }
        News::Resetting => {
            lines.say(|text| text.info(">>> Sending CLUSTER RESET SOFT to the deleted node."));
        }
        News::Waiting(what) => lines.wait_for(&what.to_string()),
    }
}

fn gone(plan: &RemovePlan, removed: Option<&Removed>) -> Vec<GoneJson> {
    let json = |node: &crate::core::plan::members::Member| {
        let failed = |removed: &Removed| removed.not_reset.iter().any(|(addr, _)| node.at.as_ref() == Some(addr));
        GoneJson {
            addr: node.at.as_ref().or(node.addr.as_ref()).map(ToString::to_string),
            id: node.id.to_string(),
            role: node.role,
            answers: node.at.is_some(),
            reset: removed.map(|removed| node.at.is_some() && !failed(removed)),
        }
    };
    plan.nodes.iter().map(json).collect()
}

fn rehomed(plan: &RemovePlan) -> Vec<RehomeJson> {
    let json = |one: &crate::core::plan::remove::Rehome| RehomeJson {
        replica: one.replica.to_string(),
        replica_id: one.replica_id.to_string(),
        master: one.master.to_string(),
        master_id: one.master_id.to_string(),
    };
    plan.rehome.iter().map(json).collect()
}
