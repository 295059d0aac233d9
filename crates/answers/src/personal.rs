//! Personal data in the files that were touched.

use crate::error::Error;
use crate::investigate::Opened;
use crate::progress::Progress;
use crate::report::{FileReport, PersonalReport};
use crate::window::Window;

pub(crate) fn search(
    _window: &Window,
    _opened: &Opened,
    _files: &mut [FileReport],
    _seconds: u64,
    _progress: &mut dyn Progress,
) -> Result<PersonalReport, Error> {
    Ok(PersonalReport::default())
}
