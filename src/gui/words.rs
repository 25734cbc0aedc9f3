//! What core and engine say by variant, in the current language.

use crate::core::check::Finding;
use crate::core::plan::create::Affinity;
use crate::core::spec::ProblemKind;
use crate::core::timeline::Change;
use crate::core::topology::{BUS_PORT_OFFSET, NodeAddr, Role};
use crate::core::windows_path::PathProblem;
use crate::engine::blank::Blank;
use crate::engine::event::{Level, What};
use crate::engine::job::{JobKind, JobState, Step};
use crate::engine::process::Exit;
use crate::engine::snapshot::{ClusterView, Health, Origin, Phase, ProcessState, Standing};

pub use super::server_words::{build, limit, limit_why};

use super::action::View;
use super::format::NONE;
use super::i18n::tr;
use super::icons::Icon;
use super::theme::Tone;

/// Addresses as one text: the first few, and how many more there are.
#[must_use]
pub fn addrs(list: &[NodeAddr]) -> String {
    const SHOWN: usize = 3;
    let shown = list.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(SHOWN) {
        0 => shown,
        more => tr!("words.and_more", list = shown, more = more),
    }
}

/// A problem with a draft.
#[must_use]
pub fn problem(kind: &ProblemKind) -> String {
    use ProblemKind as P;
    match kind {
        P::NoServer => tr!("problem.no_server"),
        P::ServerTooOld(version) => tr!("problem.server_too_old", version = version),
        P::NameEmpty => tr!("problem.name_empty"),
        P::NameUnusable(why) => tr!("problem.name_unusable", why = why),
        P::NotANumber(text) => tr!("problem.not_a_number", text = text),
        P::NameTaken => tr!("problem.name_taken"),
        P::TooFewMasters(count) => tr!("problem.too_few_masters", count = count),
        P::TooManyNodes(count) => tr!("problem.too_many_nodes", count = count),
        P::NoReplicas => tr!("problem.no_replicas"),
        P::DirNotAbsolute => tr!("problem.dir_not_absolute"),
        P::DirNotWritable(why) => tr!("problem.dir_not_writable", why = why),
        P::DirNotEmpty(what) => tr!("problem.dir_not_empty", what = what),
        P::DiskTooSmall { free, needed } => {
            tr!("problem.disk_too_small", free = free / 1_000_000, needed = needed / 1_000_000)
        }
        P::DirUnspellable(why) => tr!("problem.dir_unspellable", why = why),
        P::DirOnWindows(problem) if problem.is_only_worth_knowing() => {
            tr!("problem.dir_known_on_windows", why = path_problem(problem))
        }
        P::DirOnWindows(problem) => tr!("problem.dir_on_windows", why = path_problem(problem)),
        P::ExeOnWindows(problem) => tr!("problem.exe_on_windows", why = path_problem(problem)),
        P::PageFile { needed, free } => {
            tr!("problem.page_file", needed = needed / 1_000_000, free = free / 1_000_000)
        }
        P::TimeoutOutOfRange(ms) => tr!("problem.timeout_out_of_range", ms = ms),
        P::ValueUnquotable(why) => tr!("problem.value_unquotable", why = why),
        P::BadMemorySize(text) => tr!("problem.bad_memory_size", text = text),
        P::BadPolicy(text) => tr!("problem.bad_policy", text = text),
        P::BadSave(text) => tr!("problem.bad_save", text = text),
        P::BadDirective { line, reason } => tr!("problem.bad_directive", line = line, reason = reason),
        P::UnknownDirective { line, name } => tr!("problem.unknown_directive", line = line, name = name),
        P::DuplicateDirective { line, name } => tr!("problem.duplicate_directive", line = line, name = name),
        P::ReservedDirective { line, name } => tr!("problem.reserved_directive", line = line, name = name),
        P::NoSuchNode(port) => tr!("problem.no_such_node", port = port),
        P::PortCount { .. }
        | P::PortOutOfRange(_)
        | P::PortTwice(_)
        | P::PortIsBusPort { .. }
        | P::BusPortTooHigh(_)
        | P::PortInUse { .. }
        | P::BusPortInUse { .. }
        | P::PortPrivileged(_)
        | P::BindUnusable { .. }
        | P::BindOutsideWsl(_)
        | P::BindOpen(_)
        | P::FirewallAsks(_) => port_problem(kind),
    }
}

