//! Numbers with a shape and a check: payment cards, IBANs, national identifiers.

use std::sync::LazyLock;

use crate::class::Class;
use crate::detect::chain::{Chain, Fit, is_joined_before};
use crate::detect::checks::{is_all_digits, is_one_digit_repeated, luhn, mod_97_moved, number};
use crate::detect::context::{Context, Evidence, Surroundings};
use crate::detect::hints::Hint;
use crate::detect::schemes::{Layout, Needs, SCHEMES, Scheme};
use crate::detect::{Certainty, Match};

/// Lengths of IBANs (SWIFT's IBAN registry, release 99).
const IBAN_LENGTHS: &[(&[u8; 2], u8)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Countries whose account numbers have no letters.
const ONLY_DIGITS: &[&[u8]] = &[
    b"AT", b"BE", b"CZ", b"DE", b"DK", b"EE", b"ES", b"FI", b"HR", b"HU", b"IS", b"LT", b"NO", b"PL", b"PT", b"SE",
    b"SI", b"SK",
];

const fn layout(groups: &'static [u8], needs: Needs) -> Layout {
    Layout {
        groups,
        separators: b" -",
        needs,
    }
}

/// How cards are printed and stored. Long numbers without groups are common in other trades, so some need a word.
const CARD_LAYOUTS: &[Layout] = &[
    layout(&[4, 4, 4, 4, 3], Needs::NoDenial),
    layout(&[4, 4, 4, 4], Needs::NoDenial),
    layout(&[4, 6, 5], Needs::NoDenial),
    layout(&[4, 6, 4], Needs::NoDenial),
    layout(&[4, 4, 4, 1], Needs::Hint),
    layout(&[6, 13], Needs::Hint),
    layout(&[8, 8], Needs::Hint),
    layout(&[19], Needs::Hint),
    layout(&[18], Needs::Hint),
    layout(&[17], Needs::Hint),
    layout(&[16], Needs::NoDenial),
    layout(&[15], Needs::NoDenial),
    layout(&[14], Needs::Hint),
    layout(&[13], Needs::Hint),
    layout(&[12], Needs::Hint),
];

/// A network of cards: first digits, and lengths.
struct Issuer {
    first: u64,
    last: u64,
    digits: u8,
    lengths: std::ops::RangeInclusive<usize>,
    /// Numbers without groups are common enough as cards to need no word.
    is_usual: bool,
}

const fn issuer(first: u64, last: u64, digits: u8, lengths: std::ops::RangeInclusive<usize>, is_usual: bool) -> Issuer {
    Issuer {
        first,
        last,
        digits,
        lengths,
        is_usual,
    }
}

/// Ranges that the networks publish for their processors.
const ISSUERS: &[Issuer] = &[
    issuer(4, 4, 1, 13..=19, true),
    issuer(51, 55, 2, 16..=16, true),
    issuer(2221, 2720, 4, 16..=16, true),
    issuer(34, 34, 2, 15..=15, true),
    issuer(37, 37, 2, 15..=15, true),
    issuer(6011, 6011, 4, 16..=19, true),
    issuer(644, 649, 3, 16..=19, true),
    issuer(65, 65, 2, 16..=19, true),
    issuer(300, 305, 3, 14..=19, false),
    issuer(3095, 3095, 4, 14..=19, false),
    issuer(36, 36, 2, 14..=19, false),
    issuer(38, 39, 2, 14..=19, false),
    issuer(3528, 3589, 4, 16..=19, false),
    issuer(62, 62, 2, 16..=19, false),
    issuer(81, 82, 2, 16..=19, false),
    issuer(2200, 2204, 4, 16..=19, false),
    issuer(50, 50, 2, 12..=19, false),
    issuer(56, 58, 2, 12..=19, false),
    issuer(60, 60, 2, 16..=19, false),
    issuer(63, 63, 2, 12..=19, false),
    issuer(67, 67, 2, 12..=19, false),
    issuer(9792, 9792, 4, 16..=16, false),
];

/// Schemes and their layouts by the length of the first word.
static BY_FIRST_LENGTH: LazyLock<Vec<Vec<(&'static Scheme, &'static Layout)>>> = LazyLock::new(|| {
    let mut lists = vec![Vec::new(); 17];
    for scheme in SCHEMES {
        for layout in scheme.layouts {
            if let Some(list) = layout
                .groups
                .first()
                .and_then(|first| lists.get_mut(usize::from(*first)))
            {
                list.push((scheme, layout));
            }
        }
    }
    lists
});

/// A text, and where it comes from.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) text: &'a str,
    pub(crate) context: &'a Context,
}

/// Looks for a number whose first word begins at `start`. Tells where it ends.
pub(crate) fn find(place: Place<'_>, start: usize, visit: &mut dyn FnMut(Match)) -> Option<usize> {
    let bytes = place.text.as_bytes();
    if is_joined_before(bytes, start) {
        return None;
    }
    let chain = Chain::at(bytes, start)?;
    let mut candidate = Candidate {
        place,
        start,
        surroundings: None,
    };
    let end = iban(bytes, &chain)
        .map(|fit| {
            visit(Match {
                class: Class::Iban,
                start,
                end: fit.end,
                certainty: Certainty::Certain,
            });
            fit.end
        })
        .or_else(|| candidate.card(&chain, visit));
    end.or_else(|| candidate.identifier(&chain, visit))
}

