//! `fix`: looks, explains each finding and its repair, asks, repairs, checks.

use serde::Serialize;

use crate::core::plan::fix::{FixPlan, LeftWhy, Meeting, Party, Repair, plan as planned};
use crate::core::plan::moves::masters_of;
use crate::engine::fix::{FIX_STEPS, Fixed, How, Scope, Seen, fix as carry_out, look};
use crate::engine::steps::Steps;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;

use super::args::FixArgs;
use super::cluster::{bare, could_not_connect};
use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::moving::{Scene, options};
use super::redis_lines;
use super::steps::{StepJson, steps_json, timed_report};
use super::terminal::complain;
use super::text::Text;

const QUESTION: &str = "Do you want to proceed with these repairs (type 'yes' to accept): ";
/// So many failed slots are named one by one.
const NAMED: usize = 20;

/// `fix` as JSON.
#[derive(Debug, Serialize)]
struct FixJson {
    ok: bool,
    repairs: Vec<RepairJson>,
    /// What was not touched, and why.
    left: Vec<String>,
    failures: Vec<FailedJson>,
    keys: u64,
    steps: Vec<StepJson>,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
}

/// The repairs alone as JSON.
#[derive(Debug, Serialize)]
struct PlannedJson {
    repairs: Vec<RepairJson>,
    left: Vec<String>,
}

impl PlannedJson {
    fn of(plan: &FixPlan) -> Self {
        let left = plan.left.iter().map(ToString::to_string).collect();
        Self { repairs: plan.repairs.iter().map(RepairJson::from).collect(), left }
    }
}

/// A repair as JSON shows it.
#[derive(Debug, Serialize)]
struct RepairJson {
    finding: String,
    slots: String,
    slot_count: usize,
    owner: String,
    owner_id: String,
    why: String,
    keys: u64,
    repair: Vec<String>,
}

/// A slot that could not be repaired.
#[derive(Debug, Serialize)]
struct FailedJson {
    slot: u16,
    error: String,
}

impl From<&Repair> for RepairJson {
    fn from(repair: &Repair) -> Self {
        let Party { addr, id } = &repair.owner;
        Self {
            finding: repair.finding(),
            slots: repair.slots.to_string(),
            slot_count: repair.slots.len(),
            owner: addr.to_string(),
            owner_id: id.to_string(),
            why: repair.reason.to_string(),
            keys: repair.keys(),
            repair: repair.remedies(),
        }
    }
}

/// `fix HOST:PORT`.
///
/// # Errors
/// A repair that could lose keys and was not asked for by name, a no to the question, or a cluster that is not whole at
/// the end.
pub async fn fix(means: &Means<'_>, args: &FixArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    let findings = scene.gathered.check();
    for (addr, why) in &scene.gathered.topology.unreachable {
        complain(&could_not_connect(addr, bare(why)));
    }
    means.terminal.say(|text| {
        redis_lines::check(text, &scene.gathered.topology, &scene.seed, &findings);
    });
    // Held to the end: no move of our own may be under way meanwhile.
    let (file, journal) = match scene.journal(means)? {
        Some((file, journal)) => (file, Some(journal)),
        None => (scene.new_journal(means)?, None),
    };
    let scope = if args.cluster_search_multiple_owners { Scope::All } else { Scope::Suspects };
    let auth = &scene.access.auth;
    let refused = |why: &dyn std::fmt::Display| Failure::message(&format!("[ERR] {why}"));
    let seen = look(scene.gathered.clone(), auth, scope, !means.plan).await.map_err(|why| refused(&why))?;
    let unreachable = args.cluster_fix_with_unreachable_masters;
    let plan = planned(&seen.damage(), unreachable).map_err(|why| refused(&why))?;
    means.terminal.say(|text| show(text, &plan, &seen, scope));
    if means.tell_plan(&PlannedJson::of(&plan), &plan.commands()) {
        return Ok(());
    }
    if plan.is_empty() {
        return nothing_to_do(means, &scene, &plan, &file, journal.as_ref());
    }
    if !means.yes {
        means.ask_for_yes(QUESTION, "nothing was sent to any node").await?;
    }
    let seeds = scene.seeds();
    let how = How { seeds: &seeds, auth, options: options(&args.how), scope, with_unreachable: unreachable };
    let steps = Steps::new(&FIX_STEPS, timed_report(means.terminal), means.interrupt.token());
    let fixed = carry_out(&plan, &how, &steps).await.map_err(|why| refused(&why))?;
    settle_journal(means, &scene, &fixed, &file, journal.as_ref())?;
    tell(means, &scene, &plan, &fixed, &steps)
}

