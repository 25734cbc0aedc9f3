//! The wire: commands in, answers out, in both versions of the protocol.

use std::io::Write as _;

/// An answer.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(&'static str),
    Error(String),
    Int(i64),
    Bytes(Vec<u8>),
    /// Text for people: a verbatim string in RESP3.
    Text(String),
    List(Vec<Reply>),
    /// Names and values: a list of both in RESP2.
    Map(Vec<(Reply, Reply)>),
    Nothing,
}

impl Reply {
    /// A name or another short text.
    pub fn word(text: &str) -> Self {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    /// Writes it for a version of the protocol.
    pub fn write(&self, version: u8, out: &mut Vec<u8>) {
        // Writing into memory does not fail.
        let _ = match self {
            Reply::Status(text) => write!(out, "+{text}\r\n"),
            Reply::Error(text) => write!(out, "-{text}\r\n"),
            Reply::Int(number) => write!(out, ":{number}\r\n"),
            Reply::Bytes(bytes) => bulk(out, '$', "", bytes),
            Reply::Text(text) if version == 3 => bulk(out, '=', "txt:", text.as_bytes()),
            Reply::Text(text) => bulk(out, '$', "", text.as_bytes()),
            Reply::List(items) => {
                let _ = write!(out, "*{}\r\n", items.len());
                for item in items {
                    item.write(version, out);
                }
                Ok(())
            }
            Reply::Map(pairs) => {
                let _ = if version == 3 {
                    write!(out, "%{}\r\n", pairs.len())
                } else {
                    write!(out, "*{}\r\n", pairs.len() * 2)
                };
                for (name, value) in pairs {
                    name.write(version, out);
                    value.write(version, out);
                }
                Ok(())
            }
            Reply::Nothing if version == 3 => write!(out, "_\r\n"),
            Reply::Nothing => write!(out, "$-1\r\n"),
        };
    }
}

fn bulk(out: &mut Vec<u8>, sign: char, before: &str, bytes: &[u8]) -> std::io::Result<()> {
    write!(out, "{sign}{}\r\n{before}", before.len() + bytes.len())?;
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// What the bytes received so far hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A command, and how many bytes it took.
    Command(Vec<Vec<u8>>, usize),
    /// Not all of it is here yet.
    More,
    /// No command of the protocol.
    Garbage,
}

/// The first command in the bytes.
pub fn read(bytes: &[u8]) -> Read {
    let Some((line, mut at)) = line(bytes, 0) else { return Read::More };
    if line.first() != Some(&b'*') {
        let words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect();
        return Read::Command(words, at);
    }
    let Some(count) = number(&line[1..]) else { return Read::Garbage };
    let mut words = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let Some((head, after)) = self::line(bytes, at) else { return Read::More };
        let length = head.strip_prefix(b"$").and_then(number);
        let Some(length) = length else { return Read::Garbage };
        let Some(word) = bytes.get(after..after + length) else { return Read::More };
        if bytes.len() < after + length + 2 {
            return Read::More;
        }
        words.push(word.to_vec());
        at = after + length + 2;
    }
    Read::Command(words, at)
}

fn line(bytes: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(from..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    Some((rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]), from + end + 1))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number < 1 << 20)
}
