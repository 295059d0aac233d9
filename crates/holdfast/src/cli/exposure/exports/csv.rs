//! Comma-separated values (RFC 4180) with a heading, as KeePass, KeePassXC, Bitwarden and browsers write them.

use super::Entry;

/// Headings in lower case, the best first.
const NAMES: [&str; 6] = ["title", "name", "account", "url", "web site", "login_uri"];
const USERS: [&str; 6] = ["username", "login_username", "login name", "user name", "user", "email"];
const PASSWORDS: [&str; 2] = ["password", "login_password"];

/// The entries of a table that has a column of passwords; `None` if it hasn't.
pub(super) fn entries(text: &str) -> Result<Option<Vec<Entry>>, String> {
    let mut rows = Rows { rest: text };
    let Some(heading) = rows.next() else { return Ok(None) };
    let heading: Vec<String> = heading?.iter().map(|name| name.trim().to_lowercase()).collect();
    let column = |names: &[&str]| names.iter().find_map(|name| heading.iter().position(|own| own == name));
    let Some(password) = column(&PASSWORDS) else {
        return Ok(None);
    };
    let (name, user) = (column(&NAMES), column(&USERS));
    let mut entries = Vec::new();
    for row in rows {
        let row = row?;
        let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).cloned().unwrap_or_default();
        let entry = Entry {
            name: cell(name),
            user: cell(user),
            password: cell(Some(password)),
        };
        if !entry.password.is_empty() {
            entries.push(entry);
        }
    }
    Ok(Some(entries))
}

/// Rows of a table.
struct Rows<'a> {
    rest: &'a str,
}

impl Iterator for Rows<'_> {
    type Item = Result<Vec<String>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let cell = match self.rest.strip_prefix('"') {
                Some(quoted) => match split_quoted(quoted) {
                    Some((cell, rest)) => {
                        self.rest = rest;
                        cell
                    }
                    None => {
                        self.rest = "";
                        return Some(Err("has a quotation mark that is never closed".to_owned()));
                    }
                },
                None => {
                    let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
                    let (cell, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    cell.trim_end_matches('\r').to_owned()
                }
            };
            cells.push(cell);
            let Some(rest) = self.rest.strip_prefix(',') else { break };
            self.rest = rest;
        }
        // What stands between a closing quotation mark and the end of the line belongs to nothing.
        let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(Ok(cells))
    }
}

/// The cell behind an opening quotation mark, in which two stand for one, and what follows.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let (mut cell, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('"')?;
        cell += part;
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Some((cell, after)),
        }
    }
}