fn show(text: &mut Text, plan: &FixPlan, seen: &Seen, scope: Scope) {
    for left in &plan.left {
        text.warn(format_args!("[WARNING] {left}."));
    }
    if scope == Scope::Suspects {
        for (addr, keys) in &seen.passed_over {
            text.warn(format_args!(
                "[WARNING] {addr} holds {keys} keys of slots that it does not own: --cluster-search-multiple-owners moves them."
            ));
        }
    }
    for Meeting { by, whom } in &plan.meetings {
        text.info(format_args!(">>> {by} is made to know {whom}: nodes do not know each other"));
    }
    for (i, repair) in plan.repairs.iter().enumerate() {
        text.info(format_args!(">>> Repair {}: {}", i + 1, repair.finding()));
        for remedy in repair.remedies() {
            text.line(format_args!("    - {remedy}"));
        }
    }
}

/// Nothing is sent: whole or not, that is how it stays.
fn nothing_to_do(
    means: &Means<'_>,
    scene: &Scene,
    plan: &FixPlan,
    file: &JournalFile<MoveJournal>,
    journal: Option<&MoveJournal>,
) -> Result<(), Failure> {
    let findings = scene.gathered.check();
    let left = plan.left.iter().any(|left| left.why != LeftWhy::UnderWay);
    let open = plan.left.iter().any(|left| left.why == LeftWhy::UnderWay);
    let whole = !left && (open || !findings.iter().any(crate::core::check::Finding::is_error));
    say_unfinished(means, scene, &scene.gathered, file, journal)?;
    means.terminal.say(|text| {
        if whole {
            text.ok("[OK] There is nothing to fix.");
        } else {
            text.error("[ERR] The cluster is not whole, but nothing is wrong with its slots that fix could repair.");
        }
    });
    means.terminal.object(&FixJson {
        ok: whole,
        repairs: Vec::new(),
        left: plan.left.iter().map(ToString::to_string).collect(),
        failures: Vec::new(),
        keys: 0,
        steps: Vec::new(),
        nodes: nodes_of(&scene.gathered.topology),
        findings: findings_of(&findings),
    });
    if whole { Ok(()) } else { Err(Failure::Shown) }
}

fn settle_journal(
    means: &Means<'_>,
    scene: &Scene,
    fixed: &Fixed,
    file: &JournalFile<MoveJournal>,
    journal: Option<&MoveJournal>,
) -> Result<(), Failure> {
    if fixed.failures.is_empty() && !fixed.stopped {
        say_unfinished(means, scene, &fixed.after, file, journal)?;
    }
    Ok(())
}

/// A move that was left half-way has no open slot any more; the slots that it had not come to are `resume`'s, or nobody's.
fn say_unfinished(
    means: &Means<'_>,
    scene: &Scene,
    now: &crate::engine::gather::Gathered,
    file: &JournalFile<MoveJournal>,
    journal: Option<&MoveJournal>,
) -> Result<(), Failure> {
    let Some(journal) = journal else { return Ok(()) };
    let rest = journal.plan.rest(&masters_of(&now.topology, &scene.seed)).slot_count();
    if rest == 0 {
        return Ok(file.remove()?);
    }
    means.terminal.say(|text| {
        text.line(format_args!(
            "A move of slots was left half-way: {rest} slots of it are where they were. 'slotctl resume {}' moves them.",
            scene.seed
        ));
    });
    Ok(())
}

fn tell(means: &Means<'_>, scene: &Scene, plan: &FixPlan, fixed: &Fixed, steps: &Steps) -> Result<(), Failure> {
    let findings = fixed.after.check();
    let mut whole = fixed.failures.is_empty() && !fixed.stopped;
    whole &= !plan.left.iter().any(|left| left.why != LeftWhy::UnderWay);
    let mut text = means.terminal.text();
    whole &= redis_lines::check(&mut text, &fixed.after.topology, &scene.seed, &findings);
    if whole {
        let slots = plan.slots().len();
        text.ok(format_args!("[OK] {slots} slots were repaired, {} keys were moved.", fixed.keys));
    }
    means.terminal.print(&text.into_string());
    for (slot, why) in fixed.failures.iter().take(NAMED) {
        complain(&format!("[ERR] slot {slot}: {why}."));
    }
    if fixed.failures.len() > NAMED {
        complain(&format!("[ERR] … and {} more slots.", fixed.failures.len() - NAMED));
    }
    if fixed.stopped {
        complain(&format!("[ERR] Stopped as asked. 'slotctl fix {}' goes on.", scene.seed));
    }
    let failed =
        |(slot, error): &(crate::core::slot::Slot, String)| FailedJson { slot: slot.get(), error: error.clone() };
    means.terminal.object(&FixJson {
        ok: whole,
        repairs: plan.repairs.iter().map(RepairJson::from).collect(),
        left: plan.left.iter().map(ToString::to_string).collect(),
        failures: fixed.failures.iter().map(failed).collect(),
        keys: fixed.keys,
        steps: steps_json(&steps.views()),
        nodes: nodes_of(&fixed.after.topology),
        findings: findings_of(&findings),
    });
    if whole { Ok(()) } else { Err(Failure::Shown) }
}
