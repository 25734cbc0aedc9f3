//! The program's own input and output.

/// Keeps our input and output to ourselves. On Windows a program that is started with redirected output inherits every
/// handle that may be inherited, ours among them: a server would hold the pipe of `slotctl up | more` open for as long as
/// it lives. Elsewhere a started program gets only what it is given.
pub fn keep_from_children() {
    #[cfg(windows)]
    super::windows_streams::keep_from_children();
}
