//! What `[notices]` means: who is told by which ways, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;
use respond::alert::Severity;
use respond::notice::{Digest, Group, Recipient, Settings, Step, UPDATE_EVERY};
use toml::Spanned;

use super::exposure_table::{MailSettings, mail};
use super::file::ConfigFile;
use super::notices_file::{GroupTable, Named, NoticesTable, PersonTable};
use super::notices_ways::{WaySettings, ways};
use crate::names::is_name;
use crate::span::format_span;

/// The way that is there if there is a mail server.
pub(super) const MAIL: &str = "mail";
/// The group of `to`.
const EVERYBODY: &str = "everybody";
/// After the last step everybody is told again once an hour.
const REPEAT_EVERY: Duration = Duration::from_secs(3600);
/// When the digest is sent if nothing else is said.
const DIGEST_AT: civil::Time = civil::Time::constant(8, 0, 0, 0);
/// Ways, groups and people at most: each way has a thread of its own.
const WAYS_MAX: usize = 64;
const NAMES_MAX: usize = 1000;

/// Who is told of alerts and incidents, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticesSettings {
    /// Who is told, by which ways and when.
    pub who: Settings,
    /// How each way is reached.
    pub ways: BTreeMap<String, WaySettings>,
}

/// What is wrong, and where in the file (a byte's number) if it is known.
pub(super) type Wrong = (Option<usize>, String);

/// Checks `[notices]` of a file. What is wrong with `[exposure.mail]` is told where that is checked.
pub(super) fn resolve_file(file: &ConfigFile) -> Result<NoticesSettings, Wrong> {
    let breach_mail = file
        .exposure
        .mail
        .as_ref()
        .and_then(|table| mail("[exposure.mail]", table).ok());
    // Nobody who isn't told of anything depends on the breach monitor's server and its password.
    let is_mail_used = !file.notices.to.is_empty()
        || file
            .notices
            .person
            .values()
            .any(|person| person.get_ref().mail.is_some());
    let mut settings = resolve(&file.notices, breach_mail.as_ref().filter(|_| is_mail_used))?;
    let console = file.console.public_url.as_deref();
    settings.who.public_url = console.map(|url| url.trim_end_matches('/').to_owned());
    Ok(settings)
}

/// Checks `[notices]`. `breach_mail` is the mail server of the breach monitor, which is used if there is no other.
fn resolve(table: &NoticesTable, breach_mail: Option<&MailSettings>) -> Result<NoticesSettings, Wrong> {
    let resolving = Resolving {
        table,
        ways: ways(table, breach_mail)?,
    };
    let mut groups = BTreeMap::new();
    for (name, group) in &table.group {
        check_name("group", name, group.span().start)?;
        let resolved = resolving.group(group.get_ref()).map_err(|(place, message)| {
            let place = place.or(Some(group.span().start));
            (place, format!("[notices.group.{name}] {message}"))
        })?;
        groups.insert(name.clone(), resolved);
    }
    for (name, person) in &table.person {
        check_name("person", name, person.span().start)?;
        resolving.person(name, person)?;
    }
    if let Some(first) = table.to.first() {
        if groups.contains_key(EVERYBODY) {
            let message = format!(
                "[notices] to: these are the group `{EVERYBODY}`, which there is already; name people in it instead"
            );
            return Err((Some(first.span().start), message));
        }
        groups.insert(EVERYBODY.to_owned(), resolving.everybody()?);
    }
    if table.way.len() > WAYS_MAX || groups.len() > NAMES_MAX || table.person.len() > NAMES_MAX {
        return Err((
            None,
            format!("[notices]: more than {WAYS_MAX} ways, {NAMES_MAX} groups or {NAMES_MAX} people"),
        ));
    }
    let update_every = table.update_every.map_or(UPDATE_EVERY, |span| span.0);
    if update_every.is_zero() {
        return Err((
            None,
            "[notices] update_every: `0s` would send a message for every alert".to_owned(),
        ));
    }
    let severities = |name: &String| table.way.get(name).and_then(|way| way.get_ref().severity);
    let who = Settings {
        ways: resolving
            .ways
            .keys()
            .map(|name| (name.clone(), severities(name).unwrap_or(Severity::Informational)))
            .collect(),
        default_group: default_group(table, &groups)?,
        groups,
        public_url: None,
        update_every,
    };
    Ok(NoticesSettings {
        who,
        ways: resolving.ways,
    })
}

