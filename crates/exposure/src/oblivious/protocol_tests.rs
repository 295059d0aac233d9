use std::cell::Cell;

use ring::rand::SystemRandom;

use super::*;
use crate::hexadecimal::{bytes as unhex, lower as hex};

fn bytes(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A source of randomness from which the scalars of the RFC's vectors are drawn: 64 bytes each, reduced.
struct Scalars {
    scalars: Vec<Vec<u8>>,
    drawn: Cell<usize>,
}

impl Scalars {
    fn new(digits: &[&str]) -> Self {
        let scalars = digits
            .iter()
            .map(|digits| {
                let mut scalar = bytes(digits);
                scalar.resize(64, 0);
                scalar
            })
            .collect();
        Self {
            scalars,
            drawn: Cell::new(0),
        }
    }
}

// `ring` lets nobody else be a `SecureRandom`, so the vectors go in one level below.
impl RngCore for &Scalars {
    fn next_u32(&mut self) -> u32 {
        unreachable!()
    }
    fn next_u64(&mut self) -> u64 {
        unreachable!()
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.scalars[self.drawn.get()]);
        self.drawn.set(self.drawn.get() + 1);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for &Scalars {}

const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
const BLIND_2: &str = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e";

/// RFC 9497, A.1.2.3: both sides, in a batch of two.
#[test]
fn the_exchange_is_that_of_rfc_9497() {
    let key = ServerKey::from_secret(&bytes(
        "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
    ))
    .unwrap();
    assert_eq!(
        key.public().to_hex(),
        "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
    );
    let inputs = vec![vec![0x00], vec![0x5a; 17]];
    let (asking, points) = Asking::blind_with(inputs.clone(), &mut &Scalars::new(&[BLIND, BLIND_2])).unwrap();
    assert_eq!(
        hex(&points),
        "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945\
         90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"
    );
    let proof_scalar = Scalars::new(&["419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c"]);
    let reply = key.evaluate_with(&points, &mut &proof_scalar).unwrap();
    assert_eq!(
        hex(&reply),
        "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e\
         cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a\
         cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a\
         5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08"
    );
    let outputs = asking.unblind(&reply, &key.public()).unwrap();
    assert_eq!(
        outputs.iter().map(|output| hex(output)).collect::<Vec<_>>(),
        [
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d\
             a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60\
             356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"
        ]
    );
    // What the server computes for its own list is the same.
    assert_eq!(key.output(&inputs[0]).unwrap(), outputs[0]);
}

#[test]
fn two_questions_about_the_same_address_have_nothing_in_common() {
    let random = SystemRandom::new();
    let identity = Identity::of("someone@example.com");
    let key = ServerKey::generate(&random).unwrap();
    let (first, first_point) = Asking::about(&[identity], &random).unwrap();
    let (second, second_point) = Asking::about(&[identity], &random).unwrap();
    assert_ne!(first_point, second_point);
    let seed = key.seed(identity).unwrap();
    for (asking, point) in [(first, first_point), (second, second_point)] {
        let reply = key.evaluate(&point, &random).unwrap();
        assert_eq!(asking.finish(&reply, &key.public()).unwrap(), [seed]);
    }
}

/// The identity (all zero), a field element that is not reduced, a negative one, and one that is on no point (RFC 9496, A.2).
#[test]
fn points_that_are_none_are_refused() {
    let random = SystemRandom::new();
    let key = ServerKey::generate(&random).unwrap();
    let bad = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    ];
    let (_, good) = Asking::about(&[Identity::of("a@example.com")], &random).unwrap();
    for point in bad {
        let point = bytes(point);
        assert!(key.evaluate(&point, &random).is_err(), "{point:?}");
        assert!(key.evaluate(&[good.clone(), point.clone()].concat(), &random).is_err());
        assert!(PublicKey::from_bytes(point.try_into().unwrap()).is_err());
    }
    for points in [
        vec![],
        good[1..].to_vec(),
        good.repeat(POINTS_MAX + 1),
        [good.clone(), vec![1]].concat(),
    ] {
        assert!(key.evaluate(&points, &random).is_err(), "{} bytes", points.len());
    }
    assert!(key.evaluate(&good.repeat(POINTS_MAX), &random).is_ok());
}

/// Another key, a changed bit anywhere in the reply, too little or too much of it: an error, never an answer.
#[test]
fn a_reply_made_with_another_key_is_not_believed() {
    let random = SystemRandom::new();
    let key = ServerKey::generate(&random).unwrap();
    let other = ServerKey::generate(&random).unwrap();
    let identities = [Identity::of("a@example.com"), Identity::of("b@example.com")];
    let (asking, points) = Asking::about(&identities, &random).unwrap();
    let reply = key.evaluate(&points, &random).unwrap();
    assert!(asking.finish(&reply, &key.public()).is_ok());
    assert!(asking.finish(&reply, &other.public()).is_err());
    assert!(
        asking
            .finish(&other.evaluate(&points, &random).unwrap(), &key.public())
            .is_err()
    );
    for bit in 0..reply.len() * 8 {
        let mut changed = reply.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(asking.finish(&changed, &key.public()).is_err(), "bit {bit}");
    }
    for length in 0..reply.len() {
        assert!(asking.finish(&reply[..length], &key.public()).is_err());
    }
    let swapped = [&reply[32..64], &reply[..32], &reply[64..]].concat();
    assert!(asking.finish(&swapped, &key.public()).is_err(), "two points swapped");
}

#[test]
fn a_secret_key_is_read_back_and_never_printed() {
    let key = ServerKey::generate(&SystemRandom::new()).unwrap();
    let secret = key.secret();
    assert_eq!(ServerKey::from_secret(&secret).unwrap().public(), key.public());
    assert!(!format!("{key:?}").contains(&hex(&secret)));
    assert!(ServerKey::from_secret(&[0; 32]).is_none());
    assert!(ServerKey::from_secret(&secret[..31]).is_none());
    assert!(unhex::<32>(&"g".repeat(64)).is_none());
}
