//! People and machines of an LDAP directory: Active Directory, and plain ones such as OpenLDAP.
//!
//! What is at stake follows from groups: those that every Active Directory has are known by their numbers, whatever they are called in which
//! language, others are named by whoever asks. Groups in groups count, by the lists of members as by what entries say of themselves: Active
//! Directory gives out at most 1,500 members of a group at once, but tells each member of its groups.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use thiserror::Error;

use super::list::Listed;
use super::tier::Tier;
use crate::event::{Handle, HandleKind};

/// Finds people, machines and groups in either kind of directory.
pub const LDAP_FILTER: &str = "(|(objectClass=user)(objectClass=computer)(objectClass=inetOrgPerson)\
(objectClass=posixAccount)(objectClass=ipHost)(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)\
(objectClass=posixGroup))";

/// What of an entry is looked at.
pub const LDAP_ATTRIBUTES: &[&str] = &[
    "objectClass",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "uid",
    "mail",
    "displayName",
    "cn",
    "department",
    "manager",
    "dNSHostName",
    "ipHostNumber",
    "operatingSystem",
    "userAccountControl",
    "primaryGroupID",
    "memberOf",
    "member",
    "uniqueMember",
    "memberUid",
];

const ENTRIES_MAX: usize = 500_000;
/// Memberships of all groups together.
const MEMBERS_MAX: usize = 2_000_000;
/// Values of one attribute, and bytes of a value, that are looked at.
const VALUES_MAX: usize = 200_000;
const VALUE_BYTES_MAX: usize = 1_024;
/// Flags of an account: it is disabled; it is a domain controller's.
const DISABLED: u32 = 0x2;
const SERVER_TRUST: u32 = 0x2000;
/// Groups that every domain has, by the last part of their identifiers: controllers, and whoever has rights over all others.
const CONTROLLERS: [u32; 3] = [516, 521, 498];
const ADMINISTRATORS: [u32; 3] = [512, 518, 519];
/// The administrators of the controllers themselves.
const BUILTIN_ADMINISTRATORS: &str = "S-1-5-32-544";

/// Why a directory can't be listed.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LdapError {
    /// It has more than is taken in.
    #[error(
        "the directory has more than {ENTRIES_MAX} entries or {MEMBERS_MAX} memberships; name a part of it with a longer base"
    )]
    TooLarge,
    /// Groups that were named and aren't there.
    #[error("the directory has no group called `{0}`")]
    NoGroup(String),
}

/// An entry, as the directory has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LdapEntry {
    /// Its distinguished name.
    pub dn: String,
    /// Its attributes, in the spelling of [`LDAP_ATTRIBUTES`] or any other.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// A list that is made of entries.
#[derive(Debug, Default)]
pub struct LdapList {
    /// Tiers by the names of groups in lower case.
    wanted: BTreeMap<String, Tier>,
    /// Short names of domains by their distinguished names.
    domains: BTreeMap<String, String>,
    /// The short name of all domains that have none of their own.
    domain: Option<String>,
    groups: BTreeMap<String, Group>,
    members: usize,
    entries: BTreeMap<String, Entry>,
}

/// A person or machine.
#[derive(Debug, Default)]
struct Entry {
    listed: Listed,
    uid: Option<String>,
    member_of: Vec<String>,
    primary_group: Option<String>,
    is_controller: bool,
    /// What people call it; and the distinguished name of whom it reports to.
    called: String,
    manager: Option<String>,
}

#[derive(Debug, Default)]
struct Group {
    names: Vec<String>,
    sid: Option<String>,
    member_of: Vec<String>,
    members: Vec<String>,
    member_uids: Vec<String>,
}

