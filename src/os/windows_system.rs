//! Code page, memory, drives and short names.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf, Prefix};
use std::ptr::{from_mut, null_mut};

use windows_sys::Win32::Globalization::{
    GetLocaleInfoEx, LOCALE_IDEFAULTANSICODEPAGE, LOCALE_NAME_SYSTEM_DEFAULT, LOCALE_RETURN_NUMBER,
};
use windows_sys::Win32::Storage::FileSystem::{GetDriveTypeW, GetShortPathNameW};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::system::Memory;
use super::windows::wide;

/// `DRIVE_REMOTE` of `GetDriveTypeW`.
const DRIVE_REMOTE: u32 = 4;

/// From the registry, which also knows of a system set to UTF-8 as a whole; else that of the system's language.
pub(super) fn ansi_code_page() -> u32 {
    let written = windows_registry::LOCAL_MACHINE
        .open(r"SYSTEM\CurrentControlSet\Control\Nls\CodePage")
        .and_then(|key| key.get_string("ACP"));
    written.ok().and_then(|text| text.trim().parse().ok()).unwrap_or_else(of_the_language)
}

fn of_the_language() -> u32 {
    let mut page = 0u32;
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: with LOCALE_RETURN_NUMBER the buffer takes one u32, whose length is told in UTF-16 units: 2.
    let written = unsafe {
        let what = LOCALE_IDEFAULTANSICODEPAGE | LOCALE_RETURN_NUMBER;
        GetLocaleInfoEx(LOCALE_NAME_SYSTEM_DEFAULT, what, from_mut(&mut page).cast(), 2)
    };
    // 0 stands for languages without a code page of their own: their programs use UTF-8.
    if written == 0 || page == 0 { 65001 } else { page }
}

pub(super) fn short_path(path: &Path) -> Option<PathBuf> {
    let long = wide(path);
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the text ends with a zero; without a buffer the call tells how long one must be.
    let needed = unsafe { GetShortPathNameW(long.as_ptr(), null_mut(), 0) };
    let mut short = vec![0u16; usize::try_from(needed).ok()?];
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the buffer has as many units as the call is told.
    let length = unsafe { GetShortPathNameW(long.as_ptr(), short.as_mut_ptr(), needed) };
    let length = usize::try_from(length).ok().filter(|length| *length > 0 && *length < short.len())?;
    short.truncate(length);
    Some(PathBuf::from(OsString::from_wide(&short)))
}

pub(super) fn memory() -> Option<Memory> {
    let length = u32::try_from(size_of::<MEMORYSTATUSEX>()).ok()?;
    let mut status = MEMORYSTATUSEX { dwLength: length, ..Default::default() };
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the structure says its own size, as documented.
    let result = unsafe { GlobalMemoryStatusEx(&raw mut status) };
    (result != 0).then_some(Memory {
        physical: status.ullTotalPhys,
        available: status.ullAvailPhys,
        commit_free: status.ullAvailPageFile,
    })
}

pub(super) fn is_network_drive(path: &Path) -> bool {
    let Some(Component::Prefix(prefix)) = path.components().next() else { return false };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => true,
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => {
            let root = wide(format!("{}:\\", char::from(letter)));
            #[expect(unsafe_code, reason = "a call of Windows")]
            // SAFETY: the text ends with a zero.
            let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
            kind == DRIVE_REMOTE
        }
        _ => false,
    }
}
