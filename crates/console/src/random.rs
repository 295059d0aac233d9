//! Random bytes of the system.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Error;

/// So many random bytes.
pub(crate) fn bytes<const COUNT: usize>() -> Result<[u8; COUNT], Error> {
    let mut bytes = [0; COUNT];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(bytes)
}
