//! The accounts that the public API keeps for testing clients, with the breaches that they are in.
//!
//! They demonstrate behaviours, so a server answers them from here without any data being loaded. The breaches are real and public;
//! their descriptions are our own.

use super::{Breach, Paste};

/// The domain of the accounts.
pub const INTEGRATION_TESTS_DOMAIN: &str = "hibp-integration-tests.com";

/// The test accounts, and the breaches they are in.
#[derive(Clone, Debug)]
pub struct IntegrationTests {
    /// The breaches.
    pub breaches: Vec<Breach>,
    /// The accounts, in the order of the documentation.
    pub accounts: Vec<TestAccount>,
}

/// A test account.
#[derive(Clone, Debug, Default)]
pub struct TestAccount {
    /// What stands before the `@`.
    pub alias: &'static str,
    /// Names of the breaches that it is in: also sensitive, unverified and retired ones, which a server leaves out by their flags as of
    /// any account.
    pub breaches: &'static [&'static str],
    /// Whether its owner doesn't want breaches to be told.
    pub breaches_opted_out: bool,
    /// The pastes that it is in.
    pub pastes: Vec<Paste>,
    /// Websites into which malware saw it being typed.
    pub stealer_logs: &'static [&'static str],
}

impl IntegrationTests {
    /// The test account of an address, if it is one; `address` as it is normalised.
    #[must_use]
    pub fn account(&self, address: &str) -> Option<&TestAccount> {
        let (alias, domain) = address.split_once('@')?;
        let is_wanted = |account: &&TestAccount| account.alias == alias;
        (domain == INTEGRATION_TESTS_DOMAIN)
            .then(|| self.accounts.iter().find(is_wanted))
            .flatten()
    }

    /// A breach of a test account.
    #[must_use]
    pub fn breach(&self, name: &str) -> Option<&Breach> {
        self.breaches
            .iter()
            .find(|breach| breach.name.eq_ignore_ascii_case(name))
    }
}

/// The test accounts and their breaches.
#[must_use]
pub fn integration_tests() -> IntegrationTests {
    IntegrationTests {
        breaches: breaches(),
        accounts: accounts(),
    }
}

fn accounts() -> Vec<TestAccount> {
    let account = |alias, breaches| TestAccount {
        alias,
        breaches,
        ..TestAccount::default()
    };
    vec![
        TestAccount {
            pastes: vec![paste()],
            ..account("account-exists", &["Adobe"])
        },
        account("multiple-breaches", &["Adobe", "Gawker", "Stratfor"]),
        account("not-active-and-active-breach", &["Adobe", RETIRED]),
        account("not-active-breach", &[RETIRED]),
        TestAccount {
            breaches_opted_out: true,
            ..account("opt-out", &["Adobe"])
        },
        TestAccount {
            breaches_opted_out: true,
            ..account("opt-out-breach", &["Adobe"])
        },
        TestAccount {
            pastes: vec![paste()],
            ..account("paste-sensitive-breach", &["AshleyMadison"])
        },
        TestAccount {
            breaches_opted_out: true,
            ..account("permanent-opt-out", &["Adobe"])
        },
        account("sensitive-and-other-breaches", &["Adobe", "AshleyMadison", "Gawker"]),
        account("sensitive-breach", &["AshleyMadison"]),
        account("spam-list-only", &["Exactis"]),
        account("spam-list-and-others", &["Adobe", "Exactis", "Gawker"]),
        TestAccount {
            stealer_logs: &["example.com"],
            ..account("stealer-log", &["AlienStealerLogs"])
        },
        account("subscription-free-breach", &["OperationEndgame"]),
        account(
            "subscription-free-and-other-breaches",
            &["Adobe", "Gawker", "OperationEndgame"],
        ),
        account("unverified-breach", &["Badoo"]),
    ]
}

/// A breach that was taken back.
const RETIRED: &str = "VTech";

fn paste() -> Paste {
    Paste {
        source: "Pastebin".to_owned(),
        id: "8Q0BvKD8".to_owned(),
        title: Some("syslog".to_owned()),
        date: Some("2014-03-04T19:14:54Z".to_owned()),
        email_count: 139,
    }
}

