//! The exchange of RFC 9497, verifiable mode, suite ristretto255-SHA512.
//!
//! Verifiable, because of what a wrong evaluation would mean here: a person who is in a breach would find no entry and be told that
//! all is well. With the proof a mistaken, changed or stale key is noticed. It costs the server about 100 us and 64 bytes a question.

use std::fmt;

use rand_core::{CryptoRng, RngCore};
use ring::rand::SecureRandom;
use voprf::{BlindedElement, EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer};

use crate::Error;
use crate::address::Identity;

/// Bytes of a point on the wire (RFC 9496, section 4.3.2).
pub const POINT_BYTES: usize = 32;
/// Bytes of the proof (RFC 9497, section 2.2): two scalars.
pub const PROOF_BYTES: usize = 64;
/// Points in one exchange at most.
pub const POINTS_MAX: usize = 16;

/// The server's public key: a point other than the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; POINT_BYTES]);

impl PublicKey {
    /// Takes a key from the other side.
    ///
    /// # Errors
    /// When the bytes are no point, or not in their one canonical form.
    pub fn from_bytes(bytes: [u8; POINT_BYTES]) -> Result<Self, Error> {
        Ristretto255::deserialize_elem(&bytes).map_err(|_| Error::Protocol {
            what: "the server's public key is no point of the group",
        })?;
        Ok(Self(bytes))
    }

    /// The key as it is sent.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; POINT_BYTES] {
        &self.0
    }

    /// Takes a key as [`Self::to_hex`] writes it; `None` if it is none.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        Self::from_bytes(crate::hexadecimal::bytes(digits)?).ok()
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        crate::hexadecimal::lower(&self.0)
    }
}

/// What the function gives for an identity: the first 32 bytes of its output. Who knows it can find and open the person's entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub(super) [u8; Seed::BYTES]);

impl Seed {
    /// Bytes of a seed.
    pub const BYTES: usize = 32;

    fn of_output(output: &[u8]) -> Result<Self, Error> {
        output
            .first_chunk::<{ Self::BYTES }>()
            .map(|seed| Self(*seed))
            .ok_or(Error::Protocol {
                what: "the output is too short",
            })
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The server's secret key.
pub struct ServerKey {
    server: VoprfServer<Ristretto255>,
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKey")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

impl ServerKey {
    /// Bytes of a secret key.
    pub const BYTES: usize = 32;

    /// A new key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, Error> {
        let mut seed = [0; Self::BYTES];
        random.fill(&mut seed).map_err(|_| Error::Randomness)?;
        let server = VoprfServer::new_from_seed(&seed, b"holdfast exposure").map_err(|_| Error::Randomness)?;
        Ok(Self { server })
    }

    /// The key of a scalar as it was stored; `None` if it is zero or not canonical.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        let server = VoprfServer::new_with_key(secret).ok()?;
        Some(Self { server })
    }

    /// The scalar, to be stored where only its owner can read it.
    #[must_use]
    pub fn secret(&self) -> Vec<u8> {
        self.server.serialize().iter().take(Self::BYTES).copied().collect()
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(Ristretto255::serialize_elem(self.server.get_public_key()).into())
    }

    /// Evaluates blinded points, one after the other in `points`; the reply is as many points and the proof.
    ///
    /// # Errors
    /// When there is no point or more than [`POINTS_MAX`], when one is not canonical or is the identity, or when there is no randomness.
    pub fn evaluate(&self, points: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, Error> {
        let mut source = Source::new(random);
        let reply = self.evaluate_with(points, &mut source)?;
        source.worked()?;
        Ok(reply)
    }

    fn evaluate_with(&self, points: &[u8], source: &mut (impl RngCore + CryptoRng)) -> Result<Vec<u8>, Error> {
        let (points, rest) = points.as_chunks::<POINT_BYTES>();
        if points.is_empty() || points.len() > POINTS_MAX || !rest.is_empty() {
            return Err(Error::Protocol {
                what: "a question is 1 to 16 points of 32 bytes",
            });
        }
        let blinded = points
            .iter()
            .map(|point| BlindedElement::<Ristretto255>::deserialize(point))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Protocol {
                what: "a point is not in canonical form, or is the identity",
            })?;
        let evaluated = self
            .server
            .batch_blind_evaluate(source, &blinded)
            .map_err(|_| Error::Protocol {
                what: "the points can't be evaluated",
            })?;
        let mut reply = Vec::with_capacity(blinded.len() * POINT_BYTES + PROOF_BYTES);
        for message in &evaluated.messages {
            reply.extend_from_slice(&message.serialize());
        }
        reply.extend_from_slice(&evaluated.proof.serialize());
        Ok(reply)
    }

    /// The seed of an identity, which the server computes for its own list without any exchange.
    ///
    /// # Errors
    /// Never for a key that was accepted: the chance that an identity hashes to the group's identity is 2^-252.
    pub fn seed(&self, identity: Identity) -> Result<Seed, Error> {
        Seed::of_output(&self.output(&identity.0)?)
    }

    fn output(&self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let output = self.server.evaluate(input).map_err(|_| Error::Protocol {
            what: "an identity can't be evaluated",
        })?;
        Ok(output.to_vec())
    }
}

/// The asker's side of one exchange.
pub struct Asking {
    inputs: Vec<Vec<u8>>,
    clients: Vec<VoprfClient<Ristretto255>>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

impl Asking {
    /// Blinds identities. The second value is what the server gets: points that are uniformly random, whatever the identities are.
    ///
    /// # Errors
    /// When there is no identity or more than [`POINTS_MAX`], or no randomness.
    pub fn about(identities: &[Identity], random: &dyn SecureRandom) -> Result<(Self, Vec<u8>), Error> {
        let inputs = identities.iter().map(|identity| identity.0.to_vec()).collect();
        let mut source = Source::new(random);
        let asking = Self::blind_with(inputs, &mut source)?;
        source.worked()?;
        Ok(asking)
    }

