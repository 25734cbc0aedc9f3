//! `up` and `config`: write the files; start the servers and make them a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::core::conf::LOG_FILE;
use crate::core::plan::shell_word;
use crate::core::secret::Secret;
use crate::core::spec::{ClusterSpec, ProblemKind, ServerExe, Severity};
use crate::core::validate::validate;
use crate::core::wsl::Inside;
use crate::engine::children::Children;
use crate::engine::discover::{examine, find};
use crate::engine::gather::Gathered;
use crate::engine::job::StepView;
use crate::engine::lifecycle::{DELETE_STEPS, LAUNCH_STEPS, LifecycleError, auth_of, delete, launch, write_config};
use crate::engine::machine::facts;
use crate::engine::snapshot::FoundServer;
use crate::engine::steps::Steps;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::{Workspace, WorkspaceError};

use super::draft::{announce, connect_command, own_name, problem_lines, spec_of};
use super::failure::Failure;
use super::form::{Means, NotFormed, form, tell_check};
use super::json::{FindingJson, NodeJson, findings_of, nodes_of};
use super::local::explain;
use super::local_args::UpArgs;
use super::servers::NO_SERVER;
use super::steps::{StepJson, steps_json, timed_report};
use super::terminal::{complain, read_line};
use super::text::Text;
use super::until_cancelled;

/// The question after a no, or after a launch that failed. Anything but a no removes: nothing of value is there yet.
const CLEAN_UP: &str = "Stop the servers and remove what was made? (type 'no' to keep it): ";

/// `up`, `start` and `config` as JSON.
#[derive(Debug, Serialize)]
struct UpJson<'a> {
    ok: bool,
    cluster: &'a str,
    dir: Option<PathBuf>,
    server: Option<String>,
    version: Option<String>,
    nodes: Vec<NodeJson>,
    findings: Vec<FindingJson>,
    steps: Vec<StepJson>,
    connect: Option<String>,
    stop: String,
}

/// `config`: writes every node's folder and redis.conf, and starts nothing.
///
/// # Errors
/// Problems with the options, or a file that can't be written; nothing stays behind then.
pub async fn config(means: &Means<'_>, args: &UpArgs) -> Result<(), Failure> {
    let spec = until_cancelled(checked_spec(means, args), means.interrupt).await?;
    means.terminal.say(|text| announce(text, &spec));
    let doc = write_config(means.workspace, &spec, &BTreeMap::new()).map_err(|error| explain(&error))?;
    means.terminal.say(|text| {
        for port in spec.port_list() {
            text.line(format_args!("Wrote {}", spec.node_dir(port).join("redis.conf").display()));
        }
        text.line(format_args!(
            "'slotctl start {}' starts the servers and makes them a cluster.",
            shell_word(&doc.name)
        ));
    });
    report(means, &doc, &Gathered::default(), &[], Ok(()))
}

/// `up`: writes the files, starts the servers and, after a yes, makes them a cluster.
///
/// # Errors
/// Problems with the options, a server that does not start (with its last words), a no, a creation that failed, or a
/// final check that does not hold.
pub async fn up(means: &Means<'_>, args: &UpArgs) -> Result<(), Failure> {
    if means.terminal.is_json() && !means.yes {
        return Err(Failure::cant_ask());
    }
    let spec = until_cancelled(checked_spec(means, args), means.interrupt).await?;
    means.terminal.say(|text| announce(text, &spec));
    let steps = Steps::new(&LAUNCH_STEPS, timed_report(means.terminal), means.interrupt.token());
    let launched = launch(means.workspace, &spec, &BTreeMap::new(), &Children::default(), &steps).await;
    let doc = match launched {
        Ok(doc) => doc,
        // These come before anything was made; what has the name then is somebody else's.
        Err(
            error @ (LifecycleError::NameTaken(_)
            | LifecycleError::NoServer
            | LifecycleError::Conf(_)
            | LifecycleError::Files(_)
            | LifecycleError::Workspace(WorkspaceError::Locked { .. })),
        ) => return Err(explain(&error)),
        Err(error) => {
            let failure = explain(&error);
            if let Failure::Message(text) = &failure {
                complain(text);
            }
            return Err(leave(means, &spec, failure.to_string()).await);
        }
    };
    let mut views = steps.views();
    let formed = match form(means, &doc).await {
        Ok(formed) => formed,
        Err(NotFormed::Left(why)) => return Err(Failure::message(&why)),
        Err(NotFormed::Untouched(why) | NotFormed::HalfMade(why)) => {
            complain(&why);
            return Err(leave(means, &spec, why).await);
        }
    };
    views.extend(formed.steps);
    let whole = tell_check(means, &doc, &formed.gathered);
    if whole.is_ok() {
        means.terminal.say(|text| show(text, &doc));
    }
    report(means, &doc, &formed.gathered, &views, whole)
}

