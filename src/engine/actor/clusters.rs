//! What the loop does with the clusters: documents read and written, polls paced, news noted, the house kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::slot::SlotSet;
use crate::core::topology::NodeAddr;
use crate::engine::create::{Journal as _, restore_settings};
use crate::engine::creation::DocJournal;
use crate::engine::event::{Level, What};
use crate::engine::lifecycle::{adopt, auth_of};
use crate::engine::poll::{PollEvent, PollPlan};
use crate::engine::process::{Exit, identify};
use crate::engine::snapshot::Phase;
use crate::workspace::document::{ClusterDoc, MoveJournal, OnClose};
use crate::workspace::journal::JournalFile;
use crate::workspace::requests;
use crate::workspace::store::WorkspaceError;

use super::cluster::{Cluster, LOOKED_AT, has_open_slots};
use super::watcher::{Probe, Probes, WatchPlan};
use super::{Actor, addrs_of};

/// The pace of polls while nobody looks.
const HIDDEN: Duration = Duration::from_secs(10);
/// The pace while a job works on the cluster.
const BUSY: Duration = Duration::from_millis(250);
/// A cluster that is stopped is looked at rarely: another program may have started it.
const STOPPED: Duration = Duration::from_secs(3);

impl Actor {
    /// Reads all documents: at the start, and when another program changed one.
    pub(super) fn reload_documents(&mut self) {
        self.fingerprint = self.workspace.fingerprint();
        let mut names: Vec<String> = Vec::new();
        for (name, doc) in self.workspace.list() {
            names.push(name.clone());
            match doc {
                Ok(_) => self.reload_cluster(&name),
                Err(error) => self.refuse("read a cluster's document", Some(name), error.to_string()),
            }
        }
        self.clusters.retain(|name, _| names.contains(name));
        self.changed();
    }

    /// Reads one document again; a cluster whose document is gone is forgotten.
    pub(super) fn reload_cluster(&mut self, name: &str) {
        let Ok(mut doc) = self.workspace.load(name) else {
            self.clusters.remove(name);
            return;
        };
        // A server that runs without our record of it: we were ended between its start and the save. Whoever holds the
        // lock writes the document himself.
        if doc.wanted
            && self.running_job(name).is_none()
            && self.workspace.locked_by(name).is_none()
            && let Ok(_lock) = self.workspace.lock(name)
            && adopt(&mut doc)
        {
            self.workspace.save(&doc).ok();
        }
        let reports = self.reporter();
        if let Some(cluster) = self.clusters.get_mut(name) {
            if doc.spec.is_some() {
                cluster.auth = auth_of(&doc);
            }
            // Another program's numbers count, so that not each writes its own by turns.
            cluster.shards.extend(doc.shards.iter().map(|(id, number)| (id.clone(), *number)));
            cluster.doc = doc;
            cluster.stale = true;
        } else {
            let auth = auth_of(&doc);
            self.clusters.insert(name.to_owned(), Cluster::new(doc, auth, reports));
        }
        self.bind_servers(name);
        self.pace(name);
    }

    /// Servers that stop with the window are bound to this process where the system can do that, so that they do not
    /// outlive a crash of ours either; the others are let go.
    fn bind_servers(&self, name: &str) {
        let Some(cluster) = self.clusters.get(name) else { return };
        let stops = cluster.on_close_wish.unwrap_or(cluster.doc.on_close) == OnClose::Stop;
        if stops && cluster.doc.wanted {
            let running = cluster.doc.processes.values().copied().filter(|record| identify(*record).is_some());
            self.children.hold(name, running);
        } else if !stops {
            self.children.release(name);
        }
    }

    /// Tells the cluster's tasks whom to ask, and how often.
    pub(super) fn pace(&mut self, name: &str) {
        let job = self.jobs.iter().find(|job| job.cluster == name && !job.state.is_over());
        let Some(cluster) = self.clusters.get(name) else { return };
        let stopped = cluster.phase(job) == Phase::Stopped;
        let every = match (job.is_some(), stopped, self.visible) {
            (true, _, _) => BUSY,
            (_, _, false) => HIDDEN,
            (_, true, true) => STOPPED,
            (_, false, true) => LOOKED_AT,
        };
        // While everything is stopped, nobody answers on purpose.
        let addrs = if stopped { Vec::new() } else { cluster.poll_addrs() };
        // What servers move by themselves is seen moving.
        let closely = job.is_some() || cluster.known.values().any(|known| !known.under_way.is_empty());
        let auth = cluster.auth.clone();
        let nodes = cluster.node_dirs();
        cluster.poll_plan.send_if_modified(|plan| {
            let new = PollPlan { addrs, auth, every, closely, urge: plan.urge };
            let changed = *plan != new;
            *plan = new;
            changed
        });
        cluster.watch_plan.send_if_modified(|plan| {
            let new = WatchPlan { nodes, every, urge: plan.urge };
            let changed = *plan != new;
            *plan = new;
            changed
        });
    }

