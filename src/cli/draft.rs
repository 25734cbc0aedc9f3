//! `up` and `config`: from the options to a spec, and problems beside the option that they belong to.

use std::path::Path;

use crate::core::plan::shell_word;
use crate::core::secret::Secret;
use crate::core::spec::ProblemKind;
use crate::core::spec::{ClusterSpec, Field, Ports, Problem, ServerExe, Severity};
use crate::workspace::definition_file;

use crate::core::limits::settings;
use crate::engine::machine::typed_dir;

use super::failure::Failure;
use super::local_args::UpArgs;
use super::text::Text;

/// The spec that the options ask for, and the definition they start from, if any. `clusters_dir` is where clusters live
/// by default.
///
/// # Errors
/// A `--set` that is no single directive, a definition that can't be used, or a folder that can't be made absolute.
pub fn spec_of(
    args: &UpArgs,
    server: ServerExe,
    password: Secret,
    clusters_dir: &Path,
) -> Result<ClusterSpec, Failure> {
    let mut spec = if let Some(file) = &args.cluster_file {
        definition(file, args, clusters_dir)?
    } else {
        let name = args.name.clone().unwrap_or_default();
        let dir = clusters_dir.join(&name);
        ClusterSpec::new(name, dir)
    };
    if let Some(dir) = &args.dir {
        // A %NAME% left by a shell that does not know it is meant, too.
        let dir = &dir.to_str().map_or_else(|| dir.clone(), |text| typed_dir(text).into());
        spec.dir = std::path::absolute(dir)
            .map_err(|error| Failure::message(&format!("--dir: {}: {error}", dir.display())))?;
    }
    spec.server = Some(server);
    spec.masters = args.masters.unwrap_or(spec.masters);
    spec.replicas = args.replicas.unwrap_or(spec.replicas);
    if let Some(first) = args.port {
        spec.ports = Ports::From(first);
    }
    if let Some(list) = &args.ports {
        spec.ports = Ports::List(list.clone());
    }
    if let Some(bind) = &args.bind {
        spec.bind.clone_from(bind);
    }
    spec.config.node_timeout_ms = args.node_timeout.unwrap_or(spec.config.node_timeout_ms);
    spec.config.password = password;
    for directive in &args.set {
        if directive.contains(['\n', '\r', '\0']) {
            return Err(Failure::message("--set: one directive each; it can't hold a line break (quote it: \"\\n\")"));
        }
        // The last line of a definition may lack its end.
        if !spec.config.extra.is_empty() && !spec.config.extra.ends_with('\n') {
            spec.config.extra.push('\n');
        }
        spec.config.extra.push_str(directive);
        spec.config.extra.push('\n');
    }
    Ok(spec)
}

/// What a definition file says, under another name where one is given.
fn definition(file: &Path, args: &UpArgs, clusters_dir: &Path) -> Result<ClusterSpec, Failure> {
    let mut definition =
        definition_file::read(file).map_err(|error| Failure::message(&format!("--cluster-file: {error}")))?;
    if let Some(name) = &args.name {
        definition.name.clone_from(name);
    }
    Ok(definition.spec(clusters_dir))
}

/// The option that a field is set with.
fn option_of(field: Field, args: &UpArgs) -> &'static str {
    let given = match field {
        Field::Name => args.name.is_some(),
        Field::Masters => args.masters.is_some(),
        Field::Replicas => args.replicas.is_some(),
        Field::Ports => args.port.is_some() || args.ports.is_some(),
        Field::Bind => args.bind.is_some(),
        Field::Dir => args.dir.is_some(),
        Field::NodeTimeout => args.node_timeout.is_some(),
        Field::Maxmemory | Field::MaxmemoryPolicy | Field::Save | Field::Extra | Field::ExtraFor(_) => {
            !args.set.is_empty()
        }
        // Never in a definition.
        Field::Server | Field::Password => true,
    };
    if args.cluster_file.is_some() && !given {
        return "--cluster-file";
    }
    match field {
        Field::Server => "--server",
        Field::Name => "NAME",
        Field::Masters => "--masters",
        Field::Replicas => "--replicas",
        Field::Ports if args.ports.is_some() => "--ports",
        Field::Ports => "--port",
        Field::Bind => "--bind",
        Field::Dir => "--dir",
        Field::NodeTimeout => "--node-timeout",
        Field::Password => "--password-stdin",
        Field::Maxmemory | Field::MaxmemoryPolicy | Field::Save | Field::Extra | Field::ExtraFor(_) => "--set",
    }
}

