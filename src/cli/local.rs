//! `start`, `stop` and `down`: the life of a cluster that was launched here.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::core::check::Finding;
use crate::core::plan::shell_word;
use crate::core::spec::ClusterSpec;
use crate::engine::children::Children;
use crate::engine::client::CONNECT_DEADLINE;
use crate::engine::gather::{Gathered, gather};
use crate::engine::lifecycle::{
    DELETE_STEPS, LifecycleError, START_STEPS, STOP_STEPS, auth_of, delete, start as start_servers,
    stop as stop_servers,
};
use crate::engine::starting::DeadNode;
use crate::engine::steps::Steps;
use crate::workspace::document::ClusterDoc;

use super::failure::Failure;
use super::form::{Means, NotFormed, form, tell_check};
use super::local_args::DownArgs;
use super::steps::{StepJson, steps_json, timed_report};
use super::terminal::complain;
use super::up::{report, show};

/// How many of a dead server's last log lines are shown.
const SHOWN_LINES: usize = 12;

/// `stop` and `down` as JSON.
#[derive(Debug, Serialize)]
struct DoneJson<'a> {
    ok: bool,
    cluster: &'a str,
    steps: Vec<StepJson>,
}

/// `stop`: ends the servers; everything stays on disk.
///
/// # Errors
/// A server that can't be stopped, and why.
pub async fn stop(means: &Means<'_>, name: &str) -> Result<(), Failure> {
    let steps = Steps::new(&STOP_STEPS, timed_report(means.terminal), means.interrupt.token());
    stop_servers(means.workspace, name, &steps).await.map_err(|error| explain(&error))?;
    means.terminal.print(&format!("{name} is stopped. 'slotctl start {}' starts it again.\n", shell_word(name)));
    means.terminal.object(&DoneJson { ok: true, cluster: name, steps: steps_json(&steps.views()) });
    Ok(())
}

/// `start`: starts the servers again; where they are no cluster yet, plans one and asks.
///
/// # Errors
/// A server that does not start, with its last words; or a cluster that is not whole.
pub async fn start(means: &Means<'_>, name: &str) -> Result<(), Failure> {
    let before = means.workspace.load(name)?;
    if !before.formed && means.terminal.is_json() && !means.yes {
        return Err(Failure::cant_ask());
    }
    let steps = Steps::new(&START_STEPS, timed_report(means.terminal), means.interrupt.token());
    let started = start_servers(means.workspace, name, &Children::default(), &steps).await;
    let doc = started.map_err(|error| {
        let failure = explain(&error);
        if matches!(error, LifecycleError::Dead(_)) {
            let name = shell_word(name);
            complain(&format!("'slotctl start {name}' tries again; 'slotctl stop {name}' stops the servers that run."));
        }
        failure
    })?;
    let mut views = steps.views();
    let gathered = if doc.formed {
        whole_again(means, &doc).await
    } else {
        let formed = form(means, &doc).await.map_err(
            |(NotFormed::Untouched(why) | NotFormed::HalfMade(why) | NotFormed::Left(why))| Failure::message(&why),
        )?;
        views.extend(formed.steps);
        formed.gathered
    };
    let whole = tell_check(means, &doc, &gathered);
    if whole.is_ok() {
        means.terminal.say(|text| show(text, &doc));
    }
    report(means, &doc, &gathered, &views, whole)
}

/// Waits until a restarted cluster is whole, at most as long as it may take to agree again; then whatever it is.
async fn whole_again(means: &Means<'_>, doc: &ClusterDoc) -> Gathered {
    const PATIENCE: Duration = Duration::from_secs(20);
    const LOOK_AGAIN: Duration = Duration::from_millis(50);
    let addrs = doc.spec.as_ref().map(ClusterSpec::addrs).unwrap_or_default();
    let auth = auth_of(doc);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let gathered = gather(&addrs, &auth, CONNECT_DEADLINE).await;
        let whole = !gathered.check().iter().any(Finding::is_error);
        if whole || means.interrupt.is_cancelled() || Instant::now() > deadline {
            return gathered;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// `down`: stops the servers and forgets the cluster, with `--wipe` its files as well.
///
/// # Errors
/// A no to the question, a server that can't be stopped, a file that can't be removed.
pub async fn down(means: &Means<'_>, args: &DownArgs) -> Result<(), Failure> {
    let name = &args.name;
    let doc = means.workspace.load(name)?;
    let dir = doc.spec.as_ref().map(|spec| spec.dir.display().to_string());
    if !args.yes {
        let what = match (&dir, args.wipe) {
            (Some(dir), true) => format!("Stop {name}, forget it and REMOVE ITS DATA in {dir}?"),
            (Some(_), false) => format!("Stop {name} and forget it?"),
            (None, _) => format!("Forget {name}? Its servers run on."),
        };
        means.ask_for_yes(&format!("{what} (type 'yes' to accept): "), "nothing was done").await?;
    }
    let steps = Steps::new(&DELETE_STEPS, timed_report(means.terminal), means.interrupt.token());
    let left = delete(means.workspace, name, args.wipe, &steps).await.map_err(|error| explain(&error))?;
    match (&dir, args.wipe) {
        (Some(dir), false) => means.terminal.print(&format!("{name} is forgotten. Its files stay in {dir}.\n")),
        _ if left.is_empty() => means.terminal.print(&format!("{name} is gone.\n")),
        _ => means.terminal.print(&format!("{name} is forgotten. Not removed: {}.\n", left.join(", "))),
    }
    means.terminal.object(&DoneJson { ok: true, cluster: name, steps: steps_json(&steps.views()) });
    Ok(())
}

/// What went wrong, dead servers with their last words, on standard error.
pub fn explain(error: &LifecycleError) -> Failure {
    let LifecycleError::Dead(dead) = error else { return Failure::message(error) };
    for (i, node) in dead.iter().enumerate() {
        // Six servers that end of one cause need one explanation.
        let told = node.cause.is_some() && dead[..i].iter().any(|other| other.cause == node.cause);
        for line in last_words(node).iter().take(if told { 1 } else { usize::MAX }) {
            complain(line);
        }
    }
    Failure::said(error)
}

fn last_words(dead: &DeadNode) -> Vec<String> {
    let mut lines = vec![format!("The server on {} {}.", dead.addr, dead.how)];
    if let Some(cause) = &dead.cause {
        lines.push(format!("Likely cause: {cause}"));
    }
    if !dead.last_lines.is_empty() {
        lines.push(format!("Its last lines ({}):", dead.log.display()));
        let skipped = dead.last_lines.len().saturating_sub(SHOWN_LINES);
        lines.extend(dead.last_lines[skipped..].iter().map(|line| format!("    {line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::topology::NodeAddr;

    #[test]
    fn a_dead_server_is_told_with_its_cause_and_its_last_lines() {
        let dead = DeadNode {
            addr: NodeAddr::new("127.0.0.1", 7000),
            how: "ended with exit code 1".into(),
            cause: Some("the port is taken".into()),
            last_lines: (1..=20).map(|n| format!("line {n}")).collect(),
            log: "/c/demo/7000/server.log".into(),
        };
        let lines = last_words(&dead);
        assert_eq!(lines[0], "The server on 127.0.0.1:7000 ended with exit code 1.");
        assert_eq!(lines[1], "Likely cause: the port is taken");
        assert_eq!((lines.len(), lines[3].as_str()), (3 + SHOWN_LINES, "    line 9"));
    }
}
