//! Who somebody on this machine is, as the ledger has it.

use respond::Actor;

/// Bytes of the list of users that are read, at most.
const USERS_BYTES_MAX: u64 = 4 << 20;

/// Whoever runs this process.
#[must_use]
pub fn this_user() -> Actor {
    local_user(rustix::process::getuid().as_raw())
}

/// A user of this machine, by number: the name in `/etc/passwd`, or the number if it isn't there.
#[must_use]
pub fn local_user(number: u32) -> Actor {
    use std::io::Read;
    let mut users = String::new();
    // Without the list a number has to do.
    let _ = std::fs::File::open("/etc/passwd").map(|file| file.take(USERS_BYTES_MAX).read_to_string(&mut users));
    let name = name_of(&users, number).map_or_else(|| format!("user {number}"), str::to_owned);
    Actor::Local(name)
}

/// The name in a line `name:password:number:...`.
fn name_of(users: &str, number: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, found) = (fields.next()?, fields.next()?, fields.next()?);
        (found.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_as_the_system_does() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_of(users, 1000), Some("ann"));
        assert_eq!(name_of(users, 0), Some("root"));
        assert_eq!(name_of(users, 1), None);
        assert_eq!(local_user(u32::MAX - 7), Actor::Local(format!("user {}", u32::MAX - 7)));
    }
}