/// Problems as lines: `--port: Port 7000 can't be used: …`.
#[must_use]
pub fn problem_lines(problems: &[Problem], severity: Severity, args: &UpArgs) -> Vec<String> {
    let problems: Vec<&Problem> = problems.iter().filter(|problem| problem.severity == severity).collect();
    let mut lines: Vec<String> = Vec::new();
    for problem in &problems {
        let line = format!("{}: {}", option_of(problem.field, args), same_reason(&problem.kind, &problems));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// A problem in words; ports that can't be used for one reason are one: `Ports 7000-7005 can't be used: …`.
fn same_reason(kind: &ProblemKind, problems: &[&Problem]) -> String {
    let is_bus = matches!(kind, ProblemKind::BusPortInUse { .. });
    let port_of = |kind: &ProblemKind| match kind {
        ProblemKind::PortInUse { port, reason } if !is_bus => Some((*port, reason.clone())),
        ProblemKind::BusPortInUse { bus_port, reason, .. } if is_bus => Some((*bus_port, reason.clone())),
        _ => None,
    };
    let Some((_, reason)) = port_of(kind) else { return kind.to_string() };
    let alike = problems.iter().filter_map(|problem| port_of(&problem.kind)).filter(|(_, other)| *other == reason);
    let ports: Vec<u16> = alike.map(|(port, _)| port).collect();
    if ports.len() < 2 {
        return kind.to_string();
    }
    let what = if is_bus { "Bus ports" } else { "Ports" };
    // "another program uses it" is about one of them.
    let reason = reason.replace("uses it", "uses each of them").replace("keeps it", "keeps them");
    format!("{what} {} can't be used: {reason}.", ports_text(&ports))
}

/// What is about to be made, before anything is.
pub fn announce(text: &mut Text, spec: &ClusterSpec) {
    let s = |n: u16| if n == 1 { "" } else { "s" };
    text.line(format_args!(
        "{}: {} master{}, {} replica{} each, on {} ports {}",
        spec.name,
        spec.masters,
        s(spec.masters),
        spec.replicas,
        s(spec.replicas),
        spec.bind,
        ports_text(&spec.port_list())
    ));
    if let Some(server) = &spec.server {
        text.line(format_args!("Server: {} ({})", server.version, server.path.display()));
    }
    text.line(format_args!("Folder: {}", spec.dir.display()));
    let needed = spec.server.as_ref().map(|server| settings(server.build, server.version, cfg!(windows)));
    for setting in needed.unwrap_or_default() {
        text.line(format_args!("Chosen: {} {}. {}", setting.directive, setting.value, setting.comment()));
    }
}

/// Ports in few words: `7000-7005, 7010`.
#[must_use]
pub fn ports_text(ports: &[u16]) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => runs.push((*port, *port)),
        }
    }
    let run = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

/// What to type to call this program again: its bare name where the PATH leads to it, else the path it was called by.
#[must_use]
pub fn own_name() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.contains(['/', '\\']) { shell_word(&called) } else { "slotctl".to_owned() }
}

