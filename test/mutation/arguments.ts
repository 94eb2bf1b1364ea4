import { parseArgs } from 'node:util';

/** The rooms whose sources may be changed. */
const rooms = ['core', 'servicenow', 'record-queue'] as const;

export const usage = `npm run test:mutation -- [${rooms.join('] [')}] [--sample COUNT] [--seed S] [--limit SECONDS] [--only PART-OF-PATH]`;

export type Arguments = {
  readonly rooms: readonly string[];
  /** Mutants to try; all when undefined. */
  readonly sample: number | undefined;
  readonly seed: number;
  /** For the tests of one mutant, besides ten times what they took without it; one that takes longer counts as noticed. */
  readonly limitMs: number;
  /** Files whose path contains this. */
  readonly only: string;
};

/**
 * Reads the command line. Without `--seed` a new one is drawn each time.
 * @throws {Error} naming what is wrong, in a sentence
 */
export function readArguments(args: readonly string[]): Arguments {
  const text = { type: 'string' } as const;
  const options = { sample: text, seed: text, limit: text, only: text };
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  const known: readonly string[] = rooms;
  const unknown = positionals.find((room) => !known.includes(room));
  if (unknown !== undefined) throw new Error(`${unknown}: is not one of ${rooms.join(', ')}`);
  return {
    rooms: positionals.length > 0 ? positionals : rooms,
    sample: values.sample === undefined ? undefined : wholeNumber('sample', values.sample, 1),
    seed: values.seed === undefined ? Date.now() % 1_000_000 : wholeNumber('seed', values.seed, 0),
    limitMs: wholeNumber('limit', values.limit ?? '60', 1) * 1000,
    only: values.only ?? '',
  };
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least)
    throw new Error(`--${option}: must be a whole number from ${least}`);
  return number;
}
