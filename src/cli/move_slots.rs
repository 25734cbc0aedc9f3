//! `move-slots`: exactly these slots to one master.

use crate::core::plan::moves::{master_named, move_slots as planned};
use crate::core::slot::SlotSet;
use crate::engine::migrate::Mode;

use super::failure::Failure;
use super::form::Means;
use super::move_args::MoveSlotsArgs;
use super::moving::{Scene, Told, carry_out, confirm, options, refused};

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
        scene.tell_nothing_moved(means, None);
        return Ok(());
    }
    means.terminal.say(|text| scene.say_moves(text, &plan));
    let how = options(&args.how);
    if scene.tell_plan(means, &plan, how.clone()).await? {
        return Ok(());
    }
    confirm(means, "Do you want to proceed with this plan (type 'yes' to accept): ").await?;
    carry_out(means, &scene, &plan, Mode::Fresh, how, Told::Lines).await
}
