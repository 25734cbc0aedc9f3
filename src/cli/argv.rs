//! redis-cli's grammar, brought into one order.
//!
//! redis-cli takes its options before and after `--cluster SUB args…`, in any order, and so must its drop-in. This pure
//! step turns every such order into `SUB --option=value… -- args…`, which clap then reads; everything else passes
//! through untouched. What the words are is [`grammar`](super::grammar)'s.

use std::ffi::OsString;

use clap::Command;
use thiserror::Error;

use super::grammar::{Elsewhere, Grammar, OPTIONS, SUBS};

/// Why an argument list can't be read. The texts are redis-cli's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// An option that nobody knows, or one without its value; and the nearest that is known.
    #[error("Unrecognized option or bad number of args for: '{0}'{near}", near = meant(.1.as_ref()))]
    Unrecognized(String, Option<String>),
    /// `--cluster` twice, or without a sub command.
    #[error("--cluster needs one sub command, once: 'slotctl --cluster help' lists them")]
    ClusterMisused,
    /// Not a word that redis-cli knows after `--cluster`; and the nearest that is known.
    #[error("Unknown --cluster subcommand{near}", near = meant(.0.as_ref()))]
    UnknownSub(Option<String>),
    /// A sub command that has no plan.
    #[error("plan needs a sub command that changes a cluster: 'slotctl help plan' lists them")]
    NotPlannable,
    /// Too few or too many arguments, and where -u was given in the place of an address, a hint.
    #[error("[ERR] Wrong number of arguments for specified --cluster sub command{0}")]
    WrongCount(&'static str),
    /// An option that makes no sense here, and why.
    #[error("'{0}' can't be used here: {1}")]
    NotHere(String, String),
    /// An argument that is no Unicode text.
    #[error("this argument is not valid text: {0}")]
    NotText(String),
    /// `-X TAG` without the tag among the arguments; redis-cli's words.
    #[error("Using -X option but stdin tag not match.")]
    NoTag,
    /// Standard input can't be read for `-x`.
    #[error("-x: standard input can't be read: {0}")]
    Input(String),
}

fn meant(nearest: Option<&String>) -> String {
    nearest.map(|word| format!("\nDid you mean '{word}'?")).unwrap_or_default()
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Words for clap, without the program's name.
    Words(Vec<OsString>),
    /// `--cluster help`.
    ClusterHelp,
}

/// Brings the arguments (without the program's name) into the order that clap reads. `stdin` is read to its end where
/// `-x` or `-X` asks for it.
///
/// # Errors
/// [`UsageError`] where redis-cli would refuse too, for what this version can't do, and for addresses that redis-cli
/// would drop without a word.
pub fn normalise(argv: Vec<OsString>, stdin: impl FnOnce() -> Result<String, String>) -> Result<Line, UsageError> {
    let grammar = Grammar::new();
    let is_cluster = argv.iter().any(|word| word == "--cluster");
    if argv.iter().any(|word| word == "-v") && argv.len() == 1 {
        return Ok(Line::Words(vec!["--version".into()]));
    }
    if !is_cluster && !plain_sub(&grammar, &argv) {
        return Ok(Line::Words(argv));
    }
    let words: Vec<String> = argv
        .into_iter()
        .map(|w| w.into_string().map_err(|w| UsageError::NotText(format!("{}", w.display()))))
        .collect::<Result<_, _>>()?;
    let mut scan = Scan::of(&grammar, &words, is_cluster)?;
    scan.take_stdin(stdin)?;
    scan.into_line(&grammar)
}

/// Whether the first bare word is a sub command of redis-cli's grammar.
fn plain_sub(grammar: &Grammar, argv: &[OsString]) -> bool {
    let mut words = argv.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return word == "plan" || SUBS.iter().any(|sub| sub.name == word);
        }
        if grammar.is_valued(word) == Some(true) {
            words.next();
        }
    }
    false
}

/// What `-x` and `-X` put into the arguments.
enum FromStdin {
    Last,
    InPlaceOf(String),
}

/// What stands in a command line of redis-cli's grammar.
#[derive(Default)]
struct Scan {
    sub: String,
    /// Whether `plan` stands before the sub command.
    planned: bool,
    args: Vec<String>,
    /// Options as they were written, with their values.
    options: Vec<(String, Option<String>)>,
    from_stdin: Option<FromStdin>,
    help: bool,
}

