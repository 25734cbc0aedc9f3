//! redis-cli's and valkey-cli's options and sub commands, against ours.

use super::*;

/// Every option of `parseOptions` in redis-cli 8.6 and valkey-cli 9.1, with `*` where a value follows.
const THEIRS: &str = "-h* --help -x -X* -p* -t* -s* -r* -i* -n* --no-auth-warning --askpass -a* --pass* --user* -u* \
    --raw --no-raw --quoted-input --csv --json --quoted-json --latency --latency-dist --mono --latency-history \
    --lru-test* --slave --replica --stat --scan --pattern* --count* --cursor* --quoted-pattern* --intrinsic-latency* \
    --rdb* --functions-rdb* --pipe --pipe-timeout* --bigkeys --memkeys --memkeys-samples* --keystats \
    --keystats-samples* --top* --hotkeys --hotkeys-count* --eval* --ldb --ldb-sync-mode -c -d* -D* -e --verbose -4 -6 \
    --cluster* --cluster-only-masters --cluster-only-primaries --cluster-only-replicas --cluster-replicas* \
    --cluster-master-id* --cluster-primary-id* --cluster-from* --cluster-to* --cluster-from-user* \
    --cluster-from-pass* --cluster-from-askpass --cluster-weight* --cluster-slots* --cluster-timeout* \
    --cluster-pipeline* --cluster-threshold* --cluster-yes --cluster-simulate --cluster-replace --cluster-copy \
    --cluster-slave --cluster-replica --cluster-use-empty-masters --cluster-use-empty-primaries \
    --cluster-search-multiple-owners --cluster-fix-with-unreachable-masters \
    --cluster-fix-with-unreachable-primaries --cluster-use-atomic-slot-migration --test_hint* --test_hint_file* \
    --tls --sni* --cacertdir* --cacert* --cert* --key* --tls-ciphers* --insecure --tls-ciphersuites* -v --version \
    -2 -3 --show-pushes* --mptcp --name* --vset-recall* --vset-recall-count* --vset-recall-ef* --vset-recall-ele*";

/// Those that the scan itself reads.
const READ_BY_THE_SCAN: [&str; 8] =
    ["--help", "-x", "-X*", "--cluster*", "--cluster-weight*", "-v", "--version", "--json"];

#[test]
fn every_option_of_redis_cli_and_valkey_cli_is_known_with_or_without_a_value() {
    let grammar = Grammar::new();
    for option in THEIRS.split_whitespace().filter(|option| !READ_BY_THE_SCAN.contains(option)) {
        let (name, valued) = option.strip_suffix('*').map_or((option, false), |name| (name, true));
        assert_eq!(grammar.is_valued(name), Some(valued), "{name}");
    }
}

#[test]
fn no_spelling_stands_in_two_lines() {
    let mut names: Vec<_> = OPTIONS.iter().flat_map(|known| known.names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// `--slots` before the sub command is known must take its value all the same.
#[test]
fn a_spelling_takes_a_value_everywhere_or_nowhere() {
    let grammar = Grammar::new();
    let subs = SUBS.iter().filter_map(|sub| grammar.definition(sub.name, false));
    for arg in subs.flat_map(Command::get_arguments).filter(|arg| arg.get_long().is_some()) {
        let long = format!("--{}", arg.get_long().unwrap());
        let valued = if long == "--cluster-weight" { true } else { grammar.is_valued(&long).unwrap() };
        assert_eq!(valued, takes_value(arg), "{long}");
    }
}

/// What redis-cli lists in its help for a sub command, the sub command here takes, in each spelling.
#[test]
fn a_sub_command_takes_what_redis_clis_help_says() {
    let grammar = Grammar::new();
    for sub in SUBS {
        let Some(definition) = grammar.definition(sub.name, false) else { continue };
        for option in sub.options {
            let name = format!("--cluster-{}", option.split(' ').next().unwrap());
            let known = OPTIONS.iter().find(|known| known.names.contains(&name.as_str()));
            let names = known.map_or(vec![name.as_str()], |known| known.names.to_vec());
            let refused = known.is_some_and(|known| known.elsewhere != Elsewhere::Idle);
            assert!(refused || grammar.option(Some(definition), &names).is_some(), "{} {name}", sub.name);
        }
    }
}

#[test]
fn the_help_holds_redis_clis_lines_in_its_order() {
    let help = Grammar::new().help();
    let mut rest = help.as_str();
    for line in [
        "Cluster Manager Commands:\n",
        "  create         host1:port1 ... hostN:portN\n                 --cluster-replicas <arg>\n",
        "  check          <host:port> or <host> <port> - separated by either colon or space\n",
        "  reshard        <host:port> or <host> <port> - separated by either colon or space\n                 --cluster-from <arg>\n                 --cluster-to <arg>\n",
        "                 --cluster-weight <node1=w1...nodeN=wN>\n",
        "  help           ",
        "\nFor check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify the host and port of any working node in the cluster.\n\nCluster Manager Options:\n  --cluster-yes  Automatic yes to cluster commands prompts\n",
    ] {
        let at = rest.find(line).unwrap_or_else(|| panic!("no {line:?} in order in {help}"));
        rest = &rest[at + line.len()..];
    }
    assert!(help.contains("                 --method <METHOD>\n") || help.contains("--method <method>\n"), "{help}");
    assert!(!help.contains("--connect-timeout"), "{help}");
}

#[test]
fn the_nearest_word_is_near() {
    let of = |typed: &str| nearest(typed, ["--cluster-yes", "--force"].map(String::from).into_iter());
    assert_eq!(of("--cluster-yse"), Some("--cluster-yes".into()));
    assert_eq!(of("--forze"), Some("--force".into()));
    assert_eq!(of("--everything"), None);
}
