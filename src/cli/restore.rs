//! `restore`: puts a backup into a cluster, and proves that it is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::core::count::{counted, counted_are};
use crate::core::plan::ShownCommand;
use crate::core::plan::create::PlannedMaster;
use crate::core::plan::moves::Master;
use crate::core::topology::NodeAddr;
use crate::engine::gather::Gathered;
use crate::engine::restore::{
    Backup, News, Ready, Report, RestoreError, Restored, Trial, open, ready, restore as carry_out, shares,
};

use super::cluster::{Access, access, look, resolved, seed_of};
use super::create::{CreationJson, of_empty, planned};
use super::data_args::RestoreArgs;
use super::failure::Failure;
use super::form::Means;
use super::progress::{ProgressLine, bytes, time_left};
use super::terminal::complain;
use super::until_cancelled;

/// So many masters a cluster has at least.
const FEWEST: usize = 3;

/// `restore` as JSON.
#[derive(Debug, Serialize)]
struct RestoreJson {
    ok: bool,
    dir: String,
    /// Keys that were acknowledged.
    keys: u64,
    /// Keys that had expired since the backup.
    expired: u64,
    doubles: u64,
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
struct PlanJson {
    dir: String,
    keys: u64,
    bytes: u64,
    masters: Vec<ShareJson>,
    /// The cluster that is made first, where the servers are none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    creation: Option<CreationJson>,
}

#[derive(Debug, Serialize)]
struct ShareJson {
    addr: String,
    keys: u64,
}

/// `restore DIR HOST:PORT…`.
///
/// # Errors
/// A backup that is damaged, a cluster that can't take it, a no to the question, keys in the way, or a cluster that does
/// not hold at the end what it should.
pub async fn restore(means: &Means<'_>, args: &RestoreArgs) -> Result<(), Failure> {
    let mut named = Vec::new();
    for name in &args.nodes {
        let addr = seed_of(std::slice::from_ref(name))?;
        named.push(resolved(addr, &args.login, args.nodes.len() >= FEWEST).await?);
    }
    let seed = named.first().cloned().ok_or_else(|| Failure::message("no node is named"))?;
    let access = access(&args.login).await?;
    means.terminal.say(|text| text.info(format_args!(">>> Reading the backup in {}", args.dir.display())));
    let untouched = |why: &dyn std::fmt::Display| Failure::message(&format!("[ERR] Nothing was restored: {why}."));
    let backup =
        until_cancelled(async { open(&args.dir).await.map_err(|why| untouched(&why)) }, means.interrupt).await?;
    say_backup(means, &backup);
    let mut gathered = look(&seed, &access, means.terminal).await?;
    if is_none_yet(&gathered) {
        insist_on_enough(&args.nodes)?;
        if means.plan {
            return plan_both(means, args, &backup, &named, &access).await;
        }
        gathered = of_empty(means, &named, &access, usize::from(args.cluster_replicas)).await?;
    }
    insist_on_one_cluster(&gathered, &args.nodes)?;
    let replace = args.cluster_replace;
    let trial = if means.plan { Trial::No } else { Trial::Yes };
    let plan = ready(&backup, &gathered, &seed, &access.auth, replace, trial).await.map_err(|why| untouched(&why))?;
    say_plan(means, &plan.shares, plan.before);
    if means.tell_plan(&plan_json(args, &backup, &plan.shares, None), &[], &access.auth) {
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
    let done = done.map_err(|error| match error {
        RestoreError::Untouched(_) => Failure::message(&format!("[ERR] {error}.")),
        RestoreError::Stopped { .. } => Failure::message(&format!(
            "[ERR] {error}. The same again with --cluster-replace begins anew and writes over them."
        )),
    })?;
    tell(means, args, &plan, &done, begun)
}

/// Whether the server that was asked is of no cluster.
fn is_none_yet(gathered: &Gathered) -> bool {
    let nodes = gathered.topology.nodes();
    nodes.len() == 1 && nodes.values().all(|node| node.slots.is_empty())
}

fn insist_on_enough(names: &[String]) -> Result<(), Failure> {
    if names.len() >= FEWEST {
        return Ok(());
    }
    Err(Failure::message(&format!(
        "[ERR] Nothing was restored: {} is of no cluster yet. Name at least {FEWEST} empty servers, and they are made one \
         first; or make it with 'slotctl create'.",
        names.join(", ")
    )))
}

/// The plan for servers that are no cluster yet: how they become one, and where the keys go then.
async fn plan_both(
    means: &Means<'_>,
    args: &RestoreArgs,
    backup: &Backup,
    addrs: &[NodeAddr],
    access: &Access,
) -> Result<(), Failure> {
    let creation = planned(addrs, access, means.terminal, usize::from(args.cluster_replicas)).await?;
    let master = |one: &PlannedMaster| Master {
        addr: one.node.addr.clone(),
        id: one.node.id.clone(),
        slots: std::iter::once(one.slots).collect(),
    };
    let masters: Vec<Master> = creation.masters.iter().map(master).collect();
    let shares = shares(backup, &masters);
    say_plan(means, &shares, 0);
    let commands: Vec<ShownCommand> = creation.commands().into_iter().map(Into::into).collect();
    means.tell_plan(&plan_json(args, backup, &shares, Some(CreationJson::of(&creation))), &commands, &access.auth);
    Ok(())
}

/// Several nodes may be named; they must be of one cluster.
fn insist_on_one_cluster(gathered: &Gathered, names: &[String]) -> Result<(), Failure> {
    let nodes = gathered.topology.nodes();
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
    let (keys, size) = (backup.keys(), backup.bytes());
    means.terminal.say(|text| {
        text.line(format_args!(
            "{} in {}, {}; all files are whole.",
            counted(keys, "key"),
            counted(backup.files.len(), "file"),
            bytes(size)
        ));
    });
    let modules: Vec<&str> = backup.files.iter().flat_map(|file| &file.holds.module_data).map(String::as_str).collect();
    if let Some(module) = modules.first() {
        complain(&format!("[WARNING] What the module {module} keeps beside the keys is not restored."));
    }
    for problem in backup.manifest.iter().flat_map(|manifest| &manifest.problems) {
        complain(&format!("[WARNING] When the backup was made: {problem}."));
    }
}

fn say_plan(means: &Means<'_>, shares: &BTreeMap<NodeAddr, u64>, before: u64) {
    means.terminal.say(|text| {
        text.info(">>> Where the keys go");
        for (addr, keys) in shares {
            text.line(format_args!("   {addr} gets {}", counted(*keys, "key")));
        }
        if before > 0 {
            text.warn(format_args!(
                "*** The cluster holds {}: those of the same names are overwritten, all others stay.",
                counted(before, "key")
            ));
        }
        if means.plan {
            text.line(
                "Whether these servers read the backup's format is tried when it is restored, before anything else.",
            );
        }
    });
}

fn plan_json(
    args: &RestoreArgs,
    backup: &Backup,
    shares: &BTreeMap<NodeAddr, u64>,
    creation: Option<CreationJson>,
) -> PlanJson {
    let masters = shares.iter().map(|(addr, keys)| ShareJson { addr: addr.to_string(), keys: *keys }).collect();
    PlanJson { dir: args.dir.display().to_string(), keys: backup.keys(), bytes: backup.bytes(), masters, creation }
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
                "[OK] {} restored in {seconds:.2} s{expired}. The cluster holds {}; {}.",
                counted_are(delivered.keys, "key", ["was", "were"]),
                proof.found,
                match proof.sampled {
                    1 => "1 was read back and is the same".to_owned(),
                    many => format!("{many} were read back and are the same"),
                }
            ));
        });
    }
    complain_of(done);
    means.terminal.object(&RestoreJson {
        ok,
        dir: args.dir.display().to_string(),
        keys: delivered.keys,
        expired: done.expired,
        doubles: done.doubles,
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

/// What is not as it should be, or as one may expect it.
fn complain_of(done: &Restored) {
    let (delivered, proof) = (&done.delivered, &done.proof);
    if done.doubles > 0 {
        complain(&format!(
            "[WARNING] {} also in files of masters that did not own their slots: the owners' values were restored.",
            counted_are(done.doubles, "key", ["was", "were"])
        ));
    }
    if delivered.busy > 0 {
        complain(&format!(
            "[ERR] {} in the way and as before: {}.",
            counted_are(delivered.busy, "key", ["is", "are"]),
            names(&delivered.named).join(", ")
        ));
    }
    if !(proof.at_least..=proof.at_most).contains(&proof.found) {
        complain(&format!(
            "[ERR] The cluster holds {}; {} to {} had to be there.",
            counted(proof.found, "key"),
            proof.at_least,
            proof.at_most
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