/// The group that is told unless another one is named.
fn default_group(table: &NoticesTable, groups: &BTreeMap<String, Group>) -> Result<Option<String>, Wrong> {
    if let Some(name) = &table.default {
        let wanted = name.get_ref();
        if !groups.contains_key(wanted) {
            let message =
                format!("[notices] default: there is no group `{wanted}`; [notices.group.{wanted}] would make one");
            return Err((Some(name.span().start), message));
        }
        return Ok(Some(wanted.clone()));
    }
    if groups.contains_key(EVERYBODY) {
        return Ok(Some(EVERYBODY.to_owned()));
    }
    match groups.keys().collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [only] => Ok(Some((*only).clone())),
        [first, ..] => Err((
            table.group.values().next().map(|group| group.span().start),
            format!(
                "[notices]: of several groups, `default` says which is told unless a policy names one, like `default = \"{first}\"`"
            ),
        )),
    }
}

pub(super) fn check_name(what: &str, name: &str, place: usize) -> Result<(), Wrong> {
    if is_name(name) {
        return Ok(());
    }
    Err((
        Some(place),
        format!("[notices.{what}.{name}]: `{name}` can't be used as a name"),
    ))
}

struct Resolving<'a> {
    table: &'a NoticesTable,
    ways: BTreeMap<String, WaySettings>,
}

