//! Which encoding of a body a client wants (RFC 9110, section 12.5.3).

/// An encoding that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Identity,
    Gzip,
    Brotli,
}

/// What a client gives to each encoding, in thousandths.
#[derive(Default)]
struct Weights {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

/// The encoding with the greatest weight, the smallest body among equals. Without the header the body goes out as it is; so does it
/// where a client refuses everything, since a body that it may be able to read is better than none.
pub(crate) fn choose(header: Option<&str>) -> Accepted {
    let Some(header) = header else {
        return Accepted::Identity;
    };
    let mut weights = Weights::default();
    for element in header.split(',') {
        let (name, parameters) = element.split_once(';').unwrap_or((element, "q=1"));
        let slot = match name.trim() {
            name if name.eq_ignore_ascii_case("br") => &mut weights.brotli,
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => &mut weights.gzip,
            name if name.eq_ignore_ascii_case("identity") => &mut weights.identity,
            "*" => &mut weights.any,
            _ => continue,
        };
        *slot = Some(weight(parameters));
    }
    let any = weights.any.unwrap_or(0);
    let candidates = [
        (Accepted::Brotli, weights.brotli.unwrap_or(any)),
        (Accepted::Gzip, weights.gzip.unwrap_or(any)),
        // What isn't named is acceptable, but less than anything that is.
        (Accepted::Identity, weights.identity.or(weights.any).unwrap_or(1)),
    ];
    let mut best = (Accepted::Identity, 0);
    for candidate in candidates {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best.0
}

/// `q=0.5`: at most three digits after the point. What can't be read weighs nothing.
fn weight(parameters: &str) -> u16 {
    let Some(value) = parameters
        .trim()
        .strip_prefix(['q', 'Q'])
        .and_then(|rest| rest.trim().strip_prefix('='))
    else {
        return 0;
    };
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, is_number) {
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        ("1", true) if fraction.bytes().all(|byte| byte == b'0') => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_wins_and_the_smallest_body_among_equals() {
        for (header, expected) in [
            (None, Accepted::Identity),
            (Some(""), Accepted::Identity),
            (Some("gzip, deflate"), Accepted::Gzip),
            (Some("gzip, deflate, br"), Accepted::Brotli),
            (Some("br;q=0.5, gzip;q=0.8"), Accepted::Gzip),
            (Some("br;q=0, gzip"), Accepted::Gzip),
            (Some("GZIP ; Q=0.3"), Accepted::Gzip),
            (Some("gzip;q=0.3, identity"), Accepted::Identity),
            (Some("gzip;q=0.001"), Accepted::Gzip),
            (Some("*"), Accepted::Brotli),
            (Some("*;q=0.5, br;q=0.1"), Accepted::Gzip),
            (Some("br;q=0, *"), Accepted::Gzip),
            (Some("*;q=0"), Accepted::Identity),
            (Some("identity;q=0"), Accepted::Identity),
            (Some("zstd, deflate"), Accepted::Identity),
            (Some("gzip;q=2"), Accepted::Identity),
            (Some("gzip;level=9"), Accepted::Identity),
            (Some("gzip;q=0.0001"), Accepted::Identity),
        ] {
            assert_eq!(choose(header), expected, "{header:?}");
        }
    }
}