/// What servers on Windows can't make of a path.
fn path_problem(problem: &PathProblem) -> String {
    match problem {
        PathProblem::Unspellable { character, code_page, instead } => {
            tr!("path.unspellable", character = character, code_page = code_page, instead = instead)
        }
        PathProblem::Variable(name) => tr!("path.variable", name = name),
        PathProblem::NoDrive => tr!("path.no_drive"),
        PathProblem::DriveRelative => tr!("path.drive_relative"),
        PathProblem::Device => tr!("path.device"),
        PathProblem::Reserved(name) => tr!("path.reserved", name = name),
        PathProblem::EndsBadly(name) => tr!("path.ends_badly", name = name),
        PathProblem::BadCharacter(character) => tr!("path.bad_character", character = character),
        PathProblem::TooLong { length, most } => tr!("path.too_long", length = length, most = most),
        PathProblem::Synced(instead) => tr!("path.synced", instead = instead),
        PathProblem::Network => tr!("path.network"),
        PathProblem::Shared => tr!("path.shared"),
    }
}

/// The problems with ports and addresses.
fn port_problem(kind: &ProblemKind) -> String {
    use ProblemKind as P;
    match kind {
        P::PortCount { given, needed } => tr!("problem.port_count", given = given, needed = needed),
        P::PortOutOfRange(port) => tr!("problem.port_out_of_range", port = port),
        P::PortTwice(port) => tr!("problem.port_twice", port = port),
        P::PortIsBusPort { port, of } => tr!("problem.port_is_bus_port", port = port, of = of),
        P::BusPortTooHigh(port) => {
            tr!("problem.bus_port_too_high", port = port, bus = u32::from(*port) + u32::from(BUS_PORT_OFFSET))
        }
        P::PortInUse { port, reason } => tr!("problem.port_in_use", port = port, reason = reason),
        P::BusPortInUse { port, bus_port, reason } => {
            tr!("problem.bus_port_in_use", port = port, bus_port = bus_port, reason = reason)
        }
        P::PortPrivileged(port) => tr!("problem.port_privileged", port = port),
        P::BindUnusable { bind, reason } => tr!("problem.bind_unusable", bind = bind, reason = reason),
        P::BindOutsideWsl(bind) => tr!("problem.bind_outside_wsl", bind = bind),
        P::BindOpen(bind) => tr!("problem.bind_open", bind = bind),
        P::FirewallAsks(bind) => tr!("problem.firewall_asks", bind = bind),
        other => other.to_string(),
    }
}

/// A step of a job.
#[must_use]
pub fn step(step: Step) -> String {
    match step {
        Step::WriteFiles => tr!("step.write_files"),
        Step::StartProcesses => tr!("step.start_processes"),
        Step::AwaitAnswers => tr!("step.await_answers"),
        Step::InspectNodes => tr!("step.inspect_nodes"),
        Step::TuneForCreate => tr!("step.tune_for_create"),
        Step::AssignSlots => tr!("step.assign_slots"),
        Step::AssignEpochs => tr!("step.assign_epochs"),
        Step::Meet => tr!("step.meet"),
        Step::AwaitJoin => tr!("step.await_join"),
        Step::AssignReplicas => tr!("step.assign_replicas"),
        Step::AwaitAgreement => tr!("step.await_agreement"),
        Step::RestoreSettings => tr!("step.restore_settings"),
        Step::Check => tr!("step.check"),
        Step::ResetNodes => tr!("step.reset_nodes"),
        Step::ShutDown => tr!("step.shut_down"),
        Step::EndStubborn => tr!("step.end_stubborn"),
        Step::RemoveFiles => tr!("step.remove_files"),
        Step::CheckRoles => tr!("step.check_roles"),
        Step::MoveSlots => tr!("step.move_slots"),
        Step::AskToTakeOver => tr!("step.ask_to_take_over"),
        Step::AwaitPromotion => tr!("step.await_promotion"),
        Step::AwaitFollowers => tr!("step.await_followers"),
        Step::SettleOwners => tr!("step.settle_owners"),
        Step::MoveKeys => tr!("step.move_keys"),
        Step::CloseSlots => tr!("step.close_slots"),
        Step::Rehome => tr!("step.rehome"),
        Step::Forget => tr!("step.forget"),
        Step::CopyKeys => tr!("step.copy_keys"),
        Step::KeepFiles => tr!("step.keep_files"),
        Step::ReadBackup => tr!("step.read_backup"),
        Step::RestoreKeys => tr!("step.restore_keys"),
        Step::ProveKeys => tr!("step.prove_keys"),
    }
}

