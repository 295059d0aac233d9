//! `holdfast exposure watch address`, `customers`, `list`, `remove`, `opt-out` and `confirm`

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use exposure::ledger::{About, Asked, CustomersLoaded, Delivery, Ledger, Subject, Watch, WatchKind};
use exposure::watch::MailAddress;
use hibp::watch::Intent;
use serde_json::{Value, json};

use super::domain::time;
use super::{Scene, ledger, ours, settings_with_mail};
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::exposure_delivery::now;
use crate::failure::{EXIT_OK, Failure};

/// The longest line of a list.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Lines without an address whose numbers are told.
const BAD_LINES_SHOWN: usize = 10;

fn print(text: &str) -> u8 {
    output::print(text.as_bytes());
    EXIT_OK
}

fn print_json(value: &Value) -> u8 {
    print(&(value.to_string() + "\n"))
}

pub(super) fn add(scene: &Scene<'_>, addresses: &[MailAddress], delivery: Delivery) -> Result<u8, Failure> {
    settings_with_mail(scene)?;
    let mut ledger = ledger(scene)?;
    let (mut waiting, mut confirmed, mut opted_out) = (0u64, 0u64, 0u64);
    for address in addresses {
        match ledger
            .ask_for_watch(&Subject::Address(address.clone()), delivery, now())
            .map_err(ours)?
        {
            Asked::Waiting(watch) => {
                ledger
                    .enqueue_again(&About::Confirm { watch: watch.id }, now())
                    .map_err(ours)?;
                waiting += 1;
            }
            Asked::Confirmed(_) => confirmed += 1,
            Asked::OptedOut => opted_out += 1,
        }
    }
    if scene.common.json {
        return Ok(print_json(
            &json!({ "waiting": waiting, "confirmed": confirmed, "opted_out": opted_out }),
        ));
    }
    let mut text = String::new();
    if waiting > 0 {
        text += &format!(
            "{} a link to confirm, with the next delivery\n",
            counted(waiting, "person gets", "people get")
        );
    }
    if confirmed > 0 {
        text += &format!("{} confirmed before\n", counted(confirmed, "person", "people"));
    }
    if opted_out > 0 {
        text += &format!(
            "{} mail from here, and nothing is sent\n",
            counted(opted_out, "person doesn't want", "people don't want")
        );
    }
    Ok(print(&text))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

pub(super) fn customers(scene: &Scene<'_>, file: &Path, delivery: Delivery) -> Result<u8, Failure> {
    let reader: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| Failure::io(format!("read `{}`", file.display()), &error))?)
    };
    let mut ledger = ledger(scene)?;
    let mut list = CustomerList::new(BufReader::new(reader), file);
    let loaded = ledger.add_customers(&mut list, delivery, now()).map_err(ours)?;
    let CustomersLoaded { added, known, unwanted } = loaded;
    if scene.common.json {
        return Ok(print_json(&json!({
            "added": added,
            "known": known,
            "unwanted": unwanted,
            "without_address": list.bad_count,
            "without_address_lines": list.bad_lines,
        })));
    }
    let mut text = format!(
        "{} added, {known} known before\n",
        counted(added, "customer was", "customers were")
    );
    if unwanted > 0 {
        text += &format!(
            "{} left out: they opted out or were erased\n",
            counted(unwanted, "customer was", "customers were")
        );
    }
    if list.bad_count > 0 {
        let lines: Vec<String> = list.bad_lines.iter().map(u64::to_string).collect();
        let more = if list.bad_count > lines.len() as u64 {
            ", ..."
        } else {
            ""
        };
        text += &format!(
            "{} without an address: {}{more}\n",
            counted(list.bad_count, "line", "lines"),
            lines.join(", ")
        );
    }
    Ok(print(&text))
}

/// The addresses of a list; lines without one are counted.
struct CustomerList<'a, R> {
    reader: BufReader<R>,
    path: &'a Path,
    line: u64,
    bad_count: u64,
    /// The numbers of the first of them; never what stands in them.
    bad_lines: Vec<u64>,
}

impl<'a, R: Read> CustomerList<'a, R> {
    const fn new(reader: BufReader<R>, path: &'a Path) -> Self {
        Self {
            reader,
            path,
            line: 0,
            bad_count: 0,
            bad_lines: Vec::new(),
        }
    }

    /// The next line, cut where it is too long to hold an address; `None` at the end.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") && line.len() as u64 == LINE_BYTES_MAX {
            self.reader.skip_until(b'\n')?;
        }
        self.line += 1;
        Ok(Some(line))
    }
}

impl<R: Read> Iterator for CustomerList<'_, R> {
    type Item = Result<MailAddress, exposure::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.line() {
                Ok(line) => line?,
                Err(source) => {
                    let path = self.path.to_owned();
                    return Some(Err(exposure::Error::Io {
                        action: "read",
                        path,
                        source,
                    }));
                }
            };
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            let fields = text.split([',', ';', '\t']).map(|field| field.trim().trim_matches('"'));
            match fields.filter_map(|field| MailAddress::parse(field).ok()).next() {
                Some(address) => return Some(Ok(address)),
                // The first line may be a heading.
                None if self.line == 1 && !text.contains('@') => {}
                None => {
                    self.bad_count += 1;
                    if self.bad_lines.len() < BAD_LINES_SHOWN {
                        self.bad_lines.push(self.line);
                    }
                }
            }
        }
    }
}

