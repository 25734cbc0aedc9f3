//! `resume`: finishes a move of slots that was left half-way, by whatever ended it.

use crate::engine::migrate::Mode;
use crate::engine::moves::as_begun;

use super::args::ResumeArgs;
use super::failure::Failure;
use super::form::Means;
use super::moving::{Scene, Told, carry_out, confirm, options};

/// `resume HOST:PORT`. Options that are given here count instead of those that the move was begun with.
///
/// # Errors
/// A no to the question, or a move that did not come to its end this time either.
pub async fn resume(means: &Means<'_>, args: &ResumeArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    let Some((file, journal)) = scene.journal(means)? else {
        means.terminal.say(|text| text.ok("[OK] No move of slots was left half-way in this cluster."));
        scene.tell_nothing_moved(means, None);
        return Ok(());
    };
    // Carrying out takes the record again.
    drop(file);
    let how = as_begun(options(&args.how), &journal);
    let left = journal.plan.rest(&scene.masters);
    means.terminal.say(|text| {
        let (left, all) = (left.slot_count(), journal.plan.slot_count());
        text.info(format_args!(">>> {left} of {all} slots are still to be moved."));
        scene.say_moves(text, &journal.plan);
    });
    confirm(means, "Do you want to go on with it (type 'yes' to accept): ").await?;
    carry_out(means, &scene, &journal.plan, Mode::Resume, how, Told::Lines).await
}
