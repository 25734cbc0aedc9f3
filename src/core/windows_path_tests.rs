use proptest::prelude::*;

use super::*;

fn facts(code_page: u32) -> WindowsFacts {
    WindowsFacts { code_page, ..WindowsFacts::default() }
}

fn judged(dir: &str) -> Vec<PathProblem> {
    judge_dir(dir, "dev", &facts(1252))
}

#[test]
fn drives_blanks_and_either_slash_are_fine() {
    for dir in [r"C:\Redis\dev", r"c:/redis/dev", r"D:\Program Files\my cluster", r"C:\Users\José\größe", r"C:\a.b\.c"]
    {
        assert_eq!(judged(dir), [], "{dir}");
    }
}

#[test]
fn a_folder_that_the_code_page_cannot_spell_is_refused_with_one_that_works() {
    let found = judge_dir(r"C:\Users\张伟\dev", "dev", &facts(1252));
    let [PathProblem::Unspellable { character: '张', code_page: 1252, instead }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(instead, r"C:\Slotdeck\dev");
    let text = found[0].to_string();
    assert!(text.contains("1252") && text.contains('张') && text.contains(r"C:\Slotdeck\dev"), "{text}");
}

#[test]
fn the_same_folder_is_fine_where_the_code_page_has_it() {
    for (code_page, dir) in [
        (936, r"C:\Users\张伟\集群"),
        (932, r"C:\ユーザー\表"),
        (949, r"C:\사용자\한국"),
        (950, r"C:\使用者\叢集"),
        (1251, r"C:\Пользователь"),
        (1253, r"C:\Χρήστης"),
        (874, r"C:\ผู้ใช้"),
        (65001, r"C:\张伟\Пользователь\😀"),
    ] {
        assert_eq!(judge_dir(dir, "dev", &facts(code_page)), [], "{code_page} {dir}");
    }
    assert_eq!(unspellable("😀", 936), Some('😀'));
    assert_eq!(unspellable("ā", 1252), Some('ā')); // Windows would make an 'a' of it: another folder.
    assert_eq!(unspellable("é", 12_345), Some('é'));
    assert_eq!(unspellable("plain", 12_345), None);
}

#[test]
fn the_short_form_is_proposed_where_the_disk_has_one_that_can_be_spelled() {
    let short = |short: &str| WindowsFacts { short: Some(short.to_owned()), ..facts(1252) };
    let instead = |facts: &WindowsFacts| match judge_dir(r"C:\Users\张伟\集群", "集群", facts).remove(0) {
        PathProblem::Unspellable { instead, .. } => instead,
        other => panic!("{other:?}"),
    };
    assert_eq!(instead(&short(r"C:\Users\5F20~1\96C6~1")), r"C:\Users\5F20~1\96C6~1");
    assert_eq!(instead(&short(r"C:\Users\张伟\96C6~1")), r"C:\Slotdeck\cluster");
}

#[test]
fn a_path_says_where_it_begins() {
    assert_eq!(judged(r"\Redis\dev"), [PathProblem::NoDrive]);
    assert_eq!(judged(r"C:Redis"), [PathProblem::DriveRelative]);
    assert_eq!(judged(r"C:"), [PathProblem::DriveRelative]);
    assert_eq!(judged(r"\\?\C:\Redis")[0], PathProblem::Device);
    assert_eq!(judged(r"\\.\pipe\x")[0], PathProblem::Device);
    assert_eq!(judged(r"%NOWHERE%\dev"), [PathProblem::Variable("NOWHERE".into())]);
}

#[test]
fn another_machines_folder_is_worth_a_word() {
    assert_eq!(judged(r"\\server\share\dev"), [PathProblem::Network]);
    let mapped = WindowsFacts { network: true, ..facts(1252) };
    assert_eq!(judge_dir(r"Z:\dev", "dev", &mapped), [PathProblem::Network]);
    assert!(PathProblem::Network.is_only_worth_knowing());
}

#[test]
fn a_folder_outside_the_users_own_is_open_to_every_account() {
    for dir in [r"C:\Slotdeck\dev", "d:/redis", r"C:\Users\Public\dev"] {
        assert!(is_shared(dir), "{dir}");
    }
    for dir in [r"C:\Users\a\AppData\Local\Slotdeck\data\clusters\dev", r"c:\users\a", r"\\server\share\dev", ""] {
        assert!(!is_shared(dir), "{dir}");
    }
    assert!(PathProblem::Shared.is_only_worth_knowing());
}

#[test]
fn names_that_windows_keeps_or_changes_are_refused() {
    assert_eq!(judged(r"C:\dev\con"), [PathProblem::Reserved("con".into())]);
    assert_eq!(judged(r"C:\NUL.txt\dev"), [PathProblem::Reserved("NUL.txt".into())]);
    assert_eq!(judged(r"C:\com1\x"), [PathProblem::Reserved("com1".into())]);
    assert_eq!(judged(r"C:\console\com10"), []);
    assert_eq!(judged(r"C:\dev."), [PathProblem::EndsBadly("dev.".into())]);
    assert_eq!(judged(r"C:\dev \x"), [PathProblem::EndsBadly("dev ".into())]);
    assert_eq!(judged(r"C:\a?b"), [PathProblem::BadCharacter('?')]);
    assert_eq!(judged(r"C:\a:b"), [PathProblem::BadCharacter(':')]);
}

#[test]
fn a_folder_leaves_room_for_the_files_in_it() {
    let long = format!(r"C:\{}", "x".repeat(LONGEST_DIR));
    assert_eq!(judged(&long), [PathProblem::TooLong { length: LONGEST_DIR + 3, most: LONGEST_DIR }]);
    assert_eq!(judged(&long[..LONGEST_DIR]), []);
}

#[test]
fn a_folder_that_a_cloud_copies_is_worth_a_word() {
    let known = WindowsFacts { synced: vec![r"D:\Cloud\".into(), String::new()], ..facts(1252) };
    for dir in [r"C:\Users\a\OneDrive\dev", r"C:\Users\a\OneDrive - Firm\dev", r"d:\cloud\dev"] {
        assert_eq!(judge_dir(dir, "dev", &known), [PathProblem::Synced(r"C:\Slotdeck\dev".into())], "{dir}");
    }
    assert_eq!(judge_dir(r"D:\Cloudy\dev", "dev", &known), []);
    assert_eq!(judge_dir(r"C:\OneDriver\dev", "dev", &known), []);
}

#[test]
fn a_program_that_cannot_spell_itself_is_refused() {
    assert!(judge_exe(r"C:\工具\redis-server.exe", &facts(1252)).is_some());
    assert_eq!(judge_exe(r"C:\工具\redis-server.exe", &facts(936)), None);
    assert_eq!(judge_exe(r"C:\Program Files\Redis\redis-server.exe", &facts(1252)), None);
}

#[test]
fn variables_are_replaced_where_they_are_known() {
    let env = |name: &str| (name.eq_ignore_ascii_case("localappdata")).then(|| r"C:\Users\a\AppData\Local".to_owned());
    assert_eq!(expand(r"%LOCALAPPDATA%\dev", env), r"C:\Users\a\AppData\Local\dev");
    assert_eq!(expand(r"%LocalAppData%\dev", env), r"C:\Users\a\AppData\Local\dev");
    assert_eq!(expand(r"%NOWHERE%\dev", env), r"%NOWHERE%\dev");
    assert_eq!(expand(r"C:\100% sure\50%", env), r"C:\100% sure\50%");
}

proptest! {
    #[test]
    fn what_is_proposed_is_itself_fine(name in "[a-zA-Z0-9张Ж ]{1,20}[a-z]", code_page in prop::sample::select(vec![936u32, 1251, 1252, 65001, 1])) {
        for problem in judge_dir("C:\\😀", &name, &facts(code_page)) {
            if let PathProblem::Unspellable { instead, .. } = problem {
                prop_assert_eq!(unspellable(&instead, code_page), None);
            }
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_judged(dir in any::<String>(), code_page in any::<u16>()) {
        let _ = judge_dir(&dir, "dev", &facts(u32::from(code_page)));
        prop_assert_eq!(expand(&dir, |_| None), dir);
    }
}
