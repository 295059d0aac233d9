// The asker's side of RFC 9497, verifiable mode, suite ristretto255-SHA512, for one input.

import { BASE, ORDER, Point, inverse, modulo, numberOf } from "./ristretto.js";

const text = new TextEncoder();
const CONTEXT = join(text.encode("OPRFV1-"), [1], text.encode("-ristretto255-SHA512"));

/** Bytes of a point, and of a proof. */
export const POINT_BYTES = 32;
export const PROOF_BYTES = 64;

/** Byte strings one after the other. */
export function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function sha512(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
}

/** A byte string after its length in two bytes. */
function counted(bytes) {
  return join([bytes.length >> 8, bytes.length & 255], bytes);
}

/** expand_message_xmd of RFC 9380, for 64 bytes, which are one block of SHA-512. */
async function expand(message, purpose) {
  const tag = join(text.encode(purpose), CONTEXT);
  const ending = join(tag, [tag.length]);
  const first = await sha512(join(new Uint8Array(128), message, [0, 64, 0], ending));
  return sha512(join(first, [1], ending));
}

async function hashToGroup(input) {
  return Point.fromUniform(await expand(input, "HashToGroup-"));
}

async function hashToScalar(message) {
  return modulo(numberOf(await expand(message, "HashToScalar-")), ORDER);
}

/** A scalar that nobody can guess: uniform, because 512 bits are reduced, and not zero. */
export function randomScalar() {
  for (;;) {
    const scalar = modulo(numberOf(crypto.getRandomValues(new Uint8Array(64))), ORDER);
    if (scalar !== 0n) {
      return scalar;
    }
  }
}

/** Blinds an input. `point` is what the server gets: uniformly random, whatever the input is. */
export async function blind(input, scalar = randomScalar()) {
  const blinded = (await hashToGroup(input)).times(scalar);
  return { input, scalar, point: blinded.encode() };
}

/** Checks the server's reply against its public key, and unblinds it: 64 bytes. Throws if another key was used. */
export async function finish(blinded, reply, publicKey) {
  if (reply.length !== POINT_BYTES + PROOF_BYTES) {
    throw new Error("the reply has another length");
  }
  const evaluated = reply.subarray(0, POINT_BYTES);
  if (!(await isProven(publicKey, blinded.point, evaluated, reply.subarray(POINT_BYTES)))) {
    throw new Error("the reply was not made with the server's published key");
  }
  const unblinded = Point.decode(evaluated).times(inverse(blinded.scalar)).encode();
  return sha512(join(counted(blinded.input), counted(unblinded), text.encode("Finalize")));
}

/** Section 2.2.2: the same scalar leads from the generator to the key as from the blinded to the evaluated point. */
async function isProven(publicKey, blinded, evaluated, proof) {
  const [challenge, answer] = [numberOf(proof.subarray(0, 32)), numberOf(proof.subarray(32))];
  if (challenge >= ORDER || answer >= ORDER) {
    return false;
  }
  const seed = await sha512(join(counted(publicKey), counted(join(text.encode("Seed-"), CONTEXT))));
  const weight = await hashToScalar(join(counted(seed), [0, 0], counted(blinded), counted(evaluated), text.encode("Composite")));
  const key = Point.decode(publicKey);
  const m = Point.decode(blinded).times(weight);
  const z = Point.decode(evaluated).times(weight);
  const t2 = BASE.times(answer).plus(key.times(challenge));
  const t3 = m.times(answer).plus(z.times(challenge));
  const transcript = [publicKey, m.encode(), z.encode(), t2.encode(), t3.encode()].map(counted);
  return (await hashToScalar(join(...transcript, text.encode("Challenge")))) === challenge;
}
