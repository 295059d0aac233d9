// The group ristretto255 (RFC 9496): what the page needs of it, and nothing else. Browsers have SHA-512 and AES, but not this group.
//
// Written for reading, with BigInt. BigInt doesn't run in constant time: what it could give away by its timing, to somebody who measures
// on the asker's own computer, is the asker's own address. Every multiplication of a point takes the same steps whatever the number.

const P = 2n ** 255n - 19n;
/** The number of points: scalars are counted modulo it. */
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

// RFC 9496, section 4.1.
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;
const SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235n;
const INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578n;
const ONE_MINUS_D_SQ = 1159843021668779879193775521855586647937357759715417654439879720876111806838n;
const D_MINUS_ONE_SQ = 40440834346308536858101042469323190826248399146238708352240133220865137265952n;

/** The remainder that is not negative. */
export function modulo(number, modulus) {
  const rest = number % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Powers by squaring. */
function power(base, exponent, modulus) {
  let result = 1n;
  let square = modulo(base, modulus);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) {
      result = (result * square) % modulus;
    }
    square = (square * square) % modulus;
  }
  return result;
}

/** The scalar by which a multiplication is undone. */
export function inverse(scalar) {
  return power(scalar, ORDER - 2n, ORDER);
}

/** A number of bytes, the least first. */
export function numberOf(bytes) {
  return bytes.reduceRight((number, byte) => number * 256n + BigInt(byte), 0n);
}

/** 32 bytes of a number, the least first. */
export function bytesOf(number) {
  return Uint8Array.from({ length: 32 }, (_, place) => Number((number >> BigInt(8 * place)) & 255n));
}

const field = (number) => modulo(number, P);
const isNegative = (element) => (element & 1n) === 1n;
const absolute = (element) => (isNegative(element) ? P - element : element);

/** Section 4.2: the root of u/v, or of its product with the root of -1, and whether it was the first. */
function rootOfRatio(u, v) {
  const v3 = field(v * v * v);
  let root = field(u * v3 * power(u * v3 * v3 * v, (P - 5n) / 8n, P));
  const check = field(v * root * root);
  const correct = check === field(u);
  const flipped = check === field(-u);
  if (flipped || check === field(-u * SQRT_M1)) {
    root = field(SQRT_M1 * root);
  }
  return [correct || flipped, absolute(root)];
}

/** A point, in extended coordinates of the curve below. Points that encode alike are the same. */
export class Point {
  constructor(x, y, z, t) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.t = t;
  }

  /** Section 4.3.1. Throws for what is no canonical encoding of a point, and for the identity, which no side ever sends. */
  static decode(bytes) {
    const s = numberOf(bytes);
    const refused = new Error("these bytes are no point of the group");
    if (bytes.length !== 32 || s >= P || isNegative(s) || s === 0n) {
      throw refused;
    }
    const u1 = field(1n - s * s);
    const u2 = field(1n + s * s);
    const u2Squared = field(u2 * u2);
    const v = field(-D * u1 * u1 - u2Squared);
    const [wasSquare, root] = rootOfRatio(1n, field(v * u2Squared));
    const xDenominator = field(root * u2);
    const x = absolute(field(2n * s * xDenominator));
    const y = field(u1 * root * xDenominator * v);
    const t = field(x * y);
    if (!wasSquare || isNegative(t) || y === 0n) {
      throw refused;
    }
    return new Point(x, y, 1n, t);
  }

  /** Section 4.3.2: 32 bytes. */
  encode() {
    const u1 = field((this.z + this.y) * (this.z - this.y));
    const u2 = field(this.x * this.y);
    const [, root] = rootOfRatio(1n, field(u1 * u2 * u2));
    const denominator1 = field(root * u1);
    const denominator2 = field(root * u2);
    const zInverse = field(denominator1 * denominator2 * this.t);
    let [x, y, denominator] = [this.x, this.y, denominator2];
    if (isNegative(field(this.t * zInverse))) {
      [x, y] = [field(this.y * SQRT_M1), field(this.x * SQRT_M1)];
      denominator = field(denominator1 * INVSQRT_A_MINUS_D);
    }
    if (isNegative(field(x * zInverse))) {
      y = field(-y);
    }
    return bytesOf(absolute(field(denominator * (this.z - y))));
  }

  /** Section 4.3.4: the point of 64 uniformly random bytes. */
  static fromUniform(bytes) {
    return fromHalf(bytes.subarray(0, 32)).plus(fromHalf(bytes.subarray(32, 64)));
  }

  /** The sum; complete, so that it may be used for doubling too. */
  plus(other) {
    const a = field((this.y - this.x) * (other.y - other.x));
    const b = field((this.y + this.x) * (other.y + other.x));
    const c = field(2n * D * this.t * other.t);
    const d = field(2n * this.z * other.z);
    const [e, f, g, h] = [b - a, d - c, d + c, b + a];
    return new Point(field(e * f), field(g * h), field(f * g), field(e * h));
  }

  /** The point so many times. Both branches are always computed. */
  times(scalar) {
    let result = IDENTITY;
    for (let bit = 252n; bit >= 0n; bit -= 1n) {
      const doubled = result.plus(result);
      const added = doubled.plus(this);
      result = [doubled, added][Number((scalar >> bit) & 1n)];
    }
    return result;
  }
}

/** MAP of section 4.3.4. */
function fromHalf(bytes) {
  const t = field(numberOf(bytes) & (2n ** 255n - 1n));
  const r = field(SQRT_M1 * t * t);
  const u = field((r + 1n) * ONE_MINUS_D_SQ);
  const v = field((-1n - r * D) * (r + D));
  const [wasSquare, root] = rootOfRatio(u, v);
  const s = wasSquare ? root : field(-absolute(field(root * t)));
  const c = wasSquare ? P - 1n : r;
  const n = field(c * (r - 1n) * D_MINUS_ONE_SQ - v);
  const w0 = field(2n * s * v);
  const w1 = field(n * SQRT_AD_MINUS_ONE);
  const w2 = field(1n - s * s);
  const w3 = field(1n + s * s);
  return new Point(field(w0 * w3), field(w2 * w1), field(w1 * w3), field(w0 * w2));
}

const IDENTITY = new Point(0n, 1n, 1n, 0n);
/** The generator (section 4). */
export const BASE = Point.decode(
  Uint8Array.from([
    0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f, 0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd,
    0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76,
  ]),
);