impl Resolving<'_> {
    fn group(&self, group: &GroupTable) -> Result<Group, Wrong> {
        let mut steps = vec![Step {
            after: Duration::ZERO,
            to: self.recipients(&group.people, &group.ways)?,
        }];
        for step in &group.escalate {
            if step.after.0.is_zero() {
                return Err((None, "escalate: a step `after` no time is the step before".to_owned()));
            }
            steps.push(Step {
                after: step.after.0,
                to: self.recipients(&step.people, &step.ways)?,
            });
        }
        if steps.iter().any(|step| step.to.is_empty()) {
            return Err((
                None,
                "nobody is told: each group and each step of `escalate` needs `people` or `ways`".to_owned(),
            ));
        }
        let repeat = group
            .repeat
            .map_or(Some(REPEAT_EVERY), |repeat| repeat.0.map(|span| span.0));
        if repeat.is_some_and(|every| every.is_zero()) {
            return Err((
                None,
                format!(
                    "repeat: `{}` would tell all the time; or say `never`",
                    format_span(Duration::ZERO)
                ),
            ));
        }
        if group.digest.is_none() && group.digest_most.is_some() {
            return Err((
                None,
                "digest_most: nothing waits for a digest without `digest`, a time of day".to_owned(),
            ));
        }
        Ok(Group {
            least: group.severity.unwrap_or(Severity::Low),
            zone: group.zone.as_ref().map_or_else(TimeZone::system, |zone| zone.0.clone()),
            quiet: group.quiet.iter().map(|quiet| quiet.0).collect(),
            breaks_quiet: group.quiet_breaks.unwrap_or(Severity::Critical),
            digest: group.digest.map(|at| Digest {
                at: at.0,
                most: group.digest_most.unwrap_or(Severity::Low),
            }),
            steps,
            escalates: group.escalate_from.unwrap_or(Severity::High),
            repeat_every: repeat,
        })
    }

    /// The group of `to`: the least that a site has to say to be told.
    fn everybody(&self) -> Result<Group, Wrong> {
        self.needs_mail(self.table.to.first().map(|to| to.span().start))?;
        let to = self.table.to.iter().enumerate().map(|(index, to)| Recipient {
            way: MAIL.to_owned(),
            // Records keep names for good, so that an address isn't one.
            name: format!("address {}", index + 1),
            address: to.get_ref().0.clone(),
        });
        Ok(Group {
            least: Severity::Low,
            zone: TimeZone::system(),
            quiet: Vec::new(),
            breaks_quiet: Severity::Critical,
            digest: Some(Digest {
                at: DIGEST_AT,
                most: Severity::Low,
            }),
            steps: vec![Step {
                after: Duration::ZERO,
                to: to.collect(),
            }],
            escalates: Severity::High,
            repeat_every: Some(REPEAT_EVERY),
        })
    }

    fn recipients(&self, people: &[Named], ways: &[Named]) -> Result<Vec<Recipient>, Wrong> {
        let mut recipients = Vec::new();
        for name in people {
            let (place, name) = (name.span().start, name.get_ref());
            let person = self.table.person.get(name).ok_or_else(|| {
                let message = format!("there is no person `{name}`; [notices.person.{name}] would make one");
                (Some(place), message)
            })?;
            recipients.extend(self.person(name, person)?);
        }
        for way in ways {
            recipients.push(self.way(way, String::new())?);
        }
        Ok(recipients)
    }

    fn person(&self, name: &str, person: &Spanned<PersonTable>) -> Result<Vec<Recipient>, Wrong> {
        let place = Some(person.span().start);
        let person = person.get_ref();
        let mut recipients = Vec::new();
        if let Some(address) = &person.mail {
            self.needs_mail(place)?;
            recipients.push(Recipient {
                way: MAIL.to_owned(),
                name: name.to_owned(),
                address: address.0.clone(),
            });
        }
        for way in &person.ways {
            recipients.push(self.way(way, name.to_owned())?);
        }
        if recipients.is_empty() {
            return Err((
                place,
                format!("[notices.person.{name}]: `mail` or `ways` says how to reach them"),
            ));
        }
        Ok(recipients)
    }

    /// A way that says where by itself.
    fn way(&self, way: &Named, name: String) -> Result<Recipient, Wrong> {
        let place = Some(way.span().start);
        let way = way.get_ref();
        match self.ways.get(way) {
            None => Err((
                place,
                format!("there is no way `{way}`; [notices.way.{way}] would make one"),
            )),
            Some(WaySettings::Mail(..)) => Err((
                place,
                format!("`{way}` goes to people: give a person's address as `mail`, and name the person in `people`"),
            )),
            Some(_) => Ok(Recipient {
                way: way.clone(),
                name,
                address: String::new(),
            }),
        }
    }

    fn needs_mail(&self, place: Option<usize>) -> Result<(), Wrong> {
        if self.ways.contains_key(MAIL) {
            return Ok(());
        }
        Err((
            place,
            "nothing can be mailed without [notices.mail] or [exposure.mail]".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const MAIL_TABLE: &str = "[notices.mail]\nserver = \"mail.example.com\"\nfrom = \"h@example.com\"\n";

    fn parse(text: &str) -> Result<NoticesSettings, String> {
        let file = ConfigFile::parse(text, Path::new("h.toml")).map_err(|failure| failure.message)?;
        resolve_file(&file).map_err(|(_, message)| message)
    }

    #[test]
    fn nobody_is_told_unless_somebody_is_named() {
        let settings = parse("").unwrap();
        assert_eq!(settings, NoticesSettings::default());
        assert!(parse(MAIL_TABLE).unwrap().who.groups.is_empty());
    }

    #[test]
    fn a_server_and_addresses_are_enough() {
        let text = format!(
            "[notices]\nto = [\"it@example.com\"]\n{MAIL_TABLE}[console]\npublic_url = \"https://c.example/\"\n"
        );
        let settings = parse(&text).unwrap();
        let group = &settings.who.groups[EVERYBODY];
        assert_eq!(settings.who.default_group.as_deref(), Some(EVERYBODY));
        assert_eq!(settings.who.public_url.as_deref(), Some("https://c.example"));
        assert_eq!(group.steps[0].to[0].address, "it@example.com");
        assert_eq!(group.steps[0].to[0].name, "address 1");
        assert_eq!((group.least, group.escalates), (Severity::Low, Severity::High));
        assert_eq!(group.digest.unwrap().at, civil::time(8, 0, 0, 0));
        assert_eq!(settings.who.ways[MAIL], Severity::Informational);
    }

    #[test]
    fn the_server_of_the_breach_monitor_is_used_if_there_is_no_other() {
        let text = "[exposure]\npublic_url = \"https://b.example\"\n[exposure.mail]\nserver = \"m.example\"\n\
                    from = \"b@example.com\"\n[notices]\nto = [\"it@example.com\"]\n";
        let WaySettings::Mail(mail, section) = parse(text).unwrap().ways[MAIL].clone() else {
            panic!("it is mail")
        };
        assert_eq!((mail.host.as_str(), section), ("m.example", "[exposure.mail]"));
        let WaySettings::Mail(mail, section) = parse(&format!("{text}{MAIL_TABLE}")).unwrap().ways[MAIL].clone() else {
            panic!("it is mail")
        };
        assert_eq!((mail.host.as_str(), section), ("mail.example.com", "[notices.mail]"));
    }

    #[test]
    fn the_server_of_the_breach_monitor_is_left_alone_if_nobody_is_told_by_mail() {
        let text = "[exposure]\npublic_url = \"https://b.example\"\n[exposure.mail]\nserver = \"m.example\"\nfrom = \"b@example.com\"\n";
        assert!(parse(text).unwrap().ways.is_empty());
    }

    #[test]
    fn groups_have_chains_hours_and_digests() {
        let text = format!(
            "{MAIL_TABLE}[notices.way.phone]\nkind = \"ntfy\"\nurl = \"https://ntfy.example/a\"\nseverity = \"high\"\n\
             [notices.person.anna]\nmail = \"anna@example.com\"\nways = [\"phone\"]\n\
             [notices.group.oncall]\npeople = [\"anna\"]\nzone = \"Europe/London\"\nquiet = [\"22:00-07:00\", \"fri-mon 12:00-24:00\", \"sun\"]\n\
             digest = \"09:30\"\nrepeat = \"never\"\nescalate = [{{ after = \"15m\", ways = [\"phone\"] }}]\n"
        );
        let settings = parse(&text).unwrap();
        let group = &settings.who.groups["oncall"];
        assert_eq!(settings.who.default_group.as_deref(), Some("oncall"));
        let ways: Vec<&str> = group.steps[0].to.iter().map(|to| to.way.as_str()).collect();
        assert_eq!(
            (ways, group.steps[0].to[1].name.as_str()),
            (vec!["mail", "phone"], "anna")
        );
        assert_eq!(
            (group.steps[1].after, group.repeat_every),
            (Duration::from_secs(900), None)
        );
        assert_eq!(group.quiet[1].days, [true, false, false, false, true, true, true]);
        assert_eq!(
            (group.quiet[1].until, group.quiet[2].from),
            (civil::Time::midnight(), civil::Time::midnight())
        );
        assert_eq!(settings.who.ways["phone"], Severity::High);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            (
                "[notices]\nto = [\"it\"]",
                "`h.toml` line 2, column 6: `it` is no mail address",
            ),
            (
                "[notices]\nto = [\"it@a.example\"]",
                "`h.toml` line 2, column 7: nothing can be mailed without [notices.mail]",
            ),
            (
                "[notices]\ndefault = \"a\"",
                "`h.toml` line 2, column 11: [notices] default: there is no group `a`",
            ),
            (
                "[notices.group.a]\npeople = [\"zoe\"]",
                "`h.toml` line 2, column 11: [notices.group.a] there is no person `zoe`; [notices.person.zoe] would make one",
            ),
            (
                "[notices.group.a]\nways = [\"x\"]",
                "`h.toml` line 2, column 9: [notices.group.a] there is no way `x`",
            ),
            (
                "[notices.group.a]\nquiet = [\"22-7\"]",
                "`h.toml` line 2, column 9: `22-7` are no hours",
            ),
            (
                "[notices.group.a]\nzone = \"Mars\"",
                "`h.toml` line 2, column 8: `Mars` is no time zone",
            ),
            (
                "[notices.group.a]\ndigest = \"8\"",
                "`h.toml` line 2, column 10: `8` is no time of day",
            ),
            (
                "[notices.group.a]\nseverity = \"bad\"",
                "`h.toml` line 2, column 12: unknown variant `bad`",
            ),
            (
                "[notices.way.a]\nkind = \"fax\"",
                "`h.toml` line 2, column 8: unknown variant `fax`",
            ),
            (
                "[notices.way.a]\nkind = \"slack\"\nurl = \"x\"",
                "`h.toml` line 3, column 7: this is no address of a web server",
            ),
            (
                "[notices.way.a]\nkind = \"slack\"",
                "`h.toml` line 1, column 1: [notices.way.a] `url` or `url_file` is needed",
            ),
            (
                "[notices.way.a]\nkind = \"slack\"\nurl = \"https://a.example\"\nsecret_file = \"x\"",
                "`h.toml` line 1, column 1: [notices.way.a] secret_file: means nothing for this kind of way",
            ),
            (
                "[notices.way.a]\nkind = \"syslog\"\nserver = \"a\"\ntransport = \"udp\"\nauthority = \"x\"",
                "`h.toml` line 1, column 1: [notices.way.a] `authority`, `certificate` and `key` need",
            ),
            (
                "[notices.way.mail]\nkind = \"mail\"",
                "`h.toml` line 1, column 1: [notices.way.mail] kind: there is no mail server",
            ),
            (
                "[notices.group.a]",
                "`h.toml` line 1, column 1: [notices.group.a] nobody is told",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn of_several_groups_one_is_the_default() {
        let way = "[notices.way.x]\nkind = \"webhook\"\nurl = \"https://x.example\"\n";
        let groups = "[notices.group.a]\nways = [\"x\"]\n[notices.group.b]\nways = [\"x\"]\n";
        assert!(
            parse(&format!("{way}{groups}"))
                .unwrap_err()
                .contains("`default` says which is told")
        );
        let named = parse(&format!("[notices]\ndefault = \"b\"\n{way}{groups}")).unwrap();
        assert_eq!(named.who.default_group.as_deref(), Some("b"));
    }
}
