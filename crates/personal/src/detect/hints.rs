//! Words that tell what a number is: "card", "order no", "geboren", "BSN". The nearest one before a number decides.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::class::Class;

/// What a word says about the number behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A number of a payment card.
    Card,
    /// A bank account.
    Bank,
    /// A phone number.
    Phone,
    /// A day of birth.
    Birth,
    /// A day on which something else happened.
    OtherDay,
    /// A number of a thing: an order, a parcel, a device, a book.
    Thing,
    /// A password.
    Password,
    /// A secret or token of a service.
    Secret,
    /// A national identifier of one country.
    National(Class),
    /// A national identifier of any.
    AnyNational,
}

/// Words by what they say, in lower case without accents; separators and changes of case are one space. `*` at an end: more letters
/// may follow there.
const WORDS: &[(Hint, &str)] = &[
    (
        Hint::Card,
        "card, cards, card number, card no, cardnumber, cardno, card num, ccnum, cc, ccn, credit card*, \
         creditcard*, debit card*, visa, mastercard, amex, american express, discover, diners, jcb, \
         maestro, unionpay, pan, kreditkarte*, kartennummer, karte, carte, carte bancaire, tarjeta, carta \
         di credito, carta, cartao, kaart*, creditcardnummer, kortnummer, kort, korttinumero, karta, \
         karty, cislo karty",
    ),
    (
        Hint::Bank,
        "iban, bank account, account number, kontonummer, konto, account no, compte, cuenta, bankrekening",
    ),
    (
        Hint::Phone,
        "phone*, tel, telefon*, telephone*, telephon*, mobile, mobile number, mobil*, cell, cellphone, \
         fax, call, handy*, handynummer, gsm, movil, portable, portatil, cellulare, telefono, telefoon*, \
         whatsapp, signal, rufnummer, sms, text me, puhelin*, telemovel, tlf, komorka, kom, festnetz, \
         reach me, contact number, contact, contact no, ring, dial, phone number, hotline, landline, \
         rappeler, anrufen",
    ),
    (
        Hint::Birth,
        "dob, d o b, birth*, date of birth, born, born on, geb, geboren*, geburts*, geburtsdatum, \
         geburtstag, ne le, nee le, ne e le, naissance, date de naissance, nacido*, nacida*, nacimiento, \
         fecha de nacimiento, nascita, nato il, nata il, data di nascita, nascimento, geboortedatum, \
         fodt, fodd, fodelsedatum, fodselsdato, syntynyt, syntymaaika, urodzenia, urodzony, urodzona, \
         data urodzenia, narozen*, datum narozeni, dateofbirth, birthdate, birthday, bday",
    ),
    (
        Hint::OtherDay,
        "issued, expires, expiry, expiration, valid, valid until, exp, created, updated, modified, hired, \
         joined, hire date, start date, end date, died, death, due, due date, invoice date, order date, \
         delivered, delivery, shipped, admitted, discharged, visit, appointment, meeting, signed, seen \
         on, since, until, deadline, paid, datum der bestellung, bestellt, ausgestellt, gultig, \
         eingetreten, embauche, paye, released, dated, last login, registered, enrolled, married, \
         contract, effective, received, processed, modifie",
    ),
    (
        Hint::Thing,
        "order*, order no, order number, orderno, ordernumber, order id, invoice*, invoice no, tracking*, \
         trackingnumber, parcel, parcels, shipment*, consignment, waybill, serial*, serial no, imei*, \
         imeisv, imsi, iccid, isbn*, issn, sku, article, part no, part number, part, parts, model, \
         version, transaction*, txn, ticket*, batch, lot, device*, barcode, ean, gtin, upc, asin, \
         timestamp, epoch, uuid, guid, hash, sha1, sha256, md5, checksum, build, commit, request id, \
         session*, trace id, product*, item, item no, po, purchase order, bestellnummer, bestellung, \
         bestell nr, rechnung*, rechnungsnummer, auftrag*, sendung*, sendungsnummer, seriennummer, \
         artikel*, commande, facture, colis, pedido, factura, ordine, fattura, bestelling, factuur, \
         zamowienie, faktura, reference*, ref, ref no, customer no, customer number, kundennummer, meter, \
         policy, case, case no, claim, vin, mac, port, pid, offset, size, bytes, inode, block, quantity, \
         amount, total, price, doi, orcid, patent, voucher, coupon, gift, licence key, license key, \
         booking, reservation, container, job, run, seq, sequence, key id, duns, vat, ust id, siret, \
         siren, loyalty, member, membership, rma, asset, asset tag, firmware, drawing",
    ),
    (
        Hint::Password,
        "password, passwd, pwd, pass, passwort, kennwort, passphrase, mot de passe, motdepasse, \
         contrasena, clave, senha, haslo, wachtwoord, salasana, losenord, heslo, user password, passcode",
    ),
    (
        Hint::Secret,
        "secret, api key, apikey, access token, auth token, token, secret key, client secret, access key",
    ),
    (
        Hint::AnyNational,
        "national id*, national identi*, id number, identity number, personal number, personal id*, tax \
         id*, tax number, tin, national number, id card, identity card, id code, personal code, \
         identification number, citizen*, fiscal number, fiscal code, tax no, national no, tax code",
    ),
    (
        Hint::National(Class::UkNino),
        "national insurance*, nino, ni number, ni no, ni",
    ),
    (Hint::National(Class::UkNhsNumber), "nhs, nhs number, nhs no, nhsnumber"),
    (
        Hint::National(Class::UsSsn),
        "ssn, social security*, social, ss no, soc sec*",
    ),
    (
        Hint::National(Class::UsItin),
        "itin, individual taxpayer*, taxpayer*, taxpayer id",
    ),
    (
        Hint::National(Class::AtSvnr),
        "svnr, sv nr, sozialversicherungsnummer, sv nummer, sozialversicherung*, versicherungsnummer, \
         vsnr",
    ),
    (
        Hint::National(Class::BeNationalNumber),
        "rijksregister*, registre national, numero national, nationaal nummer, insz, niss, rrn",
    ),
    (
        Hint::National(Class::BgEgn),
        "egn, \u{435}\u{433}\u{43d}, edinen grazhdanski nomer",
    ),
    (Hint::National(Class::ChAhv), "ahv*, avs, ahvn13, navs"),
    (
        Hint::National(Class::CzRodneCislo),
        "rodne cislo, rc, r c, rod cislo, birth number, rodne c",
    ),
    (
        Hint::National(Class::DeSteuerId),
        "steuer id*, steuerid, steueridentifikation*, steuerliche identifikation*, idnr, id nr, \
         identifikationsnummer, steuer idnr, steuer identifikation*, steuernummer",
    ),
    (
        Hint::National(Class::DkCpr),
        "cpr, cpr nr, cpr nummer, cprnummer, personnr",
    ),
    (
        Hint::National(Class::EePersonalCode),
        "isikukood, asmens kodas, asmens koda, isikukoodi",
    ),
    (Hint::National(Class::EsDni), "dni, documento nacional*, dni nif"),
    (Hint::National(Class::EsNie), "nie, extranjero*"),
    (Hint::National(Class::FiHetu), "hetu, henkilotunnus, henkilotunnu*"),
    (
        Hint::National(Class::FrNir),
        "nir, securite sociale, numero de secu*, insee, n secu, no secu, secu",
    ),
    (Hint::National(Class::GrAmka), "amka, \u{3b1}\u{3bc}\u{3ba}\u{3b1}"),
    (Hint::National(Class::HrOib), "oib, osobni identifikacijski*"),
    (
        Hint::National(Class::HuTaxId),
        "adoazonosito*, adoazonosito jel, adoszam",
    ),
    (
        Hint::National(Class::IePpsn),
        "pps, ppsn, pps number, pps no, personal public service*",
    ),
    (
        Hint::National(Class::ItCodiceFiscale),
        "codice fiscale, cod fiscale, cf, c f, codicefiscale",
    ),
    (
        Hint::National(Class::NlBsn),
        "bsn, burgerservicenummer, sofinummer, sofi*, burgerservicenr, citizen service*",
    ),
    (Hint::National(Class::NoFodselsnummer), "fodselsnummer, fodselsnr, fnr"),
    (Hint::National(Class::PlPesel), "pesel, nr pesel, numer pesel"),
    (
        Hint::National(Class::PtNif),
        "nif, contribuinte, numero de identificacao fiscal, n contribuinte",
    ),
    (Hint::National(Class::RoCnp), "cnp, cod numeric personal"),
    (
        Hint::National(Class::SePersonnummer),
        "personnummer, pnr, person nr, pers nr, samordningsnummer, personnr",
    ),
    (Hint::National(Class::SiEmso), "emso, jmbg, maticna stevilka"),
];

