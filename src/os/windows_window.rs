//! The Windows calls of [`window`](super::window).
#![expect(unsafe_code, reason = "system calls; each says why it is sound")]

use std::os::windows::io::OwnedHandle;

use windows_sys::Win32::System::Threading::CreateMutexW;
use windows_sys::Win32::UI::WindowsAndMessaging::AllowSetForegroundWindow;

use super::windows::wide;
use super::windows_process::owned;

/// A named mutex that is only there to be found.
#[derive(Debug)]
pub(super) struct NamedMutex(#[expect(dead_code, reason = "held for its Drop")] OwnedHandle);

impl NamedMutex {
    /// Makes the mutex, or opens the one that exists; `None` where the system refuses.
    pub(super) fn open(name: &str) -> Option<Self> {
        let name = wide(name);
        // SAFETY: the name ends with a zero and outlives the call; no attributes are given.
        let handle = unsafe { CreateMutexW(std::ptr::null(), 0, name.as_ptr()) };
        owned(handle).ok().map(Self)
    }
}

/// Gives the right to come to the front to this process.
pub(super) fn allow_foreground(pid: u32) {
    // SAFETY: takes a number; an unknown process is an error code, and nothing depends on it.
    let _ = unsafe { AllowSetForegroundWindow(pid) };
}
