import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { similarWord } from '../../emulator/instance/similar-word.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { requireRunningStack } from '../local-aws.ts';
import type { RunningStack } from '../running-stack.ts';
import { onStop } from '../stop-signals.ts';
import { breakages } from './faults.ts';

type BreakOptions = {
  readonly for?: number | undefined;
  readonly count?: number | undefined;
  readonly percent?: number | undefined;
  readonly json?: boolean | undefined;
  readonly stack?: string | undefined;
};

const pending = z.object({
  faults: z.array(
    z.object({
      id: z.string(),
      request: z.looseObject({ action: z.string() }),
      applied: z.number(),
      left: z.number().nullable(),
      secondsLeft: z.number().nullable().default(null),
    }),
  ),
});
const added = z.object({ ids: z.array(z.string()) });
const defaultSeconds = 30;

/**
 * Breaks the emulated instance for a time, which this command waits for, or for a count. Ctrl-C repairs it at once, and so does a terminal that closes.
 * @throws UsageError for something that cannot be broken
 */
export async function runBreak(what: string | undefined, options: BreakOptions): Promise<void> {
  if (options.for !== undefined && options.count !== undefined)
    throw new UsageError('--for and --count cannot be given together');
  const breakage = what === undefined || what === 'off' ? undefined : findBreakage(what);
  if (breakage === undefined && (options.for ?? options.count ?? options.percent) !== undefined)
    throw new UsageError('--for, --count and --percent go with what is to be broken');
  const stack = requireRunningStack(options.stack);
  if (stack.ownInstance)
    throw new Error(
      `${stack.project}: the functions talk to your own instance (--secret), which cannot be broken from here`,
    );
  if (what === undefined) return list(stack, options.json === true);
  if (breakage === undefined) {
    await control(stack, 'DELETE', 'faults');
    process.stdout.write(options.json ? '{"faults":[]}\n' : 'The instance works again.\n');
    return;
  }
  const share = (options.percent ?? 100) / 100;
  const seconds = options.for ?? defaultSeconds;
  const lasting =
    options.count === undefined
      ? { seconds, probability: share, seed: Date.now() % 100_000 }
      : { count: options.count, ...(share < 1 && { probability: share }) };
  const faults = breakage.faults.map((fault) => ({ ...fault, ...lasting }));
  const stopped = new AbortController();
  // From before the break on, so that no signal ends the command without a repair.
  if (options.count === undefined) onStop(() => stopped.abort());
  const { ids } = added.parse(await control(stack, 'POST', 'faults', faults));
  const until = options.count === undefined ? `${seconds} s` : counted(options.count, 'request');
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ids, faults })}\n`
      : `For ${until}: ${breakage.about}. Ctrl-C or break off ends it.\n`,
  );
  if (options.count !== undefined) return;
  // The instance ends it by itself, should this command be killed.
  await delay(seconds * 1000, undefined, { signal: stopped.signal }).catch(() => undefined);
  for (const id of ids) await control(stack, 'DELETE', `faults?id=${id}`);
  if (!options.json) process.stdout.write('The instance works again.\n');
}

function findBreakage(what: string) {
  const found = Object.hasOwn(breakages, what) ? breakages[what] : undefined;
  if (found) return found;
  const names = [...Object.keys(breakages), 'off'];
  const likely = similarWord(what, names);
  throw new UsageError(
    `${what} cannot be broken; there are ${names.join(', ')}${likely === undefined ? '' : `\n(Did you mean ${likely}?)`}`,
  );
}

async function list(stack: RunningStack, json: boolean): Promise<void> {
  const answer = await control(stack, 'GET', 'faults');
  const { faults } = pending.parse(answer);
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (faults.length === 0) {
    const lines = Object.entries(breakages).map(([name, { about }]) => `  ${name.padEnd(15)} ${about}`);
    process.stdout.write(`Nothing is broken. You can break:\n${lines.join('\n')}\n`);
  } else
    for (const { request, applied, left, secondsLeft } of faults) {
      const toCome =
        left !== null
          ? `${left} to come`
          : secondsLeft === null
            ? 'until it is ended'
            : `for ${Math.ceil(secondsLeft)} s more`;
      process.stdout.write(`${request.action}: met ${counted(applied, 'request')}, ${toCome}\n`);
    }
}

async function control(stack: RunningStack, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${stack.endpoints.instance.url}/__emulator/${path}`, {
    method,
    headers: { 'x-emulator-token': stack.controlToken, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`The instance refused: ${response.status} ${answer.slice(0, 300)}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
