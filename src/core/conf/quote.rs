//! The quoting rules of redis.conf: how a value is written so that the server reads back exactly what was typed.
//!
//! The server cuts a file at line feeds, trims blanks from both ends of each line, skips empty lines and those that
//! begin with `#`, and splits the rest into arguments at blanks. An argument in double quotes knows the escapes
//! `\n \r \t \b \a \xHH`, and a backslash before any other character stands for that character; one in single quotes
//! knows only `\'`. A closing quote must be followed by a blank or the end. There are no end-of-line comments.
//! (Facts: `sdssplitargs` and the configuration loader, the same from Redis 3.0 to Valkey 9.)

use crate::core::version::{Family, ServerVersion};

/// Why a value can't be written to a redis.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The server keeps text as C strings, which end at the first NUL.
    #[error("it contains a NUL character, where the server would cut it off")]
    Nul,
    /// Longer than the server takes.
    #[error("it is {bytes} bytes long where this server keeps at most {limit}")]
    TooLong {
        /// Its length as the server counts it, in bytes.
        bytes: usize,
        /// The most that the server keeps, in bytes.
        limit: usize,
    },
    /// The server reads it, but writes it wrongly when it rewrites its file.
    #[error("this server would break its own file at CONFIG REWRITE: it forgets to escape quotes and backslashes")]
    SpoiledByRewrite,
}

/// Why a line can't be split into arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote is opened and never closed.
    #[error("a quote is not closed")]
    Unclosed,
    /// Text follows a closing quote without a blank between them.
    #[error("a closing quote must be followed by a blank")]
    TextAfterQuote,
}

/// The longest password that a client may send before it is logged in, in bytes (Redis 6.2.6 and later refuse longer
/// arguments from a connection that has not authenticated).
const MAX_AUTH_ARGUMENT: usize = 16_384;
/// The longest `requirepass` of Redis before 6.2, in bytes (`CONFIG_AUTHPASS_MAX_LEN`).
const MAX_OLD_PASSWORD: usize = 512;
/// Redis before 7.0 reads a file that it rewrites in pieces of 1024 bytes, line end included, and takes the rest of a
/// longer line for a line of its own: a longer line would break, or even change, the configuration at CONFIG REWRITE.
pub(super) const MAX_OLD_LINE: usize = 1023;

/// Writes a value so that it comes back from the server exactly as it is here: plain where that is safe, otherwise in
/// double quotes with escapes. The result never contains a line break or another control character, so that nothing
/// typed can become a second directive. Text beyond ASCII stays as it is, in UTF-8.
///
/// # Errors
/// [`QuoteError::Nul`] where the value contains a NUL.
pub fn quote(value: &str) -> Result<String, QuoteError> {
    if value.contains('\0') {
        return Err(QuoteError::Nul);
    }
    if !value.is_empty() && value.bytes().all(is_plain) {
        return Ok(value.to_owned());
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => {
                let byte = u32::from(c);
                quoted.push_str("\\x");
                quoted.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// Whether a byte means nothing but itself anywhere in an argument.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:,+@%=*".contains(&byte)
}

/// Whether a CONFIG REWRITE keeps the value. Valkey 8.1.0 and 8.1.1 write `"` and `\` without escapes (mended in 8.1.2): the
/// server does not start on such a file again.
///
/// # Errors
/// [`QuoteError::SpoiledByRewrite`] where it does not.
pub fn check_rewrite(value: &str, version: ServerVersion) -> Result<(), QuoteError> {
    let forgets = version.family == Family::Valkey && matches!(version.numbers(), (8, 1, 0 | 1));
    if forgets && value.contains(['"', '\\']) { Err(QuoteError::SpoiledByRewrite) } else { Ok(()) }
}

/// Whether this version can keep the value as the argument of this directive: also after a CONFIG REWRITE, and as a
/// password that clients can send.
///
/// # Errors
/// [`QuoteError::TooLong`] where it can't.
pub fn check_length(directive: &str, value: &str, version: ServerVersion) -> Result<(), QuoteError> {
    let numbers = if version.family == Family::Redis { version.numbers() } else { (7, 2, 0) };
    let within = |bytes, limit| if bytes <= limit { Ok(()) } else { Err(QuoteError::TooLong { bytes, limit }) };
    if matches!(directive, "requirepass" | "masterauth") {
        within(value.len(), if numbers < (6, 2, 0) { MAX_OLD_PASSWORD } else { MAX_AUTH_ARGUMENT })?;
    }
    if numbers < (7, 0, 0) {
        // The server writes every byte that is no printable ASCII as \xHH when it rewrites the file.
        let rewritten: usize = value.bytes().map(rewritten_length).sum();
        let around = directive.len() + " \"\"".len();
        within(rewritten, MAX_OLD_LINE - around)?;
    }
    Ok(())
}

fn rewritten_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 7 | 8 => 2,
        b' '..=b'~' => 1,
        _ => 4,
    }
}

/// Splits a line into its arguments as the server does. Bytes, because `\xHH` can spell what is no text.
///
/// # Errors
/// Where the server would say "Unbalanced quotes in configuration line".
pub fn split_args(line: &str) -> Result<Vec<Vec<u8>>, SplitError> {
    let mut rest = line.as_bytes();
    let mut args = Vec::new();
    loop {
        while let [first, tail @ ..] = rest
            && is_blank(*first)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(args);
        }
        let mut arg = Vec::new();
        rest = read_arg(rest, &mut arg)?;
        args.push(arg);
    }
}

/// The blanks of C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Reads one argument; a quote may open anywhere in it, and ends it where it closes.
fn read_arg<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Result<&'a [u8], SplitError> {
    loop {
        match rest {
            [] => return Ok(rest),
            [b'"', tail @ ..] => return read_double_quoted(tail, arg),
            [b'\'', tail @ ..] => return read_single_quoted(tail, arg),
            [byte, ..] if is_blank(*byte) => return Ok(rest),
            [byte, tail @ ..] => {
                arg.push(*byte);
                rest = tail;
            }
        }
    }
}

fn read_double_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Result<&'a [u8], SplitError> {
    loop {
        rest = match rest {
            [] => return Err(SplitError::Unclosed),
            [b'"', tail @ ..] => return after_quote(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                arg.push(hex(*high) << 4 | hex(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                arg.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                arg.push(*byte);
                tail
            }
        };
    }
}

fn read_single_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Result<&'a [u8], SplitError> {
    loop {
        rest = match rest {
            [] => return Err(SplitError::Unclosed),
            [b'\\', b'\'', tail @ ..] => {
                arg.push(b'\'');
                tail
            }
            [b'\'', tail @ ..] => return after_quote(tail),
            [byte, tail @ ..] => {
                arg.push(*byte);
                tail
            }
        };
    }
}

fn after_quote(rest: &[u8]) -> Result<&[u8], SplitError> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(SplitError::TextAfterQuote),
        _ => Ok(rest),
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.saturating_sub(b'A') + 10,
    }
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
