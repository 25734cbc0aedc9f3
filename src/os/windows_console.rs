//! Consoles: of other processes, and our own.

use std::io;

use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_C_EVENT, ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, FreeConsole,
    GenerateConsoleCtrlEvent, GetConsoleMode, GetConsoleProcessList, GetStdHandle, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
    SetConsoleCtrlHandler, SetConsoleMode,
};
use windows_sys::Win32::System::Threading::PROCESS_QUERY_LIMITED_INFORMATION;

use super::ctrl_c::is_its_own;
use super::windows_process::{children_of_its_kind, open};

/// The most processes that are looked for on a console: a server's own holds two or three.
const MOST: u32 = 64;

/// Leaves the own console, joins that of the process and sends Ctrl-C there, if nobody else is on it. For a process made
/// for this alone.
pub(super) fn send_ctrl_c(pid: u32, started: u64) -> io::Result<()> {
    // As long as it is open, the pid goes to no other process.
    let _server = open(pid, started, PROCESS_QUERY_LIMITED_INFORMATION)?;
    #[expect(unsafe_code, reason = "calls of the Windows console")]
    // SAFETY: numbers and null pointers only, as documented; without a handler, the second argument 1 makes this
    // process ignore Ctrl-C.
    unsafe {
        // No console to leave is no error.
        FreeConsole();
        if AttachConsole(pid) == 0 || SetConsoleCtrlHandler(None, 1) == 0 {
            return Err(io::Error::last_os_error());
        }
    }
    let result = send_if_alone(pid);
    #[expect(unsafe_code, reason = "a call of the Windows console")]
    // SAFETY: takes nothing.
    unsafe {
        FreeConsole();
    }
    result
}

fn send_if_alone(pid: u32) -> io::Result<()> {
    if !is_its_own(&on_console()?, std::process::id(), pid, &children_of_its_kind(pid)?) {
        return Err(io::Error::other("other programs are on its console"));
    }
    #[expect(unsafe_code, reason = "a call of the Windows console")]
    // SAFETY: numbers only. 0: to every process on the console. The group of a process is no address for Ctrl-C.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
    if sent == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes keys one by one and without showing them, and lets standard output understand escape sequences; Ctrl-C stays
/// the system's. What it was before, for [`restore`]: of the input, and of the output.
pub(super) fn key_by_key() -> io::Result<(u32, u32)> {
    let before = (mode(STD_INPUT_HANDLE)?, mode(STD_OUTPUT_HANDLE)?);
    set_mode(STD_INPUT_HANDLE, before.0 & !(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT))?;
    let escapes = set_mode(STD_OUTPUT_HANDLE, before.1 | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    if escapes.is_err() {
        restore(before);
    }
    escapes.map(|()| before)
}

/// Gives the console back as it was.
pub(super) fn restore(before: (u32, u32)) {
    // Nobody is left to be told of a failure.
    let _ = set_mode(STD_INPUT_HANDLE, before.0);
    let _ = set_mode(STD_OUTPUT_HANDLE, before.1);
}

fn mode(which: u32) -> io::Result<u32> {
    let mut mode = 0;
    #[expect(unsafe_code, reason = "calls of the Windows console")]
    // SAFETY: the second argument is a number that outlives the call; a handle that is no console is an error.
    let got = unsafe { GetConsoleMode(GetStdHandle(which), &raw mut mode) };
    if got == 0 { Err(io::Error::last_os_error()) } else { Ok(mode) }
}

fn set_mode(which: u32, mode: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "calls of the Windows console")]
    // SAFETY: numbers only; a handle that is no console is an error.
    let set = unsafe { SetConsoleMode(GetStdHandle(which), mode) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The processes on our console.
fn on_console() -> io::Result<Vec<u32>> {
    let mut pids = vec![0; MOST as usize];
    #[expect(unsafe_code, reason = "a call of the Windows console")]
    // SAFETY: the list has room for as many as the second argument says.
    let count = unsafe { GetConsoleProcessList(pids.as_mut_ptr(), MOST) };
    match count {
        0 => Err(io::Error::last_os_error()),
        // Then the list is not filled.
        _ if count > MOST => Err(io::Error::other("too many programs are on its console")),
        _ => {
            pids.truncate(count as usize);
            Ok(pids)
        }
    }
}
