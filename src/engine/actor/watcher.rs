//! Watches a local cluster's processes and logs, in a task of its own: asking the system and reading files may block.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::core::topology::NodeAddr;
use crate::engine::log_tail::LogTail;
use crate::engine::process::identify;
use crate::engine::signal::end_helpers;
use crate::workspace::document::ProcessRecord;

use super::Report;

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct WatchPlan {
    /// Folder and recorded process of each node.
    pub nodes: BTreeMap<NodeAddr, (PathBuf, Option<ProcessRecord>)>,
    /// The pace.
    pub every: Duration,
    /// Grows when the next look should come at once.
    pub urge: u64,
}

/// What a look found of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    /// The recorded process, if it is still that very one.
    pub pid: Option<u32>,
    /// The record that was looked up: an answer about an older one says nothing.
    pub record: Option<ProcessRecord>,
    /// The last lines of its log.
    pub log: std::sync::Arc<[String]>,
}

/// What a look found.
pub(super) type Probes = BTreeMap<NodeAddr, Probe>;

/// Looks at the pace of the plan until nobody wants to know any more.
pub(super) async fn watch_processes(name: String, mut plan: watch::Receiver<WatchPlan>, reports: mpsc::Sender<Report>) {
    let mut logs: BTreeMap<PathBuf, LogTail> = BTreeMap::new();
    let mut ended: Vec<ProcessRecord> = Vec::new();
    loop {
        let now = plan.borrow_and_update().clone();
        let every = now.every;
        let looked = tokio::task::spawn_blocking(move || {
            let probes = look(&now, &mut logs);
            clear_after(&probes, &mut ended);
            (probes, logs, ended)
        });
        let Ok((probes, kept, known)) = looked.await else { return };
        (logs, ended) = (kept, known);
        if reports.send(Report::Processes(name.clone(), Box::new(probes))).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            changed = plan.changed() => if changed.is_err() { return },
        }
    }
}

/// Ends what servers left that were found dead, once for each.
fn clear_after(probes: &Probes, ended: &mut Vec<ProcessRecord>) {
    let dead: Vec<ProcessRecord> = probes.values().filter(|p| p.pid.is_none()).filter_map(|p| p.record).collect();
    let new: Vec<ProcessRecord> = dead.iter().filter(|record| !ended.contains(record)).copied().collect();
    end_helpers(&new);
    *ended = dead;
}

fn look(plan: &WatchPlan, logs: &mut BTreeMap<PathBuf, LogTail>) -> Probes {
    logs.retain(|dir, _| plan.nodes.values().any(|(d, _)| d == dir));
    plan.nodes
        .iter()
        .map(|(addr, (dir, record))| {
            let log = logs.entry(dir.clone()).or_insert_with(|| LogTail::new(dir)).read();
            let pid = record.and_then(identify).map(|found| found.pid);
            (addr.clone(), Probe { pid, record: *record, log })
        })
        .collect()
}
