//! The restore drill: pins and other moments of the past are opened, their file systems walked, files hashed and compared with
//! what earlier drills found.

use std::sync::Arc;

use files::Disk;
use volume::{Device, Moment, Timestamp, Volume};

use crate::error::Error;
use crate::examiner::Examiner;
use crate::ledger::{Ledger, moments};
use crate::noise::mixed;
use crate::pace::{Pace, PacedDisk};
use crate::result::MomentsResult;
use crate::survey::{Survey, SurveyRequest};

/// Pins that one drill tries; of more, a seed chooses.
const PINS_MAX: usize = 12;
/// Other moments that one drill tries.
const OTHERS: usize = 3;
/// Files newly hashed of each moment.
const FILES_MAX: u32 = 40;
/// Bytes of them.
const BYTES_MAX: u64 = 8 << 20;
/// Known files looked for in each moment, and bytes of them.
const KNOWN_MAX: usize = 120;
const KNOWN_BYTES_MAX: u64 = 24 << 20;
/// Names looked at in each moment.
const NAMES_MAX: u64 = 20_000;
const SECONDS_MAX: u32 = 60;
/// Problems that are told.
const PROBLEMS_MAX: usize = 20;

/// What the restore drill works with.
pub(crate) struct Tour<'t> {
    pub(crate) volume: &'t Arc<Volume>,
    pub(crate) examiner: &'t dyn Examiner,
    pub(crate) pace: &'t Arc<Pace>,
    pub(crate) ledger: &'t mut Ledger,
    pub(crate) seed: u64,
    pub(crate) now: Timestamp,
}

impl Tour<'_> {
    /// Tries moments of the past.
    pub(crate) fn run(&mut self) -> Result<MomentsResult, Error> {
        let mut result = MomentsResult::default();
        let mut pins: Vec<String> = self.volume.pins().into_iter().map(|pin| pin.name).collect();
        // A fork's start is the fork's; what can't be returned to by name needs no drill.
        pins.retain(|name| !name.starts_with("fork."));
        pins.sort_by_key(|name| name.bytes().fold(self.seed, |hash, byte| mixed(hash ^ u64::from(byte))));
        for pin in pins.iter().take(PINS_MAX) {
            self.pace.check()?;
            result.pins += 1;
            self.moment(&Moment::Pin(pin.clone()), None, &format!("pin `{pin}`"), &mut result)?;
        }
        let (oldest, newest) = (self.volume.oldest().time, self.volume.newest().time);
        for time in moments(oldest, newest, OTHERS, self.seed) {
            self.pace.check()?;
            result.others += 1;
            self.moment(
                &Moment::At(time),
                Some(time),
                &format!("the moment {time}"),
                &mut result,
            )?;
        }
        Ok(result)
    }

    /// Tries one moment. `whole` is a time up to which it has everything that was written; that of its last batch if `None`.
    fn moment(
        &mut self,
        moment: &Moment,
        whole: Option<Timestamp>,
        name: &str,
        result: &mut MomentsResult,
    ) -> Result<(), Error> {
        let view = match self.volume.view(moment) {
            Ok(view) => Arc::new(view),
            // Dropped meanwhile, by the operator or by age.
            Err(volume::Error::NoSuchPin(_) | volume::Error::MomentTooOld { .. }) => {
                result.usable += 1;
                return Ok(());
            }
            Err(error) => {
                note(result, format!("{name} can't be opened: {error}"));
                return Ok(());
            }
        };
        let age = self.now.since(view.time());
        result.oldest_seconds = result.oldest_seconds.max(age.as_secs());
        let time = whole.unwrap_or(view.time());
        let device: Arc<dyn Device> = view;
        let disk = PacedDisk::new(Arc::clone(&device), self.pace);
        let request = SurveyRequest {
            seed: self.seed,
            bytes_max: BYTES_MAX,
            files_max: FILES_MAX,
            names_max: NAMES_MAX,
            seconds_max: SECONDS_MAX,
            known: self.ledger.some(self.seed, KNOWN_MAX, KNOWN_BYTES_MAX),
            all_bytes_max: None,
        };
        let examined = self.examiner.examine(Arc::clone(&disk) as Arc<dyn Disk>, &request);
        self.pace.check()?;
        let before = result.problems.len();
        for failure in disk.failures() {
            note(result, format!("{name}: {failure}"));
        }
        match examined {
            Ok(survey) => self.compare(&survey, device.as_ref(), time, name, result)?,
            Err(error) if result.problems.len() == before => note(result, format!("{name}: {error}")),
            Err(_) => {}
        }
        result.usable += u64::from(result.problems.len() == before);
        Ok(())
    }

    fn compare(
        &mut self,
        survey: &Survey,
        device: &dyn Device,
        time: Timestamp,
        name: &str,
        result: &mut MomentsResult,
    ) -> Result<(), Error> {
        for file in survey.files.iter().chain(survey.known.iter().flatten()) {
            result.files += u64::from(file.hash.is_some());
            result.bytes += file.hashed_bytes;
        }
        let differences = self.ledger.differences(device, time, survey, self.now)?;
        result.known += differences.known;
        for problem in differences.problems {
            note(result, format!("{name}: {problem}"));
        }
        Ok(())
    }
}

fn note(result: &mut MomentsResult, problem: String) {
    if result.problems.len() < PROBLEMS_MAX {
        result.problems.push(problem);
    }
}
