//! A backup holds every key of the cluster, whatever the servers' version; it is whole or it is not there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod data_tools;
mod slotctl_tools;

use std::path::Path;

use common::{TestServer, server_program};
use data_tools::{AT_ONCE, Masters, VERSIONS, backup, contents, filled, servers};
use slotdeck::core::backup::Manifest;

fn manifest(dir: &Path) -> Manifest {
    serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).unwrap()).unwrap()
}

/// What a server of this program reads from an RDB file.
fn loaded(program: &Path, file: &Path) -> std::collections::BTreeMap<Vec<u8>, String> {
    let home = tempfile::tempdir().unwrap();
    std::fs::copy(file, home.path().join("dump.rdb")).unwrap();
    let lines = format!("dir {}\nsave \"\"", home.path().display());
    let server = TestServer::start_of(program, &lines);
    contents(&mut server.connect(None))
}

#[test]
fn every_key_of_every_version_is_in_it_streamed_or_saved_first() {
    for (index, (name, program)) in servers(&VERSIONS).into_iter().enumerate() {
        let diskless = if index % 2 == 0 { "yes" } else { "no" };
        let cluster = filled(&program, 3, &format!("{AT_ONCE}repl-diskless-sync {diskless}\n"));
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("备份 backup");
        let ran = backup(&cluster, &dir, &[]);
        if ran.code != 0 {
            cluster.servers.iter().for_each(|server| eprintln!("{name}, {}: {}", server.addr(), server.words()));
        }
        let ran = ran.fine();
        let ran = ran.says(">>> Node ").says(" -> Saving RDB...\n").says("Saving cluster configuration to: ");
        ran.says("[OK] Backup created into: ");
        let manifest = manifest(&dir);
        let held = cluster.contents();
        assert_eq!(manifest.key_count(), Some(held.len() as u64), "{name}: {manifest:#?}");
        assert!(manifest.files.iter().all(|file| file.crc64.is_some()), "{name}: {manifest:#?}");
        let read: std::collections::BTreeMap<Vec<u8>, String> =
            manifest.files.iter().flat_map(|file| loaded(&program, &dir.join(&file.file))).collect();
        assert!(read == held, "{name}: what a server loads from the files is not what the cluster holds");
        let nodes: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.join("nodes.json")).unwrap()).unwrap();
        let slots: u64 = nodes.as_array().unwrap().iter().map(|node| node["slots_count"].as_u64().unwrap()).sum();
        assert_eq!(slots, 16384, "{name}");
    }
}

#[test]
fn an_empty_cluster_has_a_backup_of_no_keys() {
    let cluster = Masters::new(&server_program(), 3, AT_ONCE);
    let dir = tempfile::tempdir().unwrap();
    let ran = backup(&cluster, dir.path(), &["--json"]).fine();
    let json = ran.json();
    assert_eq!((json["ok"].as_bool(), json["keys"].as_u64()), (Some(true), Some(0)));
    assert_eq!(json["files"].as_array().unwrap().len(), 3);
}

#[cfg(unix)]
#[test]
fn its_files_are_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Masters::new(&server_program(), 3, AT_ONCE);
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("backup");
    backup(&cluster, &dir, &[]).fine();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let files: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
}

#[test]
fn a_backup_is_not_overwritten_unless_told_and_then_nothing_old_stays() {
    let (first, second) = (Masters::new(&server_program(), 3, AT_ONCE), Masters::new(&server_program(), 3, AT_ONCE));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    backup(&first, dir.path(), &[]).fine();
    let before = manifest(dir.path());
    backup(&second, dir.path(), &[]).failed().complains("holds a backup already");
    assert_eq!(manifest(dir.path()), before);
    backup(&second, dir.path(), &["--cluster-replace"]).fine();
    let mut names: Vec<String> =
        dir.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected: Vec<String> = manifest(dir.path()).files.into_iter().map(|file| file.file).collect();
    expected.extend(["manifest.json", "nodes.json", "notes.txt"].map(str::to_owned));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_password_is_used_and_told_to_nobody() {
    let cluster = Masters::with_password(&server_program(), 3, "geheim-密码");
    let dir = tempfile::tempdir().unwrap();
    let refused = backup(&cluster, dir.path(), &[]).failed();
    assert!(refused.out.contains("NOAUTH"), "{refused:#?}");
    let ran = backup(&cluster, dir.path(), &["-a", "geheim-密码", "--no-auth-warning"]).fine();
    assert!(!ran.out.contains("geheim"), "{ran:#?}");
    for entry in dir.path().read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"geheim"));
    }
}

#[test]
fn a_user_who_may_not_sync_is_told_so_and_nothing_stays() {
    let cluster = Masters::new(&server_program(), 3, AT_ONCE);
    for connection in &mut cluster.connections() {
        redis::cmd("ACL")
            .arg(&["SETUSER", "reader", "on", ">pw", "~*", "+@read", "+cluster", "+info"])
            .exec(connection)
            .unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let ran = backup(&cluster, dir.path(), &["--user", "reader", "-a", "pw", "--no-auth-warning"]).failed();
    ran.complains("NOPERM");
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_cluster_with_holes_is_saved_with_a_warning_and_exit_code_1() {
    let cluster = Masters::new(&server_program(), 3, AT_ONCE);
    let mut connection = cluster.servers[0].connect(None);
    redis::cmd("CLUSTER").arg("DELSLOTS").arg(0).exec(&mut connection).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ran = backup(&cluster, dir.path(), &[]).failed();
    ran.says("*** Cluster seems to have some problems, please be aware of it if you're going to restore this backup.")
        .says("[OK] Backup created into: ");
    assert!(!manifest(dir.path()).problems.is_empty());
}

#[test]
fn a_lost_master_stops_it_before_anything_is_written() {
    let mut cluster = Masters::new(&server_program(), 3, AT_ONCE);
    cluster.servers[2].kill();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("never");
    backup(&cluster, &dir, &[]).failed().complains("its keys can't be copied");
    assert!(!dir.exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_behind() {
    use std::process::{Command, Stdio};
    // The masters wait for further replicas for a minute, so the backup waits too.
    let cluster = Masters::new(&server_program(), 3, "repl-diskless-sync yes\nrepl-diskless-sync-delay 60\n");
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(["backup", &cluster.addr(), dir.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::wait_until("no master was asked", || (dir.path().read_dir().unwrap().count() == 3).then_some(()));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped as asked"), "{output:?}");
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}
