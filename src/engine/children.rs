//! The processes that this run of the program started, so that the way they end is known; and those that are to end with
//! it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::os::job::Job;
use crate::workspace::document::ProcessRecord;

use super::process::{Exit, Spawned};

/// The started processes by node folder, and the jobs of the clusters that stop with us. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Children {
    spawned: Arc<Mutex<BTreeMap<PathBuf, Spawned>>>,
    held: Arc<Mutex<BTreeMap<String, Held>>>,
    /// Whether this program lives as long as the person works with it: the window does, slotctl does not.
    holds: bool,
}

/// A cluster's job.
#[derive(Debug)]
struct Held {
    job: Arc<Job>,
    records: HashSet<ProcessRecord>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Children {
    /// For a program that servers may be bound to: where the system can, they then end with it even after a crash.
    #[must_use]
    pub fn of_a_window() -> Self {
        Self { holds: true, ..Self::default() }
    }

    /// Remembers the process of a node; an earlier one of the same folder is forgotten.
    pub fn insert(&self, node_dir: PathBuf, spawned: Spawned) {
        locked(&self.spawned).insert(node_dir, spawned);
    }

    /// How the node's process ended; `None` while it runs, or where it was not started by this run.
    #[must_use]
    pub fn exit_of(&self, node_dir: &Path) -> Option<Exit> {
        locked(&self.spawned).get(node_dir).and_then(Spawned::exited)
    }

    /// The job that a cluster's servers are started in when they are to stop with us. `None` where the system has no
    /// jobs, or for a program that does not stay.
    #[must_use]
    pub fn job_of(&self, cluster: &str) -> Option<Arc<Job>> {
        if !self.holds {
            return None;
        }
        let mut held = locked(&self.held);
        if let Some(held) = held.get(cluster) {
            return held.job.hold(true).ok().map(|()| held.job.clone());
        }
        let job = Arc::new(Job::new().ok()?);
        job.hold(true).ok()?;
        held.insert(cluster.to_owned(), Held { job: job.clone(), records: HashSet::new() });
        Some(job)
    }

    /// From now on these processes of a cluster end with us, whoever started them.
    pub fn hold(&self, cluster: &str, records: impl IntoIterator<Item = ProcessRecord>) {
        let Some(job) = self.job_of(cluster) else { return };
        let mut held = locked(&self.held);
        let Some(held) = held.get_mut(cluster) else { return };
        let records: HashSet<ProcessRecord> = records.into_iter().collect();
        // What runs no more is forgotten; a start leaves it out of this list or has another record.
        held.records.retain(|record| records.contains(record));
        for record in records {
            // One that was started in the job is in it already; adding it again changes nothing.
            if !held.records.contains(&record) {
                match job.add(record.pid, record.started) {
                    Ok(()) => drop(held.records.insert(record)),
                    Err(error) => {
                        tracing::warn!(cluster, pid = record.pid, %error, "a server can't be bound to this program");
                    }
                }
            }
        }
    }

    /// From now on the processes of a cluster go on when we end.
    pub fn release(&self, cluster: &str) {
        if let Some(held) = locked(&self.held).get(cluster)
            && let Err(error) = held.job.hold(false)
        {
            tracing::warn!(cluster, %error, "the servers can't be released");
        }
    }

    /// At an end in good order: what still runs was left running, or is still saving.
    pub fn release_all(&self) {
        for held in locked(&self.held).values() {
            held.job.hold(false).ok();
        }
    }
}
