//! redis-cli's grammar, brought into one order.
//!
//! redis-cli takes its options before and after `--cluster SUB args…`, in any order, and so must its drop-in. This pure
//! step turns every such order into `SUB --option=value… -- args…`, which clap then reads; everything else passes
//! through untouched. Grammar: `parseOptions` in redis-cli.c of Redis 7.0 to 8.x and Valkey 9.

use std::ffi::OsString;

use thiserror::Error;

/// Why an argument list can't be read. The texts are redis-cli's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// An option that nobody knows, or one without its value.
    #[error("Unrecognized option or bad number of args for: '{0}'")]
    Unrecognized(String),
    /// `--cluster` twice, or without a sub command.
    #[error("--cluster needs one sub command, once: slotctl --cluster create|check|info|reshard|rebalance …")]
    ClusterMisused,
    /// Not a word that redis-cli knows after `--cluster`.
    #[error("Unknown --cluster subcommand")]
    UnknownSub(String),
    /// Too few or too many arguments.
    #[error("[ERR] Wrong number of arguments for specified --cluster sub command")]
    WrongCount,
    /// redis-cli has it, this version of slotctl has not.
    #[error("{0} is not available in this version of slotctl")]
    NotAvailable(String),
    /// An argument that is no Unicode text.
    #[error("this argument is not valid text: {0}")]
    NotText(String),
}

/// What a known option of redis-cli means here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Handed on, under this long name.
    As(&'static str),
    /// Handed on to these commands under this long name; without effect on the others, as in redis-cli.
    Of(&'static [&'static str], &'static str),
    /// Accepted, and without effect, as in redis-cli.
    Idle,
    /// Known, and refused: ignoring it would do something else than was asked for.
    Unavailable,
}

