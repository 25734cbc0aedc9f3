//! Other processes, by pid and start time: a pid alone may be another's by now.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{FILETIME, HANDLE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_ACCESS_RIGHTS, PROCESS_QUERY_LIMITED_INFORMATION,
};

/// By how many seconds two readings of one start time may differ.
const SLACK: u64 = 2;

/// A handle that is closed when dropped; an error where the system gave none.
pub(super) fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    // -1 is "none" for some calls, null for the others.
    if handle.is_null() || handle.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "handles of Windows are plain pointers")]
    // SAFETY: the system just gave us this handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

pub(super) fn checked(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Opens the process of this pid with these rights, if it is the one that started then (in seconds since 1970).
pub(super) fn open(pid: u32, started: u64, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<OwnedHandle> {
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: numbers only; the handle is checked and closed by its owner.
    let process = owned(unsafe { OpenProcess(rights | PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) })?;
    let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the handle is open, and each pointer leads to a time of ours.
    checked(unsafe {
        let handle = process.as_raw_handle();
        GetProcessTimes(handle, &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
    })?;
    if seconds(created).abs_diff(started) > SLACK {
        return Err(io::Error::new(io::ErrorKind::NotFound, "another process has its id by now"));
    }
    Ok(process)
}

/// A time of Windows (in 100 ns since 1601) in seconds since 1970.
fn seconds(time: FILETIME) -> u64 {
    let ticks = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    (ticks / 10_000_000).saturating_sub(11_644_473_600)
}

/// The children of a process that run the same program: what a server starts to write a snapshot.
pub(super) fn children_of_its_kind(pid: u32) -> io::Result<Vec<u32>> {
    let all = all()?;
    let Some(server) = all.iter().find(|process| process.th32ProcessID == pid) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let helps = |process: &&PROCESSENTRY32W| {
        process.th32ParentProcessID == pid && name(process).eq_ignore_ascii_case(&name(server))
    };
    Ok(all.iter().filter(helps).map(|process| process.th32ProcessID).collect())
}

fn name(process: &PROCESSENTRY32W) -> String {
    let name = &process.szExeFile;
    String::from_utf16_lossy(name.split(|unit| *unit == 0).next().unwrap_or_default())
}

fn all() -> io::Result<Vec<PROCESSENTRY32W>> {
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: numbers only; the handle is checked and closed by its owner.
    let list = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) })?;
    let size = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or_default();
    let mut entry = PROCESSENTRY32W { dwSize: size, ..Default::default() };
    let mut all = Vec::new();
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the handle is open, and the entry says its own size, as documented.
    let mut more = unsafe { Process32FirstW(list.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        all.push(entry);
        #[expect(unsafe_code, reason = "a call of Windows")]
        // SAFETY: as for the first.
        let next = unsafe { Process32NextW(list.as_raw_handle(), &raw mut entry) };
        more = next;
    }
    Ok(all)
}