struct Word {
    hint: Hint,
    more_may_follow: bool,
}

struct Words {
    automaton: AhoCorasick,
    words: Vec<Word>,
}

static COMPILED: LazyLock<Option<Words>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut words = Vec::new();
    for (hint, phrases) in WORDS {
        for phrase in phrases.split(", ") {
            patterns.push(phrase.trim_end_matches('*'));
            words.push(Word {
                hint: *hint,
                more_may_follow: phrase.ends_with('*'),
            });
        }
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns)
        .ok()?;
    Some(Words { automaton, words })
});

/// Bytes before a number in which a word is looked for.
pub(crate) const WINDOW_BYTES: usize = 64;

/// A hint, and how many (folded) bytes before the number it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest {
    pub(crate) hint: Hint,
    pub(crate) distance: usize,
    /// Another number stands between: the hint may have been about that one.
    pub(crate) has_digits_between: bool,
}

/// The last hint in a text, with the most specific reading of its words.
pub(crate) fn last_hint(text: &str) -> Option<Nearest> {
    let compiled = COMPILED.as_ref()?;
    // Most numbers in tables and logs have no words before them.
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic() || byte >= 0x80) {
        return None;
    }
    let folded = fold(text);
    let mut best: Option<(usize, usize, Hint)> = None;
    for found in compiled.automaton.find_overlapping_iter(&folded) {
        let word = compiled.words.get(found.pattern().as_usize())?;
        let before = found.start().checked_sub(1).and_then(|at| folded.as_bytes().get(at));
        let after = folded.as_bytes().get(found.end());
        if before.is_some_and(u8::is_ascii_alphabetic)
            || (!word.more_may_follow && after.is_some_and(u8::is_ascii_alphabetic))
        {
            continue;
        }
        // With the rest of the word it belongs to: "telefon" in "telefonnummer" ends where that does.
        let rest = folded.get(found.end()..).unwrap_or_default();
        let end = found.end() + rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if best.is_none_or(|(best_end, best_length, _)| (end, end - found.start()) > (best_end, best_length)) {
            best = Some((end, end - found.start(), word.hint));
        }
    }
    best.map(|(end, _, hint)| {
        let between = folded.get(end..).unwrap_or_default();
        Nearest {
            hint,
            distance: between.len(),
            has_digits_between: between.bytes().any(|byte| byte.is_ascii_digit()),
        }
    })
}

