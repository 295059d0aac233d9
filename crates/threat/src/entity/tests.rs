use std::sync::Arc;

use super::*;
use crate::event::{Event, Facts, Handle, HandleKind, Logsource, Origin, Outcome};

const DAY: i64 = 86_400;

fn handle(kind: HandleKind, name: &str) -> Handle {
    Handle::new(kind, name).unwrap()
}

fn mail(name: &str) -> Handle {
    handle(HandleKind::Mail, name)
}

fn sam(name: &str) -> Handle {
    handle(HandleKind::Sam, name)
}

fn sid(number: u32) -> Handle {
    handle(HandleKind::Sid, &format!("S-1-5-21-1-2-3-{number}"))
}

fn host(name: &str) -> Handle {
    handle(HandleKind::Host, name)
}

fn origin(record: u64) -> Origin {
    Origin {
        source: Arc::from("security.evtx"),
        record,
    }
}

fn by(directory: &mut Directory, now: i64, actor: &[Handle]) -> Option<EntityId> {
    let facts = Facts {
        actor: actor.to_vec(),
        ..Facts::default()
    };
    directory.learn_facts(&facts, now, &origin(1)).actor
}

fn on(directory: &mut Directory, now: i64, machine: &[Handle]) -> Option<EntityId> {
    let facts = Facts {
        machine: machine.to_vec(),
        ..Facts::default()
    };
    directory.learn_facts(&facts, now, &origin(2)).machine
}

