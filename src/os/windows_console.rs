//! Consoles of other processes.

use std::io;

use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};

/// Leaves the own console, joins that of the process and sends Ctrl-C there. For a process made for this alone.
pub(super) fn send_ctrl_c(pid: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "calls of the Windows console")]
    // SAFETY: numbers and null pointers only, as documented; without a handler, the second argument 1 makes this
    // process ignore Ctrl-C.
    unsafe {
        // No console to leave is no error.
        FreeConsole();
        if AttachConsole(pid) == 0 || SetConsoleCtrlHandler(None, 1) == 0 {
            return Err(io::Error::last_os_error());
        }
        // 0: to every process on the console. The group of a process is no address for Ctrl-C.
        let sent = GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
        let result = if sent == 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
        FreeConsole();
        result
    }
}
