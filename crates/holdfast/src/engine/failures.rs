//! The volume's errors as failures: what they mean to whoever typed the command, and what to do next.

use volume::Error;

use crate::failure::{Failure, FailureCode};
use crate::when::local;
use image::ImageError;

/// An error of a volume as a failure.
#[must_use]
pub(super) fn failure(error: &Error) -> Failure {
    match error {
        Error::MomentTooOld { oldest } => Failure::not_found(format!(
            "that moment is older than the oldest one kept, `{}`",
            local(*oldest)
        ))
        .hint("`holdfast history VOLUME` shows what is kept; `retention` in the configuration decides for how long"),
        Error::CorruptBlock {
            block,
            segment,
            offset,
            written,
        } => Failure::new(
            FailureCode::Damage,
            format!(
                "block `{block}` as written `{}` is damaged in segment `{segment}` at offset `{offset}`",
                local(*written)
            ),
        )
        .hint("`holdfast volume verify VOLUME` tells the newest moment at which it is intact"),
        Error::DamagedLog {
            segment,
            offset,
            before,
        } => Failure::new(
            FailureCode::Damage,
            format!(
                "the log is damaged in segment `{segment}` at offset `{offset}`; everything up to `{}` is intact",
                local(*before)
            ),
        )
        .hint("check the disk below; then `holdfast volume repair VOLUME` goes on without what is damaged"),
        Error::ParentUnusable { parent, source } => {
            let of_parent = failure(source);
            Failure {
                message: format!(
                    "`{parent}`, from which it was forked, can't be opened: {}",
                    of_parent.message
                ),
                ..of_parent
            }
        }
        other => {
            let failure = Failure::new(code(other), other.to_string());
            match hint(other) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
    }
}

/// An error of an image as a failure.
#[must_use]
pub(super) fn image_failure(error: ImageError) -> Failure {
    let message = error.to_string();
    match error {
        ImageError::Volume(error) => failure(&error),
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
        | Error::VolumeExists(_)
        | Error::VolumeInUse(_)
        | Error::HasForks { .. }
        | Error::ReadOnly
        | Error::StaleEpoch => FailureCode::Refused,
        Error::NoSpace(_) => FailureCode::NoSpace,
        Error::CorruptBlock { .. }
        | Error::CorruptStructure { .. }
        | Error::DamagedLog { .. }
        | Error::BadFile { .. } => FailureCode::Damage,
        Error::BadName(_) | Error::BadSize { .. } => FailureCode::Usage,
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => FailureCode::NoSpace,
        _ => FailureCode::Failure,
    }
}

fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NoSuchVolume(_) => "`holdfast volume list` shows the volumes",
        Error::NoSuchPin(_) => "`holdfast volume show VOLUME` shows its pins",
        Error::VolumeExists(_) => "choose another name, or delete that one first",
        Error::PinExists(_) => "choose another name, or `holdfast unpin` that one first",
        Error::PinInUse { .. } => "delete the fork first",
        Error::HasForks { .. } => "delete the fork first; `holdfast volume export` makes a copy that needs no other",
        Error::VolumeInUse(_) => "disconnect its clients first; `holdfast status` shows them",
        Error::MomentInFuture { .. } => "`holdfast history VOLUME` shows the newest moment",
        Error::NoSpace(volume::NoSpace::Budget { .. }) => {
            "raise `budget`, or lower `retention_floor`, in the configuration and reload"
        }
        Error::NoSpace(volume::NoSpace::Disk) => "free space on the disk that holds the data folder",
        Error::Poisoned => "the daemon opens it again by itself once the disk below works; look at its log",
        Error::BadFile { .. } => {
            "restore the file from a backup of the data folder, or `holdfast volume delete` what it belongs to; \
             volumes that aren't forks of it aren't concerned"
        }
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
        let failed = failure(&Error::ParentUnusable { parent, source });
        let expected = "`disk`, from which it was forked, can't be opened: `disk/volume` is not usable: both copies in it are damaged";
        assert_eq!((failed.code.exit_code(), failed.message.as_str()), (5, expected));
        assert!(failed.hint.is_some());
    }

    #[test]
    fn errors_have_exit_codes_by_their_meaning() {
        for (error, exit_code) in [
            (Error::NoSuchVolume("x".to_owned()), 3),
            (Error::VolumeExists("x".to_owned()), 4),
            (Error::NoSpace(volume::NoSpace::Disk), 6),
            (Error::BadSize { size: 7 }, 2),
            (Error::Poisoned, 1),
        ] {
            assert_eq!(failure(&error).code.exit_code(), exit_code, "{error}");
        }
    }
}
