//! `resume`: finishes a move of slots that was left half-way, by whatever ended it.

use std::time::Duration;

use crate::engine::migrate::{Method, Mode};

use super::args::{MethodArg, ResumeArgs};
use super::failure::Failure;
use super::form::Means;
use super::json::{findings_of, nodes_of};
use super::moving::{MovedJson, Scene, Told, carry_out, confirm, options};

/// `resume HOST:PORT`. Options that are given here count instead of those that the move was begun with.
///
/// # Errors
/// A no to the question, or a move that did not come to its end this time either.
pub async fn resume(means: &Means<'_>, args: &ResumeArgs) -> Result<(), Failure> {
    let scene = Scene::find(means, &args.how).await?;
    let Some((file, journal)) = scene.journal(means)? else {
        means.terminal.say(|text| text.ok("[OK] No move of slots was left half-way in this cluster."));
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
    };
    // Carrying out takes the record again.
    drop(file);
    let mut how = options(&args.how);
    how.replace |= journal.replace;
    how.timeout = how.timeout.or(journal.timeout_ms.map(Duration::from_millis));
    how.pipeline = how.pipeline.or(journal.pipeline);
    if args.how.method == MethodArg::Auto && journal.classic {
        how.method = Method::Classic;
    }
    let left = journal.plan.rest(&scene.masters);
    means.terminal.say(|text| {
        let (left, all) = (left.slot_count(), journal.plan.slot_count());
        text.info(format_args!(">>> {left} of {all} slots are still to be moved."));
        for one in journal.plan.moves() {
            let (from, to) = (scene.addr(&one.from), scene.addr(&one.to));
            text.line(format_args!("Moving {} slots from {from} to {to}: {}", one.slots.len(), one.slots));
        }
    });
    confirm(means, "Do you want to go on with it (type 'yes' to accept): ").await?;
    carry_out(means, &scene, &journal.plan, Mode::Resume, how, Told::Lines).await
}
