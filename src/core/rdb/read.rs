//! Bytes of a file one after the other, with their checksum and, on demand, a copy of them.

use std::io::Read;

use super::checksum::{Running, running};
use super::{RdbError, lzf};

const BUFFER: usize = 1 << 16;

/// A length, or a special encoding in its place (the first two bits are 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Plain(u64),
    Encoded(u8),
}

/// Reads a file.
pub(super) struct Input<R> {
    source: R,
    buffer: Box<[u8]>,
    /// The bytes of the buffer that are not consumed yet.
    start: usize,
    end: usize,
    /// Consumed so far, from the file's beginning.
    at: u64,
    digest: Running,
    /// From here to `start` bytes are consumed and not yet in the checksum.
    unhashed: usize,
    record: Option<Record>,
}

/// A copy of consumed bytes.
struct Record {
    bytes: Vec<u8>,
    /// Where in the buffer the part begins that is not copied yet.
    from: usize,
    began: u64,
    limit: usize,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { source, buffer, start: 0, end: 0, at: 0, digest: running(), unhashed: 0, record: None }
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn damaged<T>(&self, what: &'static str) -> Result<T, RdbError> {
        Err(RdbError::Damaged { what, at: self.at })
    }

    /// From now on consumed bytes are copied, at most `limit` of them.
    pub(super) fn begin_record(&mut self, prefix: Vec<u8>, limit: usize) {
        self.record = Some(Record { bytes: prefix, from: self.start, began: self.at, limit });
    }

    /// The copy.
    pub(super) fn end_record(&mut self) -> Result<Vec<u8>, RdbError> {
        self.settle()?;
        Ok(self.record.take().map(|record| record.bytes).unwrap_or_default())
    }

    /// The checksum of everything consumed.
    pub(super) fn checksum(&mut self) -> Result<u64, RdbError> {
        self.settle()?;
        Ok(self.digest.clone().finalize())
    }

    /// Brings the checksum and the copy up to date.
    fn settle(&mut self) -> Result<(), RdbError> {
        self.digest.update(&self.buffer[self.unhashed..self.start]);
        self.unhashed = self.start;
        if let Some(record) = &mut self.record {
            let more = &self.buffer[record.from..self.start];
            if record.bytes.len() + more.len() > record.limit {
                return Err(RdbError::TooLarge { at: record.began, limit: record.limit });
            }
            record.bytes.extend_from_slice(more);
            record.from = self.start;
        }
        Ok(())
    }

    /// Reads more where nothing is left; says whether there is anything.
    fn fill(&mut self) -> Result<bool, RdbError> {
        if self.start < self.end {
            return Ok(true);
        }
        self.settle()?;
        self.end = loop {
            match self.source.read(&mut self.buffer) {
                Ok(read) => break read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(RdbError::Read(error.to_string())),
            }
        };
        (self.start, self.unhashed) = (0, 0);
        if let Some(record) = &mut self.record {
            record.from = 0;
        }
        Ok(self.end > 0)
    }

    fn need(&mut self) -> Result<(), RdbError> {
        if self.fill()? { Ok(()) } else { Err(RdbError::Truncated(self.at)) }
    }

    /// Whether the file ends here.
    pub(super) fn is_at_end(&mut self) -> Result<bool, RdbError> {
        Ok(!self.fill()?)
    }

    pub(super) fn byte(&mut self) -> Result<u8, RdbError> {
        self.need()?;
        let byte = self.buffer[self.start];
        self.start += 1;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<(), RdbError> {
        self.each(count, |_| ())
    }

    /// Hands the next `count` bytes on, piece by piece.
    fn each(&mut self, mut count: u64, mut take: impl FnMut(&[u8])) -> Result<(), RdbError> {
        while count > 0 {
            self.need()?;
            let here = usize::try_from(count).unwrap_or(usize::MAX).min(self.end - self.start);
            take(&self.buffer[self.start..self.start + here]);
            self.start += here;
            self.at += here as u64;
            count -= here as u64;
        }
        Ok(())
    }

    /// A length, or the number of the encoding that stands in its place.
    pub(super) fn length_or_encoding(&mut self) -> Result<Length, RdbError> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(u64::from(first)),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.bytes()?))),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.bytes()?)),
            2 => return self.damaged("a length of no known form"),
            _ => Length::Encoded(first & 0x3f),
        })
    }

    pub(super) fn length(&mut self) -> Result<u64, RdbError> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => self.damaged("an encoded value in place of a length"),
        }
    }

    /// Passes over so many lengths.
    pub(super) fn lengths(&mut self, count: usize) -> Result<(), RdbError> {
        for _ in 0..count {
            self.length()?;
        }
        Ok(())
    }

    /// Passes over a string.
    pub(super) fn skip_string(&mut self) -> Result<(), RdbError> {
        match self.length_or_encoding()? {
            Length::Plain(length) => self.skip(length),
            Length::Encoded(kind @ 0..=2) => self.skip(1 << kind),
            Length::Encoded(3) => {
                let packed = self.length()?;
                self.length()?;
                self.skip(packed)
            }
            Length::Encoded(_) => self.damaged("a string of no known encoding"),
        }
    }

    /// A string, decoded. One that is longer than `limit` is refused.
    pub(super) fn string(&mut self, limit: u64) -> Result<Vec<u8>, RdbError> {
        match self.length_or_encoding()? {
            Length::Plain(length) => self.raw(length, limit),
            Length::Encoded(0) => Ok(i8::from_le_bytes(self.bytes()?).to_string().into_bytes()),
            Length::Encoded(1) => Ok(i16::from_le_bytes(self.bytes()?).to_string().into_bytes()),
            Length::Encoded(2) => Ok(i32::from_le_bytes(self.bytes()?).to_string().into_bytes()),
            Length::Encoded(3) => {
                let (packed, length) = (self.length()?, self.length()?);
                if length > limit {
                    return self.damaged("a name that is too long");
                }
                let packed = self.raw(packed, limit)?;
                lzf::unpack(&packed, length)
                    .map_or_else(|| self.damaged("a compressed string that can't be unpacked"), Ok)
            }
            Length::Encoded(_) => self.damaged("a string of no known encoding"),
        }
    }

    fn raw(&mut self, length: u64, limit: u64) -> Result<Vec<u8>, RdbError> {
        if length > limit {
            return self.damaged("a name that is too long");
        }
        let mut bytes = Vec::new();
        self.each(length, |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }
}
