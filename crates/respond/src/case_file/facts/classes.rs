//! Classes of personal data: what they are called in a letter, and what somebody who has them can do.

use serde::Serialize;

/// What somebody who has data of a class can do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Write or call under a false name, and sound as if they knew the person.
    Phishing,
    /// Get into accounts.
    Accounts,
    /// Pay with somebody else's money.
    Payment,
    /// Ask for credit or documents in somebody else's name.
    Identity,
    /// Hurt or embarrass: data that the law calls special.
    Special,
}

/// The groups in which the form of the UK's regulator (ICO) asks for classes of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormGroup {
    /// "Basic personal identifiers, e.g. name, contact details"
    Basic,
    /// "Identification data, e.g. usernames, passwords"
    Identification,
    /// "Economic and financial data, e.g. credit card numbers, bank details"
    Financial,
    /// "Official documents, e.g. driving licences"
    Documents,
    /// "Location data"
    Location,
    /// "Data revealing racial or ethnic origin", "Health data" and the other special categories
    Special,
    /// "Other"
    Other,
}

impl FormGroup {
    /// All groups, in the form's order.
    pub const ALL: [Self; 7] = [
        Self::Special,
        Self::Basic,
        Self::Identification,
        Self::Financial,
        Self::Documents,
        Self::Location,
        Self::Other,
    ];

    /// The form's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Special => "Special category data (health, ethnic origin, beliefs, sexual orientation, biometrics)",
            Self::Basic => "Basic personal identifiers, e.g. name, contact details",
            Self::Identification => "Identification data, e.g. usernames, passwords",
            Self::Financial => "Economic and financial data, e.g. credit card numbers, bank details",
            Self::Documents => "Official documents, e.g. driving licences",
            Self::Location => "Location data",
            Self::Other => "Other",
        }
    }
}

/// A class of data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataClass {
    /// The name in the register.
    pub name: String,
    /// In a letter: "your name".
    pub words: String,
    /// What it makes possible.
    pub risks: Vec<Risk>,
    /// Where the regulator's form has it.
    pub group: FormGroup,
}

