import { randomBytes } from 'node:crypto';

/** A random text that is unmistakable, and that every encoding spells differently. */
export function canary(name: string): string {
  return `${name}-${randomBytes(12).toString('hex')}/+&=\\`;
}

/** The text as it is, JSON-escaped once and twice, URL-encoded in both ways and cases, in hex, and inside a longer base64 text at each of its three offsets. */
export function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((offset) => {
    const spelt = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return spelt.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
  });
  const urlSafe = shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const form = new URLSearchParams({ s: secret }).toString().slice(2);
  const hex = bytes.toString('hex');
  const escaped = jsonEscaped(secret);
  const plain = [
    secret,
    escaped,
    jsonEscaped(escaped),
    encodeURIComponent(secret),
    form,
    hex,
    hex.toUpperCase(),
  ];
  const lowerCase = plain.map((text) => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...new Set([...plain, ...lowerCase, ...shifted, ...urlSafe])];
}

function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
