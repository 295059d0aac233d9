//! What the columns of a table, the keys of an object and the fields of a record mean.

use std::collections::HashMap;

use serde::Deserialize;

/// What is in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Column {
    /// Anything; addresses in it are found.
    #[default]
    Other,
    /// A password. Addresses in it are not looked for.
    Password,
    /// A telephone number that is searched for like an address.
    Phone,
    /// A user name that is searched for like an address.
    UserName,
    /// The website of a stealer log.
    Website,
}

/// `[columns]` of a file about a breach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnNames {
    /// Passwords, besides columns that are called so.
    pub password: Vec<ColumnName>,
    /// Telephone numbers. None unless named here.
    pub phone: Vec<ColumnName>,
    /// User names. None unless named here.
    pub user_name: Vec<ColumnName>,
    /// Websites of stealer logs, besides columns that are called so.
    pub website: Vec<ColumnName>,
    /// Columns that are not what their names tell.
    pub other: Vec<ColumnName>,
}

/// A column by its name, whatever its case, or by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ColumnName {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

/// What columns are, by their names and numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    by_name: HashMap<String, Column>,
    by_number: HashMap<usize, Column>,
}

/// Names of columns with passwords, without all that isn't a letter.
const PASSWORD_NAMES: [&str; 16] = [
    "password",
    "passwords",
    "pass",
    "passwd",
    "pwd",
    "pw",
    "userpassword",
    "userpass",
    "passwordplain",
    "plainpassword",
    "plaintext",
    "plain",
    "passwort",
    "motdepasse",
    "contrasena",
    "senha",
];
/// Names of columns with websites.
const WEBSITE_NAMES: [&str; 8] = [
    "url",
    "uri",
    "host",
    "hostname",
    "website",
    "site",
    "domain",
    "originurl",
];
/// Names by which the first line of a table is recognised, besides these.
const HEADING_NAMES: [&str; 22] = [
    "email",
    "emails",
    "mail",
    "emailaddress",
    "useremail",
    "username",
    "user",
    "login",
    "name",
    "firstname",
    "lastname",
    "fullname",
    "id",
    "userid",
    "uid",
    "phone",
    "mobile",
    "ip",
    "address",
    "hash",
    "salt",
    "created",
];

impl Columns {
    pub(super) fn new(names: &ColumnNames) -> Result<Self, String> {
        let mut columns = Self::default();
        let known = [
            (PASSWORD_NAMES.as_slice(), Column::Password),
            (WEBSITE_NAMES.as_slice(), Column::Website),
        ];
        for (names, column) in known {
            columns
                .by_name
                .extend(names.iter().map(|name| ((*name).to_owned(), column)));
        }
        let given = [
            (&names.password, Column::Password),
            (&names.phone, Column::Phone),
            (&names.user_name, Column::UserName),
            (&names.website, Column::Website),
            (&names.other, Column::Other),
        ];
        for (names, column) in given {
            for name in names {
                match name {
                    ColumnName::Number(0) => return Err("columns are numbered from 1".to_owned()),
                    ColumnName::Number(number) => drop(columns.by_number.insert(*number as usize, column)),
                    ColumnName::Name(name) => drop(columns.by_name.insert(plain(name), column)),
                }
            }
        }
        Ok(columns)
    }

    /// The column of a name.
    pub(super) fn named(&self, name: &str) -> Column {
        self.by_name.get(&plain(name)).copied().unwrap_or_default()
    }

    /// The column of a number, from 0, and of a name if it has one. The number decides.
    pub(super) fn at(&self, index: usize, name: Option<&str>) -> Column {
        let by_number = self.by_number.get(&(index + 1)).copied();
        by_number.unwrap_or_else(|| name.map(|name| self.named(name)).unwrap_or_default())
    }

    /// Whether a name is one that headings have.
    pub(super) fn is_heading(&self, name: &str) -> bool {
        let plain = plain(name);
        self.by_name.contains_key(&plain) || HEADING_NAMES.contains(&plain.as_str())
    }
}

/// A name without case and without all that isn't a letter or digit: `E-Mail_Address` is `emailaddress`.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|character| character.is_alphanumeric());
    kept.flat_map(char::to_lowercase).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_name_by_number_and_as_the_file_says() {
        let names = ColumnNames {
            phone: vec![ColumnName::Name("Mobile No".to_owned()), ColumnName::Number(3)],
            other: vec![ColumnName::Name("domain".to_owned())],
            ..ColumnNames::default()
        };
        let columns = Columns::new(&names).unwrap();
        assert_eq!(columns.at(0, Some("USER_PASSWORD")), Column::Password);
        assert_eq!(columns.at(0, Some("mobile-no")), Column::Phone);
        assert_eq!(columns.at(2, Some("password")), Column::Phone);
        assert_eq!(columns.at(0, Some("domain")), Column::Other);
        assert_eq!(columns.at(0, Some("phone")), Column::Other);
        assert!(columns.is_heading("E-Mail") && !columns.is_heading("ann@example.com"));
    }
}
