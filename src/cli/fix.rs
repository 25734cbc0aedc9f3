//! `fix`: looks, explains each finding and its repair, asks, repairs, checks.

use serde::Serialize;

use crate::core::count::{counted, counted_are};
use crate::core::plan::ShownCommand;
use crate::core::plan::fix::{FixPlan, LeftWhy, Meeting, Party, Repair, Trouble, plan as planned};
use crate::engine::command::Auth;
use crate::engine::fix::{FIX_STEPS, Fixed, How, Scope, Seen, fix as carry_out, hold, look};
use crate::engine::gather::gather;
use crate::engine::migrate::{Migration, RunningTask, cancel};
use crate::engine::steps::Steps;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;

use super::cluster::{bare, could_not_connect};
use super::cluster_args::FixArgs;
use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::move_args::MethodArg;
use super::moving::{Scene, options};
use super::redis_lines;
use super::steps::{StepJson, steps_json, timed_report};
use super::terminal::complain;
use super::text::Text;

const QUESTION: &str = "Do you want to proceed with these repairs (type 'yes' to accept): ";
const NOT_MINE: &str = "[ERR] The cluster is not whole, but nothing is wrong with its slots that fix could repair.";
/// So many failed slots are named one by one.
const NAMED: usize = 20;

/// `fix` as JSON.
#[derive(Debug, Serialize)]
struct FixJson {
    ok: bool,
    /// What the servers moved by themselves at the beginning.
    migrations: Vec<MigrationJson>,
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
struct PlannedJson<'a> {
    migrations: &'a [MigrationJson],
    repairs: Vec<RepairJson>,
    left: Vec<String>,
}

impl<'a> PlannedJson<'a> {
    fn of(plan: &FixPlan, migrations: &'a [MigrationJson]) -> Self {
        let left = plan.left.iter().map(ToString::to_string).collect();
        Self { migrations, repairs: plan.repairs.iter().map(RepairJson::from).collect(), left }
    }
}

/// A migration of the servers' own as JSON shows it.
#[derive(Debug, Serialize)]
struct MigrationJson {
    slots: String,
    from: String,
    to: String,
    state: String,
    /// Whether it is cancelled; else it is left alone.
    cancelled: bool,
}

