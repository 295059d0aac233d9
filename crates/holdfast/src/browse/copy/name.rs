//! Names that can be given to a file here.

/// The longest name that Linux gives a file, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A name, as a single component of a path.
pub(super) struct Single {
    pub(super) name: Vec<u8>,
    /// Whether it isn't the name it was.
    pub(super) is_changed: bool,
}

/// Makes any bytes a single component: `/` and NUL, which no name has, become `%2F` and `%00`, and names that mean a folder instead of
/// naming one (`.`, `..`) have their dots escaped.
pub(super) fn single(name: &[u8]) -> Single {
    let means_folder = matches!(name, b"" | b"." | b"..");
    let mut single = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'/' | 0 => single.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            b'.' if means_folder => single.extend_from_slice(b"%2E"),
            other => single.push(*other),
        }
    }
    if single.is_empty() {
        single.push(b'%');
    }
    Single {
        is_changed: single != name,
        name: single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_one_component() {
        for (name, expected) in [
            (&b"report.pdf"[..], &b"report.pdf"[..]),
            (b"..", b"%2E%2E"),
            (b".", b"%2E"),
            (b"...", b"..."),
            (b"", b"%"),
            (b"../../etc/passwd", b"..%2F..%2Fetc%2Fpasswd"),
            (b"/", b"%2F"),
            (b"a\0b", b"a%00b"),
            (b"\xff\n", b"\xff\n"),
        ] {
            let single = single(name);
            assert_eq!(single.name, expected);
            assert_eq!(single.is_changed, name != expected);
        }
    }
}
