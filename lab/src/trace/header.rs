//! A trace's header: what was recorded.

use std::io::{self, Read, Write};

use sentinel::Micros;
use serde_json::Value;

use super::error::TraceError;

const MAGIC: [u8; 4] = *b"HFTR";
const VERSION: u16 = 2;
/// Longest description in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1 << 20;

/// What was recorded, and where its times begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Size of the disk in bytes.
    pub volume_bytes: u64,
    /// The lab's time when the recording began: microseconds since the Unix epoch. Records bear times on the same scale.
    pub start: Micros,
    /// What was done: case, file system, state, seed, ...: a JSON object by convention.
    pub description: Value,
}

impl Header {
    pub(super) fn write(&self, out: &mut impl Write) -> Result<(), TraceError> {
        let description = self.description.to_string();
        let length = u32::try_from(description.len()).unwrap_or(u32::MAX);
        if length as usize > DESCRIPTION_BYTES_MAX {
            return Err(TraceError::TooLong("a description is at most 1 MiB"));
        }
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&self.volume_bytes.to_le_bytes())?;
        out.write_all(&self.start.to_le_bytes())?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(description.as_bytes())?;
        Ok(())
    }

    pub(super) fn read(source: &mut impl Read) -> Result<Self, TraceError> {
        let magic: [u8; 4] = take(source).map_err(|error| match error {
            TraceError::CutOff { .. } => TraceError::NotATrace,
            other => other,
        })?;
        if magic != MAGIC {
            return Err(TraceError::NotATrace);
        }
        let version = u16::from_le_bytes(take(source)?);
        if version != VERSION {
            return Err(TraceError::OtherVersion(version));
        }
        let volume_bytes = u64::from_le_bytes(take(source)?);
        let start = u64::from_le_bytes(take(source)?);
        let length = u32::from_le_bytes(take(source)?) as usize;
        if length > DESCRIPTION_BYTES_MAX {
            return Err(TraceError::Description("it is longer than 1 MiB".to_owned()));
        }
        let mut description = vec![0; length];
        source.read_exact(&mut description).map_err(cut_off)?;
        let description = serde_json::from_slice(&description);
        Ok(Self {
            volume_bytes,
            start,
            description: description.map_err(|error| TraceError::Description(error.to_string()))?,
        })
    }
}

fn take<const LENGTH: usize>(source: &mut impl Read) -> Result<[u8; LENGTH], TraceError> {
    let mut bytes = [0; LENGTH];
    source.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

fn cut_off(error: io::Error) -> TraceError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => TraceError::CutOff { records: 0 },
        _ => TraceError::Io(error),
    }
}
