use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::core::build::Build;
use crate::core::conf::read::{Line, lines};
use crate::core::conf::{lint_file, mask_password, password_of};
use crate::core::secret::Secret;
use crate::core::spec::ServerExe;
use crate::core::version::ServerVersion;

fn spec(version: ServerVersion) -> ClusterSpec {
    let mut spec = ClusterSpec::new("demo", "/srv/demo");
    spec.server = Some(ServerExe { path: "/usr/bin/redis-server".into(), version, build: Build::default() });
    spec
}

fn seven() -> ClusterSpec {
    spec(ServerVersion::redis(7, 0, 15))
}

fn directives(text: &str) -> Vec<Line> {
    lines(text).map(|(_, line)| line.unwrap()).collect()
}

fn value(directives: &[Line], name: &str) -> Option<Vec<String>> {
    directives.iter().rev().find(|directive| directive.name == name).map(Line::text_args)
}

/// The directives alone, one a line, as a reader sees them.
fn bare(text: &str) -> String {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn the_seed_notes_settings_are_the_default() {
    let text = write_file(&seven(), 7001, false).unwrap();
    assert_eq!(
        bare(&text),
        "port 7001\nbind 127.0.0.1\nprotected-mode yes\ndir ./\ndaemonize no\nlogfile server.log\n\
         pidfile server.pid\ncluster-enabled yes\ncluster-config-file nodes-7001.conf\ncluster-node-timeout 15000\n\
         appendonly yes\nappendfilename appendonly.7001.aof\n"
    );
    assert!(text.starts_with("# redis.conf of the node on port 7001 of the cluster 'demo'"));
    assert!(text.contains("17001"));
}

#[test]
fn every_field_has_its_line() {
    let mut spec = seven();
    spec.bind = "192.168.1.5  -::1".to_owned();
    spec.config.append_only = false;
    spec.config.node_timeout_ms = 5000;
    spec.config.password = Secret::new("two words");
    spec.config.maxmemory = "256mb".to_owned();
    spec.config.maxmemory_policy = "allkeys-lru".to_owned();
    spec.config.save = Some(vec![(3600, 1), (60, 100)]);
    spec.config.extra = "# a note\nhz 20\r\n  appendfsync always\n".to_owned();
    spec.config.extra_by_port = BTreeMap::from([(7000, "hz 50\n".to_owned()), (7001, "hz 10".to_owned())]);
    let text = write_file(&spec, 7000, false).unwrap();
    assert_eq!(
        bare(&text),
        "port 7000\nbind 192.168.1.5 -::1\nprotected-mode yes\ndir ./\ndaemonize no\nlogfile server.log\n\
         pidfile server.pid\ncluster-enabled yes\ncluster-config-file nodes-7000.conf\ncluster-node-timeout 5000\n\
         requirepass \"two words\"\nmasterauth \"two words\"\nappendonly no\nappendfilename appendonly.7000.aof\n\
         save 3600 1\nsave 60 100\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\nappendfsync always\nhz 50\n"
    );
    assert!(!mask_password(&text).contains("two words"));
    spec.config.save = Some(Vec::new());
    assert!(write_file(&spec, 7000, false).unwrap().contains("\nsave \"\"\n"));
}

#[test]
fn a_version_gets_only_what_it_knows() {
    let text = write_file(&spec(ServerVersion::redis(3, 0, 504)), 7000, true).unwrap();
    assert!(!text.contains("protected-mode") && !text.contains("repl-diskless-sync"));
    let windows = write_file(&seven(), 7000, true).unwrap();
    assert!(windows.contains("\nrepl-diskless-sync no\n"));
    assert!(!windows.contains("daemonize") && windows.contains("\ndir ./\n") && !windows.contains('\r'));
}

#[test]
fn every_ipv4_address_is_spelled_for_old_servers_too() {
    let mut spec = seven();
    spec.bind = "*".to_owned();
    assert!(write_file(&spec, 7000, false).unwrap().contains("\nbind 0.0.0.0\n"));
}

#[test]
fn further_directives_win_over_the_written_ones() {
    let mut spec = seven();
    spec.config.extra = "protected-mode no\nappendonly no\nsave 1 1\nsave 2 2".to_owned();
    spec.config.save = Some(vec![(9, 9)]);
    let text = write_file(&spec, 7000, false).unwrap();
    let read = directives(&text);
    assert_eq!(read.iter().filter(|directive| directive.name == "appendonly").count(), 1);
    assert_eq!(value(&read, "protected-mode").unwrap(), ["no"]);
    let saves: Vec<_> =
        read.iter().filter(|directive| directive.name == "save").map(|save| save.text_args().join(" ")).collect();
    assert_eq!(saves, ["1 1", "2 2"]);
}

#[test]
fn a_further_directive_that_can_not_be_read_is_an_error_with_its_line() {
    let mut spec = seven();
    spec.config.extra = "hz 10\nmasteruser \"a".to_owned();
    assert_eq!(
        write_file(&spec, 7000, false),
        Err(ConfError::Line { line: 2, reason: "a quote is not closed".into() })
    );
}

#[test]
fn a_nul_is_refused_with_the_directive_it_is_in() {
    let mut spec = seven();
    spec.config.password = Secret::new("a\0b");
    let error = write_file(&spec, 7000, false).unwrap_err();
    assert!(error.to_string().contains("'requirepass'"), "{error}");
}

#[test]
fn every_comment_line_is_short_enough_for_old_servers() {
    let mut spec = seven();
    spec.name = "密".repeat(5000);
    let text = write_file(&spec, 7000, false).unwrap();
    assert!(text.lines().all(|line| line.len() <= super::super::quote::MAX_OLD_LINE));
}

proptest! {
    #[test]
    fn nothing_typed_in_a_field_adds_a_directive(
        name in any::<String>(),
        bind in "[0-9.: \n\r\"'#a-z-]{0,20}",
        password in any::<String>(),
        maxmemory in any::<String>(),
        policy in "[a-z\n\"' #\\\\]{1,12}",
    ) {
        let mut spec = seven();
        spec.name = name;
        spec.bind = bind;
        spec.config.password = Secret::new(password.clone());
        spec.config.maxmemory.clone_from(&maxmemory);
        spec.config.maxmemory_policy.clone_from(&policy);
        let Ok(text) = write_file(&spec, 7000, false) else {
            prop_assert!(password.contains('\0') || maxmemory.contains('\0'));
            return Ok(());
        };
        let read = directives(&text);
        let mut allowed = vec![
            "port", "bind", "protected-mode", "dir", "daemonize", "logfile", "pidfile", "cluster-enabled",
            "cluster-config-file", "cluster-node-timeout", "appendonly", "appendfilename",
        ];
        if !password.is_empty() {
            allowed.extend(["requirepass", "masterauth"]);
        }
        if !maxmemory.trim().is_empty() {
            allowed.push("maxmemory");
        }
        if !policy.trim().is_empty() {
            allowed.push("maxmemory-policy");
        }
        let mut names: Vec<&str> = read.iter().map(|directive| directive.name.as_str()).collect();
        names.sort_unstable();
        allowed.sort_unstable();
        prop_assert_eq!(names, allowed);
        let read_back = password_of(&text).map(|secret| secret.expose().to_owned()).unwrap_or_default();
        prop_assert_eq!(read_back, password);
    }

    #[test]
    fn a_written_file_passes_its_own_check(password in "[^\0]{0,20}", port in 1u16..55535, major in 3u16..9) {
        let mut spec = spec(ServerVersion::redis(major, 0, 0));
        spec.config.password = Secret::new(password);
        let node = crate::core::conf::Node { port, host: "127.0.0.1", password: &spec.config.password };
        for windows in [false, true] {
            let text = write_file(&spec, port, windows).unwrap();
            let version = spec.server.as_ref().map(|server| server.version);
            prop_assert_eq!(lint_file(&text, version, &node), vec![]);
            prop_assert_eq!(lint_file(&mask_password(&text), version, &node), vec![]);
        }
    }
}
