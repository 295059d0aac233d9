// A whole question to the server: what is sent, what comes back, and what opens the answer. docs/format-private.md describes the bytes.

import { blind, finish, join } from "./oblivious.js";

const ENTRY_BYTES = 40;
const ADDRESS_BYTES = 8;
const BREACHES_PER_ENTRY = 7;
const ENTRIES_MAX = 1024;
const BITS_MAX = 20;
/** Up to this size the whole list is downloaded without asking. */
export const WHOLE_BYTES_MAX = 4 * 1024 * 1024;

const text = new TextEncoder();

/** A problem to be told to the person, in words. */
export class Problem extends Error {}

/** Hexadecimal digits. */
export function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unhex(digits) {
  if (typeof digits !== "string" || !/^[0-9a-f]{64}$/.test(digits)) {
    throw new Problem("The server's parameters can't be understood.");
  }
  return Uint8Array.from({ length: 32 }, (_, place) => parseInt(digits.slice(2 * place, 2 * place + 2), 16));
}

/** An account without white space around it, in lower case; of a telephone number with its country's code the digits. */
export function normalise(account) {
  const trimmed = account.trim();
  const phone = /^(?:\+|00)([0-9 .()\/-]*)$/.exec(trimmed);
  const digits = phone ? phone[1].replace(/[^0-9]/g, "") : "";
  return digits.length >= 7 && digits.length <= 15 ? digits : trimmed.toLowerCase();
}

/** The key of a person: the SHA-1 of the account. */
export async function identityOf(account) {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", text.encode(normalise(account))));
}

async function fetched(path, options = {}) {
  const reply = await fetch(path, { credentials: "omit", ...options });
  if (reply.status === 410) {
    throw new Stale();
  }
  if (reply.status === 429) {
    throw new Problem("Too many questions came from your network. Please try again in a minute.");
  }
  if (!reply.ok) {
    throw new Problem(`The server can't answer now (${reply.status}). Please try again later.`);
  }
  return reply;
}

async function bytesAt(path, options) {
  return new Uint8Array(await (await fetched(path, options)).arrayBuffer());
}

/** The list was made anew while we asked. */
class Stale extends Error {}

/** What the server says of its list: the same for everybody. */
export async function parameters() {
  const found = await (await fetched("v1/parameters")).json();
  const numbers = [found.identities, found.entries, found.bytes, found.parts, found.fewest, found.hidden_among, found.bits];
  if (!numbers.every(Number.isSafeInteger) || found.bits > BITS_MAX || found.bytes !== found.entries * ENTRY_BYTES) {
    throw new Problem("The server's parameters can't be understood.");
  }
  const hides = found.buckets && found.fewest >= found.hidden_among && found.identities / 2 ** found.bits >= found.fewest;
  const name = /^[0-9a-f]{16}$/.test(found.index) ? found.index : "unknown";
  return { ...found, index: name, hides, salt: unhex(found.salt), publicKey: unhex(found.public_key), keyName: found.public_key };
}

/** Where an entry of a person lies, and what opens it. */
async function slotOf(person, salt, number) {
  const info = join(text.encode("holdfast exposure entry"), [number >> 8, number & 255]);
  const derived = new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-512", salt, info }, person, 320));
  const key = await crypto.subtle.importKey("raw", derived.subarray(ADDRESS_BYTES), "AES-GCM", false, ["decrypt"]);
  return { address: derived.subarray(0, ADDRESS_BYTES), key };
}

function entryAt(entries, address) {
  for (let start = 0; start < entries.length; start += ENTRY_BYTES) {
    if (address.every((byte, place) => entries[start + place] === byte)) {
      return entries.subarray(start + ADDRESS_BYTES, start + ENTRY_BYTES);
    }
  }
  return undefined;
}

/** The places of a person's breaches in the list of breaches; empty if the person is not among these entries. */
export async function openEntries(entries, seed, salt) {
  const broken = new Problem("What the server sent is damaged, so that nothing can be said. Please try again later.");
  if (entries.length % ENTRY_BYTES !== 0) {
    throw broken;
  }
  const person = await crypto.subtle.importKey("raw", seed, "HKDF", false, ["deriveBits"]);
  const places = [];
  for (let number = 0; number < ENTRIES_MAX; number += 1) {
    const slot = await slotOf(person, salt, number);
    const sealed = entryAt(entries, slot.address);
    if (sealed === undefined && number === 0) {
      return places;
    }
    let content;
    try {
      content = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, slot.key, sealed));
    } catch {
      throw broken;
    }
    const [count, more] = content;
    if (count === 0 || count > BREACHES_PER_ENTRY) {
      throw broken;
    }
    for (let place = 0; place < count; place += 1) {
      places.push(content[2 + 2 * place] + 256 * content[3 + 2 * place]);
    }
    if (more === 0) {
      return places;
    }
  }
  throw broken;
}

/** Finds the person's breaches in everything that the server has, part by part. */
async function searchWhole(found, seed) {
  let [places, bytes] = [[], 0];
  for (let part = 0; part < found.parts; part += 1) {
    const entries = await bytesAt(`v1/index/${found.index}/${part}`);
    bytes += entries.length;
    places = places.concat(await openEntries(entries, seed, found.salt));
  }
  if (bytes !== found.bytes) {
    throw new Problem("The server sent less than it has, so that nothing can be said. Please try again later.");
  }
  return places;
}

/** The first bits of a person's key, as they stand in a path. */
export function prefixOf(identity, bits) {
  const first = ((identity[0] << 16) | (identity[1] << 8) | identity[2]) >>> (24 - bits);
  return first.toString(16).padStart(Math.max(1, Math.ceil(bits / 4)), "0");
}

/** Asks, and says what the server was told on the way. */
async function asked(address, whole) {
  const found = await parameters();
  const identity = await identityOf(address);
  const blinded = await blind(identity);
  const reply = await bytesAt(`v1/evaluate/${found.keyName}`, { method: "POST", body: blinded.point });
  const seed = (await finish(blinded, reply, found.publicKey)).subarray(0, 32);
  const list = await (await fetched(`v1/breaches/${found.index}`)).json();
  const told = { point: hex(blinded.point), people: found.identities, bytes: found.bytes };
  let places;
  if (whole || !found.hides || found.bytes <= WHOLE_BYTES_MAX) {
    places = await searchWhole(found, seed);
  } else {
    told.prefix = prefixOf(identity, found.bits);
    told.hiddenAmong = found.fewest;
    const entries = await bytesAt(`v1/bucket/${found.index}/${told.prefix}`);
    places = await openEntries(entries, seed, found.salt);
  }
  const breaches = places.map((place) => list[place]);
  if (breaches.includes(undefined)) {
    throw new Problem("What the server sent doesn't fit together. Please try again later.");
  }
  return { breaches, told };
}

/** Asks about an address. When the list is made anew in the middle of it, once more. */
export async function ask(address, whole) {
  try {
    return await asked(address, whole);
  } catch (problem) {
    if (problem instanceof Stale) {
      return asked(address, whole);
    }
    throw problem;
  }
}
