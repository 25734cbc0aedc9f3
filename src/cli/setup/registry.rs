//! The PATH in the registry, where Windows keeps it: one value for everyone, one for each person.

use windows_registry::{CURRENT_USER, LOCAL_MACHINE, Result, Type};

const EVERYONE: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
const PERSON: &str = "Environment";
const NAME: &str = "Path";
/// `ERROR_FILE_NOT_FOUND` as an HRESULT: there is no such value.
const NOT_FOUND: i32 = 0x8007_0002_u32.cast_signed();

/// Reads the PATH, and writes what `change` makes of it; `None` writes nothing. Says whether it wrote. `%VARIABLES%` stay as they are written,
/// and a value that was plain text stays so.
///
/// # Errors
/// The registry refuses, or the value is no text; it is as it was then.
pub(super) fn change_path(everyone: bool, change: impl Fn(&str) -> Option<String>) -> Result<bool> {
    let (root, key) = if everyone { (LOCAL_MACHINE, EVERYONE) } else { (CURRENT_USER, PERSON) };
    let key = root.options().read().write().create().open(key)?;
    let (old, plain) = match key.get_value(NAME) {
        Ok(value) => {
            let plain = value.ty() == Type::String;
            (String::try_from(value)?, plain)
        }
        Err(error) if error.code().0 == NOT_FOUND => (String::new(), false),
        Err(error) => return Err(error),
    };
    match change(&old) {
        None => return Ok(false),
        // Nobody misses an empty PATH of one's own.
        Some(new) if new.is_empty() && !everyone => key.remove_value(NAME),
        Some(new) if plain => key.set_string(NAME, new),
        Some(new) => key.set_expand_string(NAME, new),
    }
    .map(|()| true)
}
