use std::io::Write;

use super::*;

fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG_FILE);
    (dir, path)
}

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_last_lines_are_given_oldest_first() {
    let (_dir, path) = file();
    let mut tail = FileTail::new(&path);
    assert!(tail.read().is_empty(), "a missing file has no lines");
    for n in 0..500 {
        append(&path, &format!("line {n}\r\n"));
    }
    let lines = tail.read();
    assert_eq!((lines.len(), &*lines[0], &*lines[199]), (200, "line 300", "line 499"));
}

#[test]
fn a_file_that_did_not_change_gives_the_same_value_and_one_that_grew_another() {
    let (_dir, path) = file();
    append(&path, "one\n");
    let mut tail = FileTail::new(&path);
    let first = tail.read();
    assert!(Arc::ptr_eq(&first, &tail.read()));
    append(&path, "two, unfinished");
    assert_eq!(*tail.read(), ["one".to_owned(), "two, unfinished".to_owned()]);
    append(&path, " no more\n");
    assert_eq!(tail.read()[1], "two, unfinished no more");
}

#[test]
fn a_file_that_was_emptied_or_removed_is_read_anew() {
    let (_dir, path) = file();
    append(&path, "old\nold\n");
    let mut tail = FileTail::new(&path);
    tail.read();
    fs::write(&path, "new\n").unwrap();
    assert_eq!(*tail.read(), ["new".to_owned()]);
    fs::remove_file(&path).unwrap();
    assert!(tail.read().is_empty());
    append(&path, "again\n");
    assert_eq!(*tail.read(), ["again".to_owned()]);
}

#[test]
fn only_the_end_of_a_huge_file_is_read_and_no_half_line_is_shown() {
    let (_dir, path) = file();
    let long = "x".repeat(3000);
    for _ in 0..100 {
        append(&path, &format!("{long}\n"));
    }
    let lines = FileTail::new(&path).read();
    assert!(lines.len() < 25 && lines.iter().all(|line| line.len() == MAX_LINE), "{}", lines.len());
    fs::write(&path, "y".repeat(300_000)).unwrap();
    assert!(FileTail::new(&path).read().is_empty(), "one endless line has no end to show");
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let (_dir, path) = file();
    fs::write(&path, b"caf\xe9 \x1b[31mred\x00\n\xe9\x9b\x86\xe7\xbe\xa4\n").unwrap();
    assert_eq!(*FileTail::new(&path).read(), ["caf\u{fffd}  [31mred".to_owned(), "集群".to_owned()]);
    assert!(FileTail::new(path.parent().unwrap()).read().is_empty(), "a folder has no lines");
}

#[test]
fn a_password_in_a_rejected_line_is_never_shown() {
    let (_dir, path) = file();
    fs::write(&path, ">>> 'requirepass hunter2\"x'\n>>> 'user default on >hunter2'\n>>> 'port hunter2'\n").unwrap();
    let lines = FileTail::new(&path).read();
    assert_eq!(lines[0], ">>> 'requirepass ********'");
    assert_eq!(lines[1], ">>> 'user ********'");
    assert_eq!(lines[2], ">>> 'port hunter2'");
}

#[test]
fn what_a_server_printed_follows_what_it_logged_before() {
    let (dir, path) = file();
    append(&path, "logged\n");
    let mut log = LogTail::new(dir.path());
    assert_eq!(*log.read(), ["logged".to_owned()]);
    let output = dir.path().join(OUTPUT_LOG);
    append(&output, "printed\n");
    set_time(&path, 100);
    set_time(&output, 200);
    let both = log.read();
    assert_eq!(*both, ["logged".to_owned(), "printed".to_owned()]);
    assert!(Arc::ptr_eq(&both, &log.read()));
    assert_eq!(last_lines(dir.path()), (output.clone(), both.to_vec()));
    set_time(&path, 300);
    assert_eq!(last_lines(dir.path()), (path, vec!["printed".to_owned(), "logged".to_owned()]));
}

#[test]
fn what_an_earlier_run_logged_is_not_taken_for_this_one_s() {
    let (dir, path) = file();
    let output = dir.path().join(OUTPUT_LOG);
    append(&path, "an error of yesterday\n");
    append(&output, "");
    set_time(&path, 100);
    set_time(&output, 200); // Emptied by a start that has not logged yet.
    let mut log = LogTail::new(dir.path());
    assert!(log.read().is_empty());
    assert!(last_lines(dir.path()).1.is_empty());
    append(&path, "today\n");
    set_time(&path, 300);
    assert_eq!(log.read().last().map(String::as_str), Some("today"));
    assert_eq!(last_lines(dir.path()).1.len(), 2);
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}
