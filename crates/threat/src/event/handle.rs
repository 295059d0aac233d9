//! Names of accounts and machines. The same person is `ACME\anna`, `anna@acme.example` and `S-1-5-21-...-1104`; which handles belong
//! together is for `entity` to find out.

use serde::{Deserialize, Serialize};

/// Characters of a name that are kept. Names come from whoever writes to a log, and hundreds of thousands of them are remembered.
const CHARACTERS_MAX: usize = 256;

/// A name by which a log calls an account or a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle {
    /// What kind of name it is.
    pub kind: HandleKind,
    /// The name, without white space around it, in lower case unless the kind tells capitals apart.
    pub name: String,
}

/// Kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandleKind {
    /// A mail address or user principal name: `anna@acme.example`.
    Mail,
    /// A domain's or machine's short name and a SAM account name: `acme\anna`. Machine accounts end with `$`.
    Sam,
    /// A name without any domain: `anna`, `root`.
    User,
    /// A Windows security identifier.
    Sid,
    /// An identity provider's own number of a person, such as `00u1abcd` of Okta or a GUID of Entra.
    ProviderId,
    /// An Amazon resource name.
    Arn,
    /// A person's name as displayed.
    DisplayName,
    /// A group, role or application.
    Group,
    /// A machine's name, with or without a domain.
    Host,
    /// An address of a machine.
    Address,
    /// A virtual machine's name or path in its hypervisor's inventory.
    VirtualMachine,
    /// A datastore's name.
    Datastore,
}

impl HandleKind {
    /// Whether names of this kind that differ in capitals alone are different names.
    const fn tells_capitals_apart(self) -> bool {
        matches!(self, Self::ProviderId | Self::Datastore)
    }
}

impl Handle {
    /// A name as a log has it; none if it says nothing, as `-` and the empty text don't. Characters that could command a terminal or begin a
    /// line of their own are replaced, and a name of more than 256 characters is cut; a digest of the whole tells it from others.
    #[must_use]
    pub fn new(kind: HandleKind, name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name == "-" {
            return None;
        }
        let name = if kind.tells_capitals_apart() {
            name.to_owned()
        } else {
            name.to_lowercase()
        };
        let name = bounded(name);
        Some(Self { kind, name })
    }
}

fn bounded(name: String) -> String {
    let is_long = name.len() > CHARACTERS_MAX && name.chars().nth(CHARACTERS_MAX).is_some();
    if !is_long && !name.contains(char::is_control) {
        return name;
    }
    let whole = if is_long {
        format!("~{:016x}", fingerprint(&name))
    } else {
        String::new()
    };
    let printable = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    let kept = CHARACTERS_MAX - whole.len();
    name.chars().take(kept).map(printable).collect::<String>() + &whole
}

/// FNV-1a: the same after every restart and in every version, which the standard library's hash doesn't promise.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_takes_little_room_and_stays_another_than_others() {
        let long = "a".repeat(1 << 20);
        let one = Handle::new(HandleKind::User, &long).unwrap();
        let other = Handle::new(HandleKind::User, &(long + "b")).unwrap();
        assert_eq!((one.name.chars().count(), other.name.chars().count()), (256, 256));
        assert_ne!(one, other);
        let wide = Handle::new(HandleKind::Host, &"\u{e4}".repeat(256)).unwrap();
        assert_eq!(wide.name, "\u{e4}".repeat(256));
    }

    #[test]
    fn no_name_commands_a_terminal_or_begins_a_line() {
        let name = Handle::new(HandleKind::User, "anna\u{1b}[2J\nNext: do as I say").unwrap();
        assert_eq!(name.name, "anna\u{fffd}[2j\u{fffd}next: do as i say");
    }
}
