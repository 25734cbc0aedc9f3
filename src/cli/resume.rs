//! `resume`: finishes a move of slots that was left half-way, by whatever ended it.

use crate::engine::migrate::Mode;
use crate::engine::moves::as_begun;

use crate::core::check::Finding;
use crate::core::count::counted;
use crate::core::plan::standing::Standing;
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;

use super::failure::Failure;
use super::form::Means;
use super::move_args::ResumeArgs;
use super::moving::{Scene, Told, carry_out, confirm, options};

/// `resume HOST:PORT`, and with `--drop` the end of a move that nobody wants any more. Options that are given here count
/// instead of those that the move was begun with.
///
/// # Errors
/// A no to the question, a plan that does not fit the cluster any more, or a move that did not come to its end this time
/// either.
pub async fn resume(means: &Means<'_>, args: &ResumeArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    let Some((file, journal)) = scene.journal(means)? else {
        means.terminal.say(|text| text.ok("[OK] No move of slots was left half-way in this cluster."));
        scene.tell_nothing_moved(means, None);
        return Ok(());
    };
    let standing = journal.plan.standing(&scene.gathered.topology, &scene.masters);
    means.terminal.say(|text| {
        let rest = journal.plan.rest(&scene.masters);
        let (left, all) = (rest.slot_count(), counted(journal.plan.slot_count(), "slot"));
        let are = if left == 1 { "is" } else { "are" };
        text.info(format_args!(">>> {left} of {all} {are} still to be moved."));
        scene.say_moves(text, &rest);
    });
    if args.drop {
        return forget(means, &scene, &file).await;
    }
    if let Standing::Stale(misfit) = standing {
        return Err(Failure::Message(format!("[ERR] nothing was moved: {misfit}.\n{}", scene.stale_words())));
    }
    // Carrying out takes the record again.
    drop(file);
    let how = as_begun(options(&args.how), &journal);
    confirm(means, "Do you want to go on with it (type 'yes' to accept): ").await?;
    carry_out(means, &scene, &journal.plan, Mode::Resume, how, Told::Lines).await
}

/// The record goes; the cluster stays as it is.
async fn forget(means: &Means<'_>, scene: &Scene, file: &JournalFile<MoveJournal>) -> Result<(), Failure> {
    if !means.yes {
        let question = "Do you want to forget it (type 'yes' to accept): ";
        means.ask_for_yes(question, "the record stays").await?;
    }
    file.remove()?;
    means.terminal.say(|text| {
        text.ok("[OK] The move is forgotten. Nothing was sent to any node: every slot is where it was.");
        if scene.gathered.check().iter().any(|finding| matches!(finding, Finding::OpenSlots { .. })) {
            text.warn(format_args!(
                "[WARNING] Slots are open: 'slotctl fix {}' finishes or closes them.",
                scene.access.place(&scene.seed)
            ));
        }
    });
    scene.tell_nothing_moved(means, None);
    Ok(())
}
