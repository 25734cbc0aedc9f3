//! The opcodes of a file, one after the other (`rdbLoadRioWithLoadingCtx` in rdb.c).

use std::io::Read;

use super::checksum::Checksum;
use super::read::Input;
use super::value::{self, MODULE};
use super::{Flavour, Header, RdbError};

/// The longest name of a key, and the longest auxiliary field: what servers take at most, 512 MB.
const LONGEST_NAME: u64 = 512 << 20;

/// What is kept of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Each value, up to so many bytes.
    Values(usize),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its database.
    pub db: u64,
    /// Its name.
    pub key: Vec<u8>,
    /// When it expires, in milliseconds of Unix time.
    pub expires_at: Option<i64>,
    /// For how many seconds nobody has used it, where the server counts that.
    pub idle: Option<u64>,
    /// How often it is used, where the server counts that.
    pub freq: Option<u8>,
    /// The type byte.
    pub kind: u8,
    /// The module whose value it is.
    pub module: Option<String>,
    /// How many bytes the value takes.
    pub size: u64,
    /// The type byte and the value, as DUMP gives them before their footer; empty where nothing is kept.
    pub value: Vec<u8>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Something the server tells of itself, like `redis-ver`.
    Aux(Vec<u8>, Vec<u8>),
    /// The source text of a library of functions.
    Function(Vec<u8>),
    /// Data of a module that belong to no key, with the module's name.
    ModuleAux(String),
    /// A key.
    Entry(Entry),
}

/// What stands before a key and belongs to it.
#[derive(Default)]
struct Before {
    expires_at: Option<i64>,
    idle: Option<u64>,
    freq: Option<u8>,
    /// Modules' data about the key, with its opcode (Redis 8.6).
    meta: Vec<u8>,
}

/// Walks a file.
pub struct Walker<R> {
    input: Input<R>,
    header: Header,
    keep: Keep,
    db: u64,
    end: Option<Checksum>,
}

impl<R: Read> Walker<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`RdbError::NotRdb`], [`RdbError::Read`].
    pub fn new(file: R, keep: Keep) -> Result<Self, RdbError> {
        let mut input = Input::new(file);
        let magic: [u8; 9] = input.bytes().map_err(|error| match error {
            RdbError::Truncated(_) => RdbError::NotRdb,
            other => other,
        })?;
        let (flavour, digits) = match (magic.strip_prefix(b"REDIS"), magic.strip_prefix(b"VALKEY")) {
            (Some(digits), _) => (Flavour::Redis, digits),
            (_, Some(digits)) => (Flavour::Valkey, digits),
            _ => return Err(RdbError::NotRdb),
        };
        let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let version = version.filter(|version| *version > 0).ok_or(RdbError::NotRdb)?;
        Ok(Self { input, header: Header { flavour, version }, keep, db: 0, end: None })
    }

    /// What the file says of itself.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The checksum at the end; `None` until the end was reached.
    pub fn checksum(&self) -> Option<Checksum> {
        self.end
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.input.at()
    }

    /// The next thing in the file; `None` at its end, whose checksum is then known to be right.
    ///
    /// # Errors
    /// [`RdbError`]; the walk ends there.
    pub fn next_item(&mut self) -> Result<Option<Item>, RdbError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let mut before = Before::default();
        loop {
            let opcode = self.input.byte()?;
            match opcode {
                255 => {
                    self.end = Some(self.ending()?);
                    return Ok(None);
                }
                254 => self.db = self.input.length()?,
                253 => {
                    let seconds = i64::from(i32::from_le_bytes(self.input.bytes()?));
                    before.expires_at = Some(seconds * 1000);
                }
                252 => before.expires_at = Some(i64::from_le_bytes(self.input.bytes()?)),
                251 => self.input.lengths(2)?,
                250 => return Ok(Some(Item::Aux(self.name()?, self.name()?))),
                249 => before.freq = Some(self.input.byte()?),
                248 => before.idle = Some(self.input.length()?),
                247 => return self.module_aux().map(Some),
                245 => return Ok(Some(Item::Function(self.name()?))),
                244 => self.input.lengths(3)?,
                243 if self.header.flavour == Flavour::Valkey => self.slot_import()?,
                243 => before.meta = self.key_meta()?,
                kind => return self.entry(kind, before).map(|entry| Some(Item::Entry(entry))),
            }
        }
    }

    fn name(&mut self) -> Result<Vec<u8>, RdbError> {
        self.input.string(LONGEST_NAME)
    }

    fn limit(&self) -> usize {
        match self.keep {
            Keep::Nothing => 0,
            Keep::Values(limit) => limit,
        }
    }

    fn entry(&mut self, kind: u8, before: Before) -> Result<Entry, RdbError> {
        if kind > 100 {
            return Err(RdbError::UnknownType { kind, at: self.input.at() - 1 });
        }
        let key = self.name()?;
        let mut value = before.meta;
        if self.keep != Keep::Nothing {
            value.push(kind);
            self.input.begin_record(std::mem::take(&mut value), self.limit());
        }
        let mut module = None;
        let begun = self.input.at();
        if kind == MODULE {
            module = Some(value::module_name(self.input.length()?));
            value::skip_module_value(&mut self.input)?;
        } else {
            value::skip(&mut self.input, kind, self.header.flavour)?;
        }
        let value = if self.keep == Keep::Nothing { Vec::new() } else { self.input.end_record()? };
        let Before { expires_at, idle, freq, .. } = before;
        let size = self.input.at() - begun;
        Ok(Entry { db: self.db, key, expires_at, idle, freq, kind, module, size, value })
    }

    fn module_aux(&mut self) -> Result<Item, RdbError> {
        let id = self.input.length()?;
        // When it was saved, as a number with its kind before it; then the module's own data.
        self.input.lengths(2)?;
        value::skip_module_value(&mut self.input)?;
        Ok(Item::ModuleAux(value::module_name(id)))
    }

    /// An import of slots that was under way (Valkey 9): a name, and pairs of first and last slot.
    fn slot_import(&mut self) -> Result<(), RdbError> {
        self.input.skip_string()?;
        for _ in 0..self.input.length()? {
            self.input.lengths(2)?;
        }
        Ok(())
    }

    /// What modules keep about a key (Redis 8.6): a count of classes, each four bytes and a module's value.
    fn key_meta(&mut self) -> Result<Vec<u8>, RdbError> {
        if self.keep != Keep::Nothing {
            let limit = self.limit();
            self.input.begin_record(vec![243], limit);
        }
        for _ in 0..self.input.length()? {
            self.input.skip(4)?;
            value::skip_module_value(&mut self.input)?;
        }
        if self.keep == Keep::Nothing { Ok(Vec::new()) } else { self.input.end_record() }
    }

    fn ending(&mut self) -> Result<Checksum, RdbError> {
        let counted = self.input.checksum()?;
        // Checksums came with version 5.
        let checksum = if self.header.version >= 5 {
            Checksum::of(u64::from_le_bytes(self.input.bytes()?), counted)?
        } else {
            Checksum::Absent
        };
        if self.input.is_at_end()? { Ok(checksum) } else { self.input.damaged("something after the end") }
    }
}