pub(super) fn list(scene: &Scene<'_>) -> Result<u8, Failure> {
    let ledger = ledger(scene)?;
    let mut customers = 0u64;
    let mut shown = Vec::new();
    let mut after = 0;
    loop {
        let watches = ledger.watches_after(after).map_err(ours)?;
        let Some(last) = watches.last() else { break };
        after = last.id;
        customers += watches.iter().filter(|watch| watch.kind == WatchKind::Customer).count() as u64;
        shown.extend(watches.into_iter().filter(|watch| watch.kind != WatchKind::Customer));
    }
    let counts = ledger.outgoing_counts().map_err(ours)?;
    if scene.common.json {
        let watches: Vec<Value> = shown.iter().map(object).collect();
        return Ok(print_json(&json!({
            "watches": watches,
            "customers": customers,
            "messages": { "waiting": counts.waiting, "sent": counts.sent, "given_up": counts.given_up },
        })));
    }
    let mut text = if shown.is_empty() { String::new() } else { table(&shown) };
    text += &format!("customers: {customers}\n");
    text += &format!(
        "messages: {} waiting, {} sent, {} given up\n",
        counts.waiting, counts.sent, counts.given_up
    );
    Ok(print(&text))
}

fn table(watches: &[Watch]) -> String {
    let mut table = Table::new(&[
        ("WATCHED", Align::Left),
        ("TOLD", Align::Left),
        ("WHEN", Align::Left),
        ("CONFIRMED", Align::Left),
    ]);
    for watch in watches {
        table.row(vec![
            watch.subject.clone(),
            watch.recipient.clone(),
            watch.delivery.name().to_owned(),
            watch.confirmed.map_or_else(|| "-".to_owned(), time),
        ]);
    }
    table.render()
}

fn object(watch: &Watch) -> Value {
    json!({
        "kind": watch.kind.name(),
        "watched": watch.subject,
        "told": watch.recipient,
        "delivery": watch.delivery.name(),
        "asked": time(watch.created),
        "confirmed": watch.confirmed.map(time),
    })
}

pub(super) fn remove(scene: &Scene<'_>, addresses: &[MailAddress]) -> Result<u8, Failure> {
    let mut ledger = ledger(scene)?;
    let mut removed = 0;
    for address in addresses {
        removed += ledger.remove_watches_of(address).map_err(ours)?;
    }
    if removed == 0 {
        return Err(Failure::not_found("nothing is watched for that address")
            .hint("`holdfast exposure watch list` shows what is"));
    }
    Ok(if scene.common.json {
        print_json(&json!({ "removed": removed }))
    } else {
        print(&format!(
            "{} removed\n",
            counted(removed as u64, "watch was", "watches were")
        ))
    })
}

pub(super) fn opt_out(scene: &Scene<'_>, addresses: &[MailAddress]) -> Result<u8, Failure> {
    let mut ledger = ledger(scene)?;
    for address in addresses {
        ledger.opt_out(address.identity(), now()).map_err(ours)?;
    }
    let count = addresses.len() as u64;
    Ok(if scene.common.json {
        print_json(&json!({ "opted_out": count }))
    } else {
        print(&format!(
            "{} no more mail about breaches, for ever\n",
            counted(count, "person gets", "people get")
        ))
    })
}

pub(super) fn confirm(scene: &Scene<'_>, link: &str) -> Result<u8, Failure> {
    let token = link.trim().rsplit('/').next().unwrap_or_default();
    let mut ledger: Ledger = ledger(scene)?;
    let page =
        hibp::watch::answer(Intent::Act, &format!("/watch/confirm/{token}"), &mut ledger, now()).map_err(ours)?;
    if page.is_none_or(|page| page.status != 200) {
        return Err(Failure::not_found("this link confirms nothing")
            .hint("links are valid for two weeks, and must be copied whole; asking again sends a new one"));
    }
    Ok(if scene.common.json {
        print_json(&json!({ "confirmed": true }))
    } else {
        print("confirmed\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (Vec<String>, Vec<u64>) {
        let mut list = CustomerList::new(BufReader::new(text), Path::new("list"));
        let mut found = Vec::new();
        for address in &mut list {
            found.push(address.unwrap().as_str().to_owned());
        }
        (found, list.bad_lines)
    }

    #[test]
    fn addresses_are_found_in_lines_of_any_usual_shape() {
        let (found, bad) = read(
            b"\xef\xbb\xbfemail;name\na@x.example\r\n\"B@x.example\",Bob\n\nCarol\tc@x.example\nnobody\n  d@x.example",
        );
        assert_eq!(found, ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]);
        assert_eq!(bad, [6]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let long = [vec![b'x'; 10 << 20], b"\na@x.example".to_vec()].concat();
        let (found, bad) = read(&long);
        assert_eq!((found.len(), bad), (1, Vec::new()));
        let long = [b"a@x.example,".to_vec(), vec![b'x'; 10 << 20], b"\nx@\n".to_vec()].concat();
        let (found, bad) = read(&long);
        assert_eq!((found.len(), bad), (1, vec![2]));
    }
}
