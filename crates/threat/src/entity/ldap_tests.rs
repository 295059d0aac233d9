//! Entries of both kinds of directories, made into lists.

use super::*;
use crate::event::{Handle, HandleKind};

const BASE: &str = "DC=corp,DC=acme,DC=example";

/// An entry of attributes as `name=value`, with colons for other signs of equality in the name.
fn entry(dn: &str, attributes: &[&str]) -> LdapEntry {
    let mut entry = LdapEntry {
        dn: format!("{dn},{BASE}"),
        ..LdapEntry::default()
    };
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').unwrap();
        let name = name.replace(':', "=");
        entry.attributes.push((name, vec![value.as_bytes().to_vec()]));
    }
    entry
}

fn with_sid(mut entry: LdapEntry, number: u32) -> LdapEntry {
    let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
    for part in [21_u32, 1_004_336_348, 1_177_238_915, 682_003_330, number] {
        bytes.extend(part.to_le_bytes());
    }
    entry.attributes.push(("objectSid".to_owned(), vec![bytes]));
    entry
}

fn listed(list: LdapList, entries: &[LdapEntry]) -> Vec<Listed> {
    let mut list = list;
    for entry in entries {
        list.take(entry).unwrap();
    }
    list.finish().unwrap()
}

fn of<'a>(listed: &'a [Listed], name: &str) -> &'a Listed {
    let found = listed
        .iter()
        .find(|entity| entity.names.iter().any(|own| own.name == name));
    found.unwrap_or_else(|| panic!("{name} isn't in {listed:?}"))
}

fn active_directory() -> Vec<LdapEntry> {
    let person = |cn: &str, account: &str, number: u32, more: &[&str]| {
        let names = [
            format!("sAMAccountName={account}"),
            format!("userPrincipalName={account}@acme.example"),
            format!("displayName={cn}"),
        ];
        let mut all = vec!["objectClass=user"];
        all.extend(names.iter().map(String::as_str));
        all.extend(more);
        with_sid(entry(&format!("CN={cn},OU=People"), &all), number)
    };
    let group = |cn: &str, number: u32, more: &[&str]| {
        let name = format!("cn={cn}");
        let mut all = vec!["objectClass=group", name.as_str()];
        all.extend(more);
        with_sid(entry(&format!("CN={cn},CN=Users"), &all), number)
    };
    let computer = |cn: &str, number: u32, flags: &str| {
        let names = [
            format!("cn={cn}"),
            format!("sAMAccountName={cn}$"),
            format!("dNSHostName={cn}.corp.acme.example"),
            format!("userAccountControl={flags}"),
        ];
        let mut all = vec![
            "objectClass=user",
            "objectClass=computer",
            "operatingSystem=Windows Server 2022",
        ];
        all.extend(names.iter().map(String::as_str));
        with_sid(entry(&format!("CN={cn},OU=Computers"), &all), number)
    };
    let nested = format!("memberOf=CN=Dom\u{e4}nen-Admins,CN=Users,{BASE}");
    let operators = format!("memberOf=CN=Operators,CN=Users,{BASE}");
    let chief = format!("manager=CN=Chief\\, The,OU=People,{BASE}");
    vec![
        group("Dom\u{e4}nen-Admins", 512, &[]),
        group("Operators", 1600, &[&nested]),
        group(
            "Service Desk",
            1601,
            &[&format!("member;range:0-1=cn=dora, ou=people, {BASE}")],
        ),
        person(
            "Anna",
            "anna",
            1104,
            &["mail=anna.meier@acme.example", "department=Finance", &chief],
        ),
        person("Bob", "bob", 1105, &[&operators]),
        person(
            "Carol",
            "carol",
            1106,
            &["primaryGroupID=512", "userAccountControl=514"],
        ),
        person("Dora", "dora", 1107, &[]),
        computer("DC01", 1001, "532480"),
        computer("FS01", 1002, "4096"),
    ]
}

#[test]
fn an_active_directory_gives_people_machines_and_what_is_at_stake() {
    let wanted = [("service desk".to_owned(), Tier::HelpDesk)];
    let domains = [(BASE.to_owned(), "ACME".to_owned())];
    let all = listed(LdapList::new(&wanted, &domains, None), &active_directory());
    assert_eq!(all.len(), 6);
    let anna = of(&all, "anna@acme.example");
    for name in [
        "s-1-5-21-1004336348-1177238915-682003330-1104",
        "acme\\anna",
        "anna.meier@acme.example",
        "anna",
    ] {
        assert!(anna.names.iter().any(|own| own.name == name), "{name}: {anna:?}");
    }
    assert_eq!(anna.note, "Finance; reports to Chief, The");
    assert!(anna.tiers.is_empty());
    assert_eq!(of(&all, "acme\\bob").tiers, [Tier::Administrator]);
    assert_eq!(of(&all, "acme\\carol").tiers, [Tier::Administrator]);
    assert_eq!(of(&all, "acme\\carol").note, "disabled");
    assert_eq!(of(&all, "acme\\dora").tiers, [Tier::HelpDesk]);
    assert_eq!(of(&all, "dc01.corp.acme.example").tiers, [Tier::DomainController]);
    assert_eq!(of(&all, "fs01").note, "Windows Server 2022");
    assert!(of(&all, "fs01").tiers.is_empty());
}

