//! The configuration as it can be shown: without what is secret in it.

use console::Problem;

use super::ask::problem;
use crate::failure::Failure;
use crate::place::Place;

/// Keys whose values are secrets, or may be.
const SECRET_KEYS: [&str; 5] = ["password", "secret", "token", "passphrase", "code"];

/// The configuration file's text.
pub(super) fn in_force(place: &Place) -> Result<String, Problem> {
    let Some(file) = &place.config_file else {
        return Ok("# there is no configuration file: the defaults are used\n".to_owned());
    };
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| problem(Failure::io(format!("read `{}`", file.display()), &error)))?;
    Ok(text.lines().map(|line| masked(line) + "\n").collect())
}

/// A line without secrets: values of keys that are named like secrets, and what follows the host in addresses on the web, in which
/// chats have their secrets.
fn masked(line: &str) -> String {
    let key = line
        .split('=')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_start_matches('#')
        .trim()
        .to_lowercase();
    let is_secret = SECRET_KEYS.iter().any(|name| key.ends_with(name));
    if let Some((before, _)) = line.split_once('=').filter(|_| is_secret) {
        return format!("{before}= \"...\"");
    }
    let mut shown = String::new();
    let mut rest = line;
    while let Some(at) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| Some(rest.find(scheme)? + scheme.len()))
        .min()
    {
        let (before, address) = rest.split_at(at);
        let end = address.find(['"', '\'']).unwrap_or(address.len());
        let (address, behind) = address.split_at(end);
        let host = address.rsplit('@').next().unwrap_or_default();
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        shown += before;
        shown += host;
        if host.len() < address.len() {
            shown += "/...";
        }
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        for (line, expected) in [
            ("listen = \"127.0.0.1:1\"", "listen = \"127.0.0.1:1\""),
            ("password = \"x\"", "password = \"...\""),
            ("password_file = \"/etc/p\"", "password_file = \"/etc/p\""),
            (
                "webhook = \"https://hooks.example/services/T0/x\" # y",
                "webhook = \"https://hooks.example/...\" # y",
            ),
            (
                "a = [\"http://u:p@h.example\", \"https://h.example\"]",
                "a = [\"http://h.example/...\", \"https://h.example\"]",
            ),
        ] {
            assert_eq!(masked(line), expected);
        }
    }
}
