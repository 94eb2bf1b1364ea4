import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/;

/**
 * How often a `rate(…)` is due. Cron expressions are not known here.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 * @throws {AwsError} ValidationException
 */
export function intervalMs(expression: string): number {
  const [, digits = '', unit = '', plural = ''] = rate.exec(expression) ?? [];
  const count = Number(digits);
  const known = unit === 'minute' || unit === 'hour' || unit === 'day';
  if (!known || count < 1 || count > 1 !== (plural === 's'))
    throw new AwsError('ValidationException', 'Parameter ScheduleExpression is not valid.');
  return count * unitMs[unit];
}

/** Calls `due` each time that the rate is over, for the first time after one whole interval, until `stopped`. */
export async function repeat(
  expression: string,
  clock: Clock,
  stopped: AbortSignal,
  due: () => void,
): Promise<void> {
  const everyMs = intervalMs(expression);
  while (!stopped.aborted) {
    await clock.sleep(everyMs, stopped).catch((error: unknown) => {
      if (!stopped.aborted) throw error;
    });
    if (!stopped.aborted) due();
  }
}
