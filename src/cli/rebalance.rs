//! `rebalance`: each master its share, with redis-cli's lines.

use crate::core::count::counted;
use crate::core::plan::rebalance::{Rebalance, Wish, rebalance as planned, weights};
use crate::core::plan::rebalance_load::{Held, rebalance_load};
use crate::engine::loads::{Measure, explain, loads};
use crate::engine::migrate::Mode;

use super::failure::Failure;
use super::form::Means;
use super::move_args::{ByArg, RebalanceArgs};
use super::moving::{NOTHING_MOVED, Scene, Told, carry_out, options, refused};
use super::progress::bytes;
use super::until_cancelled;

/// `rebalance HOST:PORT`. A person at a terminal is asked; redis-cli's scripts, which never were, are not.
///
/// # Errors
/// A cluster that is not whole, a bad weight, a no to the question, or a move that did not come to its end.
pub async fn rebalance(means: &Means<'_>, args: &RebalanceArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    let wish = Wish {
        weights: weights(&scene.masters, &args.cluster_weight).map_err(|why| refused(&why).aloud())?,
        use_empty: args.cluster_use_empty_masters,
        threshold: args.cluster_threshold,
    };
    let shown = Means { plan: means.plan || args.cluster_simulate, ..*means };
    scene.insist_on_health(&shown, true, "rebalancing").map_err(Failure::aloud)?;
    let planned = until_cancelled(plan(&scene, &wish, args.by), means.interrupt).await?;
    let Some((result, held)) = planned else {
        means.terminal.say(|text| {
            let threshold = wish.threshold;
            text.warn(format_args!("*** No rebalancing needed! All nodes are within the {threshold:.2}% threshold."));
        });
        scene.tell_nothing_moved(means, None);
        return Ok(());
    };
    show(means, &scene, &result, args.cluster_simulate);
    means.terminal.say(|text| {
        for one in &held {
            let unit = |load: u64| if args.by == ByArg::Memory { bytes(load) } else { counted(load, "key") };
            text.line(format_args!("{}: {} now, {} then", scene.addr(&one.id), unit(one.before), unit(one.after)));
        }
    });
    if args.cluster_simulate && !means.plan {
        scene.tell_nothing_moved(means, Some(&result.plan));
        return Ok(());
    }
    let how = options(&args.how);
    if scene.tell_plan(means, &result.plan, how.clone()).await? {
        return Ok(());
    }
    means.ask_a_person("Do you want to proceed with this plan (type 'yes' to accept): ", NOTHING_MOVED).await?;
    carry_out(means, &scene, &result.plan, Mode::Fresh, how, Told::Marks).await
}

/// The moves, and what each master holds before and after where that is asked.
async fn plan(scene: &Scene, wish: &Wish, by: ByArg) -> Result<Option<(Rebalance, Vec<Held>)>, Failure> {
    let measure = match by {
        ByArg::Slots => {
            let planned = planned(&scene.masters, wish).map_err(|why| refused(&why).aloud())?;
            return Ok(planned.map(|result| (result, Vec::new())));
        }
        ByArg::Keys => Measure::Keys,
        ByArg::Memory => Measure::Memory,
    };
    let loads = loads(&scene.masters, measure, &scene.access.auth, scene.access.connect).await;
    let loads = loads.map_err(|error| Failure::message(&format!("[ERR] {}", explain(&error))))?;
    rebalance_load(&scene.masters, wish, &loads).map_err(|why| refused(&why).aloud())
}

fn show(means: &Means<'_>, scene: &Scene, result: &Rebalance, simulate: bool) {
    means.terminal.say(|text| {
        text.info(format_args!(
            ">>> Rebalancing across {} nodes. Total weight = {:.2}",
            result.involved, result.total_weight
        ));
        for (count, from, to) in &result.lines {
            text.line(format_args!("Moving {count} slots from {} to {}", scene.addr(from), scene.addr(to)));
            if simulate {
                text.line("#".repeat(*count));
            }
        }
    });
}