fn iban<'chain>(bytes: &[u8], chain: &'chain Chain) -> Option<Fit<'chain>> {
    if chain.has_lower_case {
        return None;
    }
    let country = bytes.get(chain.start()..chain.start() + 2)?;
    let (_, length) = IBAN_LENGTHS.iter().find(|(known, _)| country == known.as_slice())?;
    let fit = chain.fit_total(bytes, usize::from(*length))?;
    let is_digits = fit.compact.get(4..).is_some_and(is_all_digits) || !ONLY_DIGITS.contains(&country);
    (is_digits && mod_97_moved(fit.compact)).then_some(fit)
}

struct Candidate<'a> {
    place: Place<'a>,
    start: usize,
    surroundings: Option<Surroundings>,
}

impl Candidate<'_> {
    /// Looked up once, and only if a check was passed.
    fn surroundings(&mut self, end: usize) -> Surroundings {
        *self
            .surroundings
            .get_or_insert_with(|| Surroundings::of(self.place.text, self.start, end, self.place.context))
    }

    /// A match that nothing supports but its check is weighed against the column, if it is in one.
    fn without_support(&self, end: usize) -> Certainty {
        if self.place.context.is_cell && self.start == 0 && end == self.place.text.len() {
            Certainty::Likely
        } else {
            Certainty::Certain
        }
    }

    fn card(&mut self, chain: &Chain, visit: &mut dyn FnMut(Match)) -> Option<usize> {
        if chain.first_length() < 4 || chain.has_lower_case {
            return None;
        }
        let bytes = self.place.text.as_bytes();
        for layout in CARD_LAYOUTS {
            let Some(fit) = chain.fit(bytes, layout.groups, layout.separators) else {
                continue;
            };
            let Some(issuer) = issuer_of(fit.compact) else { continue };
            if is_one_digit_repeated(fit.compact) || !luhn(fit.compact) {
                continue;
            }
            let is_grouped = layout.groups.len() > 1;
            let needs_hint = layout.needs == Needs::Hint || !(is_grouped || issuer.is_usual);
            let certainty = match self.surroundings(fit.end).of_kind(Hint::Card) {
                Evidence::For => Certainty::Certain,
                Evidence::Silent if !needs_hint => self.without_support(fit.end),
                Evidence::Silent | Evidence::Against => continue,
            };
            visit(Match {
                class: Class::PaymentCard,
                start: self.start,
                end: fit.end,
                certainty,
            });
            return Some(fit.end);
        }
        None
    }

    /// The identifier that a word names; otherwise the first that needs no word; otherwise all that a column may bear out.
    fn identifier(&mut self, chain: &Chain, visit: &mut dyn FnMut(Match)) -> Option<usize> {
        let bytes = self.place.text.as_bytes();
        let mut accepted: Option<Match> = None;
        for (scheme, layout) in BY_FIRST_LENGTH.get(chain.first_length())? {
            let Some(fit) = chain.fit(bytes, layout.groups, layout.separators) else {
                continue;
            };
            if (chain.has_lower_case && scheme.class != Class::ItCodiceFiscale) || !(scheme.check)(fit.compact) {
                continue;
            }
            let found = |certainty| Match {
                class: scheme.class,
                start: self.start,
                end: fit.end,
                certainty,
            };
            if layout.needs == Needs::Nothing {
                accepted = Some(found(Certainty::Certain));
                break;
            }
            match (self.surroundings(fit.end).of_identifier(scheme.class), layout.needs) {
                (Evidence::For, _) => {
                    accepted = Some(Match {
                        class: scheme.class,
                        start: self.start,
                        end: fit.end,
                        certainty: Certainty::Certain,
                    });
                    break;
                }
                (Evidence::Silent, Needs::NoDenial) if accepted.is_none() => {
                    let certainty = self.without_support(fit.end);
                    accepted = Some(Match {
                        class: scheme.class,
                        start: self.start,
                        end: fit.end,
                        certainty,
                    });
                }
                (Evidence::Silent, Needs::HintOrColumn) if self.without_support(fit.end) == Certainty::Likely => {
                    visit(Match {
                        class: scheme.class,
                        start: self.start,
                        end: fit.end,
                        certainty: Certainty::OnlyByColumn,
                    });
                }
                _ => {}
            }
        }
        let accepted = accepted?;
        let end = accepted.end;
        visit(accepted);
        Some(end)
    }
}

fn issuer_of(compact: &[u8]) -> Option<&'static Issuer> {
    if !is_all_digits(compact) {
        return None;
    }
    ISSUERS.iter().find(|issuer| {
        issuer.lengths.contains(&compact.len())
            && number(compact, 0, usize::from(issuer.digits))
                .is_some_and(|first| (issuer.first..=issuer.last).contains(&first))
    })
}

/// The network of a card, for people.
pub(crate) fn network(compact: &[u8]) -> &'static str {
    match issuer_of(compact).map(|issuer| issuer.first) {
        Some(4) => "Visa",
        Some(51 | 2221) => "Mastercard",
        Some(34 | 37) => "American Express",
        Some(6011 | 644 | 65) => "Discover",
        Some(300 | 3095 | 36 | 38) => "Diners Club",
        Some(3528) => "JCB",
        Some(62) => "UnionPay",
        Some(50 | 56 | 63 | 67) => "Maestro",
        _ => "card",
    }
}
