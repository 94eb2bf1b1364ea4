import { countHeld } from '../aws/sqs.ts';

type WatchOptions = {
  readonly queueUrl: string;
  /** For how long after the last move. */
  readonly watchSeconds?: number;
  readonly nowMs?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Whether letters that were moved may still come back: for some time after the last move, as long as the queue holds anything. Once it
 * holds nothing the dead-letter queue is looked at once more.
 */
export function watchQueue({ queueUrl, watchSeconds = 0, nowMs = Date.now, signal }: WatchOptions) {
  let untilMs = 0;
  let isLastLook = false;
  const watch = {
    underWay: 0,
    begin(): void {
      untilMs = nowMs() + watchSeconds * 1_000;
      isLastLook = false;
    },
    async isWorthwhile(): Promise<boolean> {
      if (watchSeconds === 0 || untilMs === 0 || isLastLook || signal?.aborted) return false;
      // Who may not count the messages of the queue does without.
      watch.underWay = await countHeld(queueUrl).catch(() => 0);
      isLastLook = watch.underWay === 0;
      return isLastLook || nowMs() < untilMs;
    },
  };
  return watch;
}