#[test]
fn many_names_of_each_machine_do_not_make_the_next_one_slow() {
    let mut directory = Directory::with_room_for(4_000);
    let begun = std::time::Instant::now();
    for number in 0..4_000 {
        let names = [
            host(&format!("a{number}.acme.example")),
            handle(HandleKind::VirtualMachine, &format!("b{number}")),
            sam(&format!("acme\\c{number}$")),
        ];
        on(&mut directory, number, &names);
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    let id = directory.resolve(&[sam("acme\\c3999$")], 4_000);
    assert!(id.is_some() && id == directory.resolve(&[host("a3999.acme.example")], 4_000));
}

#[test]
fn names_that_a_record_lists_together_are_one_person_with_the_record_as_evidence() {
    let mut directory = Directory::new();
    by(&mut directory, 1, &[sam("ACME\\anna"), sid(1104)]);
    by(&mut directory, 2, &[mail("anna@acme.example"), sid(1104)]);
    let id = directory.resolve(&[mail("anna@acme.example")], 3).unwrap();
    assert_eq!(directory.resolve(&[sam("acme\\anna")], 3), Some(id));
    let anna = directory.get(id).unwrap();
    assert_eq!(
        (anna.name(), anna.names.len(), anna.joins.len()),
        ("anna@acme.example", 3, 2)
    );
    assert!(
        anna.reasons()
            .iter()
            .any(|reason| reason.contains("record 1 of security.evtx lists both")),
        "{:?}",
        anna.reasons()
    );
}

#[test]
fn a_mailbox_that_two_people_share_joins_neither() {
    let mut directory = Directory::new();
    let shared = mail("invoices@acme.example");
    by(&mut directory, 1, &[sid(1104), shared.clone()]);
    by(&mut directory, 2, &[sid(1105), shared.clone()]);
    by(&mut directory, 3, &[sid(1104), shared.clone()]);
    let (anna, bob) = (directory.resolve(&[sid(1104)], 4), directory.resolve(&[sid(1105)], 4));
    assert_ne!(anna, bob);
    assert!(!directory.get(anna.unwrap()).unwrap().names.contains(&shared));
    assert!(!directory.get(bob.unwrap()).unwrap().names.contains(&shared));
    assert_eq!(directory.shared().collect::<Vec<_>>(), [&shared]);
}

/// A directory in which records have shown so often, one an hour, that an account is a mail address'.
fn shown(times: i64) -> (Directory, Handle, Option<EntityId>) {
    let mut directory = Directory::new();
    let account = mail("anna@acme.example");
    for hour in 0..times {
        directory.came_in(3_600 * hour);
        by(&mut directory, 3_600 * hour, &[sid(1104), account.clone()]);
    }
    let anna = directory.resolve(&[sid(1104)], 3_600 * times);
    assert_eq!(directory.resolve(std::slice::from_ref(&account), 3_600 * times), anna);
    (directory, account, anna)
}

#[test]
fn one_forged_record_or_a_thousand_at_once_unlink_no_account_that_was_shown_often() {
    let (mut directory, account, anna) = shown(100);
    directory.came_in(10 * DAY);
    for number in 0..1_000 {
        // Whatever times they name.
        by(&mut directory, 10 * DAY + number * 600, &[sid(1105), account.clone()]);
    }
    assert_eq!(directory.resolve(std::slice::from_ref(&account), 10 * DAY), anna);
    assert_eq!(directory.shared().count(), 0);
}

#[test]
fn an_account_that_others_use_day_after_day_is_shared_for_two_weeks_after() {
    let (mut directory, account, anna) = shown(100);
    let ask = |directory: &Directory, day: i64| directory.resolve(std::slice::from_ref(&account), day * DAY);
    for number in 0..80 {
        let now = 10 * DAY + 1_800 * number;
        directory.came_in(now);
        by(&mut directory, now, &[sid(1105), account.clone()]);
        assert!(number > 62 || ask(&directory, 12) == anna, "{number}");
    }
    assert_ne!(ask(&directory, 12), anna);
    assert_eq!(directory.shared().collect::<Vec<_>>(), [&account]);
    by(&mut directory, 14 * DAY, &[sid(1104), account.clone()]);
    assert_ne!(ask(&directory, 14), anna);
    by(&mut directory, 27 * DAY, &[sid(1104), account.clone()]);
    assert_eq!(ask(&directory, 27), directory.resolve(&[sid(1104)], 27 * DAY));
}

#[test]
fn contradictions_of_long_ago_count_no_more() {
    let (mut directory, account, anna) = shown(5);
    for number in 0..12 {
        // Four at a time would be one too few; they are forgotten before the next come.
        let now = 10 * DAY + (number / 4) * 9 * DAY + number;
        by(&mut directory, now, &[sid(1105), account.clone()]);
    }
    assert_eq!(directory.resolve(std::slice::from_ref(&account), 30 * DAY), anna);
    by(&mut directory, 28 * DAY + 20, &[sid(1105), account.clone()]);
    assert_ne!(directory.resolve(&[account], 30 * DAY), anna);
}

#[test]
fn no_record_takes_back_what_a_list_says_also_after_a_restart() {
    let mut directory = Directory::new();
    directory
        .load_csv(
            "sid;upn;host;fqdn\nS-1-5-21-1-2-3-1104;anna@acme.example;;\n;;dc01;dc01.acme.example\n",
            0,
        )
        .unwrap();
    let text = serde_json::to_string(&directory).unwrap();
    let mut directory: Directory = serde_json::from_str(&text).unwrap();
    let account = mail("anna@acme.example");
    for number in 0..400 {
        directory.came_in(3_600 * number);
        by(&mut directory, 3_600 * number, &[sid(1105), account.clone()]);
    }
    on(&mut directory, 400 * 3_600, &[host("dc01.evil.example")]);
    assert_eq!(
        directory.resolve(&[account], 17 * DAY),
        directory.resolve(&[sid(1104)], 17 * DAY)
    );
    let controller = directory.resolve(&[host("dc01.acme.example")], 17 * DAY);
    assert_eq!(directory.resolve(&[host("dc01")], 17 * DAY), controller);
}

#[test]
fn two_people_are_not_joined_through_a_chain_of_names() {
    let mut directory = Directory::new();
    by(&mut directory, 1, &[sid(1104), sam("ACME\\anna")]);
    by(&mut directory, 2, &[sid(1105), mail("bob@acme.example")]);
    by(&mut directory, 3, &[sam("ACME\\anna"), mail("bob@acme.example")]);
    by(&mut directory, 4, &[sam("ACME\\anna"), mail("bob@acme.example")]);
    assert_ne!(directory.resolve(&[sid(1104)], 5), directory.resolve(&[sid(1105)], 5));
}

#[test]
fn names_that_everybody_has_join_nothing() {
    let mut directory = Directory::new();
    for name in ["root", "Administrator", "SYSTEM"] {
        assert_eq!(by(&mut directory, 1, &[handle(HandleKind::User, name)]), None);
    }
    by(
        &mut directory,
        1,
        &[
            sam("NT AUTHORITY\\SYSTEM"),
            handle(HandleKind::Sid, "S-1-5-18"),
            sid(1104),
        ],
    );
    by(
        &mut directory,
        2,
        &[
            sam("NT AUTHORITY\\SYSTEM"),
            handle(HandleKind::Sid, "S-1-5-18"),
            sid(1105),
        ],
    );
    assert_ne!(directory.resolve(&[sid(1104)], 3), directory.resolve(&[sid(1105)], 3));
    on(
        &mut directory,
        1,
        &[
            host("web1"),
            host("localhost"),
            handle(HandleKind::Address, "127.0.0.1"),
        ],
    );
    on(
        &mut directory,
        2,
        &[
            host("web2"),
            host("localhost"),
            handle(HandleKind::Address, "127.0.0.1"),
        ],
    );
    assert_ne!(
        directory.resolve(&[host("web1")], 3),
        directory.resolve(&[host("web2")], 3)
    );
    assert_eq!(directory.resolve(&[host("localhost")], 3), None);
}

#[test]
fn a_name_that_was_typed_and_refused_proves_nothing() {
    let mut directory = Directory::new();
    let facts = Facts {
        outcome: Outcome::Failure,
        actor: vec![sid(1104), mail("boss@acme.example")],
        ..Facts::default()
    };
    directory.learn_facts(&facts, 1, &origin(1));
    let typed = directory.resolve(&[mail("boss@acme.example")], 2);
    assert!(typed.is_none() || typed != directory.resolve(&[sid(1104)], 2));
}

#[test]
fn a_short_domain_is_learnt_from_three_accounts_and_then_joins_others() {
    let mut directory = Directory::new();
    for (number, name) in [(1, "ada"), (2, "ben"), (3, "cleo")] {
        by(
            &mut directory,
            number,
            &[sam(&format!("ACME\\{name}")), mail(&format!("{name}@acme.example"))],
        );
    }
    by(&mut directory, 5, &[sam("ACME\\dora")]);
    by(&mut directory, 6, &[mail("dora@acme.example")]);
    let dora = directory.resolve(&[sam("acme\\dora")], 7).unwrap();
    assert_eq!(directory.resolve(&[mail("dora@acme.example")], 7), Some(dora));
    assert_eq!(directory.get(dora).unwrap().joins[0].why, Why::Domain { accounts: 3 });
    by(&mut directory, 8, &[mail("dora@other.example")]);
    assert_ne!(directory.resolve(&[mail("dora@other.example")], 9), Some(dora));
}

#[test]
fn a_bare_name_is_somebody_as_long_as_only_one_has_it() {
    let mut directory = Directory::new();
    let anna = by(&mut directory, 1, &[mail("anna@acme.example")]);
    let bare = handle(HandleKind::User, "anna");
    assert_eq!(by(&mut directory, 2, std::slice::from_ref(&bare)), anna);
    by(&mut directory, 3, &[mail("anna@partner.example")]);
    assert_ne!(directory.resolve(&[bare], 4), anna);
}

#[test]
fn a_machine_is_one_by_its_short_and_full_name_account_and_virtual_machine() {
    let mut directory = Directory::new();
    let id = on(&mut directory, 1, &[host("dc01.acme.example")]);
    assert_eq!(on(&mut directory, 2, &[host("DC01")]), id);
    assert_eq!(on(&mut directory, 3, &[handle(HandleKind::VirtualMachine, "DC01")]), id);
    assert_eq!(by(&mut directory, 4, &[sam("ACME\\DC01$")]), id);
    let other = on(&mut directory, 5, &[host("dc01.partner.example")]);
    assert_ne!(other, id);
    assert_ne!(directory.resolve(&[host("dc01")], 6), id);
    assert_ne!(directory.resolve(&[host("dc01")], 6), other);
}

#[test]
fn an_address_is_of_the_machine_that_had_it_at_that_time() {
    let mut directory = Directory::new();
    let address = handle(HandleKind::Address, "10.0.0.7");
    let old = on(&mut directory, DAY, &[host("laptop-1"), address.clone()]);
    let new = on(&mut directory, 3 * DAY, &[host("laptop-2"), address.clone()]);
    assert_ne!(old, new);
    assert_eq!(directory.resolve(std::slice::from_ref(&address), 2 * DAY), old);
    assert_eq!(directory.resolve(std::slice::from_ref(&address), 4 * DAY), new);
    assert_eq!(directory.resolve(&[address], 60 * DAY), None);
}

#[test]
fn an_address_of_a_list_is_the_machine_s_also_in_records_from_before_the_list_was_read() {
    let mut directory = Directory::new();
    let text = "host;address\nvc.acme.example;10.0.0.9\n";
    directory.load_csv(text, 3 * DAY).unwrap();
    let address = handle(HandleKind::Address, "10.0.0.9");
    let listed = directory.resolve(&[host("vc.acme.example")], DAY);
    assert!(listed.is_some());
    assert_eq!(directory.resolve(std::slice::from_ref(&address), DAY), listed);
    let other = on(&mut directory, 4 * DAY, &[host("laptop-1"), address.clone()]);
    assert_eq!(directory.resolve(std::slice::from_ref(&address), 5 * DAY), other);
    directory.load_csv(text, 6 * DAY).unwrap();
    assert_eq!(directory.resolve(&[address], 7 * DAY), listed);
}

#[test]
fn an_address_with_many_machines_within_an_hour_is_nobodys() {
    let mut directory = Directory::new();
    let address = handle(HandleKind::Address, "10.0.0.1");
    for number in 0..6 {
        on(
            &mut directory,
            100 + number,
            &[host(&format!("laptop-{number}")), address.clone()],
        );
    }
    assert_eq!(directory.resolve(&[address], 200), None);
}

#[test]
fn a_join_that_was_revoked_is_not_made_again_by_records_but_by_a_mark() {
    let mut directory = Directory::new();
    let (a, b) = (sam("ACME\\anna"), mail("anna.smith@acme.example"));
    by(&mut directory, 1, &[a.clone(), b.clone()]);
    assert_eq!(
        directory.resolve(std::slice::from_ref(&a), 2),
        directory.resolve(std::slice::from_ref(&b), 2)
    );
    assert!(directory.revoke(&a, &b, "carol", 3));
    by(&mut directory, 4, &[a.clone(), b.clone()]);
    assert_ne!(
        directory.resolve(std::slice::from_ref(&a), 5),
        directory.resolve(std::slice::from_ref(&b), 5)
    );
    assert_eq!(directory.revoked().map(|(_, _, by)| by).collect::<Vec<_>>(), ["carol"]);
    assert!(directory.mark(&a, &b, "carol", 6));
    assert_eq!(directory.resolve(&[a], 7), directory.resolve(&[b], 7));
}

#[test]
fn a_list_names_people_machines_and_tiers_and_tells_lines_that_contradict() {
    let mut directory = Directory::new();
    let text = "upn;sam;okta_id;host;address;tier\nanna@acme.example;ACME\\anna;00u1abcdefghijklmnop;;;help-desk|vip\n\
        ;;;vc.acme.example;10.0.0.9;vcenter\nbob@acme.example;ACME\\anna;;;;\n";
    let loaded = directory.load_csv(text, 1).unwrap();
    assert_eq!((loaded.entities, loaded.refused), (3, vec![4]));
    let anna = directory.resolve(&[sam("acme\\anna")], 2).unwrap();
    assert_eq!(directory.get(anna).unwrap().tiers, [Tier::HelpDesk, Tier::Vip]);
    let vcenter = directory
        .resolve(&[handle(HandleKind::Address, "10.0.0.9")], 2)
        .unwrap();
    assert_eq!(directory.get(vcenter).unwrap().tiers, [Tier::Vcenter]);
    assert_eq!(
        directory.load_csv("upn,colour\n", 1),
        Err(ListError::Column("colour".to_owned()))
    );
    assert!(matches!(
        directory.load_csv("upn,tier\na@b.c,king\n", 1),
        Err(ListError::Tier { line: 2, .. })
    ));
}

#[test]
fn entities_that_become_one_are_told_to_those_who_keep_something_for_each() {
    let mut directory = Directory::new();
    let first = by(&mut directory, 1, &[sam("ACME\\anna")]).unwrap();
    let second = by(&mut directory, 2, &[mail("a.smith@acme.example")]).unwrap();
    by(&mut directory, 3, &[sam("ACME\\anna"), mail("a.smith@acme.example")]);
    let (merges, next) = directory.merges_from(0);
    assert_eq!(merges, [(second, first)]);
    assert!(directory.merges_from(next).0.is_empty());
}

#[test]
fn what_was_learnt_survives_being_saved() {
    let mut directory = Directory::new();
    by(&mut directory, 1, &[sam("ACME\\anna"), sid(1104)]);
    on(
        &mut directory,
        1,
        &[host("laptop-1.acme.example"), handle(HandleKind::Address, "10.0.0.7")],
    );
    let bytes = serde_json::to_vec(&directory).unwrap();
    let back: Directory = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        back.resolve(&[sid(1104)], 2),
        directory.resolve(&[sam("acme\\anna")], 2)
    );
    let address = handle(HandleKind::Address, "10.0.0.7");
    assert_eq!(
        back.resolve(&[address], 2),
        directory.resolve(&[host("laptop-1.acme.example")], 2)
    );
}

