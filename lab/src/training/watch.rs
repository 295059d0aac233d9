//! A sentinel that is shown records in their order and assesses after each, as a guarded volume does.

use sentinel::{Assessment, FEATURES, Features, Micros, Model, Sentinel};

use crate::Failure;
use crate::trace::{Event, Record, feed};

/// A model without trees fences nothing.
const BLANK_FENCE: i32 = i32::MAX / 4;

/// What the sentinel takes for the score when nothing suspicious happened and no model was asked: -4 logits.
pub(crate) const SCORE_UNASKED: i32 = -4 << 10;

/// A sentinel and its model.
pub(crate) struct Watch {
    sentinel: Box<Sentinel>,
    model: Model<Vec<u8>>,
}

impl Watch {
    pub(crate) fn new(model: Model<Vec<u8>>) -> Self {
        Self {
            sentinel: Box::new(Sentinel::new()),
            model,
        }
    }

    /// Shows it a record, and assesses if that is due. A mark is not seen by a disk.
    pub(crate) fn take(&mut self, record: &Record) -> Option<Assessment> {
        if matches!(record.event, Event::Mark(_)) {
            return None;
        }
        feed(&mut self.sentinel, record);
        self.sentinel.assess(record.time, &self.model)
    }

    /// What the model was shown in the assessment just made: assessing ends the slice first, and changes nothing after.
    pub(crate) fn features(&self) -> Features {
        self.sentinel.features()
    }

    /// As if an operator had looked, found nothing, and released the volume.
    pub(crate) fn rest(&mut self, now: Micros) {
        self.sentinel.rest(now);
    }
}

/// A model that scores everything 0, so that features can be gathered before there is any other.
pub(crate) fn blank_model() -> Result<Model<Vec<u8>>, Failure> {
    let mut bytes = b"HFSM".to_vec();
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(u16::try_from(FEATURES)?.to_le_bytes());
    for number in [1, 0, 0, BLANK_FENCE, BLANK_FENCE, 0] {
        bytes.extend(number.to_le_bytes());
    }
    Ok(Model::parse(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel::{Class, Former, Look, Written};

    fn write(time: Micros, class: Class, count: usize) -> Record {
        let look = Look { class, distinct: 162 };
        let former = Former::default();
        let event = Event::Write {
            first: 0,
            blocks: vec![Written { look, former }; count],
        };
        Record { time, event }
    }

    #[test]
    fn features_after_an_assessment_are_those_that_were_scored() {
        let mut watch = Watch::new(blank_model().unwrap());
        let assessment = watch.take(&write(1, Class::Random, 130)).unwrap();
        assert_eq!(assessment.score, 0, "new random blocks are evidence");
        assert!(watch.features().contains(&1000), "all written blocks look random");
        assert!(watch.take(&write(2, Class::Random, 10)).is_none(), "not due");
    }

    #[test]
    fn nothing_suspicious_means_no_question_to_the_model() {
        let mut watch = Watch::new(blank_model().unwrap());
        let assessment = watch.take(&write(1, Class::Text, 130)).unwrap();
        assert_eq!(assessment.score, SCORE_UNASKED);
    }
}
