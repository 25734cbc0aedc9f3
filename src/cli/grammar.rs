//! redis-cli's cluster grammar as tables: sub commands, spellings of options, and the help that is made of them.
//!
//! Which options a sub command takes is said once, in [`args`](super::args): a spelling from here is handed on where the
//! sub command's clap definition has an option of one of its names. So a new command is a variant there and a line in
//! [`SUBS`]. Sources: `parseOptions`, `clusterManagerCommands` in redis-cli.c of Redis 7.0 to 8.6 and valkey-cli.c of
//! Valkey 8 to 9.1.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::args::Cli;

/// A sub command that may stand after `--cluster`.
#[derive(Debug, Clone, Copy)]
pub struct Sub {
    /// Its word.
    pub name: &'static str,
    /// How many arguments it takes: at least, at most. For slotctl's own commands clap says the rest.
    pub args: (usize, usize),
    /// Its arguments in the help.
    pub usage: &'static str,
    /// redis-cli's options in the help, without `--cluster-`, in its order.
    pub options: &'static [&'static str],
}

const ANY: usize = usize::MAX;
const SEED: &str = "<host:port> or <host> <port> - separated by either colon or space";

/// The sub commands: redis-cli's in its order, then slotctl's own.
#[rustfmt::skip]
pub const SUBS: &[Sub] = &[
    Sub { name: "create", args: (1, ANY), usage: "host1:port1 ... hostN:portN", options: &["replicas <arg>"] },
    Sub { name: "check", args: (1, 2), usage: SEED, options: &["search-multiple-owners"] },
    Sub { name: "info", args: (1, 2), usage: SEED, options: &[] },
    Sub { name: "fix", args: (1, 2), usage: SEED, options: &["search-multiple-owners", "fix-with-unreachable-masters"] },
    Sub { name: "reshard", args: (1, 2), usage: SEED, options: &["from <arg>", "to <arg>", "slots <arg>", "yes", "timeout <arg>", "pipeline <arg>", "replace"] },
    Sub { name: "rebalance", args: (1, 2), usage: SEED, options: &["weight <node1=w1...nodeN=wN>", "use-empty-masters", "timeout <arg>", "simulate", "pipeline <arg>", "threshold <arg>", "replace"] },
    Sub { name: "add-node", args: (2, ANY), usage: "new_host:new_port existing_host:existing_port", options: &["slave", "master-id <arg>"] },
    Sub { name: "del-node", args: (2, ANY), usage: "host:port node_id", options: &[] },
    Sub { name: "call", args: (2, ANY), usage: "host:port command arg arg .. arg", options: &["only-masters", "only-replicas"] },
    Sub { name: "set-timeout", args: (2, 2), usage: "host:port milliseconds", options: &[] },
    Sub { name: "import", args: (1, 1), usage: "host:port", options: &["from <arg>", "from-user <arg>", "from-pass <arg>", "from-askpass", "copy", "replace"] },
    Sub { name: "backup", args: (2, 2), usage: "host:port backup_directory", options: &[] },
    Sub { name: "restore", args: (2, ANY), usage: "backup_directory host1:port1 ... hostN:portN", options: &[] },
    Sub { name: "move-slots", args: (1, 2), usage: SEED, options: &["slots <slots>", "to <arg>"] },
    Sub { name: "drain", args: (1, 2), usage: "host:port node_id", options: &[] },
    Sub { name: "resume", args: (1, 2), usage: SEED, options: &[] },
    Sub { name: "failover", args: (1, 2), usage: "host:port node_id", options: &[] },
    Sub { name: "watch", args: (1, 2), usage: SEED, options: &[] },
];

/// What becomes of an option where the sub command has none of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It has no effect, as in redis-cli.
    Idle,
    /// It is refused, and why: it would do something else than was asked for.
    Refused(&'static str),
}

/// An option in all its spellings; those that mean the same are one.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// redis-cli's, valkey-cli's, redis-trib.rb's and slotctl's spellings.
    pub names: &'static [&'static str],
    /// Whether a value follows.
    pub valued: bool,
    /// Where the sub command does not take it.
    pub elsewhere: Elsewhere,
}