/// An option: its spelling, whether a value follows, what it means.
type Known = (&'static str, bool, Meaning);

/// The commands that move slots, by which of their options they take.
const MOVES: &[&str] = &["reshard", "rebalance", "move-slots", "resume"];
const TO: &[&str] = &["reshard", "move-slots"];
const RESHARD: &[&str] = &["reshard"];
const REBALANCE: &[&str] = &["rebalance"];

/// redis-cli's and valkey-cli's options as far as they may stand beside `--cluster`.
#[rustfmt::skip]
const OPTIONS: &[Known] = &[
    ("-a", true, Meaning::As("pass")), ("--pass", true, Meaning::As("pass")),
    ("--user", true, Meaning::As("user")), ("-u", true, Meaning::As("uri")),
    ("--askpass", false, Meaning::As("askpass")), ("--no-auth-warning", false, Meaning::As("no-auth-warning")),
    ("-h", true, Meaning::Idle), ("-p", true, Meaning::Idle), ("-n", true, Meaning::Idle),
    ("-t", true, Meaning::As("connect-timeout")),
    ("--uri", true, Meaning::As("uri")), ("--connect-timeout", true, Meaning::As("connect-timeout")),
    ("--ipv4", false, Meaning::As("ipv4")), ("--ipv6", false, Meaning::As("ipv6")), ("-y", false, Meaning::As("yes")),
    ("--replicas", true, Meaning::As("cluster-replicas")),
    ("-4", false, Meaning::As("ipv4")), ("-6", false, Meaning::As("ipv6")),
    ("--cluster-replicas", true, Meaning::As("cluster-replicas")),
    ("--cluster-yes", false, Meaning::As("yes")), ("--yes", false, Meaning::As("yes")),
    ("--force", false, Meaning::As("force")), ("--takeover", false, Meaning::As("takeover")),
    ("--lost", false, Meaning::As("lost")),
    ("--home", true, Meaning::As("home")), ("--json", false, Meaning::As("json")), ("--help", false, Meaning::As("help")),
    ("--cluster-search-multiple-owners", false, Meaning::Unavailable),
    ("--cluster-master-id", true, Meaning::Idle), ("--cluster-primary-id", true, Meaning::Idle),
    ("--cluster-from", true, Meaning::Of(RESHARD, "cluster-from")), ("--cluster-to", true, Meaning::Of(TO, "cluster-to")),
    ("--cluster-from-user", true, Meaning::Idle), ("--cluster-from-pass", true, Meaning::Idle),
    ("--cluster-from-askpass", false, Meaning::Idle), ("--cluster-slots", true, Meaning::Of(TO, "cluster-slots")),
    ("--cluster-timeout", true, Meaning::Of(MOVES, "cluster-timeout")), ("--cluster-pipeline", true, Meaning::Of(MOVES, "cluster-pipeline")),
    ("--cluster-threshold", true, Meaning::Of(REBALANCE, "cluster-threshold")), ("--cluster-simulate", false, Meaning::Of(REBALANCE, "cluster-simulate")),
    ("--cluster-replace", false, Meaning::Of(MOVES, "cluster-replace")), ("--cluster-copy", false, Meaning::Idle),
    ("--cluster-slave", false, Meaning::Idle), ("--cluster-replica", false, Meaning::Idle),
    ("--cluster-only-masters", false, Meaning::Idle), ("--cluster-only-primaries", false, Meaning::Idle),
    ("--cluster-only-replicas", false, Meaning::Idle),
    ("--cluster-use-empty-masters", false, Meaning::Of(REBALANCE, "cluster-use-empty-masters")), ("--cluster-use-empty-primaries", false, Meaning::Of(REBALANCE, "cluster-use-empty-masters")),
    ("--cluster-fix-with-unreachable-masters", false, Meaning::Idle),
    ("--cluster-fix-with-unreachable-primaries", false, Meaning::Idle),
    ("--cluster-use-atomic-slot-migration", false, Meaning::Idle),
    // redis-trib.rb's spellings, and slotctl's own.
    ("--from", true, Meaning::Of(RESHARD, "cluster-from")), ("--to", true, Meaning::Of(TO, "cluster-to")),
    ("--slots", true, Meaning::Of(TO, "cluster-slots")), ("--timeout", true, Meaning::Of(MOVES, "cluster-timeout")),
    ("--pipeline", true, Meaning::Of(MOVES, "cluster-pipeline")),
    ("--threshold", true, Meaning::Of(REBALANCE, "cluster-threshold")),
    ("--simulate", false, Meaning::Of(REBALANCE, "cluster-simulate")),
    ("--use-empty-masters", false, Meaning::Of(REBALANCE, "cluster-use-empty-masters")),
    ("--replace", false, Meaning::Of(MOVES, "cluster-replace")), ("--method", true, Meaning::Of(MOVES, "method")),
    ("-c", false, Meaning::Idle), ("-e", false, Meaning::Idle), ("-2", false, Meaning::Idle),
    ("-3", false, Meaning::Idle), ("--raw", false, Meaning::Idle), ("--no-raw", false, Meaning::Idle),
    ("--verbose", false, Meaning::Idle),
    ("-s", true, Meaning::Unavailable), ("-x", false, Meaning::Unavailable), ("-X", true, Meaning::Unavailable),
    ("--tls", false, Meaning::Unavailable), ("--sni", true, Meaning::Unavailable),
    ("--cacert", true, Meaning::Unavailable), ("--cacertdir", true, Meaning::Unavailable),
    ("--cert", true, Meaning::Unavailable), ("--key", true, Meaning::Unavailable),
    ("--insecure", false, Meaning::Unavailable), ("--tls-ciphers", true, Meaning::Unavailable),
    ("--tls-ciphersuites", true, Meaning::Unavailable),
];

/// The sub commands that slotctl does in redis-cli's grammar: redis-cli's own, and some of its own.
const AVAILABLE: [&str; 8] = ["create", "check", "info", "failover", "reshard", "rebalance", "move-slots", "resume"];

/// redis-cli's sub commands that slotctl does not do yet.
const NOT_YET: [&str; 7] = ["fix", "add-node", "del-node", "call", "set-timeout", "import", "backup"];

/// Brings the arguments (without the program's name) into the order that clap reads.
///
/// # Errors
/// [`UsageError`] where redis-cli would refuse too, for what this version can't do, and for addresses that redis-cli
/// would drop without a word.
pub fn normalise(argv: Vec<OsString>) -> Result<Vec<OsString>, UsageError> {
    let is_cluster = argv.iter().any(|word| word == "--cluster");
    if !is_cluster && !plain_sub(&argv) {
        return Ok(argv);
    }
    let words: Vec<String> = argv
        .into_iter()
        .map(|w| w.into_string().map_err(|w| UsageError::NotText(format!("{}", w.display()))))
        .collect::<Result<_, _>>()?;
    let scan = Scan::of(&words, is_cluster)?;
    scan.into_argv()
}

/// Whether the first bare word is one of redis-cli's sub commands.
fn plain_sub(argv: &[OsString]) -> bool {
    let mut words = argv.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return AVAILABLE.contains(&word) || NOT_YET.contains(&word);
        }
        if OPTIONS.iter().any(|(name, valued, _)| *name == word && *valued) {
            words.next();
        }
    }
    false
}

