import * as z from 'zod/mini';
import type { RowOutcome } from '../load/row-outcome.ts';

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