    /// Asks everything of a cluster again, now.
    pub(super) fn urge(&mut self, name: &str) {
        self.pace(name);
        if let Some(cluster) = self.clusters.get_mut(name) {
            cluster.stale = true;
            cluster.poll_plan.send_modify(|plan| plan.urge += 1);
            cluster.watch_plan.send_modify(|plan| plan.urge += 1);
        }
    }

    pub(super) fn note_poll(&mut self, name: &str, event: PollEvent) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        match event {
            PollEvent::Node(polled) => {
                let known = cluster.known.entry(polled.addr).or_default();
                if let Some(under_way) = polled.under_way {
                    known.under_way = under_way;
                }
                let open = matches!(&polled.answer, Ok(answer) if has_open_slots(&answer.view));
                let falls_silent = polled.answer.is_err() && known.answer.is_some() && known.error.is_none();
                match polled.answer {
                    Ok(answer) => known.answered(answer, polled.at, polled.asked),
                    Err(error) => known.error = Some(error.kind.to_string()),
                }
                if open {
                    cluster.note_moving(&self.workspace);
                }
                cluster.stale = true;
                if falls_silent {
                    self.read_again(name);
                }
                self.changed();
            }
            PollEvent::RoundDone => {
                cluster.polled_at = Some(SystemTime::now());
                cluster.round_done = true;
                cluster.let_go();
                // Answers of this round may be older than the end of a move.
                cluster.moving.rotate_left(1);
                cluster.moving[1] = SlotSet::new();
                cluster.stale = true;
                self.note_formed(name);
                self.note_shards(name);
                self.pace(name);
                self.measure_chosen();
                self.changed();
            }
        }
    }

    /// A cluster that was made by other means (redis-cli, say) out of servers launched here is remembered as one.
    fn note_formed(&mut self, name: &str) {
        if self.running_job(name).is_some() {
            return;
        }
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        if !cluster.doc.formed && cluster.doc.creating.is_none() && cluster.looks_formed() && !cluster.busy_elsewhere {
            // Should the document not be writable right now, the next look finds the same.
            self.change_document(name, |doc| doc.formed = true).ok();
        }
    }

    /// Which nodes belong together is remembered: of a master that died, the others do not tell.
    fn note_shards(&mut self, name: &str) {
        if self.running_job(name).is_some() {
            return;
        }
        let Some(cluster) = self.clusters.get(name).filter(|cluster| cluster.doc.formed) else { return };
        let is_written = |(id, number)| cluster.doc.shards.get(id) == Some(number);
        if !cluster.busy_elsewhere && !cluster.shards.iter().all(is_written) {
            let seen = cluster.shards.clone();
            let changed = self.change_document(name, |doc| doc.shards.extend(seen.clone()));
            // It is tried again when another node comes or changes its shard, or when the document is read anew; not in
            // every round.
            if let (Err(_), Some(cluster)) = (changed, self.clusters.get_mut(name)) {
                cluster.doc.shards.extend(seen);
            }
        }
    }

    /// Changes a document under its lock, from what is on disk now: a job or another program may have written it since.
    ///
    /// # Errors
    /// Somebody works on the cluster, or the document can't be read or written.
    pub(super) fn change_document(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut ClusterDoc),
    ) -> Result<(), WorkspaceError> {
        let _lock = self.workspace.lock(name)?;
        let mut doc = self.workspace.load(name)?;
        change(&mut doc);
        self.workspace.save(&doc)?;
        // The fingerprint stays: another program may have changed another document since it was taken.
        if let Some(cluster) = self.clusters.get_mut(name) {
            cluster.doc = doc;
            cluster.stale = true;
        }
        Ok(())
    }

    /// Writes down what closing the window should do, as soon as nobody else works on the cluster.
    pub(super) fn grant_wishes(&mut self) {
        let wishes: Vec<(String, OnClose)> =
            self.clusters.iter().filter_map(|(name, c)| Some((name.clone(), c.on_close_wish?))).collect();
        for (name, wish) in wishes {
            // Asked first, because taking a held lock waits a moment.
            if self.workspace.locked_by(&name).is_some() {
                continue;
            }
            match self.change_document(&name, |doc| doc.on_close = wish) {
                Err(WorkspaceError::Locked { .. }) => continue,
                Err(error) => self.refuse("remember the choice", Some(name.clone()), error.to_string()),
                Ok(()) => {}
            }
            if let Some(cluster) = self.clusters.get_mut(&name) {
                cluster.on_close_wish = None;
            }
            self.bind_servers(&name);
        }
    }

    pub(super) fn note_processes(&mut self, name: &str, probes: Probes) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        // How a process ended may be known only after a look that found it gone: both are compared.
        let exits: BTreeMap<NodeAddr, Exit> = cluster
            .node_dirs()
            .into_iter()
            .filter_map(|(addr, (dir, _))| Some((addr, self.children.exit_of(&dir)?)))
            .collect();
        if cluster.probes == probes && cluster.exits == exits {
            return;
        }
        let gone = |(addr, now): (&NodeAddr, &Probe)| {
            now.pid.is_none() && cluster.probes.get(addr).is_some_and(|before| before.pid.is_some())
        };
        let some_gone = probes.iter().any(gone);
        cluster.exits = exits;
        cluster.probes = probes;
        cluster.stale = true;
        if some_gone {
            self.read_again(name);
        }
        self.pace(name);
        self.changed();
    }

    /// A server of ours that ends may have been stopped by another program, which wrote so before: its document is read
    /// again before anybody is alarmed.
    fn read_again(&mut self, name: &str) {
        let wanted = self.clusters.get(name).is_some_and(|cluster| cluster.doc.spec.is_some() && cluster.doc.wanted);
        if !wanted || self.running_job(name).is_some() {
            return;
        }
        // What can't be read just now is left to the next look at all documents. A whole cluster may fall silent at once:
        // only what has changed is worth a look at its processes.
        match self.workspace.load(name) {
            Ok(doc) if doc.wanted => {}
            Ok(_) | Err(WorkspaceError::NotFound(_)) => self.reload_cluster(name),
            Err(_) => {}
        }
    }

    /// A creation that was cut off (by a crash, say) left settings changed: they are put back without being asked for, once.
    /// What becomes of the half-made cluster is the person's choice.
    fn restore_interrupted(&mut self) {
        let left = |c: &&mut Cluster| c.doc.creating.as_ref().is_some_and(|j| !j.restore.is_empty()) && !c.restored;
        let jobs = &self.jobs;
        for cluster in self.clusters.values_mut().filter(left) {
            let name = cluster.doc.name.clone();
            let busy = jobs.iter().any(|job| job.cluster == name && !job.state.is_over());
            if busy || self.workspace.locked_by(&name).is_some() || !cluster.known.values().any(|k| k.error.is_none()) {
                continue;
            }
            cluster.restored = true;
            let (workspace, auth) = (self.workspace.clone(), cluster.auth.clone());
            tokio::spawn(async move {
                let Ok(_lock) = workspace.lock(&name) else { return };
                let Some(mut journal) = workspace.load(&name).ok().and_then(|doc| doc.creating) else { return };
                if restore_settings(&journal, &auth).await.is_ok() {
                    journal.restore.clear();
                    // Should it not be written, the next run puts the same values back once more.
                    DocJournal::new(workspace.clone(), &name).save(&journal).ok();
                }
            });
        }
    }

    /// Which moves of slots are on record that nobody goes on with: an ended program may have left them.
    pub(super) fn find_half_moved(&mut self) {
        let records = JournalFile::<MoveJournal>::left_over(&self.workspace);
        for cluster in self.clusters.values_mut() {
            let docs = addrs_of(&cluster.doc);
            let here = |addr: &NodeAddr| docs.iter().chain(cluster.known.keys()).any(|known| known.same_place(addr));
            let found = records.iter().find(|record| record.nodes.iter().any(here)).map(|record| &record.plan);
            if cluster.half_moved.as_deref() != found {
                cluster.half_moved = found.cloned().map(Arc::new);
                cluster.stale = true;
                self.publish_at.get_or_insert_with(|| tokio::time::Instant::now() + super::COALESCE);
            }
        }
    }

    /// What second starts of the window ask of this one.
    fn take_requests(&mut self) {
        for request in requests::take(&self.workspace) {
            self.tell(Level::Info, None, What::OpenRequested(request.definition));
        }
    }

    /// Once a second: has another program changed a document, or begun or ended work on a cluster?
    pub(super) fn keep_house(&mut self) {
        self.take_requests();
        self.grant_wishes();
        self.restore_interrupted();
        self.find_half_moved();
        if self.workspace.fingerprint() != self.fingerprint {
            self.reload_documents();
            let names: Vec<String> = self.clusters.keys().cloned().collect();
            for name in names {
                self.urge(&name);
            }
        }
        for cluster in self.clusters.values_mut() {
            let ours = self.jobs.iter().any(|job| job.cluster == cluster.doc.name && !job.state.is_over());
            let busy = !ours && self.workspace.locked_by(&cluster.doc.name).is_some();
            if busy != cluster.busy_elsewhere {
                cluster.stale = true;
                self.publish_at.get_or_insert_with(|| tokio::time::Instant::now() + super::COALESCE);
            }
        }
    }
}
