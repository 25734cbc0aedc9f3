//! Writing a file so that a reader, a crash or a full disk never sees half of it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// How the temporary files are called that a crash may leave behind: `.slotdeck-….tmp`.
pub const TEMP_PREFIX: &str = ".slotdeck-";
const TEMP_SUFFIX: &str = ".tmp";

/// Puts `bytes` into the file at `path`, all or nothing: a temporary file in the same folder, fsync, rename, and on
/// Unix fsync of the folder. The folder must exist. With `private`, on Unix only the user can read the file (mode 0600);
/// without, the umask decides. A link at `path` is replaced, not followed.
///
/// # Errors
/// What the system said; `path` is then as it was before.
pub fn atomic_write(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let folder = parent(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX);
    #[cfg(unix)]
    if !private {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = private; // On Windows it has the rights of its folder: private below the user's own, else not.
    // Its error would name the temporary file, which means nothing to anybody.
    let mut file = builder.tempfile_in(folder).map_err(|error| bare(&error))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    persist(file, path)?;
    sync_folder(folder)
}

/// Makes a folder and the missing ones above it, on Unix each for the user alone (mode 0700). One that exists is left as
/// it is.
///
/// # Errors
/// What the system said.
pub fn create_private_dir_all(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    private_mode(&mut builder);
    builder.create(path)
}

/// Makes one folder, on Unix for the user alone (mode 0700).
///
/// # Errors
/// What the system said; also when it exists already.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    private_mode(&mut builder);
    builder.create(path)
}

/// How to open a file that, if it is made, is on Unix the user's alone (mode 0600).
#[must_use]
pub fn private_options() -> fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "a mode is for Unix"))]
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes sure that the names in a folder survive a power cut. Does nothing where the system has no such call.
///
/// # Errors
/// What the system said.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(unix)]
fn private_mode(builder: &mut fs::DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

#[cfg(not(unix))]
fn private_mode(_builder: &mut fs::DirBuilder) {}

/// What the system said, without the path that tempfile adds to it.
fn bare(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text))
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a full path of a file"))
}

/// A temporary file in this folder, on Unix the user's alone (mode 0600), for what is written piece by piece; [`persist`]
/// gives it its name. Dropped before that, it is removed.
///
/// # Errors
/// What the system said.
pub fn private_temp_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX).tempfile_in(folder)
}

/// Gives a temporary file its name, replacing what has it. The caller has synced its contents.
///
/// On Windows a virus scanner or an indexer may hold the old file for a moment: asks again.
///
/// # Errors
/// What the system said.
pub fn persist(mut file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    let mut tries = if cfg!(windows) { 10 } else { 1 };
    loop {
        match file.persist(path) {
            Ok(_) => return Ok(()),
            Err(failed) if tries > 1 && failed.error.kind() == io::ErrorKind::PermissionDenied => {
                tries -= 1;
                file = failed.file;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(failed) => return Err(failed.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left_in_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a \"b\" 集群.json");
        atomic_write(&path, b"a longer first text", true).unwrap();
        atomic_write(&path, b"second", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap(); // A folder can't be replaced by a file.
        fs::write(path.join("inside"), "x").unwrap();
        assert!(atomic_write(&path, b"text", false).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(path.join("inside")).unwrap(), "x");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        assert!(atomic_write(&dir.path().join("no/file"), b"", true).is_err());
        assert!(atomic_write(Path::new("bare-name"), b"", true).is_err());
        assert!(!dir.path().join("no").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_readable_by_its_owner_alone_even_if_the_old_one_was_not() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("redis.conf");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        atomic_write(&path, b"new", true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let deep = dir.path().join("a/b");
        create_private_dir_all(&deep).unwrap();
        create_private_dir_all(&deep).unwrap();
        assert_eq!(fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(create_private_dir(&deep).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_what_it_points_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious");
        fs::write(&precious, "keep").unwrap();
        let path = dir.path().join("link");
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        atomic_write(&path, b"new", true).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "keep");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