impl MigrationJson {
    fn of(scene: &Scene, one: &Migration, cancelled: bool) -> Self {
        let addr = |id: &str| id.parse().map_or_else(|_| id.to_owned(), |id| scene.addr(&id));
        let RunningTask { slots, from, to, state } = one.task.clone();
        Self { slots, from: addr(&from), to: addr(&to), state, cancelled }
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
    if args.how.method == MethodArg::Atomic {
        return Err(Failure::message("[ERR] fix moves key by key: no server migrates an open slot atomically"));
    }
    let mut scene = Scene::find(means, &args.how).await?;
    let findings = scene.gathered.check();
    for (addr, why) in &scene.gathered.topology.unreachable {
        complain(&could_not_connect(addr, bare(why)));
    }
    means.terminal.say(|text| {
        redis_lines::check(text, &scene.gathered.topology, &scene.seed, &findings);
    });
    // Held to the end: no move and no other repair of our own may be under way meanwhile.
    let (file, journal) = hold(means.workspace, &scene.nodes())?;
    let scope = if args.cluster_search_multiple_owners { Scope::All } else { Scope::Suspects };
    let auth = scene.access.auth.clone();
    let (seen, migrations) = survey(means, &mut scene, args, scope).await?;
    let unreachable = args.cluster_fix_with_unreachable_masters;
    let plan = planned(&seen.damage(), unreachable).map_err(|why| refused(&why))?;
    means.terminal.say(|text| show(text, &plan, &seen, scope));
    if means.plan && plan.is_empty() && !is_whole_without(&scene, &plan) {
        return Err(Failure::message(NOT_MINE));
    }
    let cancels = if args.cancel_migrations { Migration::cancel_commands(&seen.migrations) } else { Vec::new() };
    let commands: Vec<ShownCommand> = cancels.into_iter().map(Into::into).chain(plan.commands()).collect();
    if means.tell_plan(&PlannedJson::of(&plan, &migrations), &commands, &auth) {
        return Ok(());
    }
    if plan.is_empty() {
        return nothing_to_do(means, &scene, &plan, migrations, &file, journal.as_ref());
    }
    ask(means, &plan).await?;
    let seeds = scene.seeds();
    let how = How { seeds: &seeds, auth: &auth, options: options(&args.how), scope, with_unreachable: unreachable };
    let steps = Steps::new(&FIX_STEPS, timed_report(means.terminal), means.interrupt.token());
    let fixed = carry_out(&plan, &how, &steps).await.map_err(|why| refused(&why))?;
    settle_journal(means, &scene, &fixed, &file, journal.as_ref())?;
    tell(means, &scene, &plan, migrations, &fixed, &steps)
}

fn refused(why: &dyn std::fmt::Display) -> Failure {
    Failure::message(&format!("[ERR] {why}"))
}

/// Looks at every master; names what the servers move by themselves, and cancels it where that is wished.
async fn survey(
    means: &Means<'_>,
    scene: &mut Scene,
    args: &FixArgs,
    scope: Scope,
) -> Result<(Seen, Vec<MigrationJson>), Failure> {
    let auth = scene.access.auth.clone();
    let mut seen = look(scene.gathered.clone(), &auth, scope, false).await.map_err(|why| refused(&why))?;
    let cancelled = args.cancel_migrations;
    let told: Vec<MigrationJson> = seen.migrations.iter().map(|one| MigrationJson::of(scene, one, cancelled)).collect();
    say_migrations(means, &told);
    if means.plan {
        say_dark(means, &seen);
        return Ok((seen, told));
    }
    if cancelled && !seen.migrations.is_empty() {
        cancel_them(means, &seen.migrations, &auth).await?;
        scene.gathered = gather(&scene.seeds(), &auth, scene.access.connect).await;
        seen = look(scene.gathered.clone(), &auth, scope, false).await.map_err(|why| refused(&why))?;
    }
    if !seen.dark.is_empty() {
        ask_to_peek(means, &seen).await?;
        seen = look(scene.gathered.clone(), &auth, scope, true).await.map_err(|why| refused(&why))?;
    }
    Ok((seen, told))
}

/// To see what servers hide, slots are opened there: that is sent by a person's leave, too.
async fn ask_to_peek(means: &Means<'_>, seen: &Seen) -> Result<(), Failure> {
    say_dark(means, seen);
    let question = "Do you want to have that looked at (type 'yes' to accept): ";
    means.ask_a_person(question, "nothing was sent to any node").await
}

/// Names keys that no plan knows the slots of yet.
fn say_dark(means: &Means<'_>, seen: &Seen) {
    means.terminal.say(|text| {
        for (addr, keys) in seen.dark_keys() {
            text.warn(format_args!(
                "[WARNING] {addr} hides {} of slots that it does not own: to see of which, slots are opened there and \
                 closed again, in one transaction.",
                counted(keys, "key")
            ));
        }
    });
}

/// Names what the servers move by themselves, and what becomes of it.
fn say_migrations(means: &Means<'_>, list: &[MigrationJson]) {
    means.terminal.say(|text| {
        for MigrationJson { slots, from, to, state, cancelled } in list {
            let what = if *cancelled {
                "that is cancelled first, and they stay where they are"
            } else {
                "not touched; --cancel-migrations cancels that"
            };
            text.warn(format_args!(
                "[WARNING] The servers are moving slots {slots} from {from} to {to} by themselves ({state}): {what}."
            ));
        }
    });
}

async fn cancel_them(means: &Means<'_>, list: &[Migration], auth: &Auth) -> Result<(), Failure> {
    if !means.yes {
        let question = "Do you want to cancel these migrations (type 'yes' to accept): ";
        means.ask_for_yes(question, "nothing was sent to any node").await?;
    }
    cancel(list, auth).await.map_err(|why| Failure::message(&format!("[ERR] {why}")))?;
    means.terminal.say(|text| text.ok("[OK] The migrations are cancelled."));
    Ok(())
}

/// redis-cli asks about slots without an owner only; the rest it has always repaired unasked, and so scripts of it are not
/// asked either.
async fn ask(means: &Means<'_>, plan: &FixPlan) -> Result<(), Failure> {
    let otherwise = "nothing was sent to any node";
    if plan.repairs.iter().any(|repair| repair.trouble == Trouble::Uncovered) && !means.yes {
        return means.ask_for_yes(QUESTION, otherwise).await;
    }
    means.ask_a_person(QUESTION, otherwise).await
}

fn show(text: &mut Text, plan: &FixPlan, seen: &Seen, scope: Scope) {
    for left in &plan.left {
        text.warn(format_args!("[WARNING] {left}."));
    }
    if scope == Scope::Suspects {
        for (addr, keys) in &seen.passed_over {
            text.warn(format_args!(
                "[WARNING] {addr} holds {} of slots that it does not own: --cluster-search-multiple-owners moves them.",
                counted(*keys, "key")
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

/// Whether a plan without repairs leaves a cluster that is whole, but for what its servers are about to finish.
fn is_whole_without(scene: &Scene, plan: &FixPlan) -> bool {
    let left = plan.left.iter().any(|left| left.why != LeftWhy::UnderWay);
    let open = plan.left.iter().any(|left| left.why == LeftWhy::UnderWay);
    !left && (open || !scene.gathered.check().iter().any(crate::core::check::Finding::is_error))
}

/// Nothing is sent: whole or not, that is how it stays.
fn nothing_to_do(
    means: &Means<'_>,
    scene: &Scene,
    plan: &FixPlan,
    migrations: Vec<MigrationJson>,
    file: &JournalFile<MoveJournal>,
    journal: Option<&MoveJournal>,
) -> Result<(), Failure> {
    let findings = scene.gathered.check();
    let whole = is_whole_without(scene, plan);
    say_unfinished(means, scene, &scene.gathered, file, journal)?;
    means.terminal.say(|text| {
        if whole {
            text.ok("[OK] There is nothing to fix.");
        } else {
            text.error(NOT_MINE);
        }
    });
    means.terminal.object(&FixJson {
        ok: whole,
        migrations,
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
    match scene.unfinished(&journal.plan, now) {
        None => return Ok(file.remove()?),
        Some(words) => means.terminal.say(|text| text.line(words)),
    }
    Ok(())
}

fn tell(
    means: &Means<'_>,
    scene: &Scene,
    plan: &FixPlan,
    migrations: Vec<MigrationJson>,
    fixed: &Fixed,
    steps: &Steps,
) -> Result<(), Failure> {
    let findings = fixed.after.check();
    let mut whole = fixed.failures.is_empty() && !fixed.stopped;
    whole &= !plan.left.iter().any(|left| left.why != LeftWhy::UnderWay);
    let mut text = means.terminal.text();
    whole &= redis_lines::check(&mut text, &fixed.after.topology, &scene.seed, &findings);
    if whole {
        let slots = plan.slots().len();
        let slots = counted_are(slots, "slot", ["was", "were"]);
        let keys = counted_are(fixed.keys, "key", ["was", "were"]);
        text.ok(format_args!("[OK] {slots} repaired, {keys} moved."));
    }
    means.terminal.print(&text.into_string());
    for (slot, why) in fixed.failures.iter().take(NAMED) {
        complain(&format!("[ERR] slot {slot}: {why}."));
    }
    if fixed.failures.len() > NAMED {
        complain(&format!("[ERR] … and {}.", counted(fixed.failures.len() - NAMED, "more slot")));
    }
    if fixed.stopped {
        complain(&format!("[ERR] Stopped as asked. 'slotctl fix {}' goes on.", scene.access.place(&scene.seed)));
    }
    let failed =
        |(slot, error): &(crate::core::slot::Slot, String)| FailedJson { slot: slot.get(), error: error.clone() };
    means.terminal.object(&FixJson {
        ok: whole,
        migrations,
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
