import type { SentChunk } from '../load/ledger.ts';
import { linesOf } from '../load/line-runs.ts';
import type { Verdict } from './results-csv.ts';

/**
 * What became of each line of a chunk.
 * @param readBack what was read back, by line
 * @param stored what holds for lines that the instance has and of which nothing was read back
 */
export function chunkVerdicts(
  chunk: SentChunk,
  readBack: ReadonlyMap<number, Verdict>,
  stored: Verdict,
): (line: number) => Verdict {
  const atOnce = new Map(chunk.verdicts?.map((verdict) => [verdict.line, verdict]));
  const doubtful = new Set(linesOf(chunk.doubtful ?? []));
  const otherwise = withoutVerdict(chunk, stored);
  if (atOnce.size === 0 && readBack.size === 0 && doubtful.size === 0) return () => otherwise;
  return (line) => atOnce.get(line) ?? readBack.get(line) ?? (doubtful.has(line) ? lostAnswer : otherwise);
}

const lostAnswer: Verdict = {
  outcome: 'unknown',
  message: 'the answer to its request was lost and could not be settled',
};

function withoutVerdict(chunk: SentChunk, stored: Verdict): Verdict {
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
