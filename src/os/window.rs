//! What a program with a window asks of the system beside its window.

/// Tells other programs (the installer) that the window is open, until this is dropped or the process ends. On Windows
/// it is the named mutex [`RUNNING_NAME`]; elsewhere nobody asks.
#[derive(Debug)]
#[must_use = "dropping it says that the window is closed"]
pub struct RunningMark {
    #[cfg(windows)]
    _mutex: Option<super::windows_window::NamedMutex>,
}

/// The mutex's name: the installer and the uninstaller look for it in the session of the user who runs them.
pub const RUNNING_NAME: &str = "Local\\SlotdeckRunning";

impl RunningMark {
    /// Sets the mark. A system that refuses is not asked twice: only the installer's question depends on it.
    pub fn set() -> Self {
        Self {
            #[cfg(windows)]
            _mutex: super::windows_window::NamedMutex::open(RUNNING_NAME),
        }
    }
}

/// Lets another process bring its window to the front; only a process that was started by the user just now may allow
/// that. Does nothing where the system has no such rule.
pub fn allow_foreground(pid: u32) {
    #[cfg(windows)]
    super::windows_window::allow_foreground(pid);
    #[cfg(not(windows))]
    let _ = pid;
}

/// Whether somebody can read what is printed: a program that Windows starts with a double click has no standard output.
#[must_use]
pub fn has_output() -> bool {
    #[cfg(windows)]
    {
        use std::os::windows::io::AsRawHandle as _;
        let handle = std::io::stdout().as_raw_handle();
        // Null: none was given. -1: the one that was given is no longer there.
        !handle.is_null() && handle as isize != -1
    }
    #[cfg(not(windows))]
    {
        true
    }
}

/// Whether a window could be shown at all: there is a display to show it on.
#[must_use]
pub fn has_display() -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
