//! Which names volumes and pins may have: safe as file names, in export names and on a command line.

use crate::error::Error;

const NAME_BYTES_MAX: usize = 64;

/// Checks a volume's or pin's name. Fails with [`Error::BadName`].
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::BadName(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in ["", ".", "..", "a/b", "a b", "-x", "a@b", "a\0", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["disk", "a.b-c_d", "9", &"x".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
