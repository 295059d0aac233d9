//! Who parses the file systems of a disk: this process, or better another one.

use std::sync::Arc;

use files::Disk;

use crate::error::Error;
use crate::survey::{Survey, SurveyRequest, survey};

/// Carries surveys out.
pub trait Examiner: Send + Sync {
    /// Surveys a disk.
    fn examine(&self, disk: Arc<dyn Disk>, request: &SurveyRequest) -> Result<Survey, Error>;
}

/// Surveys in a thread of this process: a parser that panics ends the survey and nothing else. What takes all memory or never
/// ends isn't held off by a thread, which is why the daemon has another process do it.
#[derive(Clone, Copy, Debug, Default)]
pub struct InThread;

impl Examiner for InThread {
    fn examine(&self, disk: Arc<dyn Disk>, request: &SurveyRequest) -> Result<Survey, Error> {
        let request = request.clone();
        let thread = std::thread::Builder::new()
            .name("survey".to_owned())
            .spawn(move || survey(&disk, &request))
            .map_err(|error| Error::Examination(error.to_string()))?;
        thread
            .join()
            .map_err(|_| Error::Examination("a parser panicked on what is on the disk".to_owned()))
    }
}
