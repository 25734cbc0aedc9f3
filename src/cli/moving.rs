//! What the commands that move slots share: the cluster, the question, the journal, the progress, the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::core::check::shortened;
use crate::core::count::counted;
use crate::core::plan::ShownCommand;
use crate::core::plan::moves::{Master, MovePlan, MoveRefusal, masters_of, obstacles};
use crate::core::plan::standing::Standing;
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::gather::Gathered;
use crate::engine::migrate::{Method, MigrateError, Mode, Options, Report, preview};
use crate::engine::moves::{MovesError, Place, at_work, move_slots};
use crate::workspace::document::MoveJournal;
use crate::workspace::journal::JournalFile;
use crate::workspace::store::Workspace;

use super::cluster::{Access, look, named};
use super::failure::Failure;
use super::form::Means;
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::login;
use super::login_args::LoginArgs;
use super::move_args::{MethodArg, MoveArgs};
use super::move_progress::Progress;
pub(super) use super::move_progress::Told;
use super::redis_lines;
use super::terminal::complain;
use super::text::Text;
use super::until_cancelled;

/// What has not been done after a no.
pub(super) const NOTHING_MOVED: &str = "nothing was moved";

/// A move as JSON shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MoveJson {
    from: String,
    from_id: String,
    to: String,
    to_id: String,
    slots: String,
    slot_count: usize,
}

/// A plan of moves as JSON shows it.
#[derive(Debug, Serialize)]
struct MovesJson {
    moves: Vec<MoveJson>,
}

/// What the commands that move slots print as JSON.
#[derive(Debug, Serialize)]
struct MovedJson {
    ok: bool,
    /// Nothing was sent: the plan only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    moves: Vec<MoveJson>,
    keys: u64,
    seconds: f64,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
}

/// A move of slots that was begun earlier, in words.
pub(super) enum Earlier {
    /// Somebody is at work on it.
    Running(String),
    /// It was left half-way.
    Left {
        words: String,
        /// What goes on with it; `None` where nothing can.
        command: Option<String>,
    },
}

impl Earlier {
    /// The one that is on record for this cluster. `place` is how a command names the cluster.
    pub(super) fn find(workspace: &Workspace, now: &Gathered, seed: &NodeAddr, place: &str) -> Option<Self> {
        let nodes = places(now);
        if let Some(running) = at_work(workspace, &nodes) {
            return Some(Self::Running(format!("{running}: wait for its end. 'slotctl watch {place}' shows it.")));
        }
        let journal = JournalFile::<MoveJournal>::peek(workspace, &nodes)?;
        Self::left(&journal.plan, now, seed, place)
    }

    /// One that was left half-way; `None` where nothing is left of it.
    fn left(plan: &MovePlan, now: &Gathered, seed: &NodeAddr, place: &str) -> Option<Self> {
        match plan.standing(&now.topology, &masters_of(&now.topology, seed)) {
            Standing::Done => None,
            Standing::Unfinished(rest) => {
                let (slots, command) = (rest.slot_count(), format!("slotctl resume {place}"));
                let (slots, them) = match slots {
                    1 => ("1 slot of it is where it was".to_owned(), "it"),
                    many => (format!("{many} slots of it are where they were"), "them"),
                };
                let words = format!(
                    "A move of slots was left half-way: {slots}. '{command}' moves {them}, '{command} --drop' \
                     forgets {them}."
                );
                Some(Self::Left { words, command: Some(command) })
            }
            Standing::Stale(misfit) => {
                let then = stale_words(place);
                let words = format!("A move of slots was left half-way and can't be gone on with: {misfit}. {then}");
                Some(Self::Left { words, command: None })
            }
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::Running(words) | Self::Left { words, .. } => words,
        }
    }
}

fn stale_words(place: &str) -> String {
    format!("'slotctl resume {place} --drop' forgets that move; 'slotctl fix {place}' repairs what may be open.")
}

/// Where the nodes say that they are, then where they answered.
pub(super) fn places(gathered: &Gathered) -> Vec<NodeAddr> {
    let mut nodes: Vec<NodeAddr> = gathered.topology.nodes().into_values().filter_map(|n| n.addr).collect();
    nodes.sort();
    nodes.extend(gathered.topology.views.keys().cloned());
    nodes.dedup();
    nodes
}

/// A cluster whose slots are to be moved.
pub(super) struct Scene {
    pub(super) seed: NodeAddr,
    pub(super) access: Access,
    pub(super) gathered: Gathered,
    pub(super) masters: Vec<Master>,
}

impl Scene {
    /// Looks at the cluster of the node that was named.
    pub(super) async fn find(means: &Means<'_>, args: &MoveArgs) -> Result<Self, Failure> {
        Self::find_at(means, &args.node, &args.login).await
    }

