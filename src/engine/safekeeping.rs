//! Backups in the window: a copy of the whole cluster into a folder, and such a folder into a cluster, as jobs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::core::backup::nodes_json;
use crate::core::count::{counted, counted_are};
use crate::core::topology::NodeAddr;

use super::backup::{self, copy, keep, lost_master, manifest, prepare, problems, sources};
use super::client::CONNECT_DEADLINE;
use super::detail::Detail;
use super::gather::{Gathered, gather};
use super::job::Step;
use super::moves::Place;
use super::restore::{self, Trial, open, ready, restore};
use super::steps::Steps;

/// The steps of a backup.
pub const BACKUP_STEPS: [Step; 2] = [Step::CopyKeys, Step::KeepFiles];
/// The steps of a restoration.
pub const RESTORE_STEPS: [Step; 3] = [Step::ReadBackup, Step::RestoreKeys, Step::ProveKeys];

/// Which backup is restored, and whether over keys that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreWish {
    /// The backup's folder.
    pub folder: PathBuf,
    /// Whether keys of the same names are overwritten.
    pub replace: bool,
}

/// A node of the cluster, and what all of them say.
async fn looked(place: &Place) -> Result<(NodeAddr, Gathered), String> {
    let gathered = gather(&place.seeds, &place.auth, CONNECT_DEADLINE).await;
    let members = gathered.topology.views.iter().filter(|(_, view)| view.nodes.len() > 1);
    let seed = members.map(|(addr, _)| addr.clone()).next().ok_or("no node of the cluster answers")?;
    Ok((seed, gathered))
}

/// Copies each master's keys into the folder.
///
/// # Errors
/// Why there is no backup, or what makes it less than the whole cluster, in words.
pub async fn backup_job(place: &Place, folder: &Path, steps: &Steps) -> Result<(), String> {
    backed_up(place, folder, steps).await.inspect_err(|why| steps.fail(why))
}

async fn backed_up(place: &Place, folder: &Path, steps: &Steps) -> Result<(), String> {
    steps.begin(Step::CopyKeys);
    let (seed, before) = looked(place).await?;
    let findings = before.check();
    if let Some(lost) = lost_master(&before, &findings) {
        return Err(format!("{lost}: its keys can't be copied"));
    }
    prepare(folder, false).map_err(|why| why.to_string())?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (got, told) = (AtomicU64::new(0), steps.clone());
    let report: backup::Report = Arc::new(move |news| {
        if let backup::News::Bytes(count) = news {
            let now = got.fetch_add(count, Ordering::Relaxed) + count;
            told.detail(Detail::Bytes(now));
        }
    });
    let sources = sources(&before, &seed);
    let copied = copy(&sources, folder, &place.auth, CONNECT_DEADLINE, report, steps.cancelled()).await;
    let saved = copied.map_err(|why| why.to_string())?;
    steps.begin(Step::KeepFiles);
    let (_, after) = looked(place).await?;
    let problems = problems(&before, &after, &findings);
    let manifest = manifest("slotdeck", created, &saved, problems);
    let nodes = nodes_json(&before.topology.nodes(), manifest.problems.len());
    keep(saved, folder, &nodes, &manifest).map_err(|why| why.to_string())?;
    if let Some(keys) = manifest.key_count() {
        steps.detail(Detail::Kept { keys, folder: folder.display().to_string() });
    }
    if manifest.problems.is_empty() {
        steps.done();
        return Ok(());
    }
    Err(format!("the backup is written, but not of a whole cluster: {}", manifest.problems.join("; ")))
}

/// Puts a backup into the cluster, and proves that it is there.
///
/// # Errors
/// Why nothing or not everything was restored, in words.
pub async fn restore_job(place: &Place, wish: &RestoreWish, steps: &Steps) -> Result<(), String> {
    restored(place, wish, steps).await.inspect_err(|why| steps.fail(why))
}

async fn restored(place: &Place, wish: &RestoreWish, steps: &Steps) -> Result<(), String> {
    steps.begin(Step::ReadBackup);
    let untouched = |why: &dyn std::fmt::Display| format!("nothing was restored: {why}");
    let backup = tokio::select! {
        opened = open(&wish.folder) => opened.map_err(|why| untouched(&why))?,
        () = steps.cancelled().cancelled() => return Err(untouched(&"stopped as asked")),
    };
    let (seed, gathered) = looked(place).await?;
    let plan = ready(&backup, &gathered, &seed, &place.auth, wish.replace, Trial::Yes).await;
    let plan = plan.map_err(|why| untouched(&why))?;
    steps.begin(Step::RestoreKeys);
    let (keys, of, told) = (Mutex::new(0_u64), plan.keys, steps.clone());
    let report: restore::Report = Arc::new(move |news| match news {
        restore::News::Keys(count) => {
            let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
            *keys += count;
            told.detail(Detail::Keys { done: *keys, of });
        }
        restore::News::Proving => told.begin(Step::ProveKeys),
        restore::News::Bytes(_) => {}
    });
    let done = restore(&backup, &plan, &place.auth, wish.replace, report, steps.cancelled()).await;
    let done = done.map_err(|why| why.to_string())?;
    let (delivered, proof) = (&done.delivered, &done.proof);
    if delivered.busy > 0 {
        return Err(format!("{} in the way and stay as before", counted_are(delivered.busy, "key", ["was", "were"])));
    }
    if !proof.holds() {
        return Err(format!(
            "the cluster holds {} where {} to {} had to be there, and {} of {} that were read back differ",
            counted(proof.found, "key"),
            proof.at_least,
            proof.at_most,
            proof.differing,
            proof.sampled
        ));
    }
    steps.detail(Detail::Proven { keys: delivered.keys, sampled: proof.sampled });
    steps.done();
    Ok(())
}
