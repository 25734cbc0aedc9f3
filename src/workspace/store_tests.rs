use std::collections::BTreeMap;

use crate::core::secret::Secret;
use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::workspace::document::{CreateJournal, OnClose, ProcessRecord};
use crate::workspace::settings::Theme;

use super::*;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(Some(dir.path().join("a \"home\" 工作区"))).unwrap();
    (dir, workspace)
}

fn doc(name: &str) -> ClusterDoc {
    ClusterDoc {
        version: 1,
        name: name.to_owned(),
        spec: Some(ClusterSpec::new(name, "/tmp/somewhere")),
        addrs: vec![NodeAddr::new("127.0.0.1", 7000)],
        user: String::new(),
        tls: None,
        processes: BTreeMap::from([(7000, ProcessRecord { pid: 17, started: 1_700_000_000 })]),
        formed: true,
        shards: BTreeMap::new(),
        wanted: true,
        on_close: OnClose::Leave,
        creating: Some(CreateJournal { reason: Some("lost".into()), ..CreateJournal::default() }),
    }
}

fn put(workspace: &Workspace, file: &str, text: &str) -> PathBuf {
    let path = workspace.documents().join(file);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_saved_is_loaded_again_and_listed_by_name() {
    let (_dir, workspace) = workspace();
    for name in ["dev", "测试 集群", "a'b"] {
        workspace.save(&doc(name)).unwrap();
        assert_eq!(workspace.load(name).unwrap(), doc(name));
    }
    let names: Vec<_> = workspace.list().into_iter().map(|(name, doc)| (name, doc.is_ok())).collect();
    assert_eq!(names, [("a'b".to_owned(), true), ("dev".to_owned(), true), ("测试 集群".to_owned(), true)]);
}

#[test]
fn a_removed_document_is_gone_and_removing_it_again_says_so() {
    let (_dir, workspace) = workspace();
    workspace.save(&doc("dev")).unwrap();
    workspace.remove("dev").unwrap();
    assert!(workspace.list().is_empty());
    assert!(matches!(workspace.remove("dev"), Err(WorkspaceError::NotFound(name)) if name == "dev"));
    assert!(matches!(workspace.load("dev"), Err(WorkspaceError::NotFound(_))));
}

#[test]
fn no_password_ever_reaches_a_document() {
    let (_dir, workspace) = workspace();
    let mut doc = doc("dev");
    doc.spec.as_mut().unwrap().config.password = Secret::new("hunter2");
    workspace.save(&doc).unwrap();
    let text = fs::read_to_string(workspace.documents().join("dev.json")).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_document_of_a_newer_slotdeck_is_refused_and_left_untouched() {
    let (_dir, workspace) = workspace();
    let text = r#"{"version": 2, "name": "dev", "shape": "unheard of"}"#;
    let path = put(&workspace, "dev.json", text);
    for result in [workspace.load("dev").map(|_| ()), workspace.save(&doc("dev")), workspace.remove("dev")] {
        let error = result.unwrap_err();
        assert!(matches!(error, WorkspaceError::TooNew { version: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("newer Slotdeck (format 2; this one knows up to 1)"), "{error}");
    }
    assert_eq!(fs::read_to_string(path).unwrap(), text);
    assert!(matches!(workspace.list().as_slice(), [(name, Err(WorkspaceError::TooNew { .. }))] if name == "dev"));
}

#[test]
fn a_broken_document_is_reported_beside_the_good_ones_and_never_overwritten() {
    let (_dir, workspace) = workspace();
    workspace.save(&doc("good")).unwrap();
    let whole = fs::read_to_string(workspace.documents().join("good.json")).unwrap();
    for text in ["", "{", "[]", "null", r#"{"version":1}"#, &whole[..whole.len() / 2], "\u{0}\u{0}\u{0}"] {
        let path = put(&workspace, "bad.json", text);
        assert!(matches!(workspace.load("bad"), Err(WorkspaceError::Broken { .. })), "{text}");
        assert!(matches!(workspace.save(&doc("bad")), Err(WorkspaceError::Broken { .. })), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let list = workspace.list();
        assert!(list[0].0 == "bad" && list[0].1.is_err() && list[1].1.is_ok());
    }
}

#[test]
fn removing_a_broken_document_sets_it_aside() {
    let (_dir, workspace) = workspace();
    for aside in ["dev.json.broken", "dev.json.broken-2"] {
        put(&workspace, "dev.json", "{ half");
        workspace.remove("dev").unwrap();
        assert!(workspace.list().is_empty());
        assert_eq!(fs::read_to_string(workspace.documents().join(aside)).unwrap(), "{ half");
    }
    workspace.save(&doc("dev")).unwrap();
}

#[test]
fn a_temporary_file_that_a_crash_left_behind_is_no_document() {
    let (_dir, workspace) = workspace();
    let before = workspace.fingerprint();
    put(&workspace, ".slotdeck-Ab12.tmp", "{ half");
    put(&workspace, ".hidden.json", "{ half");
    put(&workspace, "notes.txt", "mine");
    assert!(workspace.list().is_empty());
    assert_eq!(workspace.fingerprint(), before);
}

#[test]
fn names_that_are_no_file_names_everywhere_are_refused() {
    let (_dir, workspace) = workspace();
    let long = "集".repeat(70);
    let bad = [
        "", ".", "..", "a/b", "a\\b", "../x", "a:b", "what?", "a\0b", "a\nb", "con", "NUL.x", "com1", "x ", "x.", &long,
    ];
    for name in bad {
        for result in [workspace.load(name).map(|_| ()), workspace.save(&doc(name)), workspace.remove(name)] {
            assert!(matches!(result, Err(WorkspaceError::BadName { .. })), "{name:?}: {result:?}");
        }
        assert!(matches!(workspace.lock(name), Err(WorkspaceError::BadName { .. })), "{name:?}");
        assert_eq!(workspace.locked_by(name), None);
    }
    for name in ["console", "com", "v1.2", "a b", "集群"] {
        workspace.save(&doc(name)).unwrap();
    }
}

#[test]
fn a_file_that_belongs_to_a_name_in_another_case_is_not_overwritten() {
    let (_dir, workspace) = workspace();
    // What a file system without case shows when asked for 'dev'.
    put(&workspace, "dev.json", &serde_json::to_string(&doc("Dev")).unwrap());
    assert!(matches!(workspace.save(&doc("dev")), Err(WorkspaceError::SameFile { other, .. }) if other == "Dev"));
    assert!(matches!(workspace.load("dev"), Err(WorkspaceError::NotFound(_))));
}

#[test]
fn the_fingerprint_changes_with_every_kind_of_change_and_only_then() {
    let (_dir, workspace) = workspace();
    let mut last = workspace.fingerprint();
    let mut step = |what: &str, change: &dyn Fn()| {
        change();
        let now = workspace.fingerprint();
        assert_ne!(now, last, "{what}");
        assert_eq!(now, workspace.fingerprint());
        last = now;
    };
    step("added", &|| workspace.save(&doc("dev")).unwrap());
    step("saved again, of the same length", &|| workspace.save(&doc("dev")).unwrap());
    step("second", &|| workspace.save(&doc("prod")).unwrap());
    step("removed", &|| workspace.remove("dev").unwrap());
}

#[test]
fn a_cluster_in_use_says_by_whom_and_others_stay_free() {
    let (_dir, workspace) = workspace();
    let lock = workspace.lock("dev").unwrap();
    let error = workspace.lock("dev").unwrap_err();
    assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
    assert_eq!(workspace.locked_by("dev").unwrap().unwrap().pid, std::process::id());
    assert_eq!(workspace.locked_by("prod"), None);
    let _other = workspace.lock("prod").unwrap();
    drop(lock);
    assert_eq!(workspace.locked_by("dev"), None);
    let _again = workspace.lock("dev").unwrap();
}

#[test]
fn one_lock_is_given_to_one_of_many_threads() {
    let (_dir, workspace) = workspace();
    let given: Vec<_> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..8).map(|_| s.spawn(|| workspace.lock("dev").ok())).collect();
        threads.into_iter().filter_map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(given.len(), 1);
}

#[test]
fn one_window_is_open_at_a_time() {
    let (_dir, workspace) = workspace();
    let window = workspace.instance_lock().unwrap();
    assert!(matches!(workspace.instance_lock(), Err(WorkspaceError::Locked { .. })));
    drop(window);
    let _again = workspace.instance_lock().unwrap();
}

#[test]
fn settings_have_defaults_are_kept_and_a_broken_file_is_not_overwritten() {
    let (_dir, workspace) = workspace();
    let mut settings = workspace.load_settings().unwrap();
    assert_eq!(settings, Settings::default());
    settings.theme = Theme::Dark;
    workspace.save_settings(&settings).unwrap();
    assert_eq!(workspace.load_settings().unwrap(), settings);
    for (text, newer) in [(r#"{"version":9}"#, true), ("{", false)] {
        fs::write(workspace.settings_path(), text).unwrap();
        let error = workspace.save_settings(&settings).unwrap_err();
        assert_eq!(matches!(error, WorkspaceError::TooNew { .. }), newer, "{error}");
        assert_eq!(fs::read_to_string(workspace.settings_path()).unwrap(), text);
    }
}

#[test]
fn clusters_are_proposed_where_a_windows_server_can_spell_the_path() {
    let drive = Some(OsStr::new("C:"));
    let english = Path::new("/Users/ann/Slotdeck");
    let chinese = Path::new("/Users/王/Slotdeck");
    assert_eq!(propose_clusters_dir(english, drive), english.join("clusters"));
    assert_eq!(propose_clusters_dir(chinese, drive), PathBuf::from("C:\\Slotdeck").join("clusters"));
    assert_eq!(propose_clusters_dir(chinese, None), chinese.join("clusters"));
}

#[cfg(unix)]
#[test]
fn folders_and_documents_are_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, workspace) = workspace();
    workspace.save(&doc("dev")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(workspace.root()), 0o700);
    assert_eq!(mode(&workspace.documents()), 0o700);
    assert_eq!(mode(&workspace.documents().join("dev.json")), 0o600);
}

#[test]
fn a_workspace_that_can_not_be_made_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Workspace::open(Some(file.join("home"))).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