impl LdapList {
    /// Nothing is listed yet. `wanted` are names of groups and what is at stake on their members, `domains` short names of domains by their
    /// distinguished names, `domain` the short name of all others.
    #[must_use]
    pub fn new(wanted: &[(String, Tier)], domains: &[(String, String)], domain: Option<&str>) -> Self {
        Self {
            wanted: wanted.iter().map(|(name, tier)| (name.to_lowercase(), *tier)).collect(),
            domains: domains.iter().map(|(dn, short)| (key(dn), short.clone())).collect(),
            domain: domain.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Takes an entry. One that is no person, machine or group is passed over.
    ///
    /// # Errors
    /// When there are too many.
    pub fn take(&mut self, entry: &LdapEntry) -> Result<(), LdapError> {
        if self.entries.len() + self.groups.len() >= ENTRIES_MAX {
            return Err(LdapError::TooLarge);
        }
        let classes: BTreeSet<String> = entry.texts("objectClass").map(|class| class.to_lowercase()).collect();
        let is = |names: &[&str]| names.iter().any(|name| classes.contains(*name));
        if is(&["group", "groupofnames", "groupofuniquenames", "posixgroup"]) {
            let group = group(entry);
            self.members += group.members.len() + group.member_uids.len() + group.member_of.len();
            self.groups.insert(key(&entry.dn), group);
        } else if is(&["computer", "iphost"]) {
            let entry_key = key(&entry.dn);
            let machine = machine(entry, self.short_domain(&entry_key));
            self.add(entry_key, machine);
        } else if is(&["user", "inetorgperson", "posixaccount", "person"]) {
            let entry_key = key(&entry.dn);
            let person = person(entry, self.short_domain(&entry_key));
            self.add(entry_key, person);
        }
        if self.members > MEMBERS_MAX {
            return Err(LdapError::TooLarge);
        }
        Ok(())
    }

    /// What was listed, in the order of the directory's names, with what is at stake.
    ///
    /// # Errors
    /// When a group that was named isn't there.
    pub fn finish(self) -> Result<Vec<Listed>, LdapError> {
        if let Some(missing) = self
            .wanted
            .keys()
            .find(|name| self.groups_called(name).next().is_none())
        {
            return Err(LdapError::NoGroup(missing.clone()));
        }
        let at_stake = self.groups_at_stake();
        let (by_dn, by_uid, by_sid) = self.members_at_stake(&at_stake);
        let called: BTreeMap<&str, &str> = self
            .entries
            .iter()
            .map(|(dn, entry)| (dn.as_str(), entry.called.as_str()))
            .collect();
        let mut listed = Vec::new();
        for (dn, entry) in &self.entries {
            let by_groups = [
                by_dn.get(dn.as_str()),
                entry.uid.as_deref().and_then(|uid| by_uid.get(uid)),
                entry.primary_group.as_deref().and_then(|sid| by_sid.get(sid)),
            ];
            let by_itself = entry.member_of.iter().filter_map(|group| at_stake.get(group.as_str()));
            let all = by_groups.into_iter().flatten().chain(by_itself).flatten();
            let mut tiers: BTreeSet<Tier> = all.copied().collect();
            tiers.extend(entry.is_controller.then_some(Tier::DomainController));
            let manager = entry.manager.as_deref().map(|dn| {
                called
                    .get(key(dn).as_str())
                    .map_or_else(|| first_name(dn), |name| (*name).to_owned())
            });
            let mut one = entry.listed.clone();
            one.tiers = tiers.into_iter().collect();
            if let Some(manager) = manager {
                one.note = joined(&one.note, &format!("reports to {manager}"));
            }
            listed.push(one);
        }
        Ok(listed)
    }

    fn add(&mut self, dn: String, entry: Entry) {
        self.members += entry.member_of.len();
        if !entry.listed.names.is_empty() {
            self.entries.insert(dn, entry);
        }
    }

    /// The domain's name before a backslash, of an entry's key.
    fn short_domain(&self, dn: &str) -> String {
        let of_domain = dn
            .split_once(",dc=")
            .map_or(String::new(), |(_, rest)| format!("dc={rest}"));
        if let Some(short) = self.domains.get(&of_domain) {
            return short.clone();
        }
        let first = of_domain
            .trim_start_matches("dc=")
            .split(',')
            .next()
            .unwrap_or_default();
        self.domain.clone().unwrap_or_else(|| first.to_uppercase())
    }

    /// The groups that are called so, by their distinguished name or another in lower case.
    fn groups_called<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let as_dn = key(name);
        let found = self
            .groups
            .iter()
            .filter(move |(dn, group)| **dn == as_dn || group.names.iter().any(|own| own == name));
        found.map(|(dn, _)| dn.as_str())
    }

    /// Groups that put something at stake, groups in them among them.
    fn groups_at_stake(&self) -> BTreeMap<&str, BTreeSet<Tier>> {
        let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (dn, group) in &self.groups {
            let inner = group.members.iter().filter(|member| self.groups.contains_key(*member));
            below.entry(dn).or_default().extend(inner.map(String::as_str));
            for outer in &group.member_of {
                below.entry(outer).or_default().push(dn);
            }
        }
        let mut found: BTreeMap<&str, BTreeSet<Tier>> = BTreeMap::new();
        let mut waiting: VecDeque<(&str, Tier)> = VecDeque::new();
        for (dn, group) in &self.groups {
            waiting.extend(known_tier(group).map(|tier| (dn.as_str(), tier)));
        }
        for (name, tier) in &self.wanted {
            waiting.extend(self.groups_called(name).map(|dn| (dn, *tier)));
        }
        // Each group and tier once: groups that are in each other come to an end.
        while let Some((dn, tier)) = waiting.pop_front() {
            if found.entry(dn).or_default().insert(tier) {
                waiting.extend(below.get(dn).into_iter().flatten().map(|inner| (*inner, tier)));
            }
        }
        found
    }

    /// Who is in them: by distinguished name, by user name, and by the group that is somebody's first.
    fn members_at_stake<'a>(
        &'a self,
        at_stake: &BTreeMap<&'a str, BTreeSet<Tier>>,
    ) -> (Tiers<'a>, Tiers<'a>, Tiers<'a>) {
        let (mut by_dn, mut by_uid, mut by_sid) = (Tiers::new(), Tiers::new(), Tiers::new());
        for (dn, tiers) in at_stake {
            let Some(group) = self.groups.get(*dn) else { continue };
            for (names, found) in [(&group.members, &mut by_dn), (&group.member_uids, &mut by_uid)] {
                for name in names {
                    found.entry(name).or_default().extend(tiers);
                }
            }
            if let Some(sid) = &group.sid {
                by_sid.entry(sid).or_default().extend(tiers);
            }
        }
        (by_dn, by_uid, by_sid)
    }
}