/// A job by its kind.
#[must_use]
pub fn job(kind: JobKind) -> String {
    match kind {
        JobKind::Launch => tr!("job.launch"),
        JobKind::Create => tr!("job.create"),
        JobKind::Reset => tr!("job.reset"),
        JobKind::Stop => tr!("job.stop"),
        JobKind::Start => tr!("job.start"),
        JobKind::Delete => tr!("job.delete"),
        JobKind::Failover => tr!("job.failover"),
        JobKind::MoveSlots => tr!("job.move_slots"),
        JobKind::Fix => tr!("job.fix"),
        JobKind::AddNode => tr!("job.add_node"),
        JobKind::RemoveNode => tr!("job.remove_node"),
        JobKind::Backup => tr!("job.backup"),
        JobKind::Restore => tr!("job.restore"),
    }
}

/// How a job stands, in a word, with the reason where it failed.
#[must_use]
pub fn job_state(state: &JobState) -> String {
    match state {
        JobState::Running => tr!("job_state.running"),
        JobState::Cancelling => tr!("job_state.cancelling"),
        JobState::Done => tr!("job_state.done"),
        JobState::Failed(why) => tr!("job_state.failed", why = why),
        JobState::Cancelled(_) => tr!("job_state.cancelled"),
    }
}

/// Something that the check found.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Uncovered(slots) => {
            tr!("finding.uncovered", count = slots.len(), slots = short_list(&slots.to_string()))
        }
        Finding::Unreachable(node, why) => tr!("finding.unreachable", node = node, why = why),
        Finding::Failed(node) => tr!("finding.failed", node = node),
        Finding::StateFail(node) => tr!("finding.state_fail", node = node),
        Finding::OpenSlots { slots, node, migrating, partner } => {
            let (slots, partner) = (short_list(&slots.to_string()), partner.short());
            if *migrating {
                tr!("finding.migrating", slots = slots, node = node, partner = partner)
            } else {
                tr!("finding.importing", slots = slots, node = node, partner = partner)
            }
        }
        Finding::Disputed { slots, by } => {
            tr!("finding.disputed", count = slots.len(), slots = short_list(&slots.to_string()), nodes = addrs(by))
        }
        Finding::Strays { node, keys, .. } => tr!("finding.strays", node = node, keys = keys),
        Finding::SlotsDisagree(nodes) => tr!("finding.slots_disagree", nodes = addrs(nodes)),
        Finding::RolesDisagree(nodes) => tr!("finding.roles_disagree", nodes = addrs(nodes)),
        Finding::Unknown { by, missing } => tr!("finding.unknown", node = by, missing = addrs(missing)),
        Finding::LinkDown(node) => tr!("finding.link_down", node = node),
        Finding::NoReplica(node) => tr!("finding.no_replica", node = node),
    }
}

/// What can be done about it.
#[must_use]
pub fn remedy(finding: &Finding) -> String {
    match finding {
        Finding::Uncovered(_) => tr!("remedy.uncovered"),
        Finding::Unreachable(..) => tr!("remedy.unreachable"),
        Finding::Failed(_) => tr!("remedy.failed"),
        Finding::StateFail(_) => tr!("remedy.state_fail"),
        Finding::OpenSlots { .. } => tr!("remedy.open_slot"),
        Finding::Disputed { .. } => tr!("remedy.disputed"),
        Finding::Strays { .. } => tr!("remedy.strays"),
        Finding::SlotsDisagree(_) | Finding::RolesDisagree(_) | Finding::Unknown { .. } => tr!("remedy.disagree"),
        Finding::LinkDown(_) => tr!("remedy.link_down"),
        Finding::NoReplica(_) => tr!("remedy.no_replica"),
    }
}

/// A long list of slots, cut.
#[must_use]
pub fn short_list(text: &str) -> String {
    const SHOWN: usize = 48;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => {
            let cut = text[..end].rfind(',').unwrap_or(end);
            format!("{}, …", &text[..cut])
        }
    }
}

