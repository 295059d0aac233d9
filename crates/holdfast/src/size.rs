//! Sizes as people write them: `10G`, `512M`, `1.5TiB`, `1073741824`.
//!
//! Units are binary, as with `qemu-img` and `truncate`: `K`, `M`, `G`, `T` and `KiB`, `MiB`, `GiB`, `TiB` mean powers of
//! 1024. `GB` and the like are refused, because half of the people who write them mean 1000.

/// Why a size can't be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeError(String);

impl std::fmt::Display for SizeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SizeError {}

/// Bytes from a size as people write it.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let bad = || {
        SizeError(format!(
            "`{text}` is not a size; write it like `10G`, `512M` or `1.5TiB`"
        ))
    };
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "ki" | "kib" => 10,
        "m" | "mi" | "mib" => 20,
        "g" | "gi" | "gib" => 30,
        "t" | "ti" | "tib" => 40,
        decimal @ ("kb" | "mb" | "gb" | "tb") => {
            let unit = decimal[..1].to_uppercase();
            return Err(SizeError(format!(
                "`{text}` could mean two sizes; write `{unit}iB` for powers of 1024"
            )));
        }
        _ => return Err(bad()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let too_large = || SizeError(format!("`{text}` is too large"));
    let bytes = whole.checked_mul(1 << shift).ok_or_else(too_large)?;
    let fraction_bytes = match fraction {
        "" if number.ends_with('.') => return Err(bad()),
        "" => 0,
        _ => fraction_of_unit(fraction, shift).ok_or_else(bad)?,
    };
    bytes.checked_add(fraction_bytes).ok_or_else(too_large)
}

/// Bytes in `0.{digits}` of a unit of `1 << shift` bytes, if that is a whole number of bytes.
fn fraction_of_unit(digits: &str, shift: u32) -> Option<u64> {
    if digits.len() > 9 {
        return None;
    }
    let numerator: u128 = digits.parse().ok()?;
    let scale = 10u128.pow(u32::try_from(digits.len()).ok()?);
    // Rounded down: `1.3G` has no exact number of bytes, and nobody means the difference.
    u64::try_from((numerator << shift) / scale).ok().filter(|_| shift > 0)
}

/// A size as people read it: exact where a unit divides it, else with one decimal.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let one = 1u64 << shift;
        if bytes >= one {
            if bytes.is_multiple_of(one) {
                return format!("{} {unit}", bytes >> shift);
            }
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("512", 512),
            ("512b", 512),
            ("10G", 10 << 30),
            ("10g", 10 << 30),
            ("10 GiB", 10 << 30),
            ("512M", 512 << 20),
            ("1TiB", 1 << 40),
            ("1.5TiB", 3 << 39),
            ("0.5K", 512),
            ("64Ti", 64 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "",
            "G",
            "x",
            "10X",
            "-1",
            "1..5G",
            "1.G",
            ".5G",
            "1.5",
            "18446744073709551616",
            "16777216T",
            "1e3",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn decimal_units_are_refused_with_the_reason() {
        assert_eq!(
            parse_size("10GB").unwrap_err().to_string(),
            "`10GB` could mean two sizes; write `GiB` for powers of 1024"
        );
    }

    #[test]
    fn sizes_are_shown_shortly() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10 << 30, "10 GiB"),
            ((10 << 30) + 1, "10.0 GiB"),
            (64 << 40, "64 TiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }

    #[test]
    fn shown_sizes_that_are_exact_read_back() {
        for bytes in [1u64 << 20, 3 << 30, 5 << 40, 4096] {
            assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }
}
