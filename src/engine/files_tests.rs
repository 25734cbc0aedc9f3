use std::collections::BTreeSet;

use super::*;

fn spec(dir: impl Into<PathBuf>) -> ClusterSpec {
    ClusterSpec::new("dev", dir)
}

fn files(ports: &[u16]) -> BTreeMap<u16, String> {
    ports.iter().map(|port| (*port, format!("port {port}\n"))).collect()
}

/// Everything below a folder, with what files hold: two equal values mean an untouched disk.
fn all_below(dir: &Path) -> BTreeSet<(PathBuf, Option<Vec<u8>>)> {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            seen.extend(all_below(&path));
            seen.insert((path, None));
        } else {
            let text = fs::read(&path).ok();
            seen.insert((path, text));
        }
    }
    seen
}

#[test]
fn every_node_gets_a_folder_with_its_redis_conf() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("my \"clusters\"/集群's"));
    write_node_files(&spec, &files(&[7000, 7001])).unwrap();
    for port in [7000, 7001] {
        assert_eq!(fs::read_to_string(spec.node_dir(port).join("redis.conf")).unwrap(), format!("port {port}\n"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&spec.dir), mode(&spec.node_dir(7000))), (0o700, 0o700));
        assert_eq!(mode(&spec.node_dir(7000).join("redis.conf")), 0o600);
    }
}

#[test]
fn what_was_written_is_wiped_with_all_that_servers_added_and_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("beside"), "keep").unwrap();
    let before = all_below(dir.path());
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7000, 7001])).unwrap();
    fs::create_dir(spec.node_dir(7000).join("appendonlydir")).unwrap();
    fs::write(spec.node_dir(7000).join("appendonlydir/appendonly.aof.1.incr.aof"), "data").unwrap();
    fs::write(spec.node_dir(7001).join("nodes.conf"), "data").unwrap();
    assert_eq!(wipe(&spec.dir, &[7000, 7001, 7002]).unwrap(), Wiped::default());
    assert_eq!(all_below(dir.path()), before);
    assert_eq!(wipe(&spec.dir, &[7000, 7001]).unwrap(), Wiped::default(), "again is no error");
}

#[test]
fn a_folder_that_existed_before_is_kept_when_the_nodes_are_wiped() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("mine"));
    fs::create_dir(&spec.dir).unwrap();
    write_node_files(&spec, &files(&[7000])).unwrap();
    wipe(&spec.dir, &[7000]).unwrap();
    assert!(spec.dir.is_dir());
    assert!(all_below(&spec.dir).is_empty());
}

#[test]
fn what_slotdeck_did_not_make_is_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7000])).unwrap();
    fs::create_dir(spec.node_dir(7001)).unwrap();
    fs::write(spec.node_dir(7001).join("redis.conf"), "by hand").unwrap();
    fs::write(spec.node_dir(7002), "a file").unwrap();
    fs::create_dir(spec.node_dir(7003)).unwrap();
    fs::copy(spec.node_dir(7000).join(NODE_MARKER), spec.node_dir(7003).join(NODE_MARKER)).unwrap();
    fs::create_dir(spec.node_dir(7004)).unwrap();
    fs::write(spec.node_dir(7004).join(NODE_MARKER), "{ not a marker").unwrap();
    let left = wipe(&spec.dir, &[7000, 7001, 7002, 7003, 7004]).unwrap().left;
    let reasons: Vec<_> = left.iter().map(|(path, why)| (path.file_name().unwrap().to_str().unwrap(), *why)).collect();
    assert_eq!(
        reasons,
        [
            ("7001", "it was not made by Slotdeck"),
            ("7002", "it is no folder"),
            ("7003", "it belongs to another node"),
            ("7004", "it was not made by Slotdeck"),
        ]
    );
    assert!(!spec.node_dir(7000).exists());
    assert!(spec.node_dir(7001).join("redis.conf").exists() && spec.dir.join(CLUSTER_MARKER).exists());
}

#[cfg(unix)]
#[test]
fn links_are_never_followed_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let outside = spec(dir.path().join("outside"));
    write_node_files(&outside, &files(&[7000])).unwrap();
    let before = all_below(&outside.dir);
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7001])).unwrap();
    symlink(outside.node_dir(7000), spec.node_dir(7000)).unwrap();
    symlink(&outside.dir, spec.node_dir(7001).join("inner")).unwrap();
    symlink(&outside.dir, dir.path().join("link")).unwrap();

    let error = write_node_files(&spec, &files(&[7000])).unwrap_err();
    assert!(matches!(error, FilesError::Exists(_)), "{error}");
    let error = write_node_files(&self::spec(dir.path().join("link")), &files(&[7005])).unwrap_err();
    assert!(error.to_string().contains("it is a link"), "{error}");
    let left = wipe(&spec.dir, &[7000, 7001]).unwrap().left;
    assert_eq!(left, [(spec.node_dir(7000), "it is a link")]);
    assert!(!spec.node_dir(7001).exists(), "its own folder goes, the link in it too");
    assert_eq!(wipe(&dir.path().join("link"), &[7000]).unwrap().left.len(), 1);
    assert_eq!(all_below(&outside.dir), before);
}

