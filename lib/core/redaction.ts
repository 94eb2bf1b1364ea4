/** Removes secrets from texts. */
export type Redactor = {
  /** Remembers secrets. Those shorter than 4 characters are ignored, since they would be found in every line. */
  protect(...secrets: readonly (string | undefined)[]): void;
  /** The text without any protected secret: plain, in JSON, base64 (also inside a longer base64 text), hex or URL-encoded. */
  redact(text: string): string;
};

const mark = '[redacted]';

/** A redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const forms = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    protect(...secrets) {
      const before = forms.size;
      for (const secret of secrets) if (secret && secret.length >= 4) addForms(secret, forms);
      if (forms.size > before) pattern = toPattern(forms);
    },
    redact: (text) => (pattern ? text.replace(pattern, mark) : text),
  };
}

/** The redactor of this process: every text that leaves the process goes through it. */
export const processRedactor = createRedactor();

function addForms(secret: string, forms: Set<string>): void {
  const bytes = Buffer.from(secret);
  const json = jsonEscaped(secret);
  const hex = bytes.toString('hex');
  for (const form of [secret, json, jsonEscaped(json), hex, hex.toUpperCase()]) forms.add(form);
  for (const form of [encodeURIComponent(secret), formEncoded(secret)]) {
    forms.add(form);
    forms.add(form.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  }
  for (const form of base64Forms(bytes)) forms.add(form);
}

/** JSON inside a text that is itself put into JSON is escaped twice. */
function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function formEncoded(secret: string): string {
  return new URLSearchParams({ s: secret }).toString().slice(2);
}

/** Inside a longer base64 text a secret has one of three spellings, depending on where it starts; its edges are shared with its neighbours. */
function base64Forms(bytes: Buffer): string[] {
  const spellings = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const start = Math.ceil((offset * 4) / 3);
    const end = Math.floor(((offset + bytes.length) * 4) / 3);
    return text.slice(start, end);
  });
  const urlSafe = spellings.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [...spellings, ...urlSafe].filter((text) => text.length >= 6);
}

/** Longest first, so that a secret that contains another one goes as a whole. */
function toPattern(forms: ReadonlySet<string>): RegExp {
  const sorted = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(sorted.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}
