//! What can be done with a cluster.

use egui::{Key, Modifiers};

use crate::engine::blank::Blank;
use crate::engine::client::{LOGIN_REFUSED, TLS_FAILED};
use crate::engine::command::Command;
use crate::engine::snapshot::{ClusterView, NodeView, Phase, ProcessState};
use crate::gui::action::{Action, Confirm};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::safe_dialog;
use crate::gui::{members, moves, repairs};

use super::{Offer, Scene};

/// An operation on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Start its servers.
    Start,
    /// Stop them.
    Stop,
    /// Log in to servers that let nobody in.
    Login,
    /// Make a cluster of the nodes.
    Make,
    /// Go on with a creation that stopped half-way.
    GoOn,
    /// Undo such a creation.
    Reset,
    /// Move slots.
    Move,
    /// Repair slots.
    Fix,
    /// Let a node join.
    AddNode,
    /// Let a node leave.
    RemoveNode,
    /// Copy it into a folder.
    Backup,
    /// Put such a folder into it.
    Restore,
    /// Go on with a move that was left half-way.
    Resume,
    /// Forget such a move.
    ForgetMove,
    /// Open its folder.
    Folder,
    /// Write its definition.
    Export,
    /// Delete it, or forget it where its servers are not ours.
    Delete,
}

impl Op {
    /// All of them, in the order in which the menu shows them.
    pub const ALL: [Self; 17] = [
        Self::Start,
        Self::Stop,
        Self::Login,
        Self::Make,
        Self::GoOn,
        Self::Reset,
        Self::Move,
        Self::Fix,
        Self::AddNode,
        Self::RemoveNode,
        Self::Backup,
        Self::Restore,
        Self::Resume,
        Self::ForgetMove,
        Self::Folder,
        Self::Export,
        Self::Delete,
    ];
}

/// The operation as it is offered; `None` where it means nothing for this cluster.
#[must_use]
pub fn offer(op: Op, scene: &Scene<'_>, cluster: &ClusterView) -> Option<Offer> {
    let (icon, label) = name(op, cluster);
    let offer = Offer::new(icon, label, action(op, scene, cluster)?).of(&cluster.name);
    let offer = match op {
        Op::Move => offer.keys(Modifiers::COMMAND, Key::M),
        Op::Fix => offer.keys(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R),
        _ => offer,
    };
    let hint = match op {
        Op::GoOn => Some(tr!("overview.go_on_hint")),
        Op::Reset => Some(tr!("overview.reset_hint")),
        _ => None,
    };
    let offer = Offer { hint, ..offer };
    let harmless = matches!(op, Op::Folder | Op::Export | Op::Login);
    Some(match busy(scene, cluster).filter(|_| !harmless) {
        Some(why) => Offer { action: Err(why), ..offer },
        None => offer,
    })
}

/// Why nothing can be begun on the cluster just now.
#[must_use]
pub fn busy(scene: &Scene<'_>, cluster: &ClusterView) -> Option<String> {
    let works =
        |job: &&std::sync::Arc<crate::engine::job::JobView>| job.cluster == cluster.name && !job.state.is_over();
    if cluster.busy_elsewhere {
        return Some(tr!("overview.busy_elsewhere"));
    }
    scene.snapshot.jobs.iter().find(works).map(|_| tr!("overview.busy"))
}