/// What stands in a command line of redis-cli's grammar.
struct Scan {
    sub: String,
    args: Vec<String>,
    /// Long names with values, as they are handed on, and the commands that take them (`None`: all).
    options: Vec<(Option<&'static [&'static str]>, String)>,
    unavailable: Option<String>,
    help: bool,
}

impl Scan {
    fn of(words: &[String], is_cluster: bool) -> Result<Self, UsageError> {
        let mut scan =
            Self { sub: String::new(), args: Vec::new(), options: Vec::new(), unavailable: None, help: false };
        let mut has_sub = false;
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            if word == "--cluster" {
                let sub = words.get(i).filter(|_| !has_sub).ok_or(UsageError::ClusterMisused)?;
                (scan.sub, has_sub) = (sub.clone(), true);
                i += 1;
            } else if word == "-h" && i == words.len() {
                scan.help = true;
            } else if word.starts_with('-') {
                if is_weight_option(word) {
                    let inline = word.split_once('=').map(|(_, weight)| weight.to_owned());
                    let more = words[i..].iter().take_while(|w| !w.starts_with("--") && w.contains('='));
                    let more: Vec<String> = more.cloned().collect();
                    i += more.len();
                    let given = inline.into_iter().chain(more);
                    let named = given.map(|weight| (Some(REBALANCE), option_word("cluster-weight", Some(&weight))));
                    scan.options.extend(named);
                } else {
                    i += scan.option(word, words.get(i))?;
                }
            } else if !has_sub && !is_cluster {
                (scan.sub, has_sub) = (word.clone(), true);
            } else if has_sub {
                scan.args.push(word.clone());
            } else {
                // A bare word before --cluster: redis-cli would take it for a command of the server.
                return Err(UsageError::Unrecognized(word.clone()));
            }
        }
        Ok(scan)
    }

    /// Takes an option in; says how many words it took besides itself.
    fn option(&mut self, word: &str, next: Option<&String>) -> Result<usize, UsageError> {
        let unknown = || UsageError::Unrecognized(word.to_owned());
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let (_, valued, meaning) = OPTIONS.iter().find(|(known, ..)| *known == name).ok_or_else(unknown)?;
        let value = match (valued, inline) {
            (true, None) => Some(next.ok_or_else(unknown)?.as_str()),
            (true, inline) => inline,
            (false, Some(_)) => return Err(unknown()),
            (false, None) => None,
        };
        match meaning {
            Meaning::As("help") => self.help = true,
            Meaning::As(long) => self.options.push((None, option_word(long, value))),
            Meaning::Of(subs, long) => self.options.push((Some(subs), option_word(long, value))),
            Meaning::Unavailable => self.unavailable = self.unavailable.take().or_else(|| Some(name.to_owned())),
            Meaning::Idle => {}
        }
        Ok(usize::from(*valued && inline.is_none()))
    }

    fn into_argv(self) -> Result<Vec<OsString>, UsageError> {
        let Self { sub, args, options, unavailable, help } = self;
        if sub == "help" {
            return Ok(vec!["--help".into()]);
        }
        if NOT_YET.contains(&sub.as_str()) {
            return Err(UsageError::NotAvailable(format!("'{sub}'")));
        }
        if !AVAILABLE.contains(&sub.as_str()) {
            return Err(UsageError::UnknownSub(sub));
        }
        if help {
            return Ok(vec![sub.into(), "--help".into()]);
        }
        if let Some(option) = unavailable {
            return Err(UsageError::NotAvailable(format!("'{option}'")));
        }
        // redis-cli takes `host:port` or `host port`, and silently drops what follows: a dropped address is a mistake.
        if args.is_empty() || (sub != "create" && args.len() > 2) {
            return Err(UsageError::WrongCount);
        }
        let mut argv: Vec<OsString> = vec![sub.clone().into()];
        let taken = options.into_iter().filter(|(subs, _)| subs.is_none_or(|subs| subs.contains(&sub.as_str())));
        argv.extend(taken.map(|(_, option)| OsString::from(option)));
        argv.push("--".into());
        argv.extend(args.into_iter().map(OsString::from));
        Ok(argv)
    }
}

fn option_word(long: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!("--{long}"), |value| format!("--{long}={value}"))
}

/// Whether this is `--cluster-weight a=1 b=2 …`, which takes every word that looks like a weight, as in redis-cli, or
/// redis-trib.rb's `--weight a=1`.
fn is_weight_option(word: &str) -> bool {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    ["--cluster-weight", "--weight"].contains(&name)
}

#[cfg(test)]
#[path = "argv_tests.rs"]
mod tests;
