//! Reading a backup's file once more, from the disk: is it whole, and what is in it?

use std::io::{self, Read, Seek};

use sha2::{Digest, Sha256};

use crate::core::backup::Holdings;
use crate::core::rdb::{Checksum, Flavour, Header, Item, Keep, RdbError, Walker, trailer};
use crate::core::slot::{SLOT_COUNT, key_slot};

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its own checksum, in hexadecimal; `None` where the server counted none.
    pub crc64: Option<String>,
    /// `REDIS0010`.
    pub rdb: String,
    /// The same header.
    pub header: Header,
    /// What is in it; `None` where it holds something that is not known here.
    pub holds: Option<Holdings>,
    /// How many keys of each slot are in it.
    pub by_slot: Vec<u64>,
}

/// Hashes what is read through it.
struct Hashing<R> {
    file: R,
    sha: Sha256,
    bytes: u64,
}

impl<R> Hashing<R> {
    fn new(file: R) -> Self {
        Self { file, sha: Sha256::new(), bytes: 0 }
    }

    fn sha256(&self) -> String {
        use std::fmt::Write;
        self.sha.clone().finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.sha.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Reads a file from its beginning to its end. Blocks.
///
/// # Errors
/// [`RdbError`]: it is not what a server wrote.
pub fn verify(mut file: impl Read + Seek) -> Result<Verified, RdbError> {
    rewind(&mut file)?;
    let mut hashing = Hashing::new(&mut file);
    let mut walker = Walker::new(&mut hashing, Keep::Nothing)?;
    let header = walker.header();
    let mut by_slot = vec![0; usize::from(SLOT_COUNT)];
    let walked = holdings(&mut walker, &mut by_slot);
    let end = walker.checksum();
    match (walked, end) {
        (Ok(holds), Some(checksum)) => Ok(verified(&hashing, header, checksum, Some(holds), by_slot)),
        (Ok(_), None) => Err(RdbError::Truncated(hashing.bytes)),
        // From a future server, perhaps. Its checksum still says whether it is whole.
        (Err(unknown @ RdbError::UnknownType { .. }), _) => {
            rewind(&mut file)?;
            let mut hashing = Hashing::new(&mut file);
            match trailer(&mut hashing)? {
                Checksum::Absent => Err(unknown),
                checksum @ Checksum::Right(_) => Ok(verified(&hashing, header, checksum, None, by_slot)),
            }
        }
        (Err(error), _) => Err(error),
    }
}

fn rewind(file: &mut impl Seek) -> Result<(), RdbError> {
    file.rewind().map_err(|error| RdbError::Read(error.to_string()))
}

fn verified<R>(
    hashing: &Hashing<R>,
    header: Header,
    checksum: Checksum,
    holds: Option<Holdings>,
    by_slot: Vec<u64>,
) -> Verified {
    let crc64 = match checksum {
        Checksum::Right(crc) => Some(format!("{crc:016x}")),
        Checksum::Absent => None,
    };
    let rdb = match header.flavour {
        Flavour::Redis => format!("REDIS{:04}", header.version),
        Flavour::Valkey => format!("VALKEY{:03}", header.version),
    };
    Verified { bytes: hashing.bytes, sha256: hashing.sha256(), crc64, rdb, header, holds, by_slot }
}

fn holdings<R: Read>(walker: &mut Walker<R>, by_slot: &mut [u64]) -> Result<Holdings, RdbError> {
    let mut holds = Holdings::default();
    let name = |modules: &mut Vec<String>, module: String| {
        if !modules.contains(&module) {
            modules.push(module);
        }
    };
    while let Some(item) = walker.next_item()? {
        match item {
            Item::Entry(entry) => {
                *holds.keys.entry(entry.db).or_default() += 1;
                holds.expiring += u64::from(entry.expires_at.is_some());
                holds.largest = holds.largest.max(entry.size);
                by_slot[key_slot(&entry.key).index()] += 1;
                if let Some(module) = entry.module {
                    name(&mut holds.modules, module);
                }
            }
            Item::Function(_) => holds.functions += 1,
            Item::ModuleAux(module) => name(&mut holds.module_data, module),
            Item::Aux(..) => {}
        }
    }
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_file_with_a_type_from_the_future_is_whole_if_its_checksum_says_so() {
        // Type 99, key "k", then bytes that nobody can read, and their checksum.
        let mut file = b"REDIS0099\x63\x01kwhatever\xff".to_vec();
        let sum = crc::Crc::<u64>::new(&crc::CRC_64_REDIS).checksum(&file);
        file.extend_from_slice(&sum.to_le_bytes());
        let found = verify(Cursor::new(&file)).unwrap();
        assert_eq!((found.bytes, found.holds), (file.len() as u64, None));
        assert_eq!(found.crc64, Some(format!("{sum:016x}")));
        file[11] ^= 1;
        assert!(matches!(verify(Cursor::new(&file)), Err(RdbError::Checksum { .. })));
    }
}
