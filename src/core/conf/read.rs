//! Reading a redis.conf: its directives with their line numbers, and the password in it.

use super::ConfError;
use super::directives::canonical;
use super::quote::{SplitError, quote, split_args};
use crate::core::secret::Secret;

/// What a password reads as where people look at a file.
pub const MASK: &str = "********";

/// A directive as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line number, from 1.
    pub number: usize,
    /// The directive's name, in lower case.
    pub name: String,
    /// Its arguments, as the server reads them.
    pub args: Vec<Vec<u8>>,
}

impl Line {
    /// The arguments as text; bytes that are none are replaced by U+FFFD.
    #[must_use]
    pub fn text_args(&self) -> Vec<String> {
        self.args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
    }

    /// Whether it sets the directive of this name, under any of its names.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        canonical(&self.name) == name
    }
}

/// Every line that is neither empty nor a comment, with its number: read, or with the reason why it can't be.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, Result<Line, SplitError>)> + '_ {
    (1..).zip(text.split('\n')).filter_map(|(number, raw)| read_line(number, raw).map(|line| (number, line)))
}

fn read_line(number: usize, raw: &str) -> Option<Result<Line, SplitError>> {
    let trimmed = raw.trim_matches([' ', '\t', '\r', '\n']);
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return None;
    }
    let mut args = match split_args(trimmed) {
        Ok(args) if args.is_empty() => return None,
        Ok(args) => args.into_iter(),
        Err(error) => return Some(Err(error)),
    };
    let name = String::from_utf8_lossy(&args.next().unwrap_or_default()).to_ascii_lowercase();
    Some(Ok(Line { number, name, args: args.collect() }))
}

/// The password that a client needs, if the file sets one: the last `requirepass` counts.
#[must_use]
pub fn password_of(text: &str) -> Option<Secret> {
    let last = lines(text).filter_map(|(_, line)| line.ok()).filter(|line| line.sets("requirepass")).last()?;
    let password = String::from_utf8(last.args.into_iter().next()?).ok()?;
    (!password.is_empty()).then(|| Secret::new(password))
}

/// The same text with [`MASK`] in place of every password of `requirepass` and `masterauth`: fit to be shown. Lines that
/// can't be read lose all that follows the name.
#[must_use]
pub fn mask_password(text: &str) -> String {
    map_password_lines(text, |name, args| {
        let empty = args.is_some_and(|args| args.iter().all(Vec::is_empty));
        Ok::<_, std::convert::Infallible>((!empty).then(|| format!("{name} {MASK}")))
    })
    .unwrap_or_else(|never| match never {})
}

/// The masked (and perhaps edited) text with the password in place of the mask: fit to be written. A password that was
/// typed over the mask stays.
///
/// # Errors
/// [`ConfError::MaskWithoutPassword`] where there is a mask and no password, [`ConfError::Value`] where redis.conf can't
/// hold the password.
pub fn unmask_password(text: &str, password: &Secret) -> Result<String, ConfError> {
    map_password_lines(text, |name, args| {
        if !args.is_some_and(|args| args.len() == 1 && args[0] == MASK.as_bytes()) {
            return Ok(None);
        }
        if password.is_empty() {
            return Err(ConfError::MaskWithoutPassword);
        }
        let quoted = quote(password.expose())
            .map_err(|source| ConfError::Value { directive: "requirepass".to_owned(), source })?;
        Ok(Some(format!("{name} {quoted}")))
    })
}

/// Replaces the lines that hold a password by what `replace` makes of the name as it stands there and the arguments
/// (`None` where they can't be read); everything else, line ends included, stays.
fn map_password_lines<E>(
    text: &str,
    replace: impl Fn(&str, Option<&[Vec<u8>]>) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let mut mapped = String::with_capacity(text.len());
    for raw in text.split_inclusive('\n') {
        let body = raw.trim_start_matches([' ', '\t', '\r']);
        let (lead, end_at) = (raw.len() - body.len(), body.trim_end_matches(['\r', '\n']).len());
        let (body, line_end) = body.split_at(end_at);
        let read = read_line(1, body);
        let (name, args) = match &read {
            Some(Ok(line)) => (line.name.as_str(), Some(line.args.as_slice())),
            Some(Err(_)) => (first_word(body), None),
            None => ("", None),
        };
        let replaced = if is_password(name) { replace(shown_name(body, name), args)? } else { None };
        match replaced {
            Some(line) => mapped.extend([&raw[..lead], &line, line_end]),
            None => mapped.push_str(raw),
        }
    }
    Ok(mapped)
}

fn is_password(name: &str) -> bool {
    matches!(canonical(name).as_str(), "requirepass" | "masterauth")
}

/// The first word of a line that can't be read, without the quotes that may be in it.
fn first_word(body: &str) -> &str {
    let word = body.trim_start_matches(['"', '\'']);
    word.split(|c: char| c.is_ascii_whitespace() || matches!(c, '\u{b}' | '"' | '\'')).next().unwrap_or_default()
}

/// The name as it is written in the line, where it is written plainly.
fn shown_name<'a>(body: &'a str, name: &'a str) -> &'a str {
    body.get(..name.len()).filter(|written| written.eq_ignore_ascii_case(name)).unwrap_or(name)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