const fn flag(names: &'static [&'static str]) -> Known {
    Known { names, valued: false, elsewhere: Elsewhere::Idle }
}

const fn value(names: &'static [&'static str]) -> Known {
    Known { names, valued: true, elsewhere: Elsewhere::Idle }
}

const fn refused(names: &'static [&'static str], valued: bool, why: &'static str) -> Known {
    Known { names, valued, elsewhere: Elsewhere::Refused(why) }
}

const MODES: &str = "it belongs to another mode of redis-cli; slotctl only manages clusters";

/// Every option that redis-cli or valkey-cli takes, and what is spelled otherwise elsewhere.
pub const OPTIONS: &[Known] = &[
    // Logging in and connecting.
    value(&["--pass", "-a"]),
    value(&["--user"]),
    value(&["--uri", "-u"]),
    flag(&["--askpass"]),
    flag(&["--no-auth-warning"]),
    value(&["--connect-timeout", "-t"]),
    flag(&["--ipv4", "-4"]),
    flag(&["--ipv6", "-6"]),
    refused(&["-s"], true, "a socket file leads to one server only; slotctl needs host:port"),
    flag(&["--tls"]),
    value(&["--sni"]),
    value(&["--cacert"]),
    value(&["--cacertdir"]),
    value(&["--cert"]),
    value(&["--key"]),
    flag(&["--insecure"]),
    value(&["--tls-ciphers"]),
    value(&["--tls-ciphersuites"]),
    // The cluster manager's.
    flag(&["--yes", "--cluster-yes", "-y"]),
    value(&["--cluster-replicas", "--replicas"]),
    value(&["--cluster-master-id", "--cluster-primary-id", "--cluster-primaries-id", "--master-id", "--primary-id"]),
    value(&["--cluster-from", "--from"]),
    value(&["--cluster-to", "--to"]),
    value(&["--cluster-from-user", "--from-user"]),
    value(&["--cluster-from-pass", "--from-pass"]),
    flag(&["--cluster-from-askpass", "--from-askpass"]),
    value(&["--cluster-slots", "--slots"]),
    value(&["--cluster-timeout", "--timeout"]),
    value(&["--cluster-pipeline", "--pipeline"]),
    value(&["--cluster-threshold", "--threshold"]),
    refused(&["--cluster-simulate", "--simulate"], false, "only rebalance has it; 'slotctl plan …' shows any plan"),
    flag(&["--cluster-replace", "--replace"]),
    flag(&["--cluster-copy", "--copy"]),
    flag(&["--cluster-slave", "--cluster-replica"]),
    flag(&["--cluster-only-masters", "--cluster-only-primaries", "--only-masters", "--only-primaries"]),
    flag(&["--cluster-only-replicas", "--only-replicas"]),
    flag(&[
        "--cluster-use-empty-masters",
        "--cluster-use-empty-primaries",
        "--use-empty-masters",
        "--use-empty-primaries",
    ]),
    flag(&[
        "--cluster-fix-with-unreachable-masters",
        "--cluster-fix-with-unreachable-primaries",
        "--fix-with-unreachable-masters",
        "--fix-with-unreachable-primaries",
    ]),
    flag(&["--cluster-search-multiple-owners", "--search-multiple-owners"]),
    flag(&["--cluster-use-atomic-slot-migration"]),
    // Without effect beside --cluster.
    value(&["-h"]),
    value(&["-p"]),
    value(&["-n"]),
    value(&["-r"]),
    value(&["-i"]),
    value(&["-d"]),
    value(&["-D"]),
    value(&["--show-pushes"]),
    flag(&["-c"]),
    flag(&["-e"]),
    flag(&["-2"]),
    flag(&["-3"]),
    flag(&["--raw"]),
    flag(&["--no-raw"]),
    flag(&["--csv"]),
    flag(&["--quoted-input"]),
    flag(&["--quoted-json"]),
    flag(&["--verbose"]),
    flag(&["--mono"]),
    flag(&["--mptcp"]),
    // redis-cli's other modes.
    refused(&["--latency", "--latency-history", "--latency-dist", "--stat", "--scan", "--pipe"], false, MODES),
    refused(&["--bigkeys", "--memkeys", "--keystats", "--hotkeys", "--ldb", "--ldb-sync-mode"], false, MODES),
    refused(&["--slave"], false, "in redis-cli it streams a replica's commands; add-node has --cluster-slave"),
    refused(&["--replica"], false, "in redis-cli it streams a replica's commands; add-node has --cluster-replica"),
    refused(&["--lru-test", "--pattern", "--quoted-pattern", "--count", "--cursor", "--top", "--eval"], true, MODES),
    refused(&["--intrinsic-latency", "--rdb", "--functions-rdb", "--pipe-timeout"], true, MODES),
    refused(&["--memkeys-samples", "--keystats-samples", "--hotkeys-count", "--name"], true, MODES),
    refused(&["--vset-recall", "--vset-recall-count", "--vset-recall-ef", "--vset-recall-ele"], true, MODES),
    refused(&["--test_hint", "--test_hint_file"], true, MODES),
];

