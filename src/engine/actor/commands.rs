//! What each command does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio_util::task::AbortOnDropHandle;

use crate::core::plan::create::CreatePlan;
use crate::core::plan::failover::{FailoverMode, FailoverPlan};
use crate::core::plan::fix::FixPlan;
use crate::core::plan::moves::MovePlan;
use crate::core::slot::Slot;
use crate::core::spec::{ClusterSpec, Problem};
use crate::core::topology::NodeAddr;
use crate::core::validate::validate;
use crate::core::version::ServerVersion;
use crate::engine::command::{Auth, Command};
use crate::engine::create::{CREATE_STEPS, Mode, create, reset_touched};
use crate::engine::creation::DocJournal;
use crate::engine::discover::{probe, search};
use crate::engine::draft::draft_files;
use crate::engine::event::{Level, What};
use crate::engine::failover::{failover, failover_steps};
use crate::engine::fix::{FIX_STEPS, FixLook, FixWish, fix_job, fix_look};
use crate::engine::growth::{
    ADD_STEPS, DRAIN_STEPS, GROW_STEPS, Leaver, Newcomer, REMOVE_STEPS, RETIRE_STEPS, add_job, remove_job,
};
use crate::engine::inspect::inspect;
use crate::engine::job::{JobKind, Step};
use crate::engine::lifecycle::{DELETE_STEPS, LAUNCH_STEPS, START_STEPS, STOP_STEPS, delete, launch, start, stop};
use crate::engine::machine::facts;
use crate::engine::moves::{MOVE_STEPS, Place, at_work, forget_move, move_slots_job, resume_job};
use crate::engine::safekeeping::{BACKUP_STEPS, RESTORE_STEPS, RestoreWish, backup_job, restore_job};
use crate::engine::snapshot::{DraftReport, SlotKeys};
use crate::engine::wsl::Wake;
use crate::engine::{client::NodeClient, lifecycle::LifecycleError};
use crate::workspace::document::{ClusterDoc, CreateJournal, OnClose};
use crate::workspace::store::{DOCUMENT_VERSION, WorkspaceError};

use super::{Actor, Report, addrs_of};

impl Actor {
    /// Does what a command asks, or starts the task or the job that does.
    pub(super) fn take(&mut self, command: Command) {
        let label = command.label();
        tracing::debug!(label, "command");
        match command {
            Command::FindServers => self.find_servers(Wake::No),
            Command::FindServersInWsl => self.find_servers(Wake::Yes),
            Command::ProbeServer(path) => self.probe_server(path),
            Command::CheckDraft { generation, spec, edited } => self.check_draft(generation, *spec, edited),
            Command::Launch { spec, edited } => self.launch(*spec, edited),
            Command::Attach { name, addrs, auth } => self.attach(name, addrs, auth),
            Command::PlanCreate { cluster, replicas } => self.plan_create(&cluster, replicas),
            Command::ApplyCreate { cluster, plan } => self.apply_create(&cluster, plan),
            Command::ResumeCreate { cluster } => self.resume_create(&cluster),
            Command::ResetTouched { cluster } => self.reset_touched(&cluster),
            Command::Start { cluster } => self.start(&cluster),
            Command::Stop { cluster } => self.stop(&cluster),
            Command::Delete { cluster, wipe } => self.delete(&cluster, wipe),
            Command::Failover { cluster, plans } => self.fail_over(&cluster, plans),
            Command::MoveSlots { cluster, plan } => self.move_slots(&cluster, plan),
            Command::Backup { cluster, folder } => self.backup(&cluster, folder),
            Command::Restore { cluster, wish } => self.restore(&cluster, wish),
            Command::AddNode { cluster, new } => self.add_node(&cluster, *new),
            Command::RemoveNode { cluster, who } => self.remove_node(&cluster, *who),
            Command::ResumeMove { cluster, plan } => self.resume_move(&cluster, plan),
            Command::ForgetMove { cluster, plan } => self.forget_move(&cluster, &plan),
            Command::PlanFix { cluster, wish } => self.plan_fix(&cluster, wish),
            Command::Fix { cluster, plan, wish } => self.fix(&cluster, plan, wish),
            Command::CancelJob(id) => self.cancel_job(id),
            Command::CountKeys { cluster, slot } => self.count_keys(&cluster, slot),
            Command::MeasureSlots(cluster) => self.measure_slots(cluster),
            Command::LookAt(wanted) => self.look_at(wanted),
            Command::LookIntoSlot { cluster, slot, limit } => self.look_into_slot(&cluster, slot, limit),
            Command::PreviewKey { cluster, key } => self.preview_key(&cluster, key),
            Command::SetOnClose { cluster, on_close } => self.set_on_close(&cluster, on_close),
            Command::SetVisible(visible) => self.set_visible(visible),
        }
    }