/// Lower case without accents; separators and changes from lower to upper case become one space.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 8);
    let mut was_lower = false;
    for character in text.chars() {
        if character.is_uppercase() && was_lower {
            folded.push(' ');
        }
        was_lower = character.is_lowercase();
        match character {
            'a'..='z' | '0'..='9' => folded.push(character),
            'A'..='Z' => folded.push(character.to_ascii_lowercase()),
            _ if character.is_alphabetic() => folded.push(without_accent(character)),
            // What often follows a label keeps its distance from what follows.
            _ if !folded.ends_with(' ') => folded.push(' '),
            _ => {}
        }
    }
    folded
}

/// The letter below the accent, for the languages in [`WORDS`].
fn without_accent(character: char) -> char {
    let character = character.to_lowercase().next().unwrap_or(character);
    match character {
        '\u{e0}'..='\u{e5}' | '\u{101}' | '\u{103}' | '\u{105}' => 'a',
        '\u{e7}' | '\u{107}' | '\u{10d}' => 'c',
        '\u{e8}'..='\u{eb}' | '\u{113}' | '\u{117}' | '\u{119}' | '\u{11b}' => 'e',
        '\u{ec}'..='\u{ef}' | '\u{12b}' | '\u{12f}' => 'i',
        '\u{142}' => 'l',
        '\u{f1}' | '\u{144}' | '\u{148}' => 'n',
        '\u{f2}'..='\u{f6}' | '\u{f8}' | '\u{151}' => 'o',
        '\u{159}' => 'r',
        '\u{15b}' | '\u{161}' | '\u{219}' => 's',
        '\u{165}' | '\u{21b}' => 't',
        '\u{f9}'..='\u{fc}' | '\u{16b}' | '\u{16f}' | '\u{171}' | '\u{173}' => 'u',
        '\u{fd}' | '\u{ff}' => 'y',
        '\u{17a}' | '\u{17c}' | '\u{17e}' => 'z',
        // Greek with its accents, as in the name of the AMKA.
        '\u{3ac}' => '\u{3b1}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Hint, last_hint};
    use crate::class::Class;

    fn hint(text: &str) -> Option<Hint> {
        last_hint(text).map(|nearest| nearest.hint)
    }

    #[test]
    fn headings_and_labels_are_understood_however_they_are_written() {
        for text in [
            "cardNumber",
            "CARD_NO",
            "credit-card: ",
            "Kreditkartennummer: ",
            "paid by Visa ",
        ] {
            assert_eq!(hint(text), Some(Hint::Card), "{text}");
        }
        assert_eq!(hint("n\u{e9} le "), Some(Hint::Birth));
        assert_eq!(hint("F\u{f8}dselsdato: "), Some(Hint::Birth));
        assert_eq!(
            hint("Rodn\u{e9} \u{10d}\u{ed}slo "),
            Some(Hint::National(Class::CzRodneCislo))
        );
        assert_eq!(hint("Telefonnummer"), Some(Hint::Phone));
    }

    #[test]
    fn the_nearest_word_decides_and_the_longer_phrase_of_two() {
        assert_eq!(hint("card order no. "), Some(Hint::Thing));
        assert_eq!(hint("order paid with card "), Some(Hint::Card));
        assert_eq!(hint("national id "), Some(Hint::AnyNational));
        assert_eq!(hint("order id "), Some(Hint::Thing));
    }

    #[test]
    fn parts_of_other_words_say_nothing() {
        assert_eq!(hint("hostel 5 "), None);
        assert_eq!(hint("discarded "), None);
        assert_eq!(hint("scan "), None);
    }
}
