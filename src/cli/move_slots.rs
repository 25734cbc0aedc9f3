//! `move-slots`: exactly these slots to one master.

use crate::core::plan::moves::{master_named, move_slots as planned};
use crate::core::slot::SlotSet;
use crate::engine::migrate::Mode;

use super::args::MoveSlotsArgs;
use super::failure::Failure;
use super::form::Means;
use super::json::{findings_of, nodes_of};
use super::moving::{MovedJson, Scene, Told, carry_out, confirm, options, refused};

/// `move-slots HOST:PORT --slots 0-99,512 --to ID`.
///
/// # Errors
/// A cluster that is not whole, no plan, a no to the question, or a move that did not come to its end.
pub async fn move_slots(means: &Means<'_>, args: &MoveSlotsArgs) -> Result<(), Failure> {
    let slots: SlotSet = args.cluster_slots.parse().map_err(|why| Failure::message(&format!("--slots: {why}")))?;
    if slots.is_empty() {
        return Err(Failure::message("--slots names no slot; write them as 0-99,512"));
    }
    let scene = Scene::find(means, &args.how).await?;
    scene.insist_on_health(means, false, "moving slots")?;
    let target = master_named(&scene.masters, &args.cluster_to).map_err(|why| refused(&why))?;
    let plan = planned(&scene.masters, &slots, target).map_err(|why| refused(&why))?;
    if plan.is_empty() {
        means.terminal.say(|text| text.ok(format_args!("[OK] {} owns these slots already.", target.addr)));
        means.terminal.object(&MovedJson {
            ok: true,
            simulated: false,
            moves: Vec::new(),
            keys: 0,
            seconds: 0.0,
            nodes: nodes_of(&scene.gathered.topology),
            findings: findings_of(&scene.gathered.check()),
        });
        return Ok(());
    }
    means.terminal.say(|text| {
        for one in plan.moves() {
            let (from, to) = (scene.addr(&one.from), scene.addr(&one.to));
            text.line(format_args!("Moving {} slots from {from} to {to}: {}", one.slots.len(), one.slots));
        }
    });
    confirm(means, "Do you want to proceed with this plan (type 'yes' to accept): ").await?;
    carry_out(means, &scene, &plan, Mode::Fresh, options(&args.how), Told::Lines).await
}
