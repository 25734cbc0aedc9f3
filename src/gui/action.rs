//! What the person meant, as data. Views return it, `App::dispatch` does it; nothing else does anything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::plan::failover::FailoverPlan;
use crate::core::plan::fix::FixPlan;
use crate::core::slot::{Slot, SlotSet};
use crate::core::spec::ClusterSpec;
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::command::{Command, Danger};
use crate::engine::fix::FixWish;
use crate::engine::job::JobId;
use crate::engine::snapshot::Snapshot;
use crate::workspace::document::OnClose;
pub use crate::workspace::settings::{Language as LanguageChoice, Theme as ThemeChoice};
use crate::workspace::settings::{MapLayout, MapMode};

use super::members::AddDraft;
use super::moves::MoveDraft;

/// A screen of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Totals, shards, findings.
    #[default]
    Overview,
    /// The map of all 16384 slots.
    Slots,
    /// The table of nodes.
    Nodes,
    /// How the nodes hang together, and where they disagree.
    Topology,
    /// The last half hour in plots.
    Metrics,
    /// The servers' own logs.
    Log,
    /// What happened to this cluster.
    Events,
}

impl View {
    /// All of them, in the order of the navigation.
    pub const ALL: [View; 7] =
        [View::Overview, View::Slots, View::Nodes, View::Topology, View::Metrics, View::Log, View::Events];
}

/// What fills the window beside the navigation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Screen {
    /// The first-run page.
    #[default]
    Welcome,
    /// The create wizard.
    Wizard,
    /// The plan of a creation, waiting for an answer.
    Plan(String),
    /// A screen of the named cluster.
    Cluster(String, View),
    /// The events of all clusters.
    AllEvents,
    /// Theme and language.
    Settings,
}

/// A question that must be answered before something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirm {
    /// Stop the servers of this cluster.
    Stop(String),
    /// Stop them and forget the cluster, perhaps with its files.
    Delete {
        /// The cluster.
        cluster: String,
        /// The folder that holds its files; `None` for servers that Slotdeck did not launch.
        dir: Option<PathBuf>,
        /// Whether the box "also remove the files" is ticked.
        wipe: bool,
    },
    /// Reset the nodes that a half-made creation touched.
    Reset {
        /// The cluster.
        cluster: String,
        /// Exactly these nodes.
        nodes: Vec<NodeAddr>,
    },
    /// Make replicas masters.
    Failover {
        /// The cluster.
        cluster: String,
        /// Exactly these plans.
        plans: Arc<[FailoverPlan]>,
    },
    /// Move slots, once the dialog holds what is wanted.
    Move {
        /// The cluster.
        cluster: String,
        /// What is wanted.
        draft: Box<MoveDraft>,
    },
    /// Repair slots, once the dialog holds what was found.
    Fix {
        /// The cluster.
        cluster: String,
        /// How far to look, and what may be lost.
        wish: FixWish,
        /// The plan that is shown.
        plan: Option<Arc<FixPlan>>,
    },
    /// Go on with a move of slots that was left half-way.
    Resume {
        /// The cluster.
        cluster: String,
    },
    /// Forget such a move.
    ForgetMove {
        /// The cluster.
        cluster: String,
    },
    /// Let a node join, once the dialog holds which.
    AddNode {
        /// The cluster.
        cluster: String,
        /// What is wanted.
        draft: Box<AddDraft>,
    },
    /// Let a node leave, once the dialog holds which.
    RemoveNode {
        /// The cluster.
        cluster: String,
        /// The node.
        node: Option<NodeId>,
        /// Only its slots leave.
        stays: bool,
    },
    /// The window closes while work is under way that would be left half-done.
    Working {
        /// Whether the jobs were asked to stop, and the window waits for them.
        ending: bool,
    },
    /// Copy the cluster into a folder.
    Backup {
        /// The cluster.
        cluster: String,
        /// The folder, as typed or chosen.
        folder: String,
    },
    /// Put a backup into the cluster.
    Restore {
        /// The cluster.
        cluster: String,
        /// The folder, as typed or chosen.
        folder: String,
        /// Whether keys of the same names are overwritten.
        replace: bool,
    },
    /// The window closes while servers run.
    Close {
        /// The clusters whose servers run and for which no answer is remembered.
        clusters: Vec<String>,
        /// Whether the answer is to be remembered for them.
        remember: bool,
    },
    /// The window closes, and waits for the servers of these clusters to stop.
    Stopping(Vec<String>),
}

impl Confirm {
    /// The question that this command needs before it is sent, by its danger; `None` where it can be sent at once.
    #[must_use]
    pub fn before(command: &Command, snapshot: &Snapshot) -> Option<Self> {
        if command.danger() < Danger::Destroys {
            return None;
        }
        let cluster = |name: &str| snapshot.clusters.get(name);
        match command {
            Command::Stop { cluster } => Some(Confirm::Stop(cluster.clone())),
            Command::Delete { cluster: name, wipe } => {
                let dir = cluster(name).and_then(|c| c.spec.as_ref()).map(|spec| spec.dir.clone());
                Some(Confirm::Delete { cluster: name.clone(), dir, wipe: *wipe })
            }
            Command::ResetTouched { cluster: name } => {
                let half = cluster(name).and_then(|c| c.half_made.as_ref());
                let nodes = half.map(|half| half.touched.clone()).unwrap_or_default();
                Some(Confirm::Reset { cluster: name.clone(), nodes })
            }
            Command::Failover { cluster, plans } => {
                Some(Confirm::Failover { cluster: cluster.clone(), plans: plans.clone() })
            }
            Command::Fix { cluster, plan, wish } => {
                Some(Confirm::Fix { cluster: cluster.clone(), wish: *wish, plan: Some(plan.clone()) })
            }
            Command::Restore { cluster, wish } => Some(Confirm::Restore {
                cluster: cluster.clone(),
                folder: wish.folder.display().to_string(),
                replace: wish.replace,
            }),
            Command::RemoveNode { cluster, who } => {
                Some(Confirm::RemoveNode { cluster: cluster.clone(), node: Some(who.id.clone()), stays: false })
            }
            Command::ForgetMove { cluster, .. } => Some(Confirm::ForgetMove { cluster: cluster.clone() }),
            _ => None,
        }
    }
}

