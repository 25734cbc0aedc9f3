//! Job objects, and processes that wait to be put into one.

use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr::{from_ref, null};

use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    OpenThread, PROCESS_SET_QUOTA, PROCESS_TERMINATE, ResumeThread, THREAD_SUSPEND_RESUME,
};

use super::windows_process::{checked, open, owned};

/// A job object. No other process inherits the handle, so that ours is the last one.
#[derive(Debug)]
pub(super) struct Job(OwnedHandle);

impl Job {
    pub(super) fn new() -> io::Result<Self> {
        #[expect(unsafe_code, reason = "a call of Windows")]
        // SAFETY: both arguments may be null: default rights, no name.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        owned(handle).map(Self)
    }

    pub(super) fn kill_on_close(&self, kill: bool) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = if kill { JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE } else { 0 };
        let size = u32::try_from(size_of_val(&limits)).unwrap_or_default();
        #[expect(unsafe_code, reason = "a call of Windows")]
        // SAFETY: the pointer leads to a structure of the kind that the second argument names, of this size.
        let result = unsafe {
            let limits = from_ref(&limits).cast();
            SetInformationJobObject(self.0.as_raw_handle(), JobObjectExtendedLimitInformation, limits, size)
        };
        checked(result)
    }

    pub(super) fn add(&self, pid: u32, started: u64) -> io::Result<()> {
        let process = open(pid, started, PROCESS_SET_QUOTA | PROCESS_TERMINATE)?;
        #[expect(unsafe_code, reason = "a call of Windows")]
        // SAFETY: both handles are open.
        checked(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) })
    }
}

/// Lets the threads of a process go on that was started suspended: it has exactly one then.
pub(super) fn resume(pid: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "calls of Windows")]
    // SAFETY: numbers only; the handle is checked and closed by its owner.
    let threads = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) })?;
    let size = u32::try_from(size_of::<THREADENTRY32>()).unwrap_or_default();
    let mut entry = THREADENTRY32 { dwSize: size, ..Default::default() };
    let mut resumed = false;
    #[expect(unsafe_code, reason = "a call of Windows")]
    // SAFETY: the handle is open, and the entry says its own size, as documented.
    let mut more = unsafe { Thread32First(threads.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == pid {
            #[expect(unsafe_code, reason = "calls of Windows")]
            // SAFETY: numbers only; the handle is checked and closed by its owner.
            let thread = owned(unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) })?;
            #[expect(unsafe_code, reason = "a call of Windows")]
            // SAFETY: the handle is open.
            if unsafe { ResumeThread(thread.as_raw_handle()) } == u32::MAX {
                return Err(io::Error::last_os_error());
            }
            resumed = true;
        }
        #[expect(unsafe_code, reason = "a call of Windows")]
        // SAFETY: as for the first.
        let next = unsafe { Thread32Next(threads.as_raw_handle(), &raw mut entry) };
        more = next;
    }
    if resumed { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}
