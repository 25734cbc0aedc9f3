//! `restore`: puts a backup into a cluster, and proves that it is there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::core::topology::NodeAddr;
use crate::engine::gather::Gathered;
use crate::engine::restore::{Backup, News, Ready, Report, Restored, open, ready, restore as carry_out};

use super::cluster::{access, look, resolved, seed_of};
use super::data_args::RestoreArgs;
use super::failure::Failure;
use super::form::Means;
use super::progress::{ProgressLine, bytes, time_left};
use super::terminal::complain;
use super::until_cancelled;

/// `restore` as JSON.
#[derive(Debug, Serialize)]
struct RestoreJson {
    ok: bool,
    dir: String,
    /// Keys that were acknowledged.
    keys: u64,
    /// Keys that had expired since the backup.
    expired: u64,
    /// Keys that were in the way.
    busy: u64,
    busy_keys: Vec<String>,
    bytes: u64,
    seconds: f64,
    /// Keys in the cluster at the end.
    found: u64,
    /// Keys that were read back.
    sampled: u64,
    /// Those of them that are missing or hold something else.
    differing: u64,
    differing_keys: Vec<String>,
}

/// What would be restored, as JSON.
#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    dir: String,
    keys: u64,
    bytes: u64,
    masters: Vec<ShareJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ShareJson<'a> {
    addr: &'a NodeAddr,
    keys: u64,
}

/// `restore DIR HOST:PORT…`.
///
/// # Errors
/// A backup that is damaged, a cluster that can't take it, a no to the question, keys in the way, or a cluster that does
/// not hold at the end what it should.
pub async fn restore(means: &Means<'_>, args: &RestoreArgs) -> Result<(), Failure> {
    let seed = resolved(seed_of(args.nodes.get(..1).unwrap_or_default())?, &args.login, false).await?;
    let access = access(&args.login).await?;
    means.terminal.say(|text| text.info(format_args!(">>> Reading the backup in {}", args.dir.display())));
    let untouched = |why: &dyn std::fmt::Display| Failure::message(&format!("[ERR] Nothing was restored: {why}."));
    let backup =
        until_cancelled(async { open(&args.dir).await.map_err(|why| untouched(&why)) }, means.interrupt).await?;
    say_backup(means, &backup);
    let gathered = look(&seed, &access, means.terminal).await?;
    insist_on_one_cluster(&gathered, &args.nodes)?;
    let replace = args.cluster_replace;
    let plan = ready(&backup, &gathered, &seed, &access.auth, replace).await.map_err(|why| untouched(&why))?;
    say_plan(means, &plan);
    if means.tell_plan(&plan_json(args, &plan), &[]) {
        return Ok(());
    }
    if !means.yes {
        let question = "Do you want to restore it (type 'yes' to accept): ";
        means.ask_for_yes(question, "nothing was restored").await?;
    }
    let begun = Instant::now();
    let progress = Arc::new(Mutex::new(Progress {
        line: ProgressLine::new(means.terminal),
        begun,
        keys: 0,
        read: 0,
        of: plan.bytes,
    }));
    let report: Report = {
        let progress = Arc::clone(&progress);
        Arc::new(move |news| progress.lock().unwrap_or_else(PoisonError::into_inner).take(news))
    };
    let cancel = means.interrupt.token();
    let done = carry_out(&backup, &plan, &access.auth, replace, report, &cancel).await;
    progress.lock().unwrap_or_else(PoisonError::into_inner).line.end();
    let done = done.map_err(|error| {
        Failure::message(&format!(
            "[ERR] {error}. The same again with --cluster-replace begins anew and writes over them."
        ))
    })?;
    tell(means, args, &plan, &done, begun)
}

/// Several nodes may be named; they must be of one cluster.
fn insist_on_one_cluster(gathered: &Gathered, names: &[String]) -> Result<(), Failure> {
    let nodes = gathered.topology.nodes();
    if nodes.len() == 1 && nodes.values().all(|node| node.slots.is_empty()) {
        return Err(Failure::message(&format!(
            "[ERR] Nothing was restored: {} is of no cluster yet. 'slotctl create {}' makes one of empty servers.",
            names.join(", "),
            names.join(" ")
        )));
    }
    for name in names {
        let addr = seed_of(std::slice::from_ref(name))?;
        let known = nodes.values().any(|node| {
            let at = node.addr.as_ref();
            at.is_some_and(|at| {
                at.port == addr.port && (at.host == addr.host || addr.host.parse::<std::net::IpAddr>().is_err())
            })
        });
        if !known && !gathered.topology.views.contains_key(&addr) {
            return Err(Failure::message(&format!(
                "[ERR] Nothing was restored: {addr} is no node of the cluster of {}.",
                names.first().map_or("", String::as_str)
            )));
        }
    }
    Ok(())
}

