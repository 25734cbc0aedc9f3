//! `.slotdeck` files: [cluster definitions](crate::core::definition) on disk.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::core::definition::{Definition, DefinitionError, MAX_BYTES};

use super::atomic::atomic_write;

/// Why a definition can't be read or written.
#[derive(Debug, Error)]
pub enum DefinitionFileError {
    /// The system refused.
    #[error("Can't {doing} {}: {source}. Check that the file and its folder are there and that you may use them.", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no usable definition.
    #[error("{} can't be used: {source}.", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DefinitionError,
    },
}

/// Reads a definition.
///
/// # Errors
/// The file can't be read, or holds no definition that this program knows.
pub fn read(path: &Path) -> Result<Definition, DefinitionFileError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| DefinitionFileError::Io { doing: "read", path: path.to_owned(), source })?;
    Definition::read(&bytes).map_err(|source| DefinitionFileError::Content { path: path.to_owned(), source })
}

/// Writes a definition, all or nothing. It holds no secret: it may be read by whom the folder lets in.
///
/// # Errors
/// The definition is too long, or the system refused.
pub fn write(path: &Path, definition: &Definition) -> Result<(), DefinitionFileError> {
    let text = definition.to_text().map_err(|source| DefinitionFileError::Content { path: path.to_owned(), source })?;
    let full = std::path::absolute(path);
    full.and_then(|full| atomic_write(&full, text.as_bytes(), false)).map_err(|source| DefinitionFileError::Io {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::spec::ClusterSpec;

    #[test]
    fn a_definition_that_was_written_is_read_and_errors_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("订单.slotdeck");
        let (definition, _) = Definition::of(&ClusterSpec::new("orders", "/data/orders"), Path::new("/data"));
        write(&path, &definition).unwrap();
        assert_eq!(read(&path).unwrap(), definition);
        for (content, sign) in
            [("hello", "no cluster definition"), ("{\"kind\":\"slotdeck-cluster\",\"version\":2}", "newer")]
        {
            fs::write(&path, content).unwrap();
            let why = read(&path).unwrap_err().to_string();
            assert!(why.contains("订单.slotdeck") && why.contains(sign), "{why}");
        }
        assert!(read(dir.path()).unwrap_err().to_string().contains("Can't read"));
        assert!(write(&dir.path().join("no/x.slotdeck"), &definition).unwrap_err().to_string().contains("Can't write"));
    }
}