/// After a failure or a no: asks whether to remove what was made; where nobody can answer, removes it.
async fn leave(means: &Means<'_>, spec: &ClusterSpec, why: String) -> Failure {
    // Somebody else may have gone on with it meanwhile: what is a cluster is nobody's leftover.
    let Ok(ClusterDoc { formed: false, .. }) = means.workspace.load(&spec.name) else { return Failure::said(&why) };
    let ask = !means.yes && !means.interrupt.is_cancelled();
    if ask && means.interrupt.ask(means.terminal, CLEAN_UP).await.starts_with(['n', 'N']) {
        let name = shell_word(&spec.name);
        complain(&format!("Kept. 'slotctl start {name}' goes on; 'slotctl down {name} --wipe' removes it."));
        return Failure::said(&why);
    }
    if ask {
        means.terminal.print("\n");
    }
    // Once more: the window may have made it a cluster while the question was open.
    let Ok(ClusterDoc { formed: false, .. }) = means.workspace.load(&spec.name) else {
        complain("Something else has gone on with it meanwhile: nothing was removed.");
        return Failure::said(&why);
    };
    let steps = Steps::silent(&DELETE_STEPS);
    let outcome = match delete(means.workspace, &spec.name, true, &steps).await {
        Ok(left) if left.is_empty() => "The servers were stopped and everything that was made is removed.".to_owned(),
        Ok(left) => format!("The servers were stopped. Not removed: {}.", left.join(", ")),
        Err(error) => format!("Not everything could be removed: {error}"),
    };
    complain(&outcome);
    Failure::said(&format!("{why} {outcome}"))
}

/// The options as a spec without problems.
async fn checked_spec(means: &Means<'_>, args: &UpArgs) -> Result<ClusterSpec, Failure> {
    if args.name.is_none() && args.cluster_file.is_none() {
        return Err(Failure::message(
            "NAME: give the cluster a name, as in 'slotctl up demo', or --cluster-file FILE with a definition, which brings one",
        ));
    }
    let server = server(means.workspace, args).await?;
    let password = if args.password_stdin {
        let line = read_line().await.filter(|line| !line.is_empty());
        Secret::new(line.ok_or_else(|| Failure::message("--password-stdin: standard input holds no password"))?)
    } else {
        Secret::default()
    };
    let spec = spec_of(args, server, password, &means.workspace.clusters_dir())?;
    let taken = means.workspace.list().into_iter().map(|(name, _)| name).collect();
    let problems = validate(&spec, &facts(&spec, taken).await, &BTreeMap::new());
    // Its ports and its folder are in use because it is there: that alone is worth saying.
    if problems.iter().any(|problem| problem.kind == ProblemKind::NameTaken) {
        let name = shell_word(&spec.name);
        let (text, own) = (ProblemKind::NameTaken, own_name());
        return Err(Failure::message(&format!("NAME: {text} '{own} ps' shows it; '{own} start {name}' starts it.")));
    }
    for line in problem_lines(&problems, Severity::Warning, args) {
        means.terminal.say(|text| text.warn(format_args!("[WARNING] {line}")));
    }
    let errors = problem_lines(&problems, Severity::Error, args);
    if errors.is_empty() { Ok(spec) } else { Err(Failure::message(&errors.join("\n"))) }
}

/// The server program: the one given, else the best one found.
async fn server(workspace: &Workspace, args: &UpArgs) -> Result<ServerExe, Failure> {
    if let Some(path) = &args.server {
        // A path into WSL is full as it is.
        let full = if Inside::of(path).is_some() { None } else { std::path::absolute(path).ok() };
        let path = full.unwrap_or_else(|| path.clone());
        return match examine(&path).await {
            Ok((version, build)) => Ok(ServerExe { path, version, build }),
            Err(why) => Err(Failure::message(&format!("--server: {}: {why}", path.display()))),
        };
    }
    let found = find(&workspace.load_settings()?.chosen_servers).await;
    found.iter().find_map(FoundServer::exe).ok_or_else(|| Failure::message(NO_SERVER))
}

/// Where it is, how to connect, how to stop, where the logs are.
pub fn show(text: &mut Text, doc: &ClusterDoc) {
    let Some(spec) = &doc.spec else { return };
    let addrs = spec.addrs().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    text.line("");
    text.ok(format_args!("{} is up.", doc.name));
    text.line(format_args!("Nodes:    {addrs}"));
    text.line(format_args!("Connect:  {}", connect_command(spec, &auth_of(doc).password)));
    text.line(format_args!("Stop:     {} stop {}", own_name(), shell_word(&doc.name)));
    text.line(format_args!("Logs:     {}", spec.dir.join("PORT").join(LOG_FILE).display()));
}

/// The JSON object, and the end of the command.
///
/// # Errors
/// The failure that is handed in.
pub fn report(
    means: &Means<'_>,
    doc: &ClusterDoc,
    gathered: &Gathered,
    steps: &[StepView],
    whole: Result<(), Failure>,
) -> Result<(), Failure> {
    let spec = doc.spec.as_ref();
    let server = spec.and_then(|spec| spec.server.as_ref());
    let mut nodes = nodes_of(&gathered.topology);
    for node in &mut nodes {
        let port = spec.and_then(|spec| spec.addrs().into_iter().find(|addr| addr.to_string() == node.addr));
        node.pid = port.as_ref().and_then(|addr| doc.processes.get(&addr.port)).map(|record| record.pid);
        node.log = port.zip(spec).map(|(addr, spec)| spec.node_dir(addr.port).join(LOG_FILE));
    }
    means.terminal.object(&UpJson {
        ok: whole.is_ok(),
        cluster: &doc.name,
        dir: spec.map(|spec| spec.dir.clone()),
        server: server.map(|server| server.path.display().to_string()),
        version: server.map(|server| server.version.to_string()),
        nodes,
        findings: findings_of(&gathered.check()),
        steps: steps_json(steps),
        connect: spec.map(|spec| connect_command(spec, &auth_of(doc).password)),
        stop: format!("{} stop {}", own_name(), shell_word(&doc.name)),
    });
    match whole {
        Err(Failure::Message(text)) => {
            complain(&text);
            Err(Failure::Shown)
        }
        other => other,
    }
}
