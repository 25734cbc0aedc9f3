//! Nodes that join or leave a cluster from the window, as jobs: a server is launched for a new node where that is
//! wished, and a local server that was taken out is stopped and its folder removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::conf;
use crate::core::plan::add::{AddPlan, Wish};
use crate::core::plan::create::Candidate;
use crate::core::plan::moves::{MovePlan, obstacles};
use crate::core::spec::{ClusterSpec, Ports};
use crate::core::topology::{NodeAddr, NodeId};
use crate::core::version::ServerVersion;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::Workspace;

use super::add::{self, AddError, FunctionError, Functions, add, functions, has_no_functions, preview};
use super::agreement::settle;
use super::children::Children;
use super::client::CONNECT_DEADLINE;
use super::command::Auth;
use super::detail::Detail;
use super::ending::left_inside;
use super::files::{wipe, write_node_files};
use super::gather::{Gathered, gather};
use super::inspect::inspect;
use super::job::Step;
use super::lifecycle::{adopt, auth_of};
use super::migrate::{Mode, Options};
use super::moves::{Place, move_slots, told_to};
use super::process::find_running_in;
use super::remove::{self, plan as plan_removal, remove};
use super::starting::start_processes;
use super::steps::Steps;
use super::stopping::end_one;

/// The steps of a node that joins; those of its server come before.
pub const ADD_STEPS: [Step; 4] = [Step::InspectNodes, Step::Meet, Step::AwaitJoin, Step::AssignReplicas];
/// The same where its server is launched first.
pub const GROW_STEPS: [Step; 7] = [
    Step::WriteFiles,
    Step::StartProcesses,
    Step::AwaitAnswers,
    Step::InspectNodes,
    Step::Meet,
    Step::AwaitJoin,
    Step::AssignReplicas,
];
/// The steps of a node that leaves.
pub const REMOVE_STEPS: [Step; 3] = [Step::Rehome, Step::Forget, Step::ResetNodes];
/// The same for a master with slots.
pub const DRAIN_STEPS: [Step; 5] = [Step::CheckRoles, Step::MoveSlots, Step::Rehome, Step::Forget, Step::ResetNodes];
/// What comes after where its server is ours.
pub const RETIRE_STEPS: [Step; 2] = [Step::ShutDown, Step::RemoveFiles];

/// A node that is to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Where it answers.
    pub addr: NodeAddr,
    /// Whether its server is launched first, in the cluster's own folder and with its settings.
    pub launch: bool,
    /// What it becomes.
    pub role: NewRole,
}

/// What a new node becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NewRole {
    /// A master without slots.
    #[default]
    Master,
    /// A replica of this master; of one with the fewest replicas where none is named.
    Replica(Option<NodeId>),
}

/// A node that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaver {
    /// Its id.
    pub id: NodeId,
    /// Where it is known to be.
    pub addr: NodeAddr,
    /// The moves that empty it first; empty where it owns no slots.
    pub drain: Arc<MovePlan>,
}

/// Lets a node join. A launched server whose node could not be added is ended, and its folder goes.
///
/// # Errors
/// What failed and what became of it, in words.
pub async fn add_job(
    workspace: &Workspace,
    name: &str,
    place: &Place,
    new: &Newcomer,
    children: &Children,
    steps: &Steps,
) -> Result<(), String> {
    if !new.launch {
        return join(place, new, steps).await.map_err(NotJoined::why).inspect_err(|why| steps.fail(why));
    }
    let mut doc = workspace.load(name).map_err(|why| why.to_string())?;
    // What fails here has made nothing, and nothing is taken back.
    steps.begin(Step::WriteFiles);
    may_join(place, &doc, new).await.inspect_err(|why| steps.fail(why))?;
    write(workspace, &mut doc, new.addr.port).inspect_err(|why| steps.fail(why))?;
    let joined = match start_processes(workspace, &mut doc, Some(new.addr.port), children, steps).await {
        Ok(()) => join(place, new, steps).await,
        Err(why) => Err(NotJoined::Outside(why.to_string())),
    };
    let why = match joined {
        Ok(()) => return Ok(()),
        // It stays: keys may be there already.
        Err(NotJoined::Member(why)) => {
            steps.fail(&why);
            return Err(why);
        }
        Err(NotJoined::Outside(why)) => why,
    };
    steps.fail(&why);
    match retire(workspace, &mut doc, new.addr.port, steps).await {
        Ok(()) => Err(why),
        Err(left) => Err(format!("{why}. Its server is left: {left}")),
    }
}