    pub(super) fn find_servers(&mut self, wake: Wake) {
        self.servers.searching = true;
        self.changed();
        let chosen = self.workspace.load_settings().map(|s| s.chosen_servers).unwrap_or_default();
        let reports = self.reporter();
        tokio::spawn(async move {
            reports.send(Report::Servers(search(&chosen, wake).await)).await.ok();
        });
    }

    fn probe_server(&mut self, path: PathBuf) {
        let reports = self.reporter();
        tokio::spawn(async move {
            let version = probe(&path).await;
            reports.send(Report::Probed(path, version)).await.ok();
        });
    }

    pub(super) fn note_probed(&mut self, path: PathBuf, version: Result<ServerVersion, String>) {
        let file = path.display().to_string();
        match version {
            Ok(version) => {
                self.tell(Level::Success, None, What::ServerAccepted(file, version.to_string()));
                if let Ok(mut settings) = self.workspace.load_settings() {
                    settings.choose_server(path);
                    if let Err(error) = self.workspace.save_settings(&settings) {
                        self.refuse("remember the server program", None, error.to_string());
                    }
                }
                self.find_servers(Wake::No);
            }
            Err(reason) => self.tell(Level::Error, None, What::ServerRefused(file, reason)),
        }
    }

    /// One check at a time: a newer draft makes the older one's answer worthless.
    fn check_draft(&mut self, generation: u64, spec: ClusterSpec, edited: BTreeMap<u16, String>) {
        let taken: Vec<String> = self.clusters.keys().cloned().collect();
        let reports = self.reporter();
        let task = tokio::spawn(async move {
            let facts = facts(&spec, taken).await;
            let problems: Vec<Problem> = validate(&spec, &facts, &edited);
            let files = draft_files(&spec, &edited);
            reports.send(Report::Draft(Arc::new(DraftReport { generation, problems, files }))).await.ok();
        });
        self.draft_task = Some(AbortOnDropHandle::new(task));
    }

    fn launch(&mut self, spec: ClusterSpec, edited: BTreeMap<u16, String>) {
        let (workspace, children) = (self.workspace.clone(), self.children.clone());
        let name = spec.name.clone();
        if self.clusters.contains_key(&name) {
            self.refuse("launch", Some(name.clone()), LifecycleError::NameTaken(name).to_string());
            return;
        }
        self.start_job(JobKind::Launch, &name, &LAUNCH_STEPS, move |steps| async move {
            launch(&workspace, &spec, &edited, &children, &steps).await.map(drop).map_err(|e| e.to_string())
        });
    }