#[test]
fn when_one_node_fails_everything_made_before_it_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    // The folder and the ones above it are new.
    let fresh = spec(dir.path().join("a/b/dev"));
    let before = all_below(dir.path());
    let mut undo = Undo::default();
    make_cluster_dir(&fresh.dir, "dev", &mut undo).unwrap();
    write_node(&fresh.node_dir(7000), 7000, "dev", "port 7000", &mut undo).unwrap();
    assert!(fresh.node_dir(7000).join("redis.conf").exists());
    drop(undo);
    assert_eq!(all_below(dir.path()), before);
    // The third node's folder is taken.
    let taken = spec(dir.path().join("taken"));
    fs::create_dir_all(taken.node_dir(7002)).unwrap();
    fs::write(taken.node_dir(7002).join("dump.rdb"), "data").unwrap();
    let before = all_below(dir.path());
    let error = write_node_files(&taken, &files(&[7000, 7001, 7002, 7003])).unwrap_err();
    assert!(matches!(&error, FilesError::Exists(path) if path.ends_with("7002")), "{error}");
    assert_eq!(all_below(dir.path()), before);
}

#[test]
fn files_that_no_server_used_yet_are_replaced_and_come_back_when_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7000, 7001])).unwrap();
    let mut changed = files(&[7000, 7001]);
    changed.insert(7000, "port 7000\nappendonly yes\n".to_owned());
    write_node_files(&spec, &changed).unwrap();
    assert!(fs::read_to_string(spec.node_dir(7000).join("redis.conf")).unwrap().contains("appendonly"));
    // Once a server ran in one, none is touched.
    fs::write(spec.node_dir(7001).join("nodes.conf"), "").unwrap();
    let before = all_below(dir.path());
    assert!(matches!(write_node_files(&spec, &files(&[7000, 7001])), Err(FilesError::Exists(_))));
    assert_eq!(all_below(dir.path()), before);
    // Nor by a cluster of another name.
    let other = ClusterSpec { name: "other".to_owned(), ..spec };
    assert!(matches!(write_node_files(&other, &files(&[7000])), Err(FilesError::Exists(_))));
}

#[test]
fn paths_that_are_no_place_for_a_cluster_are_refused() {
    let top = if cfg!(windows) { "C:\\" } else { "/" };
    let up = std::env::temp_dir().join("..").join("x");
    for (path, reason) in [(PathBuf::from("here"), "full path"), (PathBuf::from(top), "top of a disk"), (up, "'..'")] {
        let write = write_node_files(&spec(&path), &files(&[7000])).unwrap_err();
        let wipe = wipe(&path, &[7000]).unwrap_err();
        for error in [write, wipe] {
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(write_node_files(&spec(dir.path().join("file")), &files(&[7000])).is_err());
    assert!(write_node_files(&spec(dir.path().join("file/below")), &files(&[7000])).is_err());
}

#[test]
fn a_wipe_that_was_cut_short_is_finished_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7000])).unwrap();
    fs::remove_file(spec.node_dir(7000).join("redis.conf")).unwrap(); // The marker goes last.
    wipe(&spec.dir, &[7000]).unwrap();
    assert!(!spec.dir.exists());
}

#[test]
fn what_an_ending_server_still_writes_is_wiped_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path().join("dev"));
    write_node_files(&spec, &files(&[7000])).unwrap();
    let late = spec.node_dir(7000).join("late.rdb");
    let write = move || {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(500) && fs::write(&late, "data").is_ok() {}
    };
    let server = std::thread::Builder::new().name("server".into()).spawn(write).unwrap();
    let wiped = wipe(&spec.dir, &[7000]);
    server.join().unwrap();
    assert_eq!(wiped.unwrap(), Wiped::default());
    assert!(!spec.dir.exists());
}

#[test]
fn what_a_write_that_was_cut_off_left_is_written_over_and_nothing_else_is() {
    let home = tempfile::tempdir().unwrap();
    let mut spec = ClusterSpec::new("cut", home.path().join("cut"));
    spec.ports = crate::core::spec::Ports::From(7000);
    let files: BTreeMap<u16, String> =
        spec.port_list().into_iter().map(|port| (port, format!("port {port}\n"))).collect();
    // Killed after the first node's folder, before its marker, with a temporary file of the next one.
    std::fs::create_dir_all(spec.node_dir(7000)).unwrap();
    std::fs::write(spec.dir.join(CLUSTER_MARKER), marker("cut", None)).unwrap();
    std::fs::create_dir(spec.node_dir(7001)).unwrap();
    std::fs::write(spec.node_dir(7001).join(".slotdeck-ab12.tmp"), "half").unwrap();
    assert!(only_remnants(&spec.dir, "cut"));
    assert!(!only_remnants(&spec.dir, "other"));
    write_node_files(&spec, &files).unwrap();
    assert_eq!(std::fs::read_to_string(spec.node_dir(7001).join("redis.conf")).unwrap(), "port 7001\n");
    std::fs::write(spec.node_dir(7002).join("dump.rdb"), "data").unwrap();
    assert!(!only_remnants(&spec.dir, "cut"), "a server ran there");
    assert_eq!(wipe(&spec.dir, &spec.port_list()).unwrap(), Wiped::default());
    assert!(!spec.dir.exists());
}