/// Why a node did not join, in words.
enum NotJoined {
    /// It is no member.
    Outside(String),
    /// It is one, but not as it should be.
    Member(String),
}

impl NotJoined {
    fn why(self) -> String {
        match self {
            Self::Outside(why) | Self::Member(why) => why,
        }
    }
}

impl From<String> for NotJoined {
    fn from(why: String) -> Self {
        Self::Outside(why)
    }
}

impl From<AddError> for NotJoined {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Unsettled(_) => Self::Member(error.to_string()),
            other => Self::Outside(other.to_string()),
        }
    }
}

/// Makes sure, before there is a server, that one of the cluster's own version could join.
async fn may_join(place: &Place, doc: &ClusterDoc, new: &Newcomer) -> Result<(), String> {
    let at = Ground::look(place).await?;
    let Some(server) = doc.spec.as_ref().and_then(|spec| spec.server.as_ref()) else { return Ok(()) };
    // It has no id yet: any that no node has will do.
    let id = "0".repeat(40).parse().map_err(|_| "an id of zeros is none".to_owned())?;
    let future = Candidate { addr: new.addr.clone(), id, version: server.version, tuned: Vec::new() };
    at.plan(&[future], &new.role).map(drop)
}

/// A cluster that nodes can join.
struct Ground {
    gathered: Gathered,
    versions: BTreeMap<NodeAddr, ServerVersion>,
    /// A member that answers.
    seed: NodeAddr,
}

impl Ground {
    /// Looks whether anything is in the way.
    async fn look(place: &Place) -> Result<Self, String> {
        let gathered = gather(&place.seeds, &place.auth, CONNECT_DEADLINE).await;
        let findings = gathered.check();
        if let Some(first) = obstacles(&gathered.topology, &findings).first() {
            return Err(format!("the cluster has problems that must be repaired first: {first}"));
        }
        let version = |(addr, info): (&NodeAddr, &String)| Some((addr.clone(), ServerVersion::parse_info(info)?));
        let versions = gathered.infos.iter().filter_map(version).collect();
        // Empty servers answer too, but know nothing of the cluster.
        let seed = gathered.topology.views.iter().find(|(_, view)| view.nodes.len() > 1).map(|(addr, _)| addr.clone());
        let seed = seed.ok_or_else(|| "no node of the cluster answers".to_owned())?;
        Ok(Self { gathered, versions, seed })
    }

    fn plan(&self, candidates: &[Candidate], role: &NewRole) -> Result<AddPlan, String> {
        let wish = match role {
            NewRole::Master => Wish::Masters,
            NewRole::Replica(master) => Wish::Replicas(master.as_ref().map(ToString::to_string)),
        };
        let plan = AddPlan::new(&self.gathered.topology, &self.seed, candidates, &self.versions, &wish);
        plan.map_err(|why| bare(&why))
    }
}

/// Writes the files of one more node, and remembers it.
fn write(workspace: &Workspace, doc: &mut ClusterDoc, port: u16) -> Result<(), String> {
    let auth = auth_of(doc);
    let Some(spec) = &mut doc.spec else { return Err("this cluster was not launched by Slotdeck".to_owned()) };
    let mut ports = spec.port_list();
    if ports.contains(&port) {
        return Err(format!("port {port} is one of this cluster's nodes already"));
    }
    let mut with_password = spec.clone();
    with_password.config.password = auth.password;
    let text = conf::node_file(&with_password, port).map_err(|why| why.to_string())?;
    write_node_files(spec, &BTreeMap::from([(port, text)])).map_err(|why| why.to_string())?;
    ports.push(port);
    let dir = spec.dir.clone();
    spec.ports = Ports::List(ports);
    workspace.save(doc).map_err(|why| {
        wipe(&dir, &[port]).ok();
        why.to_string()
    })
}

async fn join(place: &Place, new: &Newcomer, steps: &Steps) -> Result<(), NotJoined> {
    steps.begin(Step::InspectNodes);
    let at = Ground::look(place).await?;
    let joined = |unfit: Vec<_>| unfit.iter().map(ToString::to_string).collect::<Vec<String>>().join("; ");
    let candidates = inspect(std::slice::from_ref(&new.addr), &place.auth).await;
    let candidates = candidates.map_err(|unfit: Vec<super::inspect::Unfit>| joined(unfit))?;
    let plan = at.plan(&candidates, &new.role)?;
    preview(&plan, &place.auth, CONNECT_DEADLINE).await?;
    let sent = functions_for(&plan, &at.seed, &place.auth).await?;
    let report = |news: add::News| match news {
        add::News::SendingFunctions(addr) => steps.detail(Detail::Functions(addr)),
        add::News::Meeting(_) => steps.begin(Step::Meet),
        add::News::Joining { .. } => steps.begin(Step::AwaitJoin),
        add::News::Configuring { .. } => steps.begin(Step::AssignReplicas),
        add::News::Waiting(what) => steps.detail(what),
        add::News::Undoing => steps.detail(Detail::Undoing),
    };
    add(&plan, &sent, &place.auth, CONNECT_DEADLINE, &report, steps.cancelled()).await?;
    steps.done();
    steps.skip(Step::AssignReplicas);
    Ok(())
}