fn breaches() -> Vec<Breach> {
    let mut breaches = vec![
        Breach {
            description: "Accounts of a maker of software for pictures and documents were copied: user names, passwords encrypted badly \
                          enough that many were guessed, and hints in clear."
                .to_owned(),
            ..known("Adobe", "Adobe", "adobe.com", "2013-10-04", "2013-12-04T00:00:00Z", 152_445_165)
        },
        Breach {
            description: "The whole database of a website for affairs was published, with its payments.".to_owned(),
            is_sensitive: true,
            ..known("AshleyMadison", "Ashley Madison", "ashleymadison.com", "2015-07-19", "2015-08-18T20:51:23Z", 30_811_934)
        },
        Breach {
            description: "A group of weblogs lost the accounts of those who commented there.".to_owned(),
            ..known("Gawker", "Gawker", "gawker.com", "2010-12-11", "2013-12-04T00:00:00Z", 1_247_574)
        },
        Breach {
            description: "Subscribers of a company for intelligence on politics, with their cards.".to_owned(),
            ..known("Stratfor", "Stratfor", "stratfor.com", "2011-12-24", "2013-12-04T00:00:00Z", 859_777)
        },
        Breach {
            description: "Parents and children who used a maker's learning toys; the data was handed back and is no longer told.".to_owned(),
            is_retired: true,
            ..known(RETIRED, "VTech", "vtech.com", "2015-11-13", "2015-11-25T17:59:42Z", 4_833_678)
        },
        Breach {
            description: "A list of consumers, gathered for advertising, that lay open to everybody.".to_owned(),
            is_spam_list: true,
            ..known("Exactis", "Exactis", "exactis.com", "2018-06-01", "2018-07-25T07:19:18Z", 131_577_763)
        },
        Breach {
            description: "Logs of malware that steals what is typed into websites, traded in a messenger's channel.".to_owned(),
            is_malware: true,
            is_stealer_log: true,
            ..known("AlienStealerLogs", "ALIEN TXTBASE Stealer Logs", "", "2025-02-15", "2025-02-25T20:45:37Z", 284_132_969)
        },
        Breach {
            description: "Addresses that police found on servers of malware which they took down.".to_owned(),
            is_malware: true,
            is_subscription_free: true,
            ..known("OperationEndgame", "Operation Endgame", "", "2024-05-30", "2024-05-30T15:30:00Z", 16_466_858)
        },
        Breach {
            description: "Said to come from a website for dating; there is no proof that it does.".to_owned(),
            is_verified: false,
            ..known("Badoo", "Badoo", "badoo.com", "2013-06-01", "2016-07-06T08:16:03Z", 112_005_531)
        },
    ];
    breaches.sort_by(|left, right| left.title.cmp(&right.title));
    breaches
}

fn known(name: &str, title: &str, domain: &str, breach_date: &str, added_date: &str, pwn_count: u64) -> Breach {
    Breach {
        name: name.to_owned(),
        title: title.to_owned(),
        domain: domain.to_owned(),
        breach_date: breach_date.to_owned(),
        added_date: added_date.to_owned(),
        modified_date: added_date.to_owned(),
        pwn_count,
        data_classes: vec!["Email addresses".to_owned(), "Passwords".to_owned()],
        is_verified: true,
        ..Breach::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_account_is_there_and_its_breaches_too() {
        let tests = integration_tests();
        assert_eq!(tests.accounts.len(), 16);
        for account in &tests.accounts {
            for name in account.breaches {
                assert!(tests.breach(name).is_some(), "{name}");
            }
        }
        assert!(tests.account("not-active-breach@hibp-integration-tests.com").is_some());
        assert!(tests.account("not-active-breach@example.com").is_none());
    }

    /// What the documentation says each returns, by the rules that hold for every account.
    #[test]
    fn accounts_show_as_many_breaches_as_the_documentation_says() {
        let tests = integration_tests();
        let shown = |alias: &str| {
            let account = tests.account(&format!("{alias}@{INTEGRATION_TESTS_DOMAIN}")).unwrap();
            let breaches = account.breaches.iter().filter_map(|name| tests.breach(name));
            let shown = breaches
                .filter(|breach| !breach.is_sensitive && !breach.is_retired)
                .count();
            (if account.breaches_opted_out { 0 } else { shown }, account.pastes.len())
        };
        for (alias, expected) in [
            ("account-exists", (1, 1)),
            ("multiple-breaches", (3, 0)),
            ("not-active-and-active-breach", (1, 0)),
            ("not-active-breach", (0, 0)),
            ("opt-out", (0, 0)),
            ("opt-out-breach", (0, 0)),
            ("paste-sensitive-breach", (0, 1)),
            ("permanent-opt-out", (0, 0)),
            ("sensitive-and-other-breaches", (2, 0)),
            ("sensitive-breach", (0, 0)),
            ("spam-list-only", (1, 0)),
            ("spam-list-and-others", (3, 0)),
            ("stealer-log", (1, 0)),
            ("subscription-free-breach", (1, 0)),
            ("subscription-free-and-other-breaches", (3, 0)),
            ("unverified-breach", (1, 0)),
        ] {
            assert_eq!(shown(alias), expected, "{alias}");
        }
    }
}