    fn attach(&mut self, name: String, addrs: Vec<NodeAddr>, auth: Auth) {
        if let Some(cluster) = self.clusters.get_mut(&name) {
            // The same name again: a new password for servers that are known already.
            // A frontend may name more: the nodes that only the cluster itself knows.
            if cluster.doc.spec.is_none() && cluster.doc.addrs.iter().all(|addr| addrs.contains(addr)) {
                let tls = auth.tls.as_ref().map(|tls| tls.options().clone());
                let changed = cluster.doc.tls != tls;
                cluster.auth = auth;
                cluster.stale = true;
                if changed && let Err(error) = self.change_document(&name, |doc| doc.tls = tls) {
                    self.refuse("attach", Some(name.clone()), error.to_string());
                }
                self.urge(&name);
            } else {
                self.refuse("attach", Some(name.clone()), LifecycleError::NameTaken(name).to_string());
            }
            return;
        }
        let doc = ClusterDoc {
            version: DOCUMENT_VERSION,
            name: name.clone(),
            spec: None,
            addrs,
            user: auth.user.clone(),
            tls: auth.tls.as_ref().map(|tls| tls.options().clone()),
            processes: BTreeMap::new(),
            formed: false,
            shards: BTreeMap::new(),
            wanted: true,
            on_close: OnClose::Leave,
            creating: None,
        };
        if let Err(error) = self.save_new(&doc) {
            self.refuse("attach", Some(name), error.to_string());
            return;
        }
        self.reload_cluster(&name);
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.auth = auth;
        }
        self.urge(&name);
        self.changed();
    }

    /// Saves a document under a name that nobody has, not even on disk.
    fn save_new(&self, doc: &ClusterDoc) -> Result<(), LifecycleError> {
        let _lock = self.workspace.lock(&doc.name)?;
        match self.workspace.load(&doc.name) {
            Err(WorkspaceError::NotFound(_)) => Ok(self.workspace.save(doc)?),
            Ok(_) => Err(LifecycleError::NameTaken(doc.name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    fn plan_create(&mut self, name: &str, replicas: Option<u16>) {
        let Some(cluster) = self.clusters.get_mut(name) else { return self.unknown("plan creation", name) };
        cluster.plan = None;
        cluster.plan_error = None;
        let replicas = replicas.or_else(|| cluster.doc.spec.as_ref().map(|s| s.replicas)).unwrap_or(1);
        let (addrs, auth, reports, name) =
            (addrs_of(&cluster.doc), cluster.auth.clone(), self.reporter(), name.to_owned());
        tokio::spawn(async move {
            let plan = match inspect(&addrs, &auth).await {
                Ok(nodes) => CreatePlan::new(nodes, usize::from(replicas)).map(Arc::new).map_err(|e| e.to_string()),
                Err(unfit) => Err(unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
            };
            reports.send(Report::Planned(name, plan)).await.ok();
        });
        self.urge_view(None);
    }

    pub(super) fn note_planned(&mut self, name: &str, plan: Result<Arc<CreatePlan>, String>) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        match plan {
            Ok(plan) => cluster.plan = Some(plan),
            Err(reason) => cluster.plan_error = Some(reason.into()),
        }
        self.urge(name);
        self.changed();
    }

    fn unknown(&mut self, label: &'static str, name: &str) {
        self.refuse(label, Some(name.to_owned()), WorkspaceError::NotFound(name.to_owned()).to_string());
    }

    fn urge_view(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.urge(name);
        }
        self.changed();
    }

    fn apply_create(&mut self, name: &str, plan: Arc<CreatePlan>) {
        let Some(cluster) = self.clusters.get(name) else { return self.unknown("create cluster", name) };
        // Exactly the plan that was shown: another one means that the person saw something else.
        if cluster.plan.as_ref() != Some(&plan) {
            self.refuse(
                "create cluster",
                Some(name.to_owned()),
                "the plan is not the one that was shown; make a new plan",
            );
            return;
        }
        self.run_creation(name, plan, Mode::Fresh);
    }

    fn resume_create(&mut self, name: &str) {
        match self.half_made(name).and_then(|record| record.plan) {
            Some(plan) => self.run_creation(name, Arc::new(plan), Mode::Resume),
            None => self.refuse("go on", Some(name.to_owned()), "no creation was left half-way"),
        }
    }

    fn half_made(&self, name: &str) -> Option<CreateJournal> {
        self.clusters.get(name)?.doc.creating.clone()
    }

    fn run_creation(&mut self, name: &str, plan: Arc<CreatePlan>, mode: Mode) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        cluster.plan = None;
        let (workspace, auth, cluster) = (self.workspace.clone(), cluster.auth.clone(), name.to_owned());
        self.start_job(JobKind::Create, name, &CREATE_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            let journal = DocJournal::new(workspace.clone(), &cluster);
            // Under the lock, from the disk: another program may have gone on with it, or undone it, meanwhile.
            if mode == Mode::Resume && journal.record()?.is_none() {
                return Err("the creation was gone on with or undone meanwhile".to_owned());
            }
            create(&plan, mode, &auth, &steps, &journal).await.map_err(|e| e.to_string())?;
            journal.formed()
        });
    }

    fn reset_touched(&mut self, name: &str) {
        let Some(cluster) = self.clusters.get(name) else { return self.unknown("reset", name) };
        if self.half_made(name).is_none() {
            self.refuse("reset", Some(name.to_owned()), "no creation was left half-way");
            return;
        }
        let (workspace, auth, cluster) = (self.workspace.clone(), cluster.auth.clone(), name.to_owned());
        let steps = [Step::RestoreSettings, Step::ResetNodes];
        self.start_job(JobKind::Reset, name, &steps, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            let journal = DocJournal::new(workspace.clone(), &cluster);
            let record = journal.record()?.ok_or("the creation was gone on with or undone meanwhile")?;
            reset_touched(&record, &auth, &steps).await?;
            journal.forget()
        });
    }

    fn fail_over(&mut self, name: &str, plans: Arc<[FailoverPlan]>) {
        let Some(place) = self.place(name) else { return self.unknown("fail over", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Failover, name, &failover_steps(plans.len()), move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            // A move that loses its source or its target stops with keys on both sides; lost masters are replaced all the same.
            let plain = plans.iter().any(|plan| plan.mode == FailoverMode::Plain);
            if let Some(running) = at_work(&workspace, place.names()).filter(|_| plain) {
                return Err(format!("{running}: wait for its end. A failover would cut it short."));
            }
            failover(&plans, &place.seeds, &place.auth, &steps).await.map(drop).map_err(|e| e.to_string())
        });
    }

    fn move_slots(&mut self, name: &str, plan: Arc<MovePlan>) {
        let Some(place) = self.place(name) else { return self.unknown("move slots", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::MoveSlots, name, &MOVE_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            move_slots_job(&workspace, &place, &plan, &steps).await
        });
    }

    fn backup(&mut self, name: &str, folder: PathBuf) {
        let Some(place) = self.place(name) else { return self.unknown("back up", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Backup, name, &BACKUP_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            backup_job(&place, &folder, &steps).await
        });
    }

    fn restore(&mut self, name: &str, wish: RestoreWish) {
        let Some(place) = self.place(name) else { return self.unknown("restore a backup", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Restore, name, &RESTORE_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            restore_job(&place, &wish, &steps).await
        });
    }

    fn add_node(&mut self, name: &str, new: Newcomer) {
        let Some(place) = self.place(name) else { return self.unknown("add node", name) };
        let (workspace, children, cluster) = (self.workspace.clone(), self.children.clone(), name.to_owned());
        let steps: &[Step] = if new.launch { &GROW_STEPS } else { &ADD_STEPS };
        self.start_job(JobKind::AddNode, name, steps, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            add_job(&workspace, &cluster, &place, &new, &children, &steps).await
        });
    }

    fn remove_node(&mut self, name: &str, who: Leaver) {
        let Some(place) = self.place(name) else { return self.unknown("remove node", name) };
        let ours = self.clusters.get(name).is_some_and(|cluster| cluster.doc.spec.is_some());
        let mut announced: Vec<Step> = if who.drain.is_empty() { REMOVE_STEPS.into() } else { DRAIN_STEPS.into() };
        announced.extend(RETIRE_STEPS.into_iter().filter(|_| ours));
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::RemoveNode, name, &announced, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            remove_job(&workspace, &cluster, &place, &who, &steps).await
        });
    }

    fn resume_move(&mut self, name: &str, plan: Arc<MovePlan>) {
        let Some(place) = self.place(name) else { return self.unknown("go on with a move of slots", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::MoveSlots, name, &MOVE_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            resume_job(&workspace, &place, &plan, &steps).await
        });
    }

    fn forget_move(&mut self, name: &str, plan: &MovePlan) {
        let label = "forget a move of slots";
        let Some(place) = self.place(name) else { return self.unknown(label, name) };
        if let Err(why) = forget_move(&self.workspace, &place, plan) {
            self.refuse(label, Some(name.to_owned()), why);
        }
        self.find_half_moved();
        self.changed();
    }

    fn plan_fix(&mut self, name: &str, wish: FixWish) {
        let Some(place) = self.place(name) else { return self.unknown("look for damage", name) };
        if let Some(cluster) = self.clusters.get_mut(name) {
            (cluster.fix, cluster.stale) = (None, true);
        }
        let (reports, name) = (self.reporter(), name.to_owned());
        tokio::spawn(async move {
            let look = fix_look(&place, wish).await;
            reports.send(Report::FixLooked(name, Box::new(look))).await.ok();
        });
        self.changed();
    }

    pub(super) fn note_fix_look(&mut self, name: &str, look: FixLook) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        (cluster.fix, cluster.stale) = (Some(Arc::new(look)), true);
        self.changed();
    }

    fn fix(&mut self, name: &str, plan: Arc<FixPlan>, wish: FixWish) {
        let Some(place) = self.place(name) else { return self.unknown("repair slots", name) };
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Fix, name, &FIX_STEPS, move |steps| async move {
            let _lock = workspace.lock(&cluster).map_err(|e| e.to_string())?;
            fix_job(&workspace, &place, &plan, wish, &steps).await
        });
    }

    /// Where the cluster's nodes are, also by what they told of others: of an attached cluster, only one address may be
    /// written down.
    fn place(&mut self, name: &str) -> Option<Place> {
        let cluster = self.clusters.get_mut(name)?;
        let known = cluster.view(&self.workspace, &self.jobs);
        let mut nodes: Vec<NodeAddr> = known.nodes.iter().map(|node| node.addr.clone()).collect();
        nodes.extend(addrs_of(&cluster.doc));
        nodes.sort();
        nodes.dedup();
        Some(Place { seeds: nodes.clone(), nodes, auth: cluster.auth.clone() })
    }

    fn start(&mut self, name: &str) {
        let (workspace, children, cluster) = (self.workspace.clone(), self.children.clone(), name.to_owned());
        self.start_job(JobKind::Start, name, &START_STEPS, move |steps| async move {
            start(&workspace, &cluster, &children, &steps).await.map(drop).map_err(|e| e.to_string())
        });
    }

    fn stop(&mut self, name: &str) {
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Stop, name, &STOP_STEPS, move |steps| async move {
            stop(&workspace, &cluster, &steps).await.map(drop).map_err(|e| e.to_string())
        });
    }

    fn delete(&mut self, name: &str, wipe: bool) {
        let (workspace, cluster) = (self.workspace.clone(), name.to_owned());
        self.start_job(JobKind::Delete, name, &DELETE_STEPS, move |steps| async move {
            // What stays is said by the step that removes files.
            delete(&workspace, &cluster, wipe, &steps).await.map(drop).map_err(|e| e.to_string())
        });
    }

    fn count_keys(&mut self, name: &str, slot: Slot) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        let owner = cluster.view(&self.workspace, &self.jobs).owner_of(slot).map(|node| node.addr.clone());
        let (auth, reports, name) = (cluster.auth.clone(), self.reporter(), name.to_owned());
        tokio::spawn(async move {
            let keys = match owner {
                None => Err("nobody owns the slot".to_owned()),
                Some(addr) => count(&addr, &auth, slot).await,
            };
            reports.send(Report::Counted(name, SlotKeys { slot, keys, at: SystemTime::now() })).await.ok();
        });
    }

    fn set_on_close(&mut self, name: &str, on_close: OnClose) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        cluster.on_close_wish = Some(on_close);
        self.grant_wishes();
        self.urge_view(Some(name));
    }

    fn set_visible(&mut self, visible: bool) {
        if self.visible == visible {
            return;
        }
        self.visible = visible;
        let names: Vec<String> = self.clusters.keys().cloned().collect();
        for name in names {
            if visible { self.urge(&name) } else { self.pace(&name) }
        }
        self.measure_chosen();
        self.look_chosen();
    }
}

async fn count(addr: &NodeAddr, auth: &Auth, slot: Slot) -> Result<u64, String> {
    let client = NodeClient::connect(addr, auth).await.map_err(|e| e.to_string())?;
    client.number(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]).await.map_err(|e| e.to_string())
}
