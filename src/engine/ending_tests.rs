use super::*;
use crate::core::secret::Secret;
use crate::engine::process::{CONFIG_FILE, spawn};

const RECORD: ProcessRecord = ProcessRecord { pid: 4_000_000, started: 7 };

#[test]
fn one_that_saves_is_neither_asked_again_nor_ended_by_force() {
    for doing in [Doing::Saving, Doing::Writing] {
        assert!(!may_ask(doing));
        for windows in [true, false] {
            assert_eq!(last_way(doing, &Asked::Sent, Waited::Idle, windows), Last::Leave);
        }
    }
}

#[test]
fn one_that_is_heard_at_all_is_never_ended_by_force() {
    for doing in [Doing::Nothing, Doing::Refuses] {
        assert!(may_ask(doing));
        assert_eq!(last_way(doing, &Asked::Sent, Waited::Idle, true), Last::Leave);
    }
}

#[test]
fn force_is_for_one_that_is_silent_was_asked_and_wrote_nothing_all_the_time_on_windows() {
    for asked in [Asked::Sent, Asked::Before] {
        assert_eq!(last_way(Doing::Silent, &asked, Waited::Idle, true), Last::Force);
        assert_eq!(last_way(Doing::Silent, &asked, Waited::Idle, false), Last::Leave);
        assert_eq!(last_way(Doing::Silent, &asked, Waited::Busy, true), Last::Leave);
    }
    assert_eq!(last_way(Doing::Silent, &Asked::Not("no console".into()), Waited::Idle, true), Last::Leave);
}

#[test]
fn a_process_is_sent_one_ctrl_c_in_its_life_and_its_heir_another() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(ask_once(RECORD, dir.path(), true, |_| Ok(true)), Asked::Sent);
    assert_eq!(ask_once(RECORD, dir.path(), true, |_| panic!("sent twice")), Asked::Before);
    let heir = ProcessRecord { started: 900, ..RECORD };
    assert_eq!(ask_once(heir, dir.path(), true, |_| Ok(true)), Asked::Sent);
    // Where any number is harmless, nothing is counted.
    assert_eq!(ask_once(heir, dir.path(), false, |_| Ok(true)), Asked::Sent);
}

#[test]
fn a_ctrl_c_that_was_not_sent_may_be_tried_again_and_one_that_may_have_arrived_not() {
    let dir = tempfile::tempdir().unwrap();
    let failed = |_| Err(SignalError::NoCtrlC { pid: 7, reason: "no console".into() });
    assert!(matches!(ask_once(RECORD, dir.path(), true, failed), Asked::Not(why) if why.contains("no console")));
    let unsure = |_| Err(SignalError::Unsure { pid: 7 });
    assert!(matches!(ask_once(RECORD, dir.path(), true, unsure), Asked::Not(_)));
    assert_eq!(ask_once(RECORD, dir.path(), true, |_| Ok(true)), Asked::Before);
}

#[test]
fn the_words_tell_what_was_sent_and_nothing_else() {
    let addr: NodeAddr = "127.0.0.1:7000".parse().unwrap();
    let auth = Auth::default();
    let (exe, dir) = (Path::new("redis-server"), Path::new("."));
    let mut one = Stubborn { exe, addr: &addr, record: RECORD, auth: &auth, dir, told: false };
    let words = one.tried(&Asked::Not("it is saving".into()));
    assert!(words.contains("could not be sent SHUTDOWN") && words.contains("was not sent"), "{words}");
    one.told = true;
    let words = one.tried(&Asked::Before);
    assert!(words.contains("after SHUTDOWN") && words.contains("of an earlier stop"), "{words}");
}

#[tokio::test]
async fn a_server_with_another_password_is_seen_to_refuse_and_one_that_is_gone_to_be_silent() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = format!("port {port}\nbind 127.0.0.1\nrequirepass right\nsave \"\"\n");
    std::fs::write(dir.path().join(CONFIG_FILE), conf).unwrap();
    let mut server = spawn(&which::which("redis-server").unwrap(), dir.path(), None).unwrap();
    let addr: NodeAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let right = Auth { password: Secret::new("right"), ..Auth::default() };
    let wrong = Auth { password: Secret::new("wrong"), ..Auth::default() };
    let record = server.record;
    let seen = [
        doing(&addr, record, &right, dir.path()).await,
        doing(&addr, record, &wrong, dir.path()).await,
        doing(&addr, record, &Auth::default(), dir.path()).await,
        doing(&addr, RECORD, &right, dir.path()).await,
    ];
    kill(record).unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.wait()).await.unwrap();
    assert_eq!(seen, [Doing::Nothing, Doing::Refuses, Doing::Refuses, Doing::Refuses]);
    assert_eq!(doing(&addr, record, &right, dir.path()).await, Doing::Silent);
}

#[test]
fn a_snapshot_being_written_counts_and_a_log_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    std::fs::create_dir(path.join("appendonlydir")).unwrap();
    std::fs::write(path.join("temp-12.rdb"), b"12345").unwrap();
    std::fs::write(path.join("appendonlydir/a.aof"), b"123").unwrap();
    std::fs::write(path.join("server.log"), b"123456789").unwrap();
    assert_eq!(data_bytes(&path, 1), 8);
    assert_eq!(data_bytes(&path.join("missing"), 1), 0);
}
