//! Which format an image file has, by its first bytes.

use serde::{Deserialize, Serialize};

use super::{ImageError, ReadAt};

/// The formats that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's format, versions 2 and 3.
    Qcow2,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "raw" => Ok(Self::Raw),
            "qcow2" => Ok(Self::Qcow2),
            _ => Err(format!("`{text}` is not a format; `raw` and `qcow2` are")),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        })
    }
}

/// Formats of others that must not be taken for raw disks.
const FOREIGN: [(&[u8], &str); 5] = [
    (b"KDMV", "is a VMDK image"),
    (b"# Disk DescriptorFile", "is a VMDK image"),
    (b"vhdxfile", "is a VHDX image"),
    (b"conectix", "is a VHD image"),
    (b"<<< Oracle VM VirtualBox Disk Image >>>", "is a VDI image"),
];

/// The format of an image whose format wasn't given. Everything unknown is a raw disk.
pub fn detect(file: &impl ReadAt) -> Result<Format, ImageError> {
    let mut start = [0u8; 64];
    file.read_padded(0, &mut start).map_err(ImageError::reading)?;
    if start.starts_with(super::qcow2::MAGIC) {
        return Ok(Format::Qcow2);
    }
    match FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, what)) => Err(ImageError::Unsupported(what)),
        None => Ok(Format::Raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_first_bytes() {
        assert_eq!(detect(&b"QFI\xfb\0\0\0\x03".as_slice()).unwrap(), Format::Qcow2);
        assert_eq!(detect(&b"\xeb\x63\x90".as_slice()).unwrap(), Format::Raw);
        assert_eq!(detect(&b"".as_slice()).unwrap(), Format::Raw);
        let error = detect(&b"vhdxfile".as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "the image is a VHDX image, which isn't supported");
    }
}
