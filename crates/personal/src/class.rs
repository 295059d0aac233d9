//! What is looked for: one class per kind of personal data, with a stable name.

use serde::{Serialize, Serializer};

/// What a class tells about a person, in the terms in which a breach is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Who somebody is: national identifiers, dates of birth.
    Identity,
    /// How somebody is reached.
    Contact,
    /// How somebody pays and is paid.
    Financial,
    /// What opens other doors: passwords, keys, tokens.
    Credential,
}

/// Declares the classes once: variant, stable name, name for people, category.
macro_rules! classes {
    ($($variant:ident $name:literal $human:literal $category:ident;)*) => {
        /// A kind of personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Class {
            $(#[doc = $human] $variant,)*
        }

        impl Class {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that files and programs use; it never changes.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The name for people.
            #[must_use]
            pub fn human_name(self) -> &'static str {
                match self { $(Self::$variant => $human,)* }
            }

            /// What it tells about a person.
            #[must_use]
            pub fn category(self) -> Category {
                match self { $(Self::$variant => Category::$category,)* }
            }
        }
    };
}

classes! {
    EmailAddress "email-address" "E-mail address" Contact;
    PhoneNumber "phone-number" "Phone number" Contact;
    DateOfBirth "date-of-birth" "Date of birth" Identity;
    PaymentCard "payment-card" "Payment card number" Financial;
    Iban "iban" "Bank account (IBAN)" Financial;
    UkNino "uk-nino" "National Insurance number (UK)" Identity;
    UkNhsNumber "uk-nhs-number" "NHS number (UK)" Identity;
    UsSsn "us-ssn" "Social Security number (US)" Identity;
    UsItin "us-itin" "Individual Taxpayer Identification Number (US)" Identity;
    AtSvnr "at-svnr" "Sozialversicherungsnummer (Austria)" Identity;
    BeNationalNumber "be-national-number" "Rijksregisternummer (Belgium)" Identity;
    BgEgn "bg-egn" "EGN (Bulgaria)" Identity;
    ChAhv "ch-ahv" "AHV number (Switzerland)" Identity;
    CzRodneCislo "cz-rodne-cislo" "Rodne cislo (Czechia, Slovakia)" Identity;
    DeSteuerId "de-steuer-id" "Steuer-ID (Germany)" Identity;
    DkCpr "dk-cpr" "CPR number (Denmark)" Identity;
    EePersonalCode "ee-personal-code" "Personal code (Estonia, Lithuania)" Identity;
    EsDni "es-dni" "DNI (Spain)" Identity;
    EsNie "es-nie" "NIE (Spain)" Identity;
    FiHetu "fi-hetu" "Henkilotunnus (Finland)" Identity;
    FrNir "fr-nir" "NIR, numero de securite sociale (France)" Identity;
    GrAmka "gr-amka" "AMKA (Greece)" Identity;
    HrOib "hr-oib" "OIB (Croatia)" Identity;
    HuTaxId "hu-tax-id" "Adoazonosito jel (Hungary)" Identity;
    IePpsn "ie-ppsn" "PPS number (Ireland)" Identity;
    ItCodiceFiscale "it-codice-fiscale" "Codice fiscale (Italy)" Identity;
    NlBsn "nl-bsn" "Burgerservicenummer (Netherlands)" Identity;
    NoFodselsnummer "no-fodselsnummer" "Fodselsnummer (Norway)" Identity;
    PlPesel "pl-pesel" "PESEL (Poland)" Identity;
    PtNif "pt-nif" "NIF (Portugal)" Identity;
    RoCnp "ro-cnp" "CNP (Romania)" Identity;
    SePersonnummer "se-personnummer" "Personnummer (Sweden)" Identity;
    SiEmso "si-emso" "EMSO (Slovenia)" Identity;
    Password "password" "Password" Credential;
    PasswordHash "password-hash" "Hash of a password" Credential;
    PrivateKey "private-key" "Private key" Credential;
    AccessKey "access-key" "Access key or token of a service" Credential;
    WebToken "web-token" "Signed web token (JWT)" Credential;
}

impl Class {
    /// The class of a stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// A value without what differs between ways of writing it: spaces and hyphens, large and small letters.
    #[must_use]
    pub fn canonical(self, value: &str) -> String {
        match self.category() {
            Category::Credential => value.to_owned(),
            _ if self == Self::EmailAddress => value.to_lowercase(),
            _ => value
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|letter| letter.to_ascii_uppercase())
                .collect(),
        }
    }

    /// Whether each person has one of their own, so that different values mean different people.
    pub(crate) fn is_one_per_person(self) -> bool {
        match self.category() {
            Category::Identity => self != Self::DateOfBirth,
            Category::Contact => self == Self::EmailAddress,
            Category::Financial | Category::Credential => false,
        }
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
