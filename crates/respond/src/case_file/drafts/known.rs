//! What the fact register amounts to for those concerned: one answer a class, whatever the number of systems.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::case_file::facts::{Answer, DataClass, Fact, Risk, class_of};

/// What is known of a class of data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownClass {
    /// The class.
    #[serde(flatten)]
    pub class: DataClass,
    /// The systems that the answer comes from.
    pub systems: Vec<String>,
}

/// What is known of all classes in the register.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Taken from one system at least.
    pub taken: Vec<KnownClass>,
    /// Taken from no system that holds it.
    pub not_taken: Vec<KnownClass>,
    /// Neither is certain.
    pub unknown: Vec<KnownClass>,
    /// What can come of what was taken or may have been.
    pub risks: BTreeSet<Risk>,
    /// Facts that two people haven't approved.
    pub unconfirmed: usize,
}

impl Known {
    /// Sums a register up.
    #[must_use]
    pub fn of(facts: &[Fact]) -> Self {
        let mut by_class: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
        for fact in facts {
            by_class.entry(&fact.said.class).or_default().push(fact);
        }
        let mut known = Self {
            unconfirmed: facts.iter().filter(|fact| !fact.is_confirmed()).count(),
            ..Self::default()
        };
        for (name, of_class) in by_class {
            let answer = sum(&of_class);
            let systems = of_class.iter().filter(|fact| fact.said.answer == answer);
            let class = KnownClass {
                class: class_of(name),
                systems: systems.map(|fact| fact.said.system.clone()).collect(),
            };
            if answer != Answer::NotTaken {
                known.risks.extend(&class.class.risks);
            }
            match answer {
                Answer::Taken => known.taken.push(class),
                Answer::NotTaken => known.not_taken.push(class),
                Answer::Unknown => known.unknown.push(class),
            }
        }
        known
    }
}

fn sum(facts: &[&Fact]) -> Answer {
    let any = |answer| facts.iter().any(|fact| fact.said.answer == answer);
    if any(Answer::Taken) {
        Answer::Taken
    } else if any(Answer::Unknown) {
        Answer::Unknown
    } else {
        Answer::NotTaken
    }
}