    fn blind_with(inputs: Vec<Vec<u8>>, source: &mut (impl RngCore + CryptoRng)) -> Result<(Self, Vec<u8>), Error> {
        if inputs.is_empty() || inputs.len() > POINTS_MAX {
            return Err(Error::Protocol {
                what: "a question is about 1 to 16 addresses",
            });
        }
        let mut clients = Vec::with_capacity(inputs.len());
        let mut points = Vec::with_capacity(inputs.len() * POINT_BYTES);
        for input in &inputs {
            let blinded = VoprfClient::<Ristretto255>::blind(input, source).map_err(|_| Error::Protocol {
                what: "an address can't be blinded",
            })?;
            points.extend_from_slice(&blinded.message.serialize());
            clients.push(blinded.state);
        }
        Ok((Self { inputs, clients }, points))
    }

    /// Checks the server's reply against its public key, and unblinds it: a seed for each identity, in their order.
    ///
    /// # Errors
    /// When the reply has another length, holds no points, or was not made with this key.
    pub fn finish(&self, reply: &[u8], key: &PublicKey) -> Result<Vec<Seed>, Error> {
        let outputs = self.unblind(reply, key)?;
        outputs.iter().map(|output| Seed::of_output(output)).collect()
    }

    fn unblind(&self, reply: &[u8], key: &PublicKey) -> Result<Vec<Vec<u8>>, Error> {
        let malformed = || Error::Protocol {
            what: "the reply is not made of points and a proof",
        };
        let (points, proof) = reply
            .split_at_checked(self.clients.len() * POINT_BYTES)
            .ok_or_else(malformed)?;
        if proof.len() != PROOF_BYTES {
            return Err(malformed());
        }
        let (points, _) = points.as_chunks::<POINT_BYTES>();
        let evaluated = points
            .iter()
            .map(|point| EvaluationElement::<Ristretto255>::deserialize(point))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| malformed())?;
        let proof = Proof::<Ristretto255>::deserialize(proof).map_err(|_| malformed())?;
        let key = Ristretto255::deserialize_elem(&key.0).map_err(|_| malformed())?;
        let not_proven = |_| Error::Protocol {
            what: "the reply was not made with the server's published key",
        };
        VoprfClient::batch_finalize(&self.inputs, &self.clients, &evaluated, &proof, key)
            .map_err(not_proven)?
            .map(|output| output.map(|output| output.to_vec()).map_err(not_proven))
            .collect()
    }
}

/// `ring`'s randomness as `voprf` takes it, which knows no failure: that is remembered and asked for afterwards.
struct Source<'a> {
    random: &'a dyn SecureRandom,
    failed: bool,
}

impl<'a> Source<'a> {
    const fn new(random: &'a dyn SecureRandom) -> Self {
        Self { random, failed: false }
    }

    const fn worked(&self) -> Result<(), Error> {
        if self.failed { Err(Error::Randomness) } else { Ok(()) }
    }
}

impl RngCore for Source<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        if self.random.fill(bytes).is_err() {
            self.failed = true;
            // Not zero: a scalar of zero would be drawn again for ever.
            bytes.fill(1);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Source<'_> {}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
