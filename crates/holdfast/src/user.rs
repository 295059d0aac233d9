//! Names of users of this machine, for records of who did what.

use std::fs::File;
use std::io::Read;

use respond::Actor;
use rustix::process::Uid;

/// Where users are listed.
const USERS: &str = "/etc/passwd";
/// Bytes of the list that are read, at most.
const USERS_BYTES_MAX: u64 = 4 << 20;

/// Whoever uses the command line as a user of this machine. Users that aren't listed there are named by their number.
#[must_use]
pub fn local(user: Uid) -> Actor {
    let mut listed = String::new();
    // Without the list a number has to do.
    let _ = File::open(USERS).map(|file| file.take(USERS_BYTES_MAX).read_to_string(&mut listed));
    let number = user.as_raw();
    Actor::Local(name_in(&listed, number).unwrap_or_else(|| format!("user {number}")))
}

/// Whoever runs this process.
#[must_use]
pub fn this_one() -> Actor {
    local(rustix::process::getuid())
}

fn name_in(listed: &str, number: u32) -> Option<String> {
    listed.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _password, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(number)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_as_the_system_lists_them() {
        let listed = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_in(listed, 0).as_deref(), Some("root"));
        assert_eq!(name_in(listed, 1000).as_deref(), Some("ann"));
        assert_eq!(name_in(listed, 7), None);
        let unlisted = local(Uid::from_raw(u32::MAX - 7));
        assert_eq!(unlisted, Actor::Local(format!("user {}", u32::MAX - 7)));
    }
}