/// How a cluster is: its health, or that it is none yet.
#[must_use]
pub fn cluster_health(cluster: &ClusterView) -> (String, Tone, Icon) {
    match (cluster.phase, cluster.health) {
        (Phase::Unformed, Health::Unknown) => match cluster.blank() {
            Some(Blank::Silent) => (tr!("health.silent"), Tone::Bad, Icon::Error),
            Some(Blank::WantsTls) => (tr!("health.wants_tls"), Tone::Warn, Icon::Lock),
            Some(Blank::LetsNobodyIn) => (tr!("health.locked"), Tone::Warn, Icon::Lock),
            Some(Blank::Loading) => (tr!("process.loading"), Tone::Busy, Icon::Busy),
            Some(Blank::Asking) => (tr!("health.asking"), Tone::Quiet, Icon::Busy),
            Some(Blank::Stopped | Blank::Unformed) | None => (tr!("health.unformed"), Tone::Quiet, Icon::Unknown),
        },
        (_, known) => health(known),
    }
}

/// Why nothing of a cluster's slots is known, and what to do; with its icon.
#[must_use]
pub fn blank(why: Blank) -> (String, Icon) {
    match why {
        Blank::Stopped => (tr!("blank.stopped"), Icon::Stopped),
        Blank::Asking => (tr!("blank.asking"), Icon::Busy),
        Blank::Loading => (tr!("blank.loading"), Icon::Busy),
        Blank::Unformed => (tr!("blank.unformed"), Icon::Unknown),
        Blank::WantsTls => (tr!("blank.wants_tls"), Icon::Lock),
        Blank::LetsNobodyIn => (tr!("blank.locked"), Icon::Lock),
        Blank::Silent => (tr!("blank.silent"), Icon::Error),
    }
}

/// A health: the word, its tone and its icon.
fn health(health: Health) -> (String, Tone, Icon) {
    match health {
        Health::Stopped => (tr!("health.stopped"), Tone::Quiet, Icon::Stopped),
        Health::Unknown => (tr!("health.unknown"), Tone::Quiet, Icon::Unknown),
        Health::Ok => (tr!("health.ok"), Tone::Good, Icon::Ok),
        Health::Degraded => (tr!("health.degraded"), Tone::Warn, Icon::Warning),
        Health::Down => (tr!("health.down"), Tone::Bad, Icon::Error),
    }
}

/// A role.
#[must_use]
pub fn role(role: Role) -> String {
    match role {
        Role::Master => tr!("role.master"),
        Role::Replica => tr!("role.replica"),
    }
}

/// How the cluster sees a node, with its tone.
#[must_use]
pub fn standing(standing: Standing) -> (String, Tone) {
    match standing {
        Standing::Fine => (tr!("standing.fine"), Tone::Good),
        Standing::Joining => (tr!("standing.joining"), Tone::Busy),
        Standing::Suspected => (tr!("standing.suspected"), Tone::Warn),
        Standing::Failed => (tr!("standing.failed"), Tone::Bad),
    }
}

/// Where a process stands, with its tone.
#[must_use]
pub fn process(state: &ProcessState) -> (String, Tone) {
    match state {
        ProcessState::External => (tr!("process.external"), Tone::Quiet),
        ProcessState::Stopped => (tr!("process.stopped"), Tone::Quiet),
        ProcessState::Starting { .. } => (tr!("process.starting"), Tone::Busy),
        ProcessState::Running { .. } => (tr!("process.running"), Tone::Good),
        ProcessState::Loading { .. } => (tr!("process.loading"), Tone::Busy),
        ProcessState::Stopping { .. } => (tr!("process.stopping"), Tone::Busy),
        ProcessState::Died { how, cause } => {
            let how = exit(*how);
            let text = match cause {
                Some(cause) => tr!("process.died_because", how = how, cause = cause),
                None => tr!("process.died", how = how),
            };
            (text, Tone::Bad)
        }
    }
}

/// How a process ended.
fn exit(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => tr!("exit.code", code = code),
        Exit::Signal(signal @ (4 | 7 | 11)) => tr!("exit.crashed", signal = signal),
        Exit::Signal(6) => tr!("exit.aborted"),
        Exit::Signal(9) => tr!("exit.killed"),
        Exit::Signal(15) => tr!("exit.told"),
        Exit::Signal(signal) => tr!("exit.signal", signal = signal),
        Exit::Unknown => tr!("exit.unknown"),
    }
}

