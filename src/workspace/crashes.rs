//! Reports of crashes: `ROOT/crashes/crash-DATE-TIME-PID.txt`, for the user alone, the latest few kept.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::atomic::{create_private_dir, private_options};
use super::store::Workspace;

/// How many reports are kept.
const KEPT: usize = 10;
/// How a report's name begins.
const PREFIX: &str = "crash-";

/// The folder of the reports.
#[derive(Debug, Clone)]
pub struct Crashes {
    folder: PathBuf,
}

impl Crashes {
    /// The reports of a workspace. Nothing is made before the first report.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        Self { folder: workspace.root().join("crashes") }
    }

    /// Writes a report of this time and removes the oldest ones. Says where it lies.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&self, at: SystemTime, text: &str) -> io::Result<PathBuf> {
        match create_private_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.make_room();
        let stamp = stamp(at).replace(':', "").replace([' ', '-'], "");
        for n in 0..100 {
            let name = match n {
                0 => format!("{PREFIX}{stamp}-{}.txt", std::process::id()),
                n => format!("{PREFIX}{stamp}-{}-{n}.txt", std::process::id()),
            };
            let path = self.folder.join(name);
            match new_file(&path) {
                Ok(mut file) => {
                    file.write_all(text.as_bytes())?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many crashes in one second"))
    }

    /// Leaves room for one more. The names are in the order of time.
    fn make_room(&self) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let mut reports: Vec<PathBuf> = files
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().starts_with(PREFIX))
            .map(|file| file.path())
            .collect();
        reports.sort();
        for old in reports.iter().rev().skip(KEPT - 1) {
            // What can't be removed now is tried again at the next crash.
            let _ = fs::remove_file(old);
        }
    }
}

fn new_file(path: &Path) -> io::Result<fs::File> {
    private_options().write(true).create_new(true).open(path)
}

/// Date and time of day in UTC: `2026-11-23 11:15:40`.
#[must_use]
pub fn stamp(at: SystemTime) -> String {
    let secs = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, time) = (secs / 86_400, secs % 86_400);
    // Years that begin in March have their odd day at the end: http://howardhinnant.github.io/date_algorithms.html
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
    }

    #[test]
    fn times_are_told_in_utc_leap_days_included() {
        assert_eq!(stamp(at(0)), "1970-01-01 00:00:00");
        assert_eq!(stamp(at(951_782_399)), "2000-02-28 23:59:59");
        assert_eq!(stamp(at(951_782_400)), "2000-02-29 00:00:00");
        assert_eq!(stamp(at(1_795_432_540)), "2026-11-23 11:15:40");
        assert_eq!(stamp(at(4_107_542_399)), "2100-02-28 23:59:59");
        assert_eq!(stamp(at(4_107_542_400)), "2100-03-01 00:00:00");
    }

    #[test]
    fn the_latest_reports_are_kept_and_nothing_else_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let crashes = Crashes::of(&Workspace::open(Some(home.path().to_owned())).unwrap());
        assert!(!crashes.folder.exists());
        let first = crashes.write(at(0), "the first").unwrap();
        fs::write(crashes.folder.join("notes.txt"), "mine").unwrap();
        for i in 1..=15 {
            crashes.write(at(i), "later").unwrap();
        }
        let last = crashes.write(at(15), "two in one second").unwrap();
        assert_eq!(fs::read_to_string(&last).unwrap(), "two in one second");
        assert!(!first.exists());
        assert_eq!(fs::read_dir(&crashes.folder).unwrap().count(), KEPT + 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_report_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let crashes = Crashes::of(&Workspace::open(Some(home.path().to_owned())).unwrap());
        let report = crashes.write(at(1), "x").unwrap();
        assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&crashes.folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