/// Name, words, group, risks. The first group of names is that of the finder of personal data (`personal::Class`).
type Row = (&'static str, &'static str, FormGroup, &'static [Risk]);

use FormGroup::{Basic, Documents, Financial, Identification, Location, Other, Special as SpecialGroup};
use Risk::{Accounts, Identity, Payment, Phishing, Special};

/// Classes whose words and risks are known. National numbers of people share a rule of their own: [`class_of`].
const KNOWN: &[Row] = &[
    ("email-address", "your email address", Basic, &[Phishing]),
    ("phone-number", "your phone number", Basic, &[Phishing]),
    ("date-of-birth", "your date of birth", Basic, &[Phishing, Identity]),
    (
        "payment-card",
        "your payment card number",
        Financial,
        &[Phishing, Payment],
    ),
    ("iban", "your bank account number", Financial, &[Phishing, Payment]),
    ("password", "your password", Identification, &[Phishing, Accounts]),
    (
        "password-hash",
        "your password in a scrambled form (a hash)",
        Identification,
        &[Phishing, Accounts],
    ),
    ("private-key", "a private key", Identification, &[Accounts]),
    ("access-key", "an access key of a service", Identification, &[Accounts]),
    ("web-token", "a sign-in token of a website", Identification, &[Accounts]),
    ("name", "your name", Basic, &[Phishing]),
    ("postal-address", "your postal address", Basic, &[Phishing, Identity]),
    ("user-name", "your user name", Identification, &[Phishing, Accounts]),
    ("order-history", "what you ordered from us", Other, &[Phishing]),
    (
        "household-information",
        "information about your household",
        Other,
        &[Phishing],
    ),
    (
        "customer-reference",
        "your customer reference number",
        Other,
        &[Phishing],
    ),
    (
        "masked-card-number",
        "a part of your payment card number (the rest was hidden)",
        Financial,
        &[Phishing],
    ),
    (
        "payment-details",
        "usable card or payment details",
        Financial,
        &[Phishing, Payment],
    ),
    (
        "account-password",
        "your account password",
        Identification,
        &[Phishing, Accounts],
    ),
    ("salary", "your pay", Financial, &[Phishing, Special]),
    (
        "identity-document",
        "a copy of your identity document",
        Documents,
        &[Phishing, Identity],
    ),
    (
        "driving-licence",
        "your driving licence",
        Documents,
        &[Phishing, Identity],
    ),
    ("passport", "your passport", Documents, &[Phishing, Identity]),
    ("location", "where you were", Location, &[Phishing, Special]),
    (
        "health",
        "information about your health",
        SpecialGroup,
        &[Phishing, Special],
    ),
    (
        "ethnic-origin",
        "your ethnic origin",
        SpecialGroup,
        &[Phishing, Special],
    ),
    (
        "religion",
        "your religion or beliefs",
        SpecialGroup,
        &[Phishing, Special],
    ),
    (
        "sexual-orientation",
        "your sexual orientation",
        SpecialGroup,
        &[Phishing, Special],
    ),
    (
        "trade-union",
        "your trade union membership",
        SpecialGroup,
        &[Phishing, Special],
    ),
    (
        "biometrics",
        "your fingerprint, face or voice data",
        SpecialGroup,
        &[Phishing, Identity, Special],
    ),
    (
        "criminal-record",
        "information about criminal convictions",
        SpecialGroup,
        &[Phishing, Special],
    ),
];

/// Countries' numbers for people, as the finder of personal data names them: two letters of the country before the number's name.
const NATIONAL: &[&str] = &[
    "uk-nino",
    "uk-nhs-number",
    "us-ssn",
    "us-itin",
    "at-svnr",
    "be-national-number",
    "bg-egn",
    "ch-ahv",
    "cz-rodne-cislo",
    "de-steuer-id",
    "dk-cpr",
    "ee-personal-code",
    "es-dni",
    "es-nie",
    "fi-hetu",
    "fr-nir",
    "gr-amka",
    "hr-oib",
    "hu-tax-id",
    "ie-ppsn",
    "it-codice-fiscale",
    "nl-bsn",
    "no-fodselsnummer",
    "pl-pesel",
    "pt-nif",
    "ro-cnp",
    "se-personnummer",
    "si-emso",
];

/// Longest name of a class.
pub const CLASS_NAME_MAX: usize = 60;

/// The class of a name. One that isn't known here is taken for something that makes phishing possible: a letter that warns of too much
/// is better than one that warns of too little.
#[must_use]
pub fn class_of(name: &str) -> DataClass {
    if let Some((name, words, group, risks)) = KNOWN.iter().find(|row| row.0 == name) {
        return DataClass {
            name: (*name).to_owned(),
            words: (*words).to_owned(),
            risks: risks.to_vec(),
            group: *group,
        };
    }
    if NATIONAL.contains(&name) {
        return DataClass {
            name: name.to_owned(),
            words: format!("your {}", national_words(name)),
            risks: vec![Phishing, Identity],
            group: Documents,
        };
    }
    DataClass {
        name: name.to_owned(),
        words: format!("your {}", name.replace('-', " ")),
        risks: vec![Phishing],
        group: Other,
    }
}

fn national_words(name: &str) -> String {
    match name {
        "uk-nino" => "National Insurance number".to_owned(),
        "uk-nhs-number" => "NHS number".to_owned(),
        "us-ssn" => "Social Security number".to_owned(),
        _ => {
            let (country, _) = name.split_once('-').unwrap_or((name, ""));
            format!("national identity or tax number ({})", country.to_uppercase())
        }
    }
}

/// A class's name as people type it: "Date of birth" is `date-of-birth`. `None` if it can't be one.
#[must_use]
pub fn class_name(typed: &str) -> Option<String> {
    let words = typed.split(|c: char| c.is_whitespace() || c == '-' || c == '_');
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let name = words.join("-");
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (is_plain && !name.is_empty() && name.len() <= CLASS_NAME_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_as_people_type_them() {
        assert_eq!(class_name("Date of birth").as_deref(), Some("date-of-birth"));
        assert_eq!(class_name("email_address").as_deref(), Some("email-address"));
        for typed in ["", "  ", "na\u{ef}ve", "a/b", &"x".repeat(61)] {
            assert_eq!(class_name(typed), None, "{typed}");
        }
    }

    #[test]
    fn names_of_classes_are_in_the_form_that_is_typed() {
        for name in KNOWN.iter().map(|row| row.0).chain(NATIONAL.iter().copied()) {
            assert_eq!(class_name(name).as_deref(), Some(name));
            assert!(class_of(name).words.len() > 5);
        }
    }

    #[test]
    fn every_class_of_the_finder_of_personal_data_is_known() {
        for class in personal::Class::ALL {
            let name = class.name();
            assert!(
                KNOWN.iter().any(|row| row.0 == name) || NATIONAL.contains(&name),
                "{name}"
            );
        }
    }

    #[test]
    fn a_class_that_is_not_known_is_taken_for_one_that_phishing_can_use() {
        let class = class_of("loyalty-points");
        assert_eq!(
            (class.words.as_str(), class.risks),
            ("your loyalty points", vec![Phishing])
        );
    }
}