/// What happened.
#[must_use]
pub fn what(what: &What) -> String {
    match what {
        What::ServerRefused(file, why) => tr!("what.server_refused", file = file, why = why),
        What::ServerAccepted(file, version) => tr!("what.server_accepted", file = file, version = version),
        What::Refused(command, why) => tr!("what.refused", command = command, why = why),
        What::JobCancelled(kind, left) => tr!("what.job_cancelled", job = job(*kind), left = left),
        What::JobFailed(kind, why) => tr!("what.job_failed", job = job(*kind), why = why),
        What::JobDone(kind) => tr!("what.job_done", job = job(*kind)),
        What::ProcessDied(node, how) => tr!("what.process_died", node = node, how = exit(*how)),
        What::Changed(Some(node), changed) => tr!("what.changed", node = node, change = change(changed)),
        What::Changed(None, changed) => change(changed),
        What::OpenRequested(_) => tr!("what.open_requested"),
        What::Notice(text) => text.clone(),
    }
}

/// A change, without the node on which it was seen.
#[must_use]
pub fn change(change: &Change) -> String {
    let who = |node: &Option<NodeAddr>| node.as_ref().map_or_else(|| NONE.to_owned(), ToString::to_string);
    match change {
        Change::Role { after: Role::Master, master: Some(old), .. } => tr!("change.promoted", master = old),
        Change::Role { after: Role::Replica, master: Some(new), .. } => tr!("change.demoted", master = new),
        Change::Role { before, after, .. } => tr!("change.role", before = role(*before), after = role(*after)),
        Change::Standing { before, after } => {
            tr!("change.standing", before = standing(*before).0, after = standing(*after).0)
        }
        Change::Answers(true) => tr!("change.answers"),
        Change::Answers(false) => tr!("change.silent"),
        Change::Link(true) => tr!("change.link_up"),
        Change::Link(false) => tr!("change.link_down"),
        Change::Follows { before, after } => tr!("change.follows", before = who(before), after = who(after)),
        Change::Slots { slots, before, after } => tr!(
            "change.slots",
            count = slots.len(),
            slots = short_list(&slots.to_string()),
            before = who(before),
            after = who(after)
        ),
        Change::Epoch { before, after } => tr!("change.epoch", before = before, after = after),
        Change::Started => tr!("change.started"),
        Change::Stopped => tr!("change.stopped"),
        Change::Died => tr!("change.died"),
        Change::Restarted => tr!("change.restarted"),
        Change::Setting { name, before, after } => tr!("change.setting", name = name, before = before, after = after),
        Change::Joined => tr!("change.joined"),
        Change::Left => tr!("change.left"),
        Change::Health { before, after } => tr!("change.health", before = health(*before).0, after = health(*after).0),
    }
}

/// How loud an event is: the word, its tone and its icon.
#[must_use]
pub fn level(level: Level) -> (String, Tone, Icon) {
    match level {
        Level::Info => (tr!("level.info"), Tone::Busy, Icon::Info),
        Level::Success => (tr!("level.success"), Tone::Good, Icon::Ok),
        Level::Warning => (tr!("level.warning"), Tone::Warn, Icon::Warning),
        Level::Error => (tr!("level.error"), Tone::Bad, Icon::Error),
    }
}

/// A screen's name and icon.
#[must_use]
pub fn view(view: View) -> (String, Icon) {
    match view {
        View::Overview => (tr!("view.overview"), Icon::Overview),
        View::Slots => (tr!("view.slots"), Icon::Slots),
        View::Nodes => (tr!("view.nodes"), Icon::Nodes),
        View::Topology => (tr!("view.topology"), Icon::Topology),
        View::Metrics => (tr!("view.metrics"), Icon::Metrics),
        View::Log => (tr!("view.log"), Icon::Log),
        View::Events => (tr!("view.events"), Icon::Events),
    }
}

/// How a server program was found.
#[must_use]
pub fn origin(origin: Origin) -> String {
    match origin {
        Origin::Chosen => tr!("origin.chosen"),
        Origin::BesideApp => tr!("origin.beside_app"),
        Origin::Path => tr!("origin.path"),
        Origin::KnownFolder => tr!("origin.known_folder"),
        Origin::Wsl => tr!("origin.wsl"),
    }
}

/// How well masters and replicas are spread, with its tone.
#[must_use]
pub fn affinity(affinity: Affinity) -> (String, Tone) {
    match affinity {
        Affinity::Perfect => (tr!("affinity.perfect"), Tone::Good),
        Affinity::SiblingsTogether => (tr!("affinity.siblings_together"), Tone::Warn),
        Affinity::WithMaster => (tr!("affinity.with_master"), Tone::Warn),
    }
}