    /// The same, by the words of its address.
    pub(super) async fn find_at(means: &Means<'_>, node: &[String], login: &LoginArgs) -> Result<Self, Failure> {
        let looked = async {
            let (seed, access) = named(node, login, means.workspace).await?;
            let gathered = look(&seed, &access, means.terminal).await?;
            let masters = masters_of(&gathered.topology, &seed);
            Ok(Self { seed, access, gathered, masters })
        };
        until_cancelled(looked, means.interrupt).await
    }

    /// Prints the check, where the command is to show it, and insists that slots can be moved. While other work on slots
    /// goes on, nothing is carried out; a plan can be shown as long as no slot is open.
    pub(super) fn insist_on_health(&self, means: &Means<'_>, show: bool, doing: &str) -> Result<(), Failure> {
        let findings = self.gathered.check();
        if show {
            means.terminal.say(|text| {
                redis_lines::check(text, &self.gathered.topology, &self.seed, &findings);
            });
        }
        let against = obstacles(&self.gathered.topology, &findings);
        let earlier = Earlier::find(means.workspace, &self.gathered, &self.seed, &self.access.place(&self.seed));
        let running = matches!(earlier, Some(Earlier::Running(_)));
        match (against.first(), earlier.map(Earlier::words)) {
            (None, None) => Ok(()),
            (None, Some(words)) if running && means.plan => {
                means.terminal.say(|text| text.warn(format_args!("[WARNING] {words}")));
                Ok(())
            }
            // What is open is so on purpose: there is nothing to repair.
            (_, Some(words)) if running => Err(Failure::Message(format!("[ERR] {words}"))),
            (None, Some(words)) => {
                let more = "A new move takes the place of its record.";
                means.terminal.say(|text| text.warn(format_args!("[WARNING] {words} {more}")));
                Ok(())
            }
            (Some(first), words) => {
                let head = format!("*** Please fix your cluster problems before {doing}");
                let mut lines = vec![head, format!("[ERR] {first}")];
                lines.extend(words);
                Err(Failure::Message(lines.join("\n")))
            }
        }
    }

    /// What is to be said of a move that was begun earlier, as the cluster is now; `None` where nothing is left of it.
    pub(super) fn unfinished(&self, plan: &MovePlan, now: &Gathered) -> Option<String> {
        Earlier::left(plan, now, &self.seed, &self.access.place(&self.seed)).map(Earlier::words)
    }

    /// What can be done about a record that does not fit the cluster any more.
    pub(super) fn stale_words(&self) -> String {
        stale_words(&self.access.place(&self.seed))
    }

    pub(super) fn addr(&self, id: &NodeId) -> String {
        self.masters.iter().find(|m| m.id == *id).map_or_else(|| id.to_string(), |m| m.addr.to_string())
    }

    /// The record of a move that was begun here.
    pub(super) fn journal(
        &self,
        means: &Means<'_>,
    ) -> Result<Option<(JournalFile<MoveJournal>, MoveJournal)>, Failure> {
        Ok(JournalFile::find(means.workspace, &self.nodes())?)
    }

    /// Where the nodes say that they are, then where they answered.
    pub(super) fn nodes(&self) -> Vec<NodeAddr> {
        places(&self.gathered)
    }

    fn place(&self) -> Place {
        Place { nodes: self.nodes(), seeds: self.seeds(), auth: self.access.auth.clone() }
    }

    /// All nodes that answered, the named one first.
    pub(super) fn seeds(&self) -> Vec<NodeAddr> {
        let others = self.gathered.topology.views.keys().filter(|addr| **addr != self.seed).cloned();
        std::iter::once(self.seed.clone()).chain(others).collect()
    }

    /// Says which slots go from where to where; of many ranges, the first ones. `--json` has them all.
    pub(super) fn say_moves(&self, text: &mut Text, plan: &MovePlan) {
        for one in plan.moves() {
            let (from, to) = (self.addr(&one.from), self.addr(&one.to));
            let slots = counted(one.slots.len(), "slot");
            text.line(format_args!("Moving {slots} from {from} to {to}: {}", shortened(&one.slots)));
        }
    }

    /// The result of a run that sent nothing; with a plan, of one that only shows it.
    pub(super) fn tell_nothing_moved(&self, means: &Means<'_>, simulated: Option<&MovePlan>) {
        if means.tell_plan(&MovesJson { moves: Vec::new() }, &[], &self.access.auth) {
            return;
        }
        means.terminal.object(&MovedJson {
            ok: true,
            simulated: simulated.is_some(),
            moves: simulated.map(|plan| self.moves_json(plan)).unwrap_or_default(),
            keys: 0,
            seconds: 0.0,
            nodes: nodes_of(&self.gathered.topology),
            findings: findings_of(&self.gathered.check()),
        });
    }