/// The functions that a new master gets; replicas get their master's.
async fn functions_for(plan: &AddPlan, seed: &NodeAddr, auth: &Auth) -> Result<Functions, String> {
    let masters: Vec<&NodeAddr> = plan.newcomers.iter().filter(|n| n.master.is_none()).map(|n| &n.addr).collect();
    if masters.is_empty() {
        return Ok(Functions::NotNeeded);
    }
    let found = functions(seed, auth, CONNECT_DEADLINE).await.map_err(|why| why.to_string())?;
    if matches!(found, Functions::Unsupported(_)) {
        return Ok(found);
    }
    for addr in masters {
        match has_no_functions(addr, auth, CONNECT_DEADLINE).await {
            Ok(()) => {}
            Err(FunctionError::Refused(..)) if found.is_empty() => return Ok(Functions::NotNeeded),
            Err(why) => return Err(why.to_string()),
        }
    }
    Ok(found)
}

/// A refusal without the marks that redis-cli puts before it.
fn bare(why: &dyn std::fmt::Display) -> String {
    let text = why.to_string();
    text.trim_start_matches("[ERR] ").trim_start_matches("*** ").to_owned()
}

/// Lets a node leave: its slots first, then itself; a server of ours is stopped then, and its folder removed.
///
/// # Errors
/// What failed and what became of it, in words.
pub async fn remove_job(
    workspace: &Workspace,
    name: &str,
    place: &Place,
    who: &Leaver,
    steps: &Steps,
) -> Result<(), String> {
    let remarks = taken_out(workspace, place, who, steps).await.inspect_err(|why| steps.fail(why))?;
    clean_up(workspace, name, &place.nodes, &who.addr, steps).await.inspect_err(|why| steps.fail(why))?;
    if remarks.is_empty() {
        return Ok(());
    }
    let why = format!("the node was removed, but {}", remarks.join("; "));
    steps.fail(&why);
    Err(why)
}

/// Whether the server at this address is one that was launched for this cluster.
#[must_use]
pub fn is_ours(doc: &ClusterDoc, at: &NodeAddr) -> bool {
    doc.spec.as_ref().is_some_and(|spec| spec.addrs().iter().any(|addr| addr.same_place(at)))
}

/// What a node that is no member any more leaves on this machine: a server of ours is stopped, and its folder removed; an
/// address by which the cluster is found gives way to those of the `others`. To be called under the document's lock.
///
/// # Errors
/// A server that does not end, files that can't be removed, a document that can't be written; in words.
pub async fn clean_up(
    workspace: &Workspace,
    name: &str,
    others: &[NodeAddr],
    gone: &NodeAddr,
    steps: &Steps,
) -> Result<(), String> {
    let mut doc = workspace.load(name).map_err(|why| why.to_string())?;
    if is_ours(&doc, gone) {
        return retire(workspace, &mut doc, gone.port, steps).await;
    }
    // It may be the very address by which the cluster was attached.
    if doc.spec.is_none() && doc.addrs.iter().any(|addr| addr.same_place(gone)) {
        doc.addrs.retain(|addr| !addr.same_place(gone));
        if doc.addrs.is_empty() {
            doc.addrs = others.iter().filter(|addr| !addr.same_place(gone)).cloned().collect();
        }
        workspace.save(&doc).map_err(|why| why.to_string())?;
    }
    Ok(())
}