fn name(op: Op, cluster: &ClusterView) -> (Icon, String) {
    match op {
        Op::Start => (Icon::Start, tr!("overview.start")),
        Op::Stop => (Icon::Stop, tr!("overview.stop")),
        Op::Login if cluster.blank() == Some(Blank::WantsTls) => (Icon::Lock, tr!("overview.use_tls")),
        Op::Login => (Icon::Lock, tr!("overview.password")),
        Op::Make => (Icon::Create, tr!("overview.make")),
        Op::GoOn => (Icon::Next, tr!("overview.go_on")),
        Op::Reset => (Icon::Reset, tr!("overview.reset")),
        Op::Move => (Icon::Move, tr!("moves.open")),
        Op::Fix => (Icon::Fix, tr!("fix.open")),
        Op::AddNode => (Icon::Create, tr!("members.add")),
        Op::RemoveNode => (Icon::Remove, tr!("members.remove")),
        Op::Backup => (Icon::Backup, tr!("safe.backup")),
        Op::Restore => (Icon::Restore, tr!("safe.restore")),
        Op::Resume => (Icon::Next, tr!("resume.open")),
        Op::ForgetMove => (Icon::Delete, tr!("resume.forget")),
        Op::Folder => (Icon::Folder, tr!("overview.open_folder")),
        Op::Export => (Icon::Export, tr!("definition.export")),
        Op::Delete if cluster.spec.is_some() => (Icon::Delete, tr!("overview.delete")),
        Op::Delete => (Icon::Delete, tr!("overview.forget")),
    }
}

/// What it does; `None` where it means nothing.
fn action(op: Op, scene: &Scene<'_>, cluster: &ClusterView) -> Option<Action> {
    let name = || cluster.name.clone();
    let spec = cluster.spec.as_ref();
    let runs = |node: &NodeView| node.process.state.pid().is_some();
    match op {
        Op::Start => {
            // A server that was started elsewhere is not ours to start.
            let rests = |node: &NodeView| node.process.state != ProcessState::External && !runs(node);
            let some_rest = spec.is_some() && cluster.nodes.iter().any(rests);
            some_rest.then(|| Action::Do(Command::Start { cluster: name() }))
        }
        Op::Stop => {
            let some_run = spec.is_some() && cluster.nodes.iter().any(runs);
            some_run.then(|| Action::Ask(Confirm::Stop(name())))
        }
        Op::Login => {
            let locked = spec.is_none() && cluster.nodes.iter().any(wants_login);
            locked.then(|| Action::EnterPassword(name()))
        }
        Op::Make => {
            let mute = matches!(cluster.blank(), Some(Blank::Silent | Blank::WantsTls | Blank::LetsNobodyIn));
            let loose = cluster.phase == Phase::Unformed && cluster.half_made.is_none() && !mute;
            loose.then(|| Action::OpenPlan(name()))
        }
        Op::GoOn => cluster.half_made.as_ref().map(|_| Action::OpenPlan(name())),
        Op::Reset => {
            let half = cluster.half_made.as_ref()?;
            Some(Action::Ask(Confirm::Reset { cluster: name(), nodes: half.touched.clone() }))
        }
        Op::Move => moves::concerns(cluster).then(|| moves::ask(cluster, None)),
        Op::Fix => repairs::can_look(cluster).then(|| repairs::ask(cluster)),
        Op::AddNode => moves::concerns(cluster).then(|| members::ask_add(cluster)),
        Op::RemoveNode => moves::concerns(cluster).then(|| members::ask_remove(cluster, None)),
        Op::Backup => moves::concerns(cluster).then(|| safe_dialog::ask_backup(scene.snapshot, cluster)),
        Op::Restore => moves::concerns(cluster).then(|| safe_dialog::ask_restore(cluster)),
        Op::Resume => cluster.half_moved.as_ref().map(|_| Action::Ask(Confirm::Resume { cluster: name() })),
        Op::ForgetMove => cluster.half_moved.as_ref().map(|_| Action::Ask(Confirm::ForgetMove { cluster: name() })),
        Op::Folder => spec.map(|spec| Action::OpenFolder(spec.dir.clone())),
        Op::Export => spec.map(|spec| Action::ExportDefinition(Box::new((**spec).clone()))),
        Op::Delete => {
            let dir = spec.map(|spec| spec.dir.clone());
            Some(Action::Ask(Confirm::Delete { cluster: name(), dir, wipe: false }))
        }
    }
}

/// Whether a node does not let us in.
fn wants_login(node: &NodeView) -> bool {
    node.reach.error().is_some_and(|error| error.contains(LOGIN_REFUSED) || error.contains(TLS_FAILED))
}
