//! What the calls to Windows share.

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;

/// Text as Windows takes it: UTF-16 with a zero at the end.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}
