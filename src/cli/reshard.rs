//! `reshard`: so many slots to one master, with redis-cli's questions and lines.

use crate::core::count::counted;
use crate::core::plan::moves::{Master, master_named};
use crate::core::plan::reshard::{reshard as planned, sources, table};
use crate::core::slot::SLOT_COUNT;
use crate::engine::migrate::Mode;

use super::failure::Failure;
use super::form::Means;
use super::move_args::ReshardArgs;
use super::moving::{Scene, Told, carry_out, confirm, options, refused};
use super::redis_lines;
use super::terminal::complain;

/// redis-cli's question.
const QUESTION: &str = "Do you want to proceed with the proposed reshard plan (yes/no)? ";

/// `reshard HOST:PORT --cluster-from … --cluster-to … --cluster-slots N`; what is missing is asked for.
///
/// # Errors
/// A cluster that is not whole, no plan, a no to the question, or a move that did not come to its end.
pub async fn reshard(means: &Means<'_>, args: &ReshardArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    scene.insist_on_health(means, true, "resharding")?;
    let count = match args.cluster_slots {
        Some(count) => count,
        None => ask_count(means).await?,
    };
    let target = match &args.cluster_to {
        Some(name) => name.clone(),
        None => ask(means, "What is the receiving node ID? ", "--cluster-to").await?,
    };
    let target = master_named(&scene.masters, &target).map_err(|why| refused(&why).aloud())?;
    let from = match &args.cluster_from {
        Some(list) => list.clone(),
        None => ask_sources(means, &scene, target).await?,
    };
    let sources = sources(&scene.masters, &from, target).map_err(|why| refused(&why).aloud())?;
    let plan = planned(&sources, target, count);
    show(means, &scene, &sources, target, count);
    if plan.is_empty() {
        return Err(Failure::message("*** These nodes have no slots to give: nothing was moved."));
    }
    let how = options(&args.how);
    if scene.tell_plan(means, &plan, how.clone()).await? {
        return Ok(());
    }
    confirm(means, QUESTION).await?;
    carry_out(means, &scene, &plan, Mode::Fresh, how, Told::Lines).await
}

fn show(means: &Means<'_>, scene: &Scene, sources: &[&Master], target: &Master, count: u16) {
    let table = table(sources, count);
    means.terminal.say(|text| {
        text.line(format_args!("\nReady to move {count} slots."));
        text.line("  Source nodes:");
        for source in sources {
            redis_lines::reshard_node(text, &scene.gathered.topology, &source.addr);
        }
        text.line("  Destination node:");
        redis_lines::reshard_node(text, &scene.gathered.topology, &target.addr);
        text.line("  Resharding plan:");
        for (from, slot) in &table {
            text.line(format_args!("    Moving slot {slot} from {from}"));
        }
        if table.len() < usize::from(count) {
            text.warn(format_args!("  These are {}: shares are rounded down.", counted(table.len(), "slot")));
        }
    });
}

async fn ask(means: &Means<'_>, question: &str, option: &str) -> Result<String, Failure> {
    if means.plan || means.terminal.is_json() {
        let who = if means.plan { "plan" } else { "--json" };
        return Err(Failure::message(&format!("{who} can't ask: add {option}")));
    }
    match means.interrupt.ask(means.terminal, question).await {
        answer if answer.is_empty() => {
            means.terminal.print("\n");
            Err(Failure::message("Not answered: nothing was moved."))
        }
        answer => Ok(answer),
    }
}

async fn ask_count(means: &Means<'_>) -> Result<u16, Failure> {
    loop {
        let question = format!("How many slots do you want to move (from 1 to {SLOT_COUNT})? ");
        let answer = ask(means, &question, "--cluster-slots").await?;
        if let Some(count) = answer.parse().ok().filter(|count| (1..=SLOT_COUNT).contains(count)) {
            return Ok(count);
        }
    }
}

/// Sources, one an answer, until `done` or `all`.
async fn ask_sources(means: &Means<'_>, scene: &Scene, target: &Master) -> Result<String, Failure> {
    means.terminal.say(|text| {
        text.line("Please enter all the source node IDs.");
        text.line("  Type 'all' to use all the nodes as source nodes for the hash slots.");
        text.line("  Type 'done' once you entered all the source nodes IDs.");
    });
    let mut names: Vec<String> = Vec::new();
    loop {
        let answer = ask(means, &format!("Source node #{}: ", names.len() + 1), "--cluster-from").await?;
        match answer.as_str() {
            "done" => return Ok(names.join(",")),
            "all" => return Ok(answer),
            name => match sources(&scene.masters, name, target) {
                Ok(_) => names.push(answer),
                Err(why) => complain(&why.to_string()),
            },
        }
    }
}
