//! Who is who: the names of one person or one machine joined, each join with its evidence, and what is at stake on them.
//!
//! A wrong join is worse than a missing one, for it pins one person's deeds on another. Hence: names that everybody has join nothing
//! (`generic`); a name that turns up with two identities is shared and joins nothing for a while, if that is shown as well as whose it was (`doubt`); two identities are never joined
//! through a third name (`joins`); and addresses belong to a machine for a time only (`leases`).

mod doubt;
mod generic;
mod identity;
mod joins;
mod known;
mod ldap;
#[cfg(test)]
mod ldap_tests;
mod leases;
mod list;
mod list_text;
mod registry;
mod shown;
#[cfg(test)]
mod tests;
mod tier;

pub use known::{Entity, EntityId, EntityKind, Join, Why};
pub use ldap::{LDAP_ATTRIBUTES, LDAP_FILTER, LdapEntry, LdapError, LdapList};
pub use list::{ListError, Listed, Loaded};
pub use list_text::csv;
pub use registry::{Directory, Parties};
pub use shown::Shown;
pub use tier::Tier;