#[test]
fn who_was_not_seen_for_longest_is_forgotten_when_there_is_no_more_room() {
    let mut directory = Directory::with_room_for(64);
    for number in 0..1_000 {
        by(&mut directory, number, &[mail(&format!("p{number}@acme.example"))]);
    }
    assert!(directory.entities().count() <= 64);
    assert!(directory.resolve(&[mail("p0@acme.example")], 1_000).is_none());
    assert!(directory.resolve(&[mail("p999@acme.example")], 1_000).is_some());
}

#[test]
fn names_and_addresses_that_were_made_up_do_not_push_out_those_who_are_known() {
    let mut directory = Directory::with_room_for(64);
    let anna = by(&mut directory, 1, &[mail("anna@acme.example")]);
    for number in 0..5_000_u32 {
        let facts = Facts {
            outcome: Outcome::Failure,
            actor: vec![mail(&format!("x{number}@acme.example"))],
            address: Some(std::net::Ipv4Addr::from(0x0b00_0000 + number).into()),
            ..Facts::default()
        };
        directory.learn_facts(&facts, 2 + i64::from(number), &origin(1));
    }
    assert_eq!(directory.resolve(&[mail("anna@acme.example")], 6_000), anna);
    assert!(directory.entities().count() <= 64 + 16);
}

