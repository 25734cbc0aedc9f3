//! The CRC-64 of RDB files and of DUMP payloads (the Jones polynomial, reflected, from 0; `crc64.c`).

use std::io::Read;

use crc::{CRC_64_REDIS, Crc, Digest, Table};

use super::RdbError;

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// How many bytes the checksum at the end of a file takes.
const TRAILER: usize = 8;

/// A running checksum.
pub(super) type Running = Digest<'static, u64, Table<16>>;

pub(super) fn running() -> Running {
    CRC64.digest()
}

/// What the end of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum that stands there is right.
    Right(u64),
    /// None was counted: the server runs with `rdbchecksum no`, or the format is older than RDB version 5.
    Absent,
}

impl Checksum {
    pub(super) fn of(written: u64, counted: u64) -> Result<Self, RdbError> {
        match written {
            0 => Ok(Self::Absent),
            _ if written == counted => Ok(Self::Right(written)),
            _ => Err(RdbError::Checksum { written, counted }),
        }
    }
}

/// Checks the last eight bytes of a file against all others, whatever they hold.
///
/// # Errors
/// [`RdbError::Read`], [`RdbError::Truncated`], [`RdbError::Checksum`].
pub fn trailer(mut file: impl Read) -> Result<Checksum, RdbError> {
    let mut digest = running();
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(RdbError::Read(error.to_string())),
        };
        if read == 0 {
            break;
        }
        bytes += read as u64;
        held.extend_from_slice(&buffer[..read]);
        let sure = held.len().saturating_sub(TRAILER);
        digest.update(&held[..sure]);
        held.drain(..sure);
    }
    let written: [u8; TRAILER] = held.try_into().map_err(|_| RdbError::Truncated(bytes))?;
    Checksum::of(u64::from_le_bytes(written), digest.finalize())
}

/// What `RESTORE` takes: a value as [`Entry`](super::Entry) has it, then the RDB version and the checksum of all that.
#[must_use]
pub fn payload(mut value: Vec<u8>, version: u16) -> Vec<u8> {
    value.extend_from_slice(&version.to_le_bytes());
    let crc = CRC64.checksum(&value);
    value.extend_from_slice(&crc.to_le_bytes());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_servers() {
        // The test value of crc64.c.
        assert_eq!(CRC64.checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn a_payload_is_what_dump_gives() {
        // SET k 10; DUMP k on Redis 7.0.
        let dump = b"\x00\xc0\x0a\x0a\x00";
        let whole = payload(b"\x00\xc0\x0a".to_vec(), 10);
        assert_eq!(&whole[..5], dump);
        assert_eq!(whole.len(), 13);
    }

    #[test]
    fn a_trailer_is_checked_without_knowing_what_is_before_it() {
        let mut file = b"REDIS0099 and things from the future".to_vec();
        let crc = CRC64.checksum(&file);
        file.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(trailer(&file[..]), Ok(Checksum::Right(crc)));
        file[12] ^= 1;
        assert!(matches!(trailer(&file[..]), Err(RdbError::Checksum { .. })));
        assert_eq!(trailer(&file[..5]), Err(RdbError::Truncated(5)));
    }
}
