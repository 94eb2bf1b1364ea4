import { correlationIdFrom } from '../core/correlation.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { Call } from './call.ts';

/**
 * A direct Invoke: one flat JSON object with the seed's parameter names, `instance` and `correlationId` beside them.
 * @throws InvalidInputError when it is anything else
 */
export function readDirectCall(event: unknown): Call {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new InvalidInputError(
      'event',
      'a JSON object of parameters is due here, e.g. {"tableName":"incident"}',
    );
  }
  const { instance, correlationId, ...input }: Record<string, unknown> = { ...event };
  return {
    input,
    instance: optionalText('instance', instance),
    correlationId: correlationIdFrom(optionalText('correlationId', correlationId)),
    forwarded: { query: [], headers: {} },
  };
}

function optionalText(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new InvalidInputError(field, 'must be text');
}