    /// Where only the plan is wanted: looks whether it can be carried out, and tells its commands. The command must end
    /// then.
    pub(super) async fn tell_plan(
        &self,
        means: &Means<'_>,
        plan: &MovePlan,
        options: Options,
    ) -> Result<bool, Failure> {
        if !means.plan {
            return Ok(false);
        }
        let commands = self.commands(plan, options).await?;
        Ok(means.tell_plan(&MovesJson { moves: self.moves_json(plan) }, &commands, &self.access.auth))
    }

    /// What a plan would send; looks whether it can be carried out.
    pub(super) async fn commands(&self, plan: &MovePlan, options: Options) -> Result<Vec<ShownCommand>, Failure> {
        if plan.is_empty() {
            return Ok(Vec::new());
        }
        let commands = preview(plan, &self.seeds(), &self.access.auth, options).await;
        commands.map_err(|why| Failure::message(&format!("[ERR] {why}")))
    }

    pub(super) fn moves_json(&self, plan: &MovePlan) -> Vec<MoveJson> {
        let json = |one: &crate::core::plan::moves::SlotMove| MoveJson {
            from: self.addr(&one.from),
            from_id: one.from.to_string(),
            to: self.addr(&one.to),
            to_id: one.to.to_string(),
            slots: one.slots.to_string(),
            slot_count: one.slots.len(),
        };
        plan.moves().iter().map(json).collect()
    }
}

/// What the arguments say about how.
pub(super) fn options(args: &MoveArgs) -> Options {
    Options {
        method: match args.method {
            MethodArg::Auto => Method::Auto,
            MethodArg::Classic => Method::Classic,
            MethodArg::Atomic => Method::Atomic,
        },
        timeout: args.cluster_timeout.filter(|ms| *ms > 0).map(Duration::from_millis),
        pipeline: args.cluster_pipeline.filter(|keys| *keys > 0),
        replace: args.cluster_replace,
        connect: login::connect_timeout(&args.login),
        max_rate: args.max_rate,
        pause_file: args.pause_file.clone(),
    }
}

pub(super) fn refused(why: &MoveRefusal) -> Failure {
    Failure::message(why)
}

/// Asks, unless the answer was given beforehand.
pub(super) async fn confirm(means: &Means<'_>, question: &str) -> Result<(), Failure> {
    if means.yes {
        return Ok(());
    }
    means.ask_for_yes(question, NOTHING_MOVED).await
}

/// Carries the plan out under its journal, and tells how it went.
pub(super) async fn carry_out(
    means: &Means<'_>,
    scene: &Scene,
    plan: &MovePlan,
    mode: Mode,
    options: Options,
    told: Told,
) -> Result<(), Failure> {
    let progress = Arc::new(Mutex::new(Progress::new(means.terminal, told, options.pause_file.clone())));
    let report: Report = {
        let progress = Arc::clone(&progress);
        Arc::new(move |news| progress.lock().unwrap_or_else(PoisonError::into_inner).take(&news))
    };
    let cancel = means.interrupt.token();
    let result = move_slots(means.workspace, &scene.place(), plan, mode, options, report, &cancel).await;
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    progress.end();
    match result {
        Ok(after) => tell(means, scene, plan, &after, &progress),
        Err(MovesError::Record(error)) => Err(error.into()),
        // A plan that was only begun before stays on record.
        Err(MovesError::Migrate(error @ MigrateError::Untouched(_))) if mode == Mode::Fresh => {
            Err(Failure::message(&format!("[ERR] {error}")))
        }
        Err(error) => {
            let command = format!("slotctl resume {}", scene.access.place(&scene.seed));
            Err(Failure::message(&format!(
                "[ERR] {error}.\n'{command}' goes on with it, '{command} --drop' forgets it."
            )))
        }
    }
}

fn tell(
    means: &Means<'_>,
    scene: &Scene,
    plan: &MovePlan,
    after: &Gathered,
    progress: &Progress,
) -> Result<(), Failure> {
    let findings = after.check();
    let against = obstacles(&after.topology, &findings);
    let seconds = progress.elapsed().as_secs_f64();
    means.terminal.say(|text| {
        let (slots, keys) = (progress.tally().slots_done(), progress.tally().keys_done());
        let were = if slots == 1 { "was" } else { "were" };
        let (slots, keys) = (counted(slots, "slot"), counted(keys, "key"));
        let moved = format!("{slots} with {keys} {were} moved in {seconds:.2} s");
        if against.is_empty() {
            text.ok(format_args!("[OK] {moved}; all nodes agree."));
        } else {
            text.line(format_args!("{moved}."));
        }
    });
    for finding in &against {
        complain(&format!("[ERR] {finding}."));
    }
    means.terminal.object(&MovedJson {
        ok: against.is_empty(),
        simulated: false,
        moves: scene.moves_json(plan),
        keys: progress.tally().keys_done(),
        seconds,
        nodes: nodes_of(&after.topology),
        findings: findings_of(&findings),
    });
    if against.is_empty() { Ok(()) } else { Err(Failure::Shown) }
}
