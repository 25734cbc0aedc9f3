//! `drain`: all slots of a master to others, and if wished the node out of the cluster.

use serde::Serialize;

use crate::core::plan::ShownCommand;
use crate::core::plan::drain::drain as planned;
use crate::core::plan::moves::{MovePlan, master_named};
use crate::core::plan::remove::RemovePlan;
use crate::engine::agreement::settle;
use crate::engine::migrate::{Mode, Options};

use super::del_node::{PlanJson, Removal};
use super::failure::Failure;
use super::form::Means;
use super::move_args::DrainArgs;
use super::moving::{MoveJson, NOTHING_MOVED, Scene, Told, carry_out, options, refused};
use super::terminal::Terminal;

/// What a drain adds to the result of the removal.
#[derive(Debug, Serialize)]
struct MovedJson {
    moves: Vec<MoveJson>,
}

/// The plan as JSON.
#[derive(Debug, Serialize)]
struct DrainJson {
    moves: Vec<MoveJson>,
    #[serde(flatten)]
    removal: Option<PlanJson>,
}

/// `drain HOST:PORT ID` and `drain HOST:PORT`, which empties that very node. A person at a terminal is asked.
///
/// # Errors
/// A cluster that is not whole, no plan, a no to the question, a move that did not come to its end, or with `--remove`
/// one of [`del_node`](super::del_node::del_node).
pub async fn drain(means: &Means<'_>, args: &DrainArgs) -> Result<(), Failure> {
    let (seed, name) = match args.how.node.as_slice() {
        [seed, name] => (seed, name.clone()),
        [seed] if seed.contains(':') => (seed, String::new()),
        [name] => {
            let why = format!("'{name}' names a cluster: name the master to empty, too, by id or address");
            return Err(Failure::message(&why));
        }
        _ => return Err(Failure::message("name a node of the cluster and the master to empty")),
    };
    let scene = Scene::find_at(means, std::slice::from_ref(seed), &args.how.login).await?;
    let name = if name.is_empty() { scene.seed.to_string() } else { name };
    scene.insist_on_health(means, false, "draining")?;
    let from = master_named(&scene.masters, &name).map_err(|why| refused(&why))?;
    let to: Vec<String> = args.cluster_to.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    let plan = planned(&scene.masters, from, &to).map_err(|why| Failure::message(&why))?;
    let how = options(&args.how);
    means.terminal.say(|text| scene.say_moves(text, &plan));
    if plan.is_empty() {
        means.terminal.say(|text| text.ok(format_args!("[OK] {} owns no slots.", from.addr)));
        if !args.remove {
            scene.tell_nothing_moved(means, None);
            return Ok(());
        }
    }
    // The drained node may be the asked one: what is left of the cluster is asked by another.
    let other = scene.masters.iter().find(|master| master.id != from.id);
    let seed = other.map_or_else(|| scene.seed.clone(), |master| master.addr.clone());
    let removal = Removal { means, seed, access: &scene.access };
    let names = [from.id.to_string()];
    let removed = match (args.remove, plan.is_empty()) {
        (false, _) => None,
        (true, true) => Some(removal.plan(&names).await?),
        (true, false) => Some(removal.plan_once_drained(&scene.gathered.topology, &from.id)?),
    };
    if means.plan {
        let mut commands = scene.commands(&plan, how).await?;
        commands.extend(removed.iter().flat_map(RemovePlan::commands).map(ShownCommand::from));
        let removal = removed.as_ref().map(PlanJson::of);
        means.tell_plan(&DrainJson { moves: scene.moves_json(&plan), removal }, &commands, &scene.access.auth);
        return Ok(());
    }
    means.ask_a_person("Do you want to proceed with this plan (type 'yes' to accept): ", NOTHING_MOVED).await?;
    if !plan.is_empty() {
        move_away(means, &scene, &plan, how, args.remove).await?;
    }
    let Some(mut removed) = removed else {
        // The drained master may be a replica by now: the next command finds everybody agreed.
        let (access, cancel) = (&scene.access, means.interrupt.token());
        settle(&scene.seed, &access.auth, access.connect, &cancel).await;
        return Ok(());
    };
    if !plan.is_empty() {
        removed = removal.plan(&names).await?;
    }
    removal.carry_out(&removed, MovedJson { moves: scene.moves_json(&plan) }).await
}

/// Moves the slots. Where the node is removed afterwards, the one JSON object is the removal's.
async fn move_away(
    means: &Means<'_>,
    scene: &Scene,
    plan: &MovePlan,
    how: Options,
    remove: bool,
) -> Result<(), Failure> {
    let silent = remove && means.terminal.is_json();
    let terminal = if silent { Terminal::bare() } else { means.terminal };
    let moving = Means { terminal, ..*means };
    match carry_out(&moving, scene, plan, Mode::Fresh, how, Told::Lines).await {
        Err(Failure::Shown) if silent => {
            Err(Failure::said("the slots were moved, but the cluster is not whole: the node was not removed"))
        }
        result => result,
    }
}