fn say_backup(means: &Means<'_>, backup: &Backup) {
    let keys: u64 = backup.files.iter().map(|file| file.holds.key_count()).sum();
    let size: u64 = backup.files.iter().map(|file| file.found.bytes).sum();
    means.terminal.say(|text| {
        text.line(format_args!("{keys} keys in {} files, {}; all files are whole.", backup.files.len(), bytes(size)));
    });
    let modules: Vec<&str> = backup.files.iter().flat_map(|file| &file.holds.module_data).map(String::as_str).collect();
    if let Some(module) = modules.first() {
        complain(&format!("[WARNING] What the module {module} keeps beside the keys is not restored."));
    }
    for problem in backup.manifest.iter().flat_map(|manifest| &manifest.problems) {
        complain(&format!("[WARNING] When the backup was made: {problem}."));
    }
}

fn say_plan(means: &Means<'_>, plan: &Ready) {
    means.terminal.say(|text| {
        text.info(">>> Where the keys go");
        for (addr, keys) in &plan.shares {
            text.line(format_args!("   {addr} gets {keys} keys"));
        }
        if plan.before > 0 {
            text.warn(format_args!(
                "*** The cluster holds {} keys: those of the same names are overwritten, all others stay.",
                plan.before
            ));
        }
    });
}

fn plan_json<'a>(args: &RestoreArgs, plan: &'a Ready) -> PlanJson<'a> {
    let masters = plan.shares.iter().map(|(addr, keys)| ShareJson { addr, keys: *keys }).collect();
    PlanJson { dir: args.dir.display().to_string(), keys: plan.keys, bytes: plan.bytes, masters }
}

/// Names of keys for the eye: what is not ASCII is escaped.
pub(super) fn names(keys: &[Vec<u8>]) -> Vec<String> {
    keys.iter()
        .map(|key| match std::str::from_utf8(key) {
            Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
            _ => key.escape_ascii().to_string(),
        })
        .collect()
}

fn tell(means: &Means<'_>, args: &RestoreArgs, plan: &Ready, done: &Restored, begun: Instant) -> Result<(), Failure> {
    let (delivered, proof) = (&done.delivered, &done.proof);
    let ok = delivered.busy == 0 && proof.holds();
    let seconds = begun.elapsed().as_secs_f64();
    if ok {
        means.terminal.say(|text| {
            let expired = if done.expired > 0 { format!("; {} had expired", done.expired) } else { String::new() };
            text.ok(format_args!(
                "[OK] {} keys were restored in {seconds:.2} s{expired}. The cluster holds {}; {} were read back and are \
                 the same.",
                delivered.keys, proof.found, proof.sampled
            ));
        });
    }
    if delivered.busy > 0 {
        complain(&format!(
            "[ERR] {} keys were in the way and are as they were: {}.",
            delivered.busy,
            names(&delivered.named).join(", ")
        ));
    }
    if !(proof.at_least..=proof.at_most).contains(&proof.found) {
        complain(&format!(
            "[ERR] The cluster holds {} keys; {} to {} had to be there.",
            proof.found, proof.at_least, proof.at_most
        ));
    }
    if proof.differing > 0 {
        complain(&format!(
            "[ERR] {} of {} keys that were read back are missing or hold something else: {}.",
            proof.differing,
            proof.sampled,
            names(&proof.named).join(", ")
        ));
    }
    means.terminal.object(&RestoreJson {
        ok,
        dir: args.dir.display().to_string(),
        keys: delivered.keys,
        expired: done.expired,
        busy: delivered.busy,
        busy_keys: names(&delivered.named),
        bytes: plan.bytes,
        seconds,
        found: proof.found,
        sampled: proof.sampled,
        differing: proof.differing,
        differing_keys: names(&proof.named),
    });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

/// How far it is.
struct Progress {
    line: ProgressLine,
    begun: Instant,
    keys: u64,
    read: u64,
    /// Bytes in all.
    of: u64,
}

impl Progress {
    fn take(&mut self, news: News) {
        match news {
            News::Bytes(count) => self.read += count,
            News::Keys(count) => self.keys += count,
            News::Proving => self.read = self.of,
        }
        let (keys, read, of, elapsed) = (self.keys, self.read, self.of, self.begun.elapsed());
        self.line.show(|| {
            let rate = keys as f64 / elapsed.as_secs_f64().max(0.001);
            let left = time_left(read, of, elapsed).map(|left| format!(", {left}")).unwrap_or_default();
            format!("{keys} keys, {} of {}, {rate:.0} keys/s{left}", bytes(read), bytes(of))
        });
    }
}