/// A file that TLS may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificates of those who may vouch for servers.
    Ca,
    /// The client's certificate.
    Cert,
    /// Its private key.
    Key,
}

/// What the person meant.
#[derive(Debug, Clone)]
pub enum Action {
    /// Open the create wizard.
    OpenWizard,
    /// Leave the wizard; its draft stays.
    LeaveWizard,
    /// Open the dialog that attaches running servers.
    OpenAttach,
    /// Open the dialog that logs in to this attached cluster.
    EnterPassword(String),
    /// Show this cluster, on the screen that was shown last.
    OpenCluster(String),
    /// Show this screen of the chosen cluster.
    ShowView(View),
    /// Show this screen of the chosen cluster's node.
    ShowLog(NodeAddr),
    /// Show everything about this node of the chosen cluster.
    InspectNode(NodeAddr),
    /// Leave it; the table of nodes is shown.
    LeaveNode,
    /// Show the slot on the map.
    ShowSlot(Slot),
    /// Open the command palette.
    OpenPalette,
    /// Close it.
    ClosePalette,
    /// Show the slot map of this cluster as it was at this time, with these slots selected.
    ShowMapAt {
        /// The cluster.
        cluster: String,
        /// The time.
        at: SystemTime,
        /// The slots that changed hands then.
        slots: Option<SlotSet>,
    },
    /// Inspect this cluster's nodes and show the plan of its creation.
    OpenPlan(String),
    /// Show the events of all clusters.
    OpenAllEvents,
    /// Show the settings.
    OpenSettings,
    /// Ask the engine. A command that destroys is not sent but turned into its question.
    Do(Command),
    /// Ask the engine: the person was asked about just this and said yes.
    Confirmed(Command),
    /// Ask the person first.
    Ask(Confirm),
    /// End the work that is under way at its next safe point, then close the window.
    EndWorkAndClose,
    /// Close the window, whatever still goes on.
    CloseNow,
    /// The person closed the window and answered what is to become of the servers.
    CloseWith {
        /// Stop them, or leave them; [`OnClose::Ask`] never comes.
        servers: OnClose,
        /// The clusters that were asked about.
        clusters: Vec<String>,
        /// Whether to remember the answer for them.
        remember: bool,
    },
    /// The person took the question back.
    Withdraw,
    /// Put this text on the clipboard.
    Copy(String),
    /// Let the person choose where this text is written.
    SaveText {
        /// The name that the file is proposed to have.
        name: String,
        /// The text.
        text: String,
    },
    /// Let the person choose a server program; the engine probes it.
    ChooseServerFile,
    /// Let the person choose a folder; the wizard's draft gets it.
    ChooseFolder,
    /// Let the person choose a certificate or key; the attach dialog gets it.
    ChooseTlsFile(TlsFile),
    /// Let the person choose a folder; the open question about a backup gets it.
    ChooseBackupFolder,
    /// Let the person choose a cluster definition; the wizard opens with it.
    OpenDefinition,
    /// Let the person choose where the definition of this cluster is written.
    ExportDefinition(Box<ClusterSpec>),
    /// Open this folder in the system's file manager.
    OpenFolder(PathBuf),
    /// The person has seen that a part of the program crashed.
    DismissCrashes,
    /// Take an ended job off the strip.
    DismissJob(JobId),
    /// Change the theme.
    SetTheme(ThemeChoice),
    /// Remember how the slot map is shown.
    SetSlotMap(MapMode, MapLayout),
    /// Show these columns of the node table, in this order, from now on.
    SetNodeColumns(Vec<String>),
    /// Change the language.
    SetLanguage(LanguageChoice),
    /// Several, in order.
    All(Vec<Action>),
}

impl Action {
    /// Puts what a part of a view said into what the whole view says; the latest word counts.
    pub fn note(said: &mut Option<Action>, part: Option<Action>) {
        if part.is_some() {
            *said = part;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_destroys_has_its_question_and_no_other_has_one() {
        let name = || "orders".to_owned();
        let snapshot = Snapshot::default();
        let destroy = [
            Command::Stop { cluster: name() },
            Command::Delete { cluster: name(), wipe: true },
            Command::ForgetMove { cluster: name(), plan: Arc::default() },
            Command::Fix {
                cluster: name(),
                plan: Arc::default(),
                wish: FixWish { with_unreachable: true, ..FixWish::default() },
            },
            Command::ResetTouched { cluster: name() },
        ];
        for command in destroy {
            assert!(Confirm::before(&command, &snapshot).is_some(), "{}", command.label());
        }
        let harmless = [Command::FindServers, Command::Start { cluster: name() }, Command::SetVisible(true)];
        for command in harmless {
            assert_eq!(Confirm::before(&command, &snapshot), None, "{}", command.label());
        }
    }
}