/// Takes the node out of the cluster; answers what others still have to be told, once it is no member any more.
async fn taken_out(workspace: &Workspace, place: &Place, who: &Leaver, steps: &Steps) -> Result<Vec<String>, String> {
    // The leaving node is the last to be asked about the others.
    let mut seeds: Vec<NodeAddr> = place.seeds.iter().filter(|addr| !addr.same_place(&who.addr)).cloned().collect();
    let Some(mut seed) = seeds.first().cloned() else { return Err("it is the only node".to_owned()) };
    if !who.drain.is_empty() {
        steps.begin(Step::CheckRoles);
        let (options, report) = (Options::default(), told_to(steps, None));
        let moving = move_slots(workspace, place, &who.drain, Mode::Fresh, options, report, steps.cancelled());
        moving.await.map_err(|why| why.to_string())?;
        settle(&seed, &place.auth, CONNECT_DEADLINE, steps.cancelled()).await;
    }
    steps.begin(Step::Rehome);
    let mut gathered = gather(&seeds, &place.auth, CONNECT_DEADLINE).await;
    // One that answers and knows others.
    seeds.retain(|addr| gathered.topology.views.get(addr).is_some_and(|view| view.nodes.len() > 1));
    seed = seeds.first().cloned().ok_or("no other node of the cluster answers")?;
    let names = [who.id.to_string()];
    let plan = plan_removal(&seed, &names, &place.auth, CONNECT_DEADLINE, &mut gathered).await;
    let plan = plan.map_err(|why| bare(&why))?;
    // The node goes by its id, its server by the place: both must be the same node.
    if let Some(at) = plan.nodes.iter().filter_map(|node| node.at.as_ref()).find(|at| !at.same_place(&who.addr)) {
        return Err(format!("the node answers at {at} now, not at {}: look again", who.addr));
    }
    let report = |news: remove::News| match news {
        remove::News::Rehoming { replica, master } => steps.detail(Detail::WillCopy { replica, master }),
        remove::News::Forgetting => steps.begin(Step::Forget),
        remove::News::Resetting => steps.begin(Step::ResetNodes),
        remove::News::Waiting(what) => steps.detail(what),
    };
    let done = remove(&plan, &seed, &place.auth, CONNECT_DEADLINE, &report, steps.cancelled()).await;
    let removed = done.map_err(|why| why.to_string())?;
    let silent = plan.silent.iter().map(|node| format!("{} does not answer and was not told", node.name()));
    let missed = removed.missed.iter().map(|(addr, why)| format!("{addr} still knows it ({why})"));
    let left: Vec<String> = missed.chain(silent).chain(removed.unlinked.clone()).collect();
    if let Some((addr, why)) = removed.not_reset.first() {
        let first = format!("{addr} could not be reset: {why}");
        let all: Vec<String> = std::iter::once(first).chain(left).collect();
        return Err(format!("the node was removed, but {}", all.join("; ")));
    }
    steps.done();
    steps.skip(Step::ResetNodes);
    Ok(left)
}

/// A server of ours that is no member any more: forgotten, stopped, and its folder removed.
async fn retire(workspace: &Workspace, doc: &mut ClusterDoc, port: u16, steps: &Steps) -> Result<(), String> {
    let auth = auth_of(doc);
    // It may have been started again by hand, in the same folder.
    adopt(doc);
    let whole = doc.clone();
    let record = doc.processes.remove(&port);
    let Some(spec) = &mut doc.spec else { return Ok(()) };
    let before = spec.clone();
    // Out of the document first, so that a server that ends now is not taken for one that died.
    spec.ports = Ports::List(spec.port_list().into_iter().filter(|known| *known != port).collect());
    workspace.save(doc).map_err(|why| why.to_string())?;
    steps.begin(Step::ShutDown);
    let ended = match record {
        Some(record) => end_one(&before, port, record, &auth, steps).await,
        None => Ok(()),
    };
    if let Err(why) = ended.and(nobody_in(&before, port).await) {
        // Still ours to look after.
        *doc = whole;
        workspace.save(doc).map_err(|save| format!("{why}; {save}"))?;
        return Err(why);
    }
    steps.begin(Step::RemoveFiles);
    let wiped = wipe(&before.dir, &[port]).map_err(|why| why.to_string())?;
    let left: Vec<String> = wiped.left.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect();
    if !left.is_empty() {
        steps.detail(left.join("; "));
    }
    steps.done();
    Ok(())
}

/// Insists that no server runs in the node's folder any more, also none inside WSL.
async fn nobody_in(spec: &ClusterSpec, port: u16) -> Result<(), String> {
    let dir = spec.node_dir(port);
    let here = find_running_in(std::slice::from_ref(&dir)).into_iter().flatten().next().map(|record| record.pid);
    let exe = spec.server.as_ref().map(|server| server.path.clone()).unwrap_or_default();
    let pid = match here {
        Some(pid) => Some(pid),
        None => left_inside(&exe, &dir).await,
    };
    let Some(pid) = pid else { return Ok(()) };
    Err(format!("a server (process {pid}) still runs in {}: its folder is left as it is", dir.display()))
}
