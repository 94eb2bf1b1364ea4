import { gunzipSync } from 'node:zlib';
import type { InvocationOutcome } from '../../emulator/aws/lambda/invocation.ts';
import { canary, disguises } from './disguises.ts';

/** Where a text was seen; `ours` says that nothing of a record belongs there. */
type Seen = { readonly where: string; readonly text: string; readonly ours: boolean };

/** Remembers random secrets and record contents, and all that functions wrote, and looks for the ones in the other. */
export class SecrecyWatch {
  readonly #secrets = new Map<string, string>();
  readonly #contents = new Map<string, string>();
  readonly #seen: Seen[] = [];

  /** A new secret: it must not be seen anywhere. */
  secret(name: string): string {
    return this.learn(name, canary(name));
  }

  /** Looks out for a secret made elsewhere, e.g. a token. */
  learn(name: string, secret: string): string {
    this.#secrets.set(`${name} ${secret.slice(0, 12)}`, secret);
    return secret;
  }

  /** A new text for a column of records: it may go where records go, not into what we write about them. */
  content(name: string): string {
    const text = canary(name);
    this.#contents.set(name, text);
    return text;
  }

  /** Log lines, metrics, attributes of dead letters, reports. */
  readonly onLog = (text: string, key = ''): void => this.seeOurs(`log of ${key}`, text);

  /** Answers hold records, errors do not. */
  readonly onAnswer = ({ payload, functionError }: InvocationOutcome, key: string): void => {
    const text = payload.toString();
    if (functionError) this.seeOurs(`error of ${key}`, text);
    else for (const form of [text, unpackedBody(text)]) this.see(`answer of ${key}`, form);
  };

  seeOurs(where: string, text: string): void {
    this.#seen.push({ where, text, ours: true });
  }

  see(where: string, text: string): void {
    this.#seen.push({ where, text, ours: false });
  }

  /** How many texts were seen: a watch that saw nothing proves nothing. */
  get size(): number {
    return this.#seen.length;
  }

  /** What was found where it must not be; empty when all is well. */
  leaks(): string[] {
    const everywhere = this.#leaksOf(this.#secrets, this.#seen);
    const ours = this.#seen.filter((seen) => seen.ours);
    return [...new Set([...everywhere, ...this.#leaksOf(this.#contents, ours)])];
  }

  #leaksOf(named: ReadonlyMap<string, string>, seen: readonly Seen[]): string[] {
    return [...named].flatMap(([name, text]) => {
      const forms = disguises(text);
      const leaking = seen.filter((one) => forms.some((form) => one.text.includes(form)));
      return leaking.map(({ where }) => `${name.split(' ')[0]} in the ${where}`);
    });
  }
}

/** The body of an HTTP answer that travels compressed. */
function unpackedBody(answer: string): string {
  const { isBase64Encoded, body } = Object(JSON.parse(answer || 'null'));
  if (!isBase64Encoded) return '';
  const bytes = Buffer.from(body, 'base64');
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString();
}