type Tiers<'a> = BTreeMap<&'a str, BTreeSet<Tier>>;

impl LdapEntry {
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        // Large attributes come in ranges: `member;range=0-1499`.
        let found = self.attributes.iter().filter(move |(own, _)| {
            let own = own.split(';').next().unwrap_or(own);
            own.eq_ignore_ascii_case(name)
        });
        let values = found.flat_map(|(_, values)| values).map(Vec::as_slice);
        values.filter(|value| value.len() <= VALUE_BYTES_MAX).take(VALUES_MAX)
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = self.values(name).filter_map(|value| std::str::from_utf8(value).ok());
        texts.map(str::trim).filter(|text| !text.is_empty())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    fn keys(&self, name: &str) -> Vec<String> {
        self.texts(name).map(key).collect()
    }

    fn number(&self, name: &str) -> u32 {
        // The flags are a signed number.
        let number = self.text(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        u32::try_from(number & 0xffff_ffff).unwrap_or(0)
    }
}

fn group(entry: &LdapEntry) -> Group {
    let mut members = entry.keys("member");
    members.extend(entry.keys("uniqueMember"));
    Group {
        names: entry
            .texts("cn")
            .chain(entry.texts("sAMAccountName"))
            .map(str::to_lowercase)
            .collect(),
        sid: entry.values("objectSid").next().and_then(sid),
        member_of: entry.keys("memberOf"),
        members,
        member_uids: entry.texts("memberUid").map(str::to_lowercase).collect(),
    }
}

fn person(entry: &LdapEntry, domain: String) -> Entry {
    let called = entry
        .text("displayName")
        .or_else(|| entry.text("cn"))
        .unwrap_or_default();
    let uid = entry.text("uid").filter(|_| entry.text("sAMAccountName").is_none());
    let mails = entry.text("userPrincipalName").into_iter().chain(entry.text("mail"));
    let sid = entry.values("objectSid").next().and_then(sid);
    let sid = sid.and_then(|sid| Handle::new(HandleKind::Sid, &sid));
    let mut names: Vec<Handle> = sid.into_iter().chain(account(entry, &domain)).collect();
    names.extend(uid.and_then(|uid| Handle::new(HandleKind::User, uid)));
    for mail in mails.filter_map(|mail| Handle::new(HandleKind::Mail, mail)) {
        if !names.contains(&mail) {
            names.push(mail);
        }
    }
    names.extend(Handle::new(HandleKind::DisplayName, called));
    let disabled = entry.number("userAccountControl") & DISABLED != 0;
    let department = entry.text("department").unwrap_or_default();
    Entry {
        listed: Listed {
            names,
            note: joined(if disabled { "disabled" } else { "" }, department),
            ..Listed::default()
        },
        uid: entry.text("uid").map(str::to_lowercase),
        member_of: entry.keys("memberOf"),
        primary_group: primary_group(entry),
        is_controller: false,
        called: called.to_owned(),
        manager: entry.text("manager").map(str::to_owned),
    }
}

fn machine(entry: &LdapEntry, domain: String) -> Entry {
    // Without the identifier: logs use it for people alone, and a machine has names enough.
    let mut names: Vec<Handle> = account(entry, &domain).into_iter().collect();
    let hosts = entry.text("cn").into_iter().chain(entry.text("dNSHostName"));
    names.extend(hosts.filter_map(|host| Handle::new(HandleKind::Host, host)));
    let addresses = entry.texts("ipHostNumber").take(4);
    names.extend(addresses.filter_map(|address| Handle::new(HandleKind::Address, address)));
    Entry {
        listed: Listed {
            names,
            note: entry.text("operatingSystem").unwrap_or_default().to_owned(),
            ..Listed::default()
        },
        member_of: entry.keys("memberOf"),
        primary_group: primary_group(entry),
        is_controller: entry.number("userAccountControl") & SERVER_TRUST != 0
            || CONTROLLERS.contains(&entry.number("primaryGroupID")),
        ..Entry::default()
    }
}

fn account(entry: &LdapEntry, domain: &str) -> Option<Handle> {
    let name = entry.text("sAMAccountName")?;
    Handle::new(HandleKind::Sam, &format!("{domain}\\{name}"))
}

/// The identifier of the group that an account is in without being in its list.
fn primary_group(entry: &LdapEntry) -> Option<String> {
    let own = entry.values("objectSid").next().and_then(sid)?;
    let (domain, _) = own.rsplit_once('-')?;
    let group = entry.number("primaryGroupID");
    (group != 0).then(|| format!("{domain}-{group}"))
}

/// What is at stake on members of a group that every domain has.
fn known_tier(group: &Group) -> Option<Tier> {
    let sid = group.sid.as_deref()?;
    if sid == BUILTIN_ADMINISTRATORS {
        return Some(Tier::Administrator);
    }
    let number = sid.strip_prefix("S-1-5-21-")?.rsplit('-').next()?.parse().ok()?;
    if ADMINISTRATORS.contains(&number) {
        Some(Tier::Administrator)
    } else {
        CONTROLLERS.contains(&number).then_some(Tier::DomainController)
    }
}

/// A security identifier, from its bytes: revision, count, authority, and so many numbers.
pub(super) fn sid(bytes: &[u8]) -> Option<String> {
    let (head, numbers) = bytes.split_first_chunk::<8>()?;
    let [1, count, authority @ ..] = head else { return None };
    if *count > 15 || numbers.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for number in numbers.as_chunks::<4>().0 {
        text += &format!("-{}", u32::from_le_bytes(*number));
    }
    Some(text)
}

/// A distinguished name by which entries refer to each other, whatever its capitals and the spaces after its commas.
fn key(dn: &str) -> String {
    let parts: Vec<&str> = dn.split(',').map(str::trim).collect();
    parts.join(",").to_lowercase()
}

/// `Example, Bob` of `CN=Example\, Bob,OU=People,...`.
fn first_name(dn: &str) -> String {
    let name = dn.split_once('=').map_or(dn, |(_, name)| name);
    let mut first = String::new();
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => break,
            '\\' => first.extend(characters.next()),
            character => first.push(character),
        }
    }
    first
}

fn joined(one: &str, other: &str) -> String {
    let parts = [one, other];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