/// How to connect with redis-cli; a password, where the servers have one, is asked for, never shown.
#[must_use]
pub fn connect_command(spec: &ClusterSpec, password: &Secret) -> String {
    let host = match spec.reach_host() {
        "127.0.0.1" => String::new(),
        host => format!(" -h {host}"),
    };
    let port = spec.port_list().first().copied().unwrap_or_default();
    let login = if password.is_empty() { "" } else { " --askpass" };
    format!("redis-cli -c{host} -p {port}{login}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Cmd};
    use crate::core::build::Build;
    use crate::core::spec::ProblemKind;
    use crate::core::version::ServerVersion;
    use clap::Parser;

    fn args(line: &[&str]) -> UpArgs {
        let words = ["slotctl", "up", "demo"].iter().chain(line);
        match Cli::try_parse_from(words).unwrap().command {
            Cmd::Up(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn spec(line: &[&str]) -> Result<ClusterSpec, Failure> {
        let server = ServerExe {
            path: "/usr/bin/redis-server".into(),
            version: ServerVersion::redis(7, 0, 15),
            build: Build::default(),
        };
        spec_of(&args(line), server, Secret::default(), Path::new("/home/clusters"))
    }

    #[test]
    fn options_become_a_spec() {
        let plain = spec(&[]).unwrap();
        assert_eq!((plain.masters, plain.replicas, plain.ports.clone()), (3, 1, Ports::From(7000)));
        assert_eq!(plain.dir, Path::new("/home/clusters/demo"));
        let listed = spec(&["--ports", "7000,7002,7004", "--replicas", "0", "--set", "maxmemory 1gb"]).unwrap();
        assert_eq!(listed.port_list(), [7000, 7002, 7004]);
        assert_eq!(listed.config.extra, "maxmemory 1gb\n");
        assert!(spec(&["--dir", "here"]).unwrap().dir.is_absolute());
    }

    #[test]
    fn a_definition_is_the_ground_and_options_overrule_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.slotdeck");
        let mut kept = ClusterSpec::new("orders", "/home/clusters/orders");
        (kept.masters, kept.replicas, kept.ports) = (5, 0, Ports::From(7100));
        kept.config.extra = "hz 20".to_owned();
        let (definition, _) = crate::core::definition::Definition::of(&kept, Path::new("/home/clusters"));
        definition_file::write(&file, &definition).unwrap();
        let file = file.to_str().unwrap();
        // `args` gives a name of its own.
        let read = spec(&["--cluster-file", file, "--masters", "3", "--set", "hz 30"]).unwrap();
        assert_eq!((read.name.as_str(), read.dir.as_path()), ("demo", Path::new("/home/clusters/demo")));
        assert_eq!((read.masters, read.replicas, read.ports), (3, 0, Ports::From(7100)));
        assert_eq!(read.config.extra, "hz 20\nhz 30\n");
        let missing = spec(&["--cluster-file", "/no/such.slotdeck"]).unwrap_err().to_string();
        assert!(missing.starts_with("--cluster-file: Can't read"), "{missing}");
    }

    #[test]
    fn a_set_adds_one_directive_and_no_second() {
        let error = spec(&["--set", "maxmemory 1gb\nrequirepass x"]).unwrap_err();
        assert!(error.to_string().starts_with("--set: one directive each"), "{error}");
    }

    #[test]
    fn problems_stand_beside_their_option() {
        let problems = [
            Problem::error(Field::Ports, ProblemKind::PortTwice(7000)),
            Problem::warning(Field::Replicas, ProblemKind::NoReplicas),
        ];
        let listed = args(&["--ports", "7000,7000"]);
        let lines = problem_lines(&problems, Severity::Error, &listed);
        assert_eq!(lines, ["--ports: Port 7000 is listed twice."]);
        assert!(problem_lines(&problems, Severity::Warning, &args(&[]))[0].starts_with("--replicas: Without replicas"));
    }

    #[test]
    fn what_a_definition_says_is_not_blamed_on_an_option() {
        let problems = [Problem::error(Field::Ports, ProblemKind::PortTwice(7000))];
        let of = |line: &[&str]| problem_lines(&problems, Severity::Error, &args(line)).remove(0);
        assert!(of(&["--cluster-file", "x"]).starts_with("--cluster-file: "));
        assert!(of(&["--cluster-file", "x", "--port", "7000"]).starts_with("--port: "));
        assert!(of(&[]).starts_with("--port: "));
    }

    #[test]
    fn a_run_of_taken_ports_is_one_line() {
        let taken = |port| {
            let reason = "another program uses it".to_owned();
            Problem::error(Field::Ports, ProblemKind::PortInUse { port, reason })
        };
        let bus = ProblemKind::BusPortInUse { port: 7004, bus_port: 17_004, reason: "another program uses it".into() };
        let problems = [taken(7000), taken(7001), taken(7003), Problem::error(Field::Ports, bus)];
        assert_eq!(
            problem_lines(&problems, Severity::Error, &args(&[])),
            [
                "--port: Ports 7000-7001, 7003 can't be used: another program uses each of them.",
                "--port: Bus port 17004 (of the node on 7004) can't be used: another program uses it."
            ]
        );
    }

    #[test]
    fn ports_are_told_in_runs() {
        assert_eq!(ports_text(&[7000, 7001, 7002, 7005]), "7000-7002, 7005");
        assert_eq!(ports_text(&[7000]), "7000");
        assert_eq!(ports_text(&[]), "");
    }

    #[test]
    fn the_way_to_connect_is_a_command_to_paste() {
        assert_eq!(connect_command(&spec(&["--port", "7100"]).unwrap(), &Secret::default()), "redis-cli -c -p 7100");
        let far = spec(&["--bind", "10.0.0.5"]).unwrap();
        assert_eq!(connect_command(&far, &Secret::new("pw")), "redis-cli -c -h 10.0.0.5 -p 7000 --askpass");
        if cfg!(unix) {
            assert_eq!((shell_word("demo"), shell_word("it's")), ("demo".to_owned(), "'it'\\''s'".to_owned()));
        }
    }
}