/// clap's definitions of the sub commands.
#[derive(Debug)]
pub struct Grammar(Command);

impl Grammar {
    /// slotctl's own.
    #[must_use]
    pub fn new() -> Self {
        Self(Cli::command())
    }

    /// The definition of a sub command of redis-cli's grammar, where this version has it; of what `plan` takes if
    /// `planned`.
    #[must_use]
    pub fn definition(&self, sub: &str, planned: bool) -> Option<&Command> {
        SUBS.iter().find(|known| known.name == sub)?;
        let parent = if planned { self.0.find_subcommand("plan")? } else { &self.0 };
        parent.find_subcommand(sub)
    }

    /// The option of this command, or of all, that answers to one of these spellings.
    #[must_use]
    pub fn option<'a>(&'a self, command: Option<&'a Command>, names: &[&str]) -> Option<&'a Arg> {
        let of_all = self.0.get_arguments().filter(|arg| arg.is_global_set());
        let mut args = command.into_iter().flat_map(Command::get_arguments).chain(of_all);
        args.find(|arg| arg.get_long().is_some() && names.iter().any(|name| answers_to(arg, name)))
    }

    /// The commands of redis-cli's grammar that take an option of this spelling.
    #[must_use]
    pub fn takers(&self, name: &str) -> Vec<&'static str> {
        let subs = SUBS.iter().map(|sub| sub.name);
        subs.filter(|sub| self.definition(sub, false).is_some_and(|d| d.get_arguments().any(|a| answers_to(a, name))))
            .collect()
    }

    /// Whether a value follows an option of this spelling; `None` where nobody knows it.
    #[must_use]
    pub fn is_valued(&self, name: &str) -> Option<bool> {
        if let Some(known) = OPTIONS.iter().find(|known| known.names.contains(&name)) {
            return Some(known.valued);
        }
        let commands = SUBS.iter().filter_map(|sub| self.definition(sub.name, false));
        let plan = self.0.find_subcommand("plan").into_iter();
        let mut args = commands.chain(plan).flat_map(Command::get_arguments).chain(self.0.get_arguments());
        args.find(|arg| answers_to(arg, name)).map(takes_value)
    }

    /// The spelling that is nearest to a mistyped one.
    #[must_use]
    pub fn nearest_option(&self, command: Option<&Command>, typed: &str) -> Option<String> {
        let own = command.into_iter().flat_map(Command::get_arguments).chain(self.0.get_arguments());
        let own = own.filter(|arg| !arg.is_hide_set()).filter_map(|arg| arg.get_long().map(|long| format!("--{long}")));
        let known = OPTIONS.iter().filter(|known| known.elsewhere == Elsewhere::Idle);
        let known = known.flat_map(|known| known.names).filter(|name| name.starts_with("--"));
        nearest(typed, own.chain(known.map(|name| (*name).to_owned())))
    }

    /// The sub command that is nearest to a mistyped one.
    #[must_use]
    pub fn nearest_sub(&self, typed: &str) -> Option<String> {
        let subs = SUBS.iter().filter(|sub| self.definition(sub.name, false).is_some());
        nearest(typed, subs.map(|sub| sub.name.to_owned()).chain(["help".to_owned(), "plan".to_owned()]))
    }

    /// The cluster manager's help: redis-cli's lines in its order, slotctl's own options and commands among them.
    #[must_use]
    pub fn help(&self) -> String {
        let mut out = String::from("Cluster Manager Commands:\n");
        for sub in SUBS {
            let Some(definition) = self.definition(sub.name, false) else { continue };
            // Writing to a String can't fail.
            let _ = writeln!(out, "  {:<15}{}", sub.name, sub.usage);
            for option in sub.options {
                let _ = writeln!(out, "{:17}--cluster-{option}", "");
            }
            for arg in self.own_options(sub, definition) {
                let value = arg.get_value_names().filter(|_| takes_value(arg)).and_then(|names| names.first());
                let value = value.map(|name| format!(" <{}>", name.to_lowercase())).unwrap_or_default();
                let _ = writeln!(out, "{:17}--{}{value}", "", arg.get_long().unwrap_or_default());
            }
        }
        if self.0.find_subcommand("plan").is_some() {
            let _ = writeln!(out, "  {:<15}sub_command arguments - shows what it would do, and sends nothing", "plan");
            let _ = writeln!(out, "{:17}--commands", "");
        }
        let _ = writeln!(out, "  {:<15}[sub_command]", "help");
        out.push_str(TAIL);
        out
    }

    /// What a sub command takes beside redis-cli's options and those of every command.
    fn own_options<'a>(&'a self, sub: &Sub, definition: &'a Command) -> Vec<&'a Arg> {
        let login = self.definition("info", false);
        let common = |arg: &Arg| login.is_some_and(|info| info.get_arguments().any(|a| a.get_id() == arg.get_id()));
        let told = |arg: &Arg| {
            sub.options.iter().any(|option| {
                let word = format!("--cluster-{}", option.split(' ').next().unwrap_or(option));
                let names = OPTIONS.iter().find(|known| known.names.contains(&word.as_str())).map(|known| known.names);
                answers_to(arg, &word) || names.unwrap_or_default().iter().any(|name| answers_to(arg, name))
            })
        };
        let own = |arg: &&Arg| {
            !arg.is_hide_set() && arg.get_long().is_some_and(|long| long != "yes") && !common(arg) && !told(arg)
        };
        definition.get_arguments().filter(own).collect()
    }
}

