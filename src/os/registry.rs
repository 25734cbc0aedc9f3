//! What Windows' registry says of installed programs and services. Elsewhere there is none, and the answer is empty.

/// An installed program, from the Uninstall keys of this user and of the machine, 64 and 32 bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installed {
    /// `DisplayName`.
    pub name: String,
    /// `InstallLocation`; empty where the installer did not write it.
    pub location: String,
    /// `DisplayIcon`: often the program itself, with `,0` behind it.
    pub icon: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Its key's name.
    pub name: String,
    /// `ImagePath`: a command line.
    pub command: String,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registry {
    /// The installed programs whose names begin with one of the words asked for.
    pub installed: Vec<Installed>,
    /// The services likewise.
    pub services: Vec<Service>,
}

/// Whether this user has a distribution of WSL, by the keys in which WSL keeps them.
#[must_use]
pub fn has_wsl() -> bool {
    #[cfg(windows)]
    return super::windows_registry::has_wsl();
    #[cfg(not(windows))]
    false
}

impl Registry {
    /// Reads what is about programs whose names begin with one of these words, without regard to case. What can't be
    /// read counts as not there.
    #[must_use]
    pub fn read(words: &[&str]) -> Self {
        #[cfg(windows)]
        return super::windows_registry::read(words);
        #[cfg(not(windows))]
        {
            let _ = words;
            Self::default()
        }
    }
}
