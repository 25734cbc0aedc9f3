//! Every order of redis-cli's grammar ends as the same command.

use std::ffi::OsString;

use proptest::prelude::*;

use super::*;

fn read(line: &str) -> Result<Vec<String>, UsageError> {
    let argv = line.split_whitespace().map(OsString::from).collect();
    match normalise(argv, || Ok("from stdin".into()))? {
        Line::Words(argv) => Ok(argv.into_iter().map(|w| w.into_string().unwrap()).collect()),
        Line::ClusterHelp => Ok(vec!["the cluster manager's help".into()]),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn options_stand_before_between_and_after() {
    let wanted = words("create --yes --cluster-replicas=1 -- a:1 a:2 a:3");
    for line in [
        "--cluster create a:1 a:2 a:3 --cluster-yes --cluster-replicas 1",
        "--cluster-yes --cluster-replicas 1 --cluster create a:1 a:2 a:3",
        "--cluster-yes --cluster create a:1 a:2 a:3 --cluster-replicas 1",
        "--cluster create --cluster-yes --cluster-replicas 1 a:1 a:2 a:3",
        "create --cluster-yes a:1 a:2 a:3 --cluster-replicas 1",
        "create a:1 -y a:2 a:3 --replicas=1",
        "--cluster-yes create a:1 a:2 --cluster-replicas 1 a:3",
        "-p 6379 -h localhost --cluster-yes create a:1 a:2 --cluster-replicas=1 a:3",
        "-c -n 0 --verbose --cluster create a:1 a:2 a:3 --yes --cluster-replicas 1 --cluster-timeout 5",
    ] {
        assert_eq!(read(line).unwrap(), wanted, "{line}");
    }
}

#[test]
fn a_password_may_look_like_an_option_or_a_sub_command() {
    assert_eq!(read("-a -x --cluster check a:1").unwrap(), words("check --pass=-x -- a:1"));
    assert_eq!(read("-a check info a:1").unwrap(), words("info --pass=check -- a:1"));
    assert_eq!(
        read("--cluster check a:1 --pass p --user u --no-auth-warning").unwrap(),
        words("check --pass=p --user=u --no-auth-warning -- a:1")
    );
}

#[test]
fn host_and_port_may_be_two_words() {
    assert_eq!(read("--cluster info localhost 7000").unwrap(), words("info -- localhost 7000"));
    assert!(matches!(read("--cluster info a 1 2"), Err(UsageError::WrongCount(_))));
}

#[test]
fn a_failover_may_be_written_either_way() {
    let wanted = words("failover --force --yes -- a:1 b:2");
    for line in ["--cluster failover a:1 b:2 --force --cluster-yes", "failover --force a:1 b:2 -y"] {
        assert_eq!(read(line).unwrap(), wanted, "{line}");
    }
    assert_eq!(read("failover demo --lost --takeover").unwrap(), words("failover --lost --takeover -- demo"));
    assert!(matches!(read("--cluster failover"), Err(UsageError::WrongCount(_))));
}

#[test]
fn options_of_moves_reach_the_commands_that_move() {
    assert_eq!(
        read("--cluster reshard a:1 --cluster-from x,y --cluster-to z --cluster-slots 5 --cluster-timeout 9").unwrap(),
        words("reshard --cluster-from=x,y --cluster-to=z --cluster-slots=5 --cluster-timeout=9 -- a:1")
    );
    assert_eq!(
        read("reshard --from x --to z --slots 5 --yes a 1").unwrap(),
        words("reshard --cluster-from=x --cluster-to=z --cluster-slots=5 --yes -- a 1")
    );
    assert_eq!(
        read("--cluster rebalance --cluster-weight x=1 y=2 --cluster-use-empty-primaries a:1 --threshold 0").unwrap(),
        words(
            "rebalance --cluster-weight=x=1 --cluster-weight=y=2 --cluster-use-empty-masters --cluster-threshold=0 -- a:1"
        )
    );
    assert_eq!(
        read("rebalance a:1 --weight x=1 --weight=y=2 --cluster-use-atomic-slot-migration").unwrap(),
        words("rebalance --cluster-weight=x=1 --cluster-weight=y=2 -- a:1")
    );
    // Without effect elsewhere, as in redis-cli.
    assert_eq!(read("--cluster-weight x=1 --cluster-slots 4 --cluster check a:1").unwrap(), words("check -- a:1"));
    assert_eq!(
        read("move-slots a:1 --slots 0-9,12 --to z").unwrap(),
        words("move-slots --cluster-slots=0-9,12 --cluster-to=z -- a:1")
    );
}

#[test]
fn no_address_is_ever_dropped() {
    // redis-cli drops a:3 here.
    assert_eq!(read("--cluster create a:1 a:2 -4 a:3").unwrap(), words("create --ipv4 -- a:1 a:2 a:3"));
}

#[test]
fn every_sub_command_of_the_grammar_is_there() {
    let grammar = Grammar::new();
    for sub in SUBS {
        assert!(grammar.definition(sub.name, false).is_some(), "{}", sub.name);
    }
}

#[test]
fn an_option_that_makes_no_sense_is_refused_with_the_reason() {
    let told = |line: &str| read(line).unwrap_err().to_string();
    assert!(told("--cluster check a:1 --scan").starts_with("'--scan' can't be used here: it belongs to another mode"));
    assert!(told("check a:1 -s /tmp/x").contains("a socket file"));
    assert!(told("reshard a:1 --cluster-simulate").contains("slotctl plan"));
    assert_eq!(told("check a:1 --lost"), "'--lost' can't be used here: it is an option of failover");
}

#[test]
fn plan_stands_before_the_sub_command() {
    let wanted = words("plan --commands reshard --pass=p --cluster-slots=5 -- a:1");
    for line in [
        "plan reshard a:1 --cluster-slots 5 --commands -a p",
        "--cluster plan reshard a:1 --slots 5 --commands -a p",
        "-a p plan --commands --slots 5 reshard a:1",
    ] {
        assert_eq!(
            read(line).map(|mut got| {
                got[2..5].sort();
                got
            }),
            Ok({
                let mut w = wanted.clone();
                w[2..5].sort();
                w
            }),
            "{line}"
        );
    }
    assert_eq!(read("plan"), Err(UsageError::NotPlannable));
    assert_eq!(read("plan info a:1"), Err(UsageError::NotPlannable));
    assert_eq!(read("plan --help").unwrap(), words("plan --help"));
    assert_eq!(read("plan failover demo --lost").unwrap(), words("plan failover --lost -- demo"));
}

#[test]
fn a_mistyped_word_brings_the_nearest() {
    let told = |line: &str| read(line).unwrap_err().to_string();
    assert_eq!(
        told("--cluster create a:1 --cluster-replica 1 --cluster-yse"),
        "Unrecognized option or bad number of args for: '--cluster-yse'
Did you mean '--cluster-yes'?"
    );
    assert!(told("reshard a:1 --cluster-pipelin 9").ends_with("Did you mean '--cluster-pipeline'?"));
    assert!(told("failover demo x --takover").ends_with("Did you mean '--takeover'?"));
    assert_eq!(
        told("--cluster rebalence a:1"),
        "Unknown --cluster subcommand
Did you mean 'rebalance'?"
    );
    assert_eq!(told("--cluster check a:1 --nosuch"), "Unrecognized option or bad number of args for: '--nosuch'");
}

#[test]
fn an_argument_may_come_from_standard_input() {
    assert_eq!(read("-x --cluster check").unwrap(), ["check", "--", "from stdin"]);
    assert_eq!(read("-X TAG --cluster create TAG a:2").unwrap(), ["create", "--", "from stdin", "a:2"]);
    assert_eq!(read("-X TAG --cluster create a:1"), Err(UsageError::NoTag));
}

#[test]
fn what_follows_two_dashes_is_an_argument() {
    assert_eq!(read("--cluster create a:1 -4 -- -5 --yes").unwrap(), words("create --ipv4 -- a:1 -5 --yes"));
}

#[test]
fn misuse_is_refused_in_redis_clis_words() {
    let unrecognized = |word: &str| Err(UsageError::Unrecognized(word.into(), None));
    assert_eq!(read("--cluster"), Err(UsageError::ClusterMisused));
    assert_eq!(read("--cluster check a:1 --cluster info a:1"), Err(UsageError::ClusterMisused));
    assert_eq!(read("--cluster nosuch a:1"), Err(UsageError::UnknownSub(None)));
    assert!(matches!(read("--cluster create"), Err(UsageError::WrongCount(_))));
    let by_uri = read("check -u rediss://:pw@10.0.0.1:7000").unwrap_err().to_string();
    assert!(by_uri.contains("name host:port besides") && !by_uri.contains("pw@"), "{by_uri}");
    assert_eq!(read("--cluster check a:1 --nosuch"), unrecognized("--nosuch"));
    assert_eq!(read("--cluster check a:1 -a"), unrecognized("-a"));
    assert_eq!(read("ping --cluster check a:1"), unrecognized("ping"));
    assert_eq!(read("--cluster-yes=1 --cluster check a:1"), unrecognized("--cluster-yes=1"));
}

#[test]
fn help_is_help_everywhere() {
    assert_eq!(read("--cluster help").unwrap(), ["the cluster manager's help"]);
    assert_eq!(read("--cluster help create").unwrap(), words("help create"));
    assert_eq!(read("--cluster create --help").unwrap(), words("create --help"));
    assert_eq!(read("check -h").unwrap(), words("check --help"));
}

#[test]
fn slotctls_own_commands_pass_untouched() {
    for line in ["up create --masters 3 --set x", "ps --json", "--help", "help", "", "-V", "down check --wipe"] {
        assert_eq!(read(line).unwrap(), words(line), "{line}");
    }
}

proptest! {
    /// Options in any order around the sub command mean the same.
    #[test]
    fn the_order_of_options_does_not_matter(
        order in Just(vec!["--cluster-yes", "--cluster-replicas 1", "-a pw", "--user me", "-p 1", "-4"]).prop_shuffle(),
        cut in 0..=6_usize,
        plain in any::<bool>(),
    ) {
        let sub = if plain { "create" } else { "--cluster create" };
        let line = format!("{} {sub} h:1 h:2@9 {}", order[..cut].join(" "), order[cut..].join(" "));
        let mut got = read(&line).unwrap();
        prop_assert_eq!(got.remove(0), "create");
        let args = got.split_off(got.iter().position(|w| w == "--").unwrap());
        prop_assert_eq!(args, words("-- h:1 h:2@9"));
        got.sort();
        prop_assert_eq!(got, words("--cluster-replicas=1 --ipv4 --pass=pw --user=me --yes"));
    }
}
