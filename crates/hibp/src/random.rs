//! Numbers that nobody foresees.

use exposure::Error;
use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes, if the system has some to give.
pub(crate) fn random<const BYTES: usize>() -> Result<[u8; BYTES], Error> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ() {
        assert_ne!(random::<16>().unwrap(), random::<16>().unwrap());
    }
}
