//! What a text to those concerned must not say: that nothing needs to be done, while what was taken helps those who deceive people.

use std::collections::BTreeSet;

use crate::case_file::facts::Risk;

/// Words that tell people to do nothing, in lowercase, with single blanks.
const PHRASES: &[&str] = &[
    "no action",
    "no further action",
    "not need to take any",
    "n't need to take any",
    "not need to do anything",
    "n't need to do anything",
    "not have to take any",
    "n't have to take any",
    "not have to do anything",
    "n't have to do anything",
    "need not do anything",
    "need do nothing",
    "nothing you need to do",
    "no need to do anything",
    "no need to worry",
    "nothing to worry about",
    "you are not at risk",
    "there is no risk",
];

/// The words in a text that it must not have, given what can come of what was taken.
pub(super) fn forbidden(text: &str, risks: &BTreeSet<Risk>) -> Option<&'static str> {
    if risks.is_empty() {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = words.join(" ").to_lowercase().replace('\u{2019}', "'");
    PHRASES.iter().copied().find(|phrase| plain.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_do_nothing_while_there_is_a_risk() {
        let risks = BTreeSet::from([Risk::Phishing]);
        for text in [
            "You do not need to take any action.",
            "You don\u{2019}t need to do\nanything.",
            "You don't have to do anything for now.",
            "No action is needed",
            "There is nothing to worry about.",
        ] {
            assert!(forbidden(text, &risks).is_some(), "{text}");
            assert_eq!(forbidden(text, &BTreeSet::new()), None);
        }
        assert_eq!(forbidden("Change your password now.", &risks), None);
    }
}