impl Scan {
    fn of(grammar: &Grammar, words: &[String], is_cluster: bool) -> Result<Self, UsageError> {
        let mut scan = Self::default();
        let mut has_sub = false;
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            if word == "--cluster" {
                let sub = words.get(i).filter(|_| !has_sub).ok_or(UsageError::ClusterMisused)?;
                has_sub = scan.name(sub);
                i += 1;
            } else if word == "--" && has_sub {
                // A word after it may begin with a dash: arguments of `call`.
                scan.args.extend(words[i..].iter().cloned());
                break;
            } else if (word == "-h" && i == words.len()) || word == "--help" {
                scan.help = true;
            } else if word.starts_with('-') {
                i += scan.option(grammar, word, &words[i..])?;
            } else if !has_sub && (scan.planned || !is_cluster) {
                has_sub = scan.name(word);
            } else if has_sub {
                scan.args.push(word.clone());
            } else {
                // A bare word before --cluster: redis-cli would take it for a command of the server.
                return Err(UsageError::Unrecognized(word.clone(), None));
            }
        }
        Ok(scan)
    }

    /// Takes the sub command's name; says whether it is complete, which `plan` alone is not.
    fn name(&mut self, word: &str) -> bool {
        if word == "plan" && !self.planned {
            self.planned = true;
            return false;
        }
        word.clone_into(&mut self.sub);
        true
    }

    /// Takes an option in; says how many of the next words it took.
    fn option(&mut self, grammar: &Grammar, word: &str, next: &[String]) -> Result<usize, UsageError> {
        let bad = || UsageError::Unrecognized(word.to_owned(), None);
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word, None),
        };
        if ["--cluster-weight", "--weight"].contains(&name) {
            // It takes every word that looks like a weight, as in redis-cli; redis-trib.rb repeats it.
            let more: Vec<_> = next.iter().take_while(|w| !w.starts_with("--") && w.contains('=')).cloned().collect();
            let count = more.len();
            let weights = inline.into_iter().chain(more);
            self.options.extend(weights.map(|weight| ("--cluster-weight".to_owned(), Some(weight))));
            return Ok(count);
        }
        if name == "-x" {
            self.from_stdin = Some(FromStdin::Last);
            return Ok(0);
        }
        if name == "-X" {
            self.from_stdin = Some(FromStdin::InPlaceOf(next.first().ok_or_else(bad)?.clone()));
            return Ok(1);
        }
        // What nobody knows is refused when the sub command is known.
        let valued = grammar.is_valued(name);
        let (value, taken) = match (valued, inline) {
            (Some(true), None) => (Some(next.first().ok_or_else(bad)?.clone()), 1),
            (Some(false), Some(_)) => return Err(bad()),
            (_, inline) => (inline, 0),
        };
        self.options.push((name.to_owned(), value));
        Ok(taken)
    }

    fn take_stdin(&mut self, read: impl FnOnce() -> Result<String, String>) -> Result<(), UsageError> {
        let Some(place) = self.from_stdin.take() else { return Ok(()) };
        match place {
            FromStdin::Last => self.args.push(read().map_err(UsageError::Input)?),
            FromStdin::InPlaceOf(tag) => {
                let place = self.args.iter_mut().find(|arg| **arg == tag).ok_or(UsageError::NoTag)?;
                *place = read().map_err(UsageError::Input)?;
            }
        }
        Ok(())
    }

    fn into_line(self, grammar: &Grammar) -> Result<Line, UsageError> {
        if self.planned && (self.sub.is_empty() || self.sub == "help") {
            let asked = self.help || self.sub == "help";
            return if asked { Ok(words(["plan", "--help"])) } else { Err(UsageError::NotPlannable) };
        }
        if self.sub == "help" {
            return Ok(self.args.first().map_or(Line::ClusterHelp, |sub| words(["help", sub])));
        }
        let Some(sub) = SUBS.iter().find(|sub| sub.name == self.sub) else {
            return Err(UsageError::UnknownSub(grammar.nearest_sub(&self.sub)));
        };
        let definition = grammar.definition(sub.name, self.planned).ok_or(UsageError::NotPlannable)?;
        let plan: &[&str] = if self.planned { &["plan"] } else { &[] };
        if self.help {
            return Ok(words(plan.iter().copied().chain([sub.name, "--help"])));
        }
        let mut line: Vec<OsString> = plan.iter().map(OsString::from).collect();
        let commands = |option: &&(String, Option<String>)| self.planned && option.0 == "--commands";
        line.extend(self.options.iter().find(commands).map(|_| OsString::from("--commands")));
        line.push(sub.name.into());
        for option in self.options.iter().filter(|option| !commands(option)) {
            line.extend(handed_on(grammar, definition, option)?.map(OsString::from));
        }
        // redis-cli takes `host:port` or `host port`, and silently drops what follows: a dropped address is a mistake.
        if !(sub.args.0..=sub.args.1).contains(&self.args.len()) {
            let by_uri = self.args.is_empty() && self.options.iter().any(|(name, _)| name == "-u" || name == "--uri");
            let hint = "\n-u says user, password and TLS only: name host:port besides, as with redis-cli.";
            return Err(UsageError::WrongCount(if by_uri { hint } else { "" }));
        }
        line.push("--".into());
        line.extend(self.args.into_iter().map(OsString::from));
        Ok(Line::Words(line))
    }
}

/// How clap gets an option; `None` where it is without effect.
fn handed_on(
    grammar: &Grammar,
    definition: &Command,
    (name, value): &(String, Option<String>),
) -> Result<Option<String>, UsageError> {
    let known = OPTIONS.iter().find(|known| known.names.contains(&name.as_str()));
    // One spelling may be an option of the command itself, and a synonym of another one elsewhere.
    let arg = grammar.option(Some(definition), &[name.as_str()]);
    let arg = arg.or_else(|| grammar.option(Some(definition), known?.names));
    if let Some(long) = arg.and_then(clap::Arg::get_long) {
        return Ok(Some(value.as_ref().map_or_else(|| format!("--{long}"), |value| format!("--{long}={value}"))));
    }
    match known.map(|known| known.elsewhere) {
        Some(Elsewhere::Idle) => Ok(None),
        Some(Elsewhere::Refused(why)) => Err(UsageError::NotHere(name.clone(), why.to_owned())),
        None if name == "--cluster-weight" => Ok(None),
        None => Err(stranger(grammar, definition, name)),
    }
}

/// An option that the sub command does not know: another one's, or nobody's.
fn stranger(grammar: &Grammar, definition: &Command, name: &str) -> UsageError {
    let takers = grammar.takers(name);
    if takers.is_empty() {
        return UsageError::Unrecognized(name.to_owned(), grammar.nearest_option(Some(definition), name));
    }
    UsageError::NotHere(name.to_owned(), format!("it is an option of {}", takers.join(", ")))
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Line {
    Line::Words(words.into_iter().map(OsString::from).collect())
}

#[cfg(test)]
#[path = "argv_tests.rs"]
mod tests;
