//! The kinds of tables, what their keys are made of, and whose rows they are.

use std::collections::HashSet;

use crate::address::Identity;

/// What parts of a key are separated by: in no address and in no website.
pub(crate) const SEPARATOR: u8 = 0;

/// A kind of table. The value of every row is the list of loads that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// identity
    Identities,
    /// domain, alias
    Domains,
    /// address, website
    MailSites,
    /// website, address
    SiteMails,
    /// domain of the address, alias, website
    DomainSites,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 5] = [
        Self::Identities,
        Self::Domains,
        Self::MailSites,
        Self::SiteMails,
        Self::DomainSites,
    ];

    /// The name in the ledger and at the end of files' names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identities => "identities",
            Self::Domains => "domains",
            Self::MailSites => "mail-sites",
            Self::SiteMails => "site-mails",
            Self::DomainSites => "domain-sites",
        }
    }

    /// The kind of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind in a table's header.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Identities => 1,
            Self::Domains => 2,
            Self::MailSites => 3,
            Self::SiteMails => 4,
            Self::DomainSites => 5,
        }
    }

    /// Whose row it is.
    pub(crate) fn identity(self, key: &[u8]) -> Option<Identity> {
        let mut parts = key.split(|byte| *byte == SEPARATOR);
        match self {
            Self::Identities => key.try_into().ok().map(Identity),
            Self::Domains | Self::DomainSites => {
                let (domain, alias) = (parts.next()?, parts.next()?);
                Some(Identity::of_normalised(&[alias, b"@", domain]))
            }
            Self::MailSites => Some(Identity::of_normalised(&[parts.next()?])),
            Self::SiteMails => Some(Identity::of_normalised(&[parts.nth(1)?])),
        }
    }
}

/// People who were erased.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erased(pub(crate) HashSet<Identity>);

impl Erased {
    /// Whether a row is to be left out.
    pub(crate) fn owns(&self, kind: Kind, key: &[u8]) -> bool {
        !self.0.is_empty() && kind.identity(key).is_some_and(|identity| self.0.contains(&identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_row_it_is_follows_from_the_key_of_every_kind() {
        let ann = Identity::of("Ann@Example.com");
        for (kind, key) in [
            (Kind::Identities, ann.0.as_slice()),
            (Kind::Domains, b"example.com\0ann"),
            (Kind::MailSites, b"ann@example.com\0shop.test"),
            (Kind::SiteMails, b"shop.test\0ann@example.com"),
            (Kind::DomainSites, b"example.com\0ann\0shop.test"),
        ] {
            assert_eq!(kind.identity(key), Some(ann), "{kind:?}");
            assert_eq!(Kind::named(kind.name()), Some(kind));
            assert!(Erased([ann].into()).owns(kind, key) && !Erased::default().owns(kind, key));
        }
    }
}
