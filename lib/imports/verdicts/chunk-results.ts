import type { SentChunk } from '../loading/ledger.ts';
import { lineList } from '../loading/line-runs.ts';
import { type FrequentMessage, noteMessage } from '../results/frequent-messages.ts';
import type { LineResult } from '../results/results-csv.ts';
import { emptyTally, type Tally } from '../results/tally.ts';

/** What a group's lines came to. */
export type GroupVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

/** A verdict that holds for many lines. */
export type CommonResult = Omit<LineResult, 'line'>;

/**
 * A result for each line of a chunk.
 * @param verdicts what was read back, by line
 * @param stored what holds for lines that the instance has and of which nothing was read back
 */
export function chunkResults(
  chunk: SentChunk,
  verdicts: ReadonlyMap<number, LineResult>,
  stored: CommonResult,
): LineResult[] {
  const atOnce = new Map(chunk.verdicts?.map((verdict) => [verdict.line, verdict]));
  const doubtful = new Set(lineList(chunk.doubtful ?? []));
  const otherwise = withoutVerdict(chunk, stored);
  return lineList(chunk.lines).map(
    (line) =>
      atOnce.get(line) ??
      verdicts.get(line) ??
      (doubtful.has(line) ? { line, ...lostAnswer } : { line, ...otherwise }),
  );
}

const lostAnswer = {
  outcome: 'unknown',
  message: 'the answer to its request was lost and could not be settled',
} as const;

function withoutVerdict(chunk: SentChunk, stored: CommonResult): CommonResult {
  switch (chunk.state) {
    case 'refused':
      return { outcome: 'error', message: chunk.message ?? 'the instance refused the request' };
    case 'not-sent':
    case 'interrupted':
      return { outcome: 'notSent', message: 'the import had stopped' };
    case 'unknown':
    case 'lost':
      return lostAnswer;
    case 'stored':
      return stored;
  }
}

/** How many lines came to what, and the most frequent reasons. */
export function summarise(results: readonly LineResult[]): GroupVerdict {
  const tally = emptyTally();
  const messages = new Map<string, FrequentMessage>();
  for (const { outcome, message, line } of results) {
    tally[outcome]++;
    const isGood = outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored';
    if (!isGood) noteMessage(messages, outcome, message ?? '', line);
  }
  return { tally, messages: [...messages.values()].sort((a, b) => b.count - a.count) };
}
