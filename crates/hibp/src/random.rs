//! Numbers that nobody foresees.

use std::sync::LazyLock;

use rustls::crypto::SecureRandom;

/// The system's generator, by way of the library that TLS has it from.
static GENERATOR: LazyLock<&'static dyn SecureRandom> =
    LazyLock::new(|| rustls::crypto::ring::default_provider().secure_random);

/// Random bytes; nothing if the system has none to give.
pub(crate) fn random<const BYTES: usize>() -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    GENERATOR.fill(&mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ() {
        assert_ne!(random::<16>().unwrap(), random::<16>().unwrap());
    }
}
