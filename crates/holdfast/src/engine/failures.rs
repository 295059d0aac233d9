//! The volume's errors as failures: what they mean to whoever typed the command, and what to do next.

use volume::{Error, Timestamp};

use crate::failure::{Failure, FailureCode};
use crate::when::local;
use image::ImageError;

/// An error of a volume as a failure. `volume` is its name, with which hints can be typed as they stand.
#[must_use]
pub(crate) fn failure(volume: &str, error: &Error) -> Failure {
    // Its parent is what must be seen to.
    if let Error::ParentUnusable { parent, source } = error {
        let of_parent = failure(parent, source);
        return Failure {
            message: format!(
                "`{parent}`, from which it was forked, can't be opened: {}",
                of_parent.message
            ),
            ..of_parent
        };
    }
    let failure = Failure::new(code(error), message(error));
    match hint(volume, error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What happened, with times of the time zone here, and in the words that commands use.
fn message(error: &Error) -> String {
    match error {
        Error::MomentTooOld { oldest } => {
            format!("that moment is older than the oldest one kept, `{}`", local(*oldest))
        }
        Error::MomentInFuture { asked, newest } => {
            format!("moment `{asked}` hasn't happened yet; the newest is `{newest}`")
        }
        Error::CorruptBlock {
            block,
            segment,
            offset,
            written,
        } => format!(
            "block `{block}` as written `{}` is damaged in segment `{segment}` at offset `{offset}`",
            local(*written)
        ),
        Error::DamagedLog {
            segment,
            offset,
            before,
        } => {
            let intact = if *before == Timestamp::ZERO {
                String::new()
            } else {
                format!("; everything up to `{}` is intact", local(*before))
            };
            format!("the log is damaged in segment `{segment}` at offset `{offset}`{intact}")
        }
        Error::NoRollback => "there is no restore to take back".to_owned(),
        Error::TooManyRollbacks { limit } => {
            format!("a volume can have at most `{limit}` restores within the history it keeps")
        }
        other => other.to_string(),
    }
}

/// An error of an image as a failure.
#[must_use]
pub(super) fn image_failure(volume: &str, error: ImageError) -> Failure {
    let message = error.to_string();
    match error {
        ImageError::Volume(error) => failure(volume, &error),
        ImageError::Io { operation, source } => Failure::io(format!("{operation} the image"), &source),
        ImageError::NotThisFormat(_) => Failure::refused(message).hint("leave `--format` out to have it detected"),
        ImageError::Unsupported(_) => {
            Failure::refused(message).hint("`qemu-img convert -O raw IMAGE disk.raw` makes one that is")
        }
        ImageError::Damaged { .. } | ImageError::DamagedCluster { .. } => {
            Failure::new(FailureCode::Damage, message).hint("`qemu-img check` tells more")
        }
        _ => Failure::new(FailureCode::Failure, message),
    }
}

fn code(error: &Error) -> FailureCode {
    match error {
        Error::NoSuchVolume(_) | Error::NoSuchPin(_) | Error::NoRollback | Error::MomentTooOld { .. } => {
            FailureCode::NotFound
        }
        Error::MomentInFuture { .. }
        | Error::PinExists(_)
        | Error::PinInUse { .. }
        | Error::TooManyPins { .. }
        | Error::TooManyRollbacks { .. }
        | Error::VolumeExists(_)
        | Error::VolumeInUse(_)
        | Error::HasForks { .. }
        | Error::ReadOnly
        | Error::Fenced
        | Error::Paused
        | Error::StaleEpoch => FailureCode::Refused,
        Error::NoSpace(_) => FailureCode::NoSpace,
        Error::CorruptBlock { .. }
        | Error::CorruptStructure { .. }
        | Error::DamagedLog { .. }
        | Error::BadFile { .. } => FailureCode::Damage,
        Error::BadName(_) | Error::ForkNameTooLong(_) | Error::BadSize { .. } => FailureCode::Usage,
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => FailureCode::NoSpace,
        _ => FailureCode::Failure,
    }
}

fn hint(volume: &str, error: &Error) -> Option<String> {
    Some(match error {
        Error::MomentTooOld { .. } => format!(
            "`holdfast history {volume}` shows what is kept; `retention` in the configuration decides for how long"
        ),
        Error::MomentInFuture { .. } => format!("`holdfast history {volume}` shows the newest moment"),
        Error::CorruptBlock { .. } => {
            format!("`holdfast volume verify {volume}` tells the newest moment at which it is intact")
        }
        Error::CorruptStructure { .. } => format!("`holdfast volume verify {volume}` tells what is damaged"),
        Error::DamagedLog { .. } => {
            format!("check the disk below; then `holdfast volume repair {volume}` goes on without what is damaged")
        }
        Error::BadFile { .. } => format!(
            "restore the file from a backup of the data folder, or `holdfast volume delete {volume}`; volumes that aren't \
             forks of it aren't concerned"
        ),
        Error::NoSuchVolume(_) => "`holdfast volume list` shows the volumes".to_owned(),
        Error::VolumeExists(_) => "choose another name, or delete that one first".to_owned(),
        Error::VolumeInUse(_) => "disconnect its clients first; `holdfast status` shows them".to_owned(),
        Error::HasForks { fork, .. } => format!(
            "`holdfast volume delete {fork}` first; `holdfast volume export {fork} FILE` makes a copy that needs no other"
        ),
        Error::NoSuchPin(_) => format!("`holdfast volume show {volume}` shows its pins"),
        Error::PinExists(pin) => format!("choose another name, or `holdfast unpin {volume} {pin}` first"),
        Error::PinInUse { fork, .. } => format!("`holdfast volume delete {fork}` first"),
        Error::TooManyPins { .. } => {
            format!("`holdfast volume show {volume}` shows its pins; `holdfast unpin {volume} PIN` removes one")
        }
        Error::NoRollback => format!("`holdfast history {volume}` shows the restores within the history kept"),
        Error::TooManyRollbacks { .. } => "they become fewer as `retention` drops the oldest history".to_owned(),
        Error::NoSpace(volume::NoSpace::Budget { .. }) => {
            "raise `budget`, or lower `retention_floor`, in the configuration and reload".to_owned()
        }
        Error::NoSpace(volume::NoSpace::Disk) => "free space on the disk that holds the data folder".to_owned(),
        Error::Poisoned => "the daemon opens it again by itself once the disk below works; look at its log".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_whose_parent_is_damaged_names_the_parent_and_fails_like_it() {
        let reason = "both copies in it are damaged";
        let source = Box::new(Error::BadFile {
            file: "disk/volume".to_owned(),
            reason,
        });
        let parent = "disk".to_owned();
        let failed = failure("copy", &Error::ParentUnusable { parent, source });
        let expected = "`disk`, from which it was forked, can't be opened: `disk/volume` is not usable: both copies in it are damaged";
        assert_eq!((failed.code.exit_code(), failed.message.as_str()), (5, expected));
        assert!(
            failed
                .hint
                .is_some_and(|hint| hint.contains("`holdfast volume delete disk`"))
        );
    }

    #[test]
    fn errors_have_exit_codes_by_their_meaning() {
        for (error, exit_code) in [
            (Error::NoSuchVolume("x".to_owned()), 3),
            (Error::TooManyRollbacks { limit: 9 }, 4),
            (Error::VolumeExists("x".to_owned()), 4),
            (Error::NoSpace(volume::NoSpace::Disk), 6),
            (Error::BadSize { size: 7 }, 2),
            (Error::Poisoned, 1),
        ] {
            assert_eq!(failure("disk", &error).code.exit_code(), exit_code, "{error}");
        }
    }

    #[test]
    fn hints_can_be_typed_as_they_stand() {
        for error in [
            Error::MomentTooOld {
                oldest: Timestamp::ZERO,
            },
            Error::NoSuchPin("p".to_owned()),
            Error::NoRollback,
        ] {
            let hint = failure("vm7", &error).hint.unwrap();
            assert!(hint.contains(" vm7`"), "{hint}");
        }
    }
}
