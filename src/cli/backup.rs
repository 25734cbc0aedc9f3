//! `backup`: each master's keys into an RDB file, with what is needed to check and to restore them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::core::backup::{BackupFile, Holdings, Manifest, NODES_FILE, nodes_json};
use crate::core::check::Finding;
use crate::core::count::counted;
use crate::engine::backup::{BackupError, News, Report, copy, keep, lost_master, manifest, prepare, problems, sources};
use crate::engine::gather::Gathered;
use crate::workspace::store::Workspace;

use super::cluster::{look, named};
use super::data_args::BackupArgs;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::json::{FindingJson, findings_of};
use super::progress::{ProgressLine, bytes};
use super::redis_lines;
use super::terminal::{Terminal, complain};

/// `backup` as JSON.
#[derive(Debug, Serialize)]
struct BackupJson {
    ok: bool,
    dir: String,
    files: Vec<BackupFile>,
    /// Null where a file holds types of values that are not known.
    keys: Option<u64>,
    bytes: u64,
    seconds: f64,
    problems: Vec<String>,
    findings: Vec<FindingJson>,
}

/// `backup HOST:PORT DIR`.
///
/// # Errors
/// A master that does not send its file, a file that can't be written or is not what a server writes, a cluster that is
/// not whole or changes meanwhile.
pub async fn backup(
    args: &BackupArgs,
    terminal: Terminal,
    interrupt: &Interrupt,
    workspace: &Workspace,
) -> Result<(), Failure> {
    let (seed, access) = named(std::slice::from_ref(&args.node), &args.login, workspace).await?;
    let before = look(&seed, &access, terminal).await?;
    let findings = before.check();
    terminal.say(|text| {
        redis_lines::check(text, &before.topology, &seed, &findings);
    });
    let sources = sources(&before, &seed);
    insist_on_masters(&before, &findings)?;
    prepare(&args.dir, args.cluster_replace).map_err(|error| failed(&error))?;
    let (begun, created) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()));
    let progress = Arc::new(Mutex::new(Progress { terminal, line: ProgressLine::new(terminal), begun, got: 0 }));
    let report: Report = {
        let progress = Arc::clone(&progress);
        Arc::new(move |news| progress.lock().unwrap_or_else(PoisonError::into_inner).take(news))
    };
    let copied = copy(&sources, &args.dir, &access.auth, access.connect, report, &interrupt.token()).await;
    progress.lock().unwrap_or_else(PoisonError::into_inner).line.end();
    let saved = copied.map_err(|error| failed(&error))?;
    let after = look(&seed, &access, terminal).await?;
    let problems = problems(&before, &after, &findings);
    let manifest = manifest("slotctl", created, &saved, problems);
    let nodes = nodes_json(&before.topology.nodes(), manifest.problems.len());
    terminal.say(|text| {
        text.info(format_args!("Saving cluster configuration to: {}", args.dir.join(NODES_FILE).display()));
    });
    keep(saved, &args.dir, &nodes, &manifest).map_err(|error| failed(&error))?;
    tell(args, terminal, manifest, begun, &findings)
}

/// A lost master's keys would be missing without a word.
fn insist_on_masters(gathered: &Gathered, findings: &[Finding]) -> Result<(), Failure> {
    match lost_master(gathered, findings) {
        Some(finding) => Err(Failure::message(&format!(
            "[ERR] {finding}: its keys can't be copied. 'slotctl failover HOST:PORT --lost' makes a replica the master; then try again."
        ))),
        None => Ok(()),
    }
}

fn failed(error: &BackupError) -> Failure {
    Failure::message(&format!("[ERR] Failed to back cluster! {error}."))
}

fn tell(
    args: &BackupArgs,
    terminal: Terminal,
    manifest: Manifest,
    begun: Instant,
    findings: &[Finding],
) -> Result<(), Failure> {
    let ok = manifest.problems.is_empty();
    let (keys, size, seconds) = (manifest.key_count(), manifest.bytes(), begun.elapsed().as_secs_f64());
    terminal.say(|text| {
        if !ok {
            text.warn(
                "*** Cluster seems to have some problems, please be aware of it if you're going to restore this backup.",
            );
        }
        text.ok(format_args!("[OK] Backup created into: {}", args.dir.display()));
    });
    for problem in &manifest.problems {
        complain(&format!("[ERR] {problem}."));
    }
    terminal.object(&BackupJson {
        ok,
        dir: args.dir.display().to_string(),
        keys,
        bytes: size,
        seconds,
        problems: manifest.problems,
        files: manifest.files,
        findings: findings_of(findings),
    });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

/// What has come so far.
struct Progress {
    terminal: Terminal,
    line: ProgressLine,
    begun: Instant,
    got: u64,
}

impl Progress {
    fn take(&mut self, news: News) {
        match news {
            News::Asked(addr) => {
                self.line.end();
                self.terminal.say(|text| text.info(format_args!(">>> Node {addr} -> Saving RDB...")));
            }
            News::Begun(..) => {}
            News::Bytes(count) => {
                self.got += count;
                let millis = self.begun.elapsed().as_millis().max(1);
                let rate = u64::try_from(u128::from(self.got) * 1000 / millis).unwrap_or(u64::MAX);
                self.line.show(|| format!("{} received, {}/s", bytes(self.got), bytes(rate)));
            }
            News::Checked(file) => {
                self.line.end();
                self.terminal.say(|text| text.line(format_args!("{}: {}", file.addr, checked(&file))));
            }
        }
    }
}

fn checked(file: &BackupFile) -> String {
    let keys = match file.holds.as_ref().map(Holdings::key_count) {
        Some(keys) => format!("{} in {}", counted(keys, "key"), bytes(file.bytes)),
        None => format!("{}, with types of values that this version does not know", bytes(file.bytes)),
    };
    match &file.crc64 {
        Some(_) => format!("{keys}, read again: the checksum is right"),
        None => format!("{keys}, read again to its end (the server writes no checksum)"),
    }
}
