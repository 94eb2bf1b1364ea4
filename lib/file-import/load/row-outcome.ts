import * as z from 'zod/mini';

/** What can become of a line. The first three are what was wanted. */
export const rowOutcomes = [
  'inserted',
  'updated',
  'ignored',
  'skipped',
  'error',
  'rejected',
  'unknown',
  'notSent',
] as const;

export type RowOutcome = (typeof rowOutcomes)[number];

const count = z.number();

/** How many lines came to what. */
export const tallySchema = z.object({
  inserted: count,
  updated: count,
  ignored: count,
  skipped: count,
  error: count,
  rejected: count,
  unknown: count,
  notSent: count,
});

export type Tally = z.infer<typeof tallySchema>;

/** The count of no rows. */
export function emptyTally(): Tally {
  return { inserted: 0, updated: 0, ignored: 0, skipped: 0, error: 0, rejected: 0, unknown: 0, notSent: 0 };
}

/** Two counts of rows as one. */
export function addTally(a: Tally, b: Tally): Tally {
  const sum = emptyTally();
  for (const outcome of rowOutcomes) sum[outcome] = a[outcome] + b[outcome];
  return sum;
}

/** Lines with a verdict of any kind. */
export function tallied(tally: Tally): number {
  return rowOutcomes.reduce((sum, outcome) => sum + tally[outcome], 0);
}

/** Lines that went wrong and could be repaired: what `maxErrors` counts. */
export function failures(tally: Tally): number {
  return tally.error + tally.rejected + tally.skipped;
}

/** With several transform maps a row is as good as the worst of them; ignored only when all of them ignored it. */
const fromWorst: readonly RowOutcome[] = ['error', 'skipped', 'unknown', 'inserted', 'updated', 'ignored'];

/** The outcome that counts among those of several transform maps; `unknown` when there are none. */
export function worstOf(outcomes: readonly RowOutcome[]): RowOutcome {
  return fromWorst.find((outcome) => outcomes.includes(outcome)) ?? 'unknown';
}

/** What ServiceNow calls the state of a row, as an outcome. */
export function knownOutcome(state: string): RowOutcome {
  return fromWorst.find((outcome) => outcome === state) ?? 'unknown';
}

/** Why the outcome of a row is unknown after its request had no answer. */
export const lostAnswer =
  'the answer to its request was lost; whether the instance has the row could not be determined';

/** What is known of one line in the end. */
export const lineResultSchema = z.object({
  line: z.number(),
  outcome: z.enum(rowOutcomes),
  targetTable: z.optional(z.string()),
  sysId: z.optional(z.string()),
  /** Number or display value of the target record. */
  display: z.optional(z.string()),
  message: z.optional(z.string()),
  /** The row's own key: the value of `keyColumn`, or of the columns by which its transform map coalesces. */
  key: z.optional(z.string()),
  /** sys_id or number of its import set. */
  importSet: z.optional(z.string()),
  /** The instance took the row and did not keep a value of it as it is in the file. */
  isAltered: z.optional(z.boolean()),
});

export type LineResult = z.infer<typeof lineResultSchema>;

/** The verdict on a line. */
export type Verdict = Omit<LineResult, 'line'>;

/** True for a row that arrived as it is, or was there already. One that a transform script ignored is neither. */
export function isArrived({ outcome, sysId = '', message = '', isAltered = false }: Verdict): boolean {
  if (isAltered) return false;
  if (outcome !== 'ignored') return outcome === 'inserted' || outcome === 'updated';
  return sysId !== '' && !/ignored by .*script/i.test(message);
}

/** A message, how many lines it befell, and some of them. */
export const frequentMessageSchema = z.object({
  outcome: z.string(),
  message: z.string(),
  count: z.number(),
  lines: z.array(z.number()),
});

export type FrequentMessage = z.infer<typeof frequentMessageSchema>;

const maxExamples = 5;
const maxMessages = 100;
const maxLength = 300;

/** Notes one line's message. Messages that differ in numbers and quoted values only count as one. */
export function noteMessage(
  messages: Map<string, FrequentMessage>,
  outcome: RowOutcome,
  message: string,
  line: number,
): void {
  // Most messages come again as they are; their shape need not be worked out each time.
  const exact = messages.get(`${outcome} ${message}`);
  const key = exact ? '' : `${outcome} ${shapeOf(message)}`;
  const known = exact ?? messages.get(key);
  if (!known) {
    if (messages.size < maxMessages)
      messages.set(key, { outcome, message: message.slice(0, maxLength), count: 1, lines: [line] });
    return;
  }
  known.count++;
  if (known.lines.length < maxExamples) known.lines.push(line);
}

/** Adds up two lists, the most frequent first. */
export function mergeMessages(
  a: readonly FrequentMessage[],
  b: readonly FrequentMessage[],
): FrequentMessage[] {
  const merged = new Map<string, FrequentMessage>();
  for (const entry of [...a, ...b]) {
    const key = `${entry.outcome} ${shapeOf(entry.message)}`;
    const known = merged.get(key);
    if (!known) merged.set(key, { ...entry, lines: [...entry.lines] });
    else {
      known.count += entry.count;
      known.lines = [...known.lines, ...entry.lines].slice(0, maxExamples);
    }
  }
  return [...merged.values()].sort((x, y) => y.count - x.count).slice(0, maxMessages);
}

function shapeOf(message: string): string {
  return message.slice(0, maxLength).replaceAll(/"[^"]*"|'[^']*'|\d+/g, '?');
}
