import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const parts = ['records', 'imports', 'events', 'calls', 'deaths', 'import-deaths', 'queue-deaths'] as const;

/** The kinds of storm. */
export type Part = (typeof parts)[number];

export type Arguments = {
  /** Messages of each record storm. */
  readonly messages: number;
  /** Rows of each import storm. */
  readonly rows: number;
  /** Events of each event storm, and the things that they are about. */
  readonly events: number;
  readonly keys: number;
  readonly seeds: readonly number[];
  readonly parts: readonly Part[];
  /** Record storms are made of the stories whose name holds this text; empty: of all. */
  readonly stories: string;
  /** Prints what each storm was made of. */
  readonly verbose: boolean;
};

/** What is wrong with the command line, in a sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `npm run test:faults -- [--messages N] [--rows N] [--events N] [--keys N] [--seed S] [--seeds COUNT] [--only ${parts.join('|')}] [--stories PART] [--quiet]`;

const largestSeed = 1_000_000;

/**
 * Reads the command line. Without `--seed` new seeds are drawn each time; with it they count up from there.
 * @throws UsageError naming the option that is wrong
 */
export function parseArguments(args: readonly string[]): Arguments {
  const { messages, rows, events, keys, seed, seeds, only, stories, quiet } = readOptions(args);
  const count = wholeNumber('seeds', seeds ?? '1', 1);
  const first = seed === undefined ? undefined : wholeNumber('seed', seed, 0);
  return {
    messages: wholeNumber('messages', messages ?? '2000', 0),
    rows: wholeNumber('rows', rows ?? '3000', 0),
    events: wholeNumber('events', events ?? '2000', 0),
    keys: wholeNumber('keys', keys ?? '100', 2),
    seeds: Array.from({ length: count }, (_, index) =>
      first === undefined ? randomInt(largestSeed) : first + index,
    ),
    parts: only === undefined ? parts : [partOf(only)],
    stories: stories ?? '',
    verbose: quiet !== true,
  };
}

function readOptions(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        messages: text,
        rows: text,
        events: text,
        keys: text,
        seed: text,
        seeds: text,
        only: text,
        stories: text,
        quiet: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least) return value;
  throw new UsageError(`--${name} must be a whole number of at least ${least}; got ${JSON.stringify(text)}`);
}

function partOf(text: string): Part {
  const part = parts.find((known) => known === text);
  if (part) return part;
  throw new UsageError(`--only must be one of ${parts.join(', ')}; got ${JSON.stringify(text)}`);
}