impl Default for Grammar {
    fn default() -> Self {
        Self::new()
    }
}

/// The end of the help: redis-cli's lines, then how to log in.
const TAIL: &str = "
For check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify the host and port of any working node in the cluster.

Cluster Manager Options:
  --cluster-yes  Automatic yes to cluster commands prompts
  --json         One JSON object on standard output instead of text

Connection Options:
  -a, --pass <password>, --user <username>, --askpass, -u <uri>, --no-auth-warning
  -t <seconds>   How long a connection may take (2)
  -4, -6         Take host names as addresses of this family
  --tls          Speak TLS; --sni <name>, --cacert <file>, --cacertdir <dir>, --cert <file>, --key <file>,
                 --insecure, --tls-ciphers <list>, --tls-ciphersuites <list>
  REDISCLI_AUTH and VALKEYCLI_AUTH hold the password, REDISCLI_CLUSTER_YES=1 answers yes.

'slotctl help <sub_command>' explains one; 'slotctl --help' lists all of slotctl's commands.
";

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Whether an option is spelled so: `--long`, one of its aliases, or `-s`.
fn answers_to(arg: &Arg, name: &str) -> bool {
    if let Some(long) = name.strip_prefix("--") {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        return arg.get_long() == Some(long) || aliases.contains(&long);
    }
    let mut short = name.chars().skip(1);
    matches!((short.next(), short.next()), (Some(letter), None) if arg.get_short() == Some(letter))
}

/// The word that differs in the fewest letters, if it is near enough to be meant.
fn nearest(typed: &str, words: impl Iterator<Item = String>) -> Option<String> {
    let bare = |word: &str| word.trim_start_matches('-').trim_start_matches("cluster-").to_owned();
    let wanted = bare(typed);
    let far = (wanted.chars().count() / 3).max(1);
    let scored = words.map(|word| (strsim::damerau_levenshtein(&wanted, &bare(&word)), word));
    scored.filter(|(distance, _)| *distance <= far).min().map(|(_, word)| word)
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