#[test]
fn what_is_written_is_what_is_read() {
    let mut all = listed(LdapList::new(&[], &[], Some("ACME")), &active_directory());
    all[0].note = "Sales, \"north\"; | EMEA\n=1".to_owned();
    let text = csv(&all);
    let mut directory = Directory::new();
    let loaded = directory.load_csv(&text, 1).unwrap();
    assert_eq!(
        loaded,
        Loaded {
            entities: 6,
            refused: Vec::new()
        },
        "{text}"
    );
    let find = |kind, name: &str| directory.resolve(&[Handle::new(kind, name).unwrap()], 1).unwrap();
    let anna = directory
        .get(find(HandleKind::Mail, "anna.meier@acme.example"))
        .unwrap();
    assert_eq!(anna.id, find(HandleKind::Sam, "ACME\\Anna"));
    assert_eq!(anna.id, find(HandleKind::Mail, "anna@acme.example"));
    assert!(anna.note.starts_with("Sales, \"north\""), "{}", anna.note);
    let controller = directory.get(find(HandleKind::Host, "dc01")).unwrap();
    assert_eq!(controller.tiers, [Tier::DomainController]);
    assert_eq!(controller.id, find(HandleKind::Sam, "ACME\\DC01$"));
}

#[test]
fn a_plain_directory_gives_user_names_and_members_by_name() {
    let entries = [
        entry(
            "uid=anna,ou=people",
            &[
                "objectClass=inetOrgPerson",
                "uid=anna",
                "cn=Anna Meier",
                "mail=anna@acme.example",
            ],
        ),
        entry("uid=bob,ou=people", &["objectClass=posixAccount", "uid=bob", "cn=Bob"]),
        entry(
            "cn=web1,ou=hosts",
            &["objectClass=ipHost", "cn=web1", "ipHostNumber=192.0.2.7"],
        ),
        entry(
            "cn=wheel,ou=groups",
            &["objectClass=posixGroup", "cn=wheel", "memberUid=bob"],
        ),
        entry(
            "cn=it,ou=groups",
            &[
                "objectClass=groupOfNames",
                "cn=it",
                &format!("member=uid=anna,ou=people,{BASE}"),
            ],
        ),
    ];
    let wanted = [("wheel".to_owned(), Tier::Administrator), ("IT".to_owned(), Tier::Vip)];
    let all = listed(LdapList::new(&wanted, &[], None), &entries);
    assert_eq!(of(&all, "bob").tiers, [Tier::Administrator]);
    assert_eq!(of(&all, "anna@acme.example").tiers, [Tier::Vip]);
    assert!(csv(&all).contains(",,,,,,web1,,192.0.2.7,,\n"), "{}", csv(&all));
}

#[test]
fn a_group_that_is_not_there_is_named() {
    let mut list = LdapList::new(&[("Helpdesk".to_owned(), Tier::HelpDesk)], &[], None);
    for entry in active_directory() {
        list.take(&entry).unwrap();
    }
    assert_eq!(list.finish(), Err(LdapError::NoGroup("helpdesk".to_owned())));
}

#[test]
fn groups_in_each_other_come_to_an_end() {
    let inner = |cn: &str, other: &str| {
        entry(
            &format!("cn={cn}"),
            &[
                "objectClass=groupOfNames",
                &format!("cn={cn}"),
                &format!("member=cn={other},{BASE}"),
            ],
        )
    };
    let entries = [
        inner("a", "b"),
        inner("b", "a"),
        entry(
            "uid=x",
            &["objectClass=posixAccount", "uid=x", &format!("memberOf=cn=b,{BASE}")],
        ),
    ];
    let all = listed(LdapList::new(&[("a".to_owned(), Tier::Backup)], &[], None), &entries);
    assert_eq!(of(&all, "x").tiers, [Tier::Backup]);
}

#[test]
fn identifiers_are_decoded_and_broken_ones_passed_over() {
    let whole = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    assert_eq!(ldap::sid(&whole).as_deref(), Some("S-1-5-18"));
    for length in 0..whole.len() {
        assert_eq!(ldap::sid(&whole[..length]), None);
    }
    assert_eq!(ldap::sid(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
    assert_eq!(ldap::sid(&[1, 200, 0, 0, 0, 0, 0, 5]), None);
}