fn event(product: &'static str, service: &'static str, fields: serde_json::Value, machine: &str) -> Event {
    Event {
        time: jiff::Timestamp::from_second(1).unwrap(),
        logsource: Logsource {
            product,
            service: Some(service),
            category: None,
        },
        fields,
        facts: Facts {
            machine: vec![host(machine)],
            ..Facts::default()
        },
        origin: origin(1),
    }
}

fn tiers(directory: &mut Directory, event: &Event) -> Vec<Tier> {
    let machine = directory.learn(event).machine.unwrap();
    directory.get(machine).unwrap().tiers.clone()
}

#[test]
fn who_serves_tickets_is_a_domain_controller_and_who_speaks_as_vcenter_for_an_hour_is_it() {
    let mut directory = Directory::new();
    let ticket = serde_json::json!({"EventID": 4769});
    let logon = serde_json::json!({"EventID": 4624});
    let own = serde_json::json!({"vcenter": "VC.acme.example"});
    let found = tiers(&mut directory, &event("windows", "security", ticket, "dc1"));
    assert_eq!(found, [Tier::DomainController]);
    assert_eq!(tiers(&mut directory, &event("windows", "security", logon, "desk1")), []);
    for (name, expected) in [("vc.acme.example", &[Tier::Vcenter][..]), ("esx1.acme.example", &[])] {
        let mut found = Vec::new();
        for minute in 0..70 {
            directory.came_in(60 * minute);
            let service = if minute % 2 == 0 { "event" } else { "sso" };
            found = tiers(&mut directory, &event("vcenter", service, own.clone(), name));
        }
        assert_eq!(found, expected, "{name}");
    }
}

