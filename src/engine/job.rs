//! Long work as data: its steps, how far it is, and how it ended. The window's job strip and slotctl's progress lines
//! read the same value.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::detail::Detail;

/// A job's number, unique in one run of the engine.
pub type JobId = u64;

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Write the files, start the processes, wait until they answer.
    Launch,
    /// Make a cluster out of the launched nodes.
    Create,
    /// Undo a half-made creation.
    Reset,
    /// Stop the processes.
    Stop,
    /// Start them again.
    Start,
    /// Forget the cluster, and perhaps remove its files.
    Delete,
    /// Make replicas the masters of their shards.
    Failover,
    /// Move slots with their keys.
    MoveSlots,
    /// Repair slots.
    Fix,
    /// A node joins.
    AddNode,
    /// A node leaves.
    RemoveNode,
    /// Copy the cluster into a folder.
    Backup,
    /// Put such a folder into the cluster.
    Restore,
}

impl JobKind {
    /// Whether something is left to be done when it is cancelled: a cluster that is neither as before nor as wished.
    #[must_use]
    pub fn leaves_work(self) -> bool {
        matches!(self, Self::MoveSlots | Self::Fix)
    }
}

/// One step of a job. `Display` says it in English; the window translates by variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Write redis.conf and the node folders.
    WriteFiles,
    /// Start the processes.
    StartProcesses,
    /// Wait until every process answers.
    AwaitAnswers,
    /// Ask every node whether it is empty.
    InspectNodes,
    /// Lower the settings that only slow a creation down.
    TuneForCreate,
    /// CLUSTER ADDSLOTSRANGE / ADDSLOTS on the masters.
    AssignSlots,
    /// CLUSTER SET-CONFIG-EPOCH on every node.
    AssignEpochs,
    /// CLUSTER MEET between all nodes.
    Meet,
    /// Wait until every node knows every other.
    AwaitJoin,
    /// CLUSTER REPLICATE on the replicas.
    AssignReplicas,
    /// Wait until all nodes agree and all replicas are linked.
    AwaitAgreement,
    /// Put the changed settings back.
    RestoreSettings,
    /// The check on every node.
    Check,
    /// CLUSTER RESET on the touched nodes.
    ResetNodes,
    /// SHUTDOWN, then wait.
    ShutDown,
    /// End what does not stop by itself.
    EndStubborn,
    /// Remove the files.
    RemoveFiles,
    /// Are roles and slots still as planned?
    CheckRoles,
    /// CLUSTER FAILOVER on a replica.
    AskToTakeOver,
    /// Wait until every node sees the new master.
    AwaitPromotion,
    /// Wait until the other nodes of the shard follow it.
    AwaitFollowers,
    /// Slots go to their new masters with their keys.
    MoveSlots,
    /// CLUSTER DELSLOTS, SETSLOT NODE and BUMPEPOCH: each slot gets one owner.
    SettleOwners,
    /// MIGRATE to the owners.
    MoveKeys,
    /// CLUSTER SETSLOT STABLE.
    CloseSlots,
    /// CLUSTER REPLICATE: the replicas of a node that leaves copy others.
    Rehome,
    /// CLUSTER FORGET on every other node.
    Forget,
    /// Each master sends its keys as to a replica.
    CopyKeys,
    /// The copies get their names and a manifest.
    KeepFiles,
    /// The files of a backup are read through.
    ReadBackup,
    /// RESTORE of each key on the master of its slot.
    RestoreKeys,
    /// Keys are counted, and some read back.
    ProveKeys,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::WriteFiles => "Write the configuration files",
            Step::StartProcesses => "Start the server processes",
            Step::AwaitAnswers => "Wait until every server answers",
            Step::InspectNodes => "Make sure that every node is empty",
            Step::TuneForCreate => "Shorten the servers' waiting times for the creation",
            Step::AssignSlots => "Assign the slots",
            Step::AssignEpochs => "Give each node its own config epoch",
            Step::Meet => "Introduce every node to every other",
            Step::AwaitJoin => "Wait for the cluster to join",
            Step::AssignReplicas => "Make the replicas follow their masters",
            Step::AwaitAgreement => "Wait until all nodes agree and all replicas are linked",
            Step::RestoreSettings => "Put the servers' settings back",
            Step::Check => "Check the cluster on every node",
            Step::ResetNodes => "Reset the nodes that were touched",
            Step::ShutDown => "Shut the servers down",
            Step::EndStubborn => "End servers that did not stop by themselves",
            Step::RemoveFiles => "Remove the files",
            Step::CheckRoles => "Make sure that roles and slots are still as planned",
            Step::AskToTakeOver => "Ask the replica to take over",
            Step::AwaitPromotion => "Wait until every node sees the new master",
            Step::AwaitFollowers => "Wait until the other nodes follow and the cluster agrees",
            Step::MoveSlots => "Move the slots with their keys",
            Step::SettleOwners => "Settle who owns the slots",
            Step::MoveKeys => "Move keys to the owners of their slots",
            Step::CloseSlots => "Close the slots",
            Step::Rehome => "Give its replicas other masters",
            Step::Forget => "Make every other node forget it",
            Step::CopyKeys => "Copy each master's keys",
            Step::KeepFiles => "Look at the cluster again and write the record",
            Step::ReadBackup => "Read the backup through",
            Step::RestoreKeys => "Give each key to the master of its slot",
            Step::ProveKeys => "Count the keys and read some of them back",
        })
    }
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Failed, with the reason.
    Failed(String),
    /// Not needed.
    Skipped,
}

/// A step as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// What it does.
    pub step: Step,
    /// Where it stands.
    pub state: StepState,
    /// What it waits for, or a detail of its result.
    pub detail: Detail,
    /// How long it took, or has taken so far.
    pub took: Duration,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Under way.
    Running,
    /// Asked to stop at the next safe point.
    Cancelling,
    /// Ended well.
    Done,
    /// Ended badly: what failed, where, what to do.
    Failed(String),
    /// Ended because it was asked to: what is left, or what went wrong on the way.
    Cancelled(String),
}

impl JobState {
    /// Whether the job has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, JobState::Running | JobState::Cancelling)
    }
}

/// A job as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its number.
    pub id: JobId,
    /// The cluster it works on.
    pub cluster: String,
    /// What it does.
    pub kind: JobKind,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// How it stands.
    pub state: JobState,
    /// When it began.
    pub started: SystemTime,
    /// How long it took, or has taken so far.
    pub took: Duration,
}

impl JobView {
    /// How many steps are over, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let over = |s: &StepView| matches!(s.state, StepState::Done | StepState::Skipped);
        (self.steps.iter().filter(|s| over(s)).count(), self.steps.len())
    }
}