/// Two ESXi programs in turn, in one machine's name.
fn esxi(number: i64, machine: &str) -> Event {
    let service = if number % 2 == 0 { "hostd" } else { "vobd" };
    event("esxi", service, serde_json::json!({}), machine)
}

#[test]
fn a_flood_of_forged_lines_makes_no_hypervisor_whatever_times_they_name() {
    let mut directory = Directory::new();
    directory.came_in(1_000_000);
    for number in 0..500 {
        let mut forged = esxi(number, "fs01");
        forged.time = jiff::Timestamp::from_second(1_000_000 + number * 60).unwrap();
        assert_eq!(tiers(&mut directory, &forged), []);
    }
    // Who goes on for an hour is believed, as the limits in the documentation say.
    directory.came_in(1_000_000 + 3_600);
    assert_eq!(tiers(&mut directory, &esxi(1, "fs01")), [Tier::Hypervisor]);
}

#[test]
fn a_machine_of_windows_is_no_hypervisor_however_long_it_is_claimed_and_a_known_one_stays_it() {
    let mut directory = Directory::new();
    let logon = event("windows", "security", serde_json::json!({"EventID": 4624}), "fs01");
    for _ in 0..3 {
        tiers(&mut directory, &logon);
    }
    for minute in 0..200 {
        directory.came_in(60 * minute);
        assert_eq!(tiers(&mut directory, &esxi(minute, "fs01")), []);
        tiers(&mut directory, &esxi(minute, "esx01"));
    }
    for _ in 0..10 {
        tiers(
            &mut directory,
            &event("windows", "security", serde_json::json!({}), "esx01"),
        );
    }
    assert_eq!(tiers(&mut directory, &esxi(0, "esx01")), [Tier::Hypervisor]);
}

#[test]
fn a_hypervisor_of_the_list_is_one_from_its_first_line_on() {
    let mut directory = Directory::new();
    directory.load_csv("host;tier\nesx01;esxi\n", 1).unwrap();
    assert_eq!(tiers(&mut directory, &esxi(0, "esx01")), [Tier::Hypervisor]);
}
