import * as z from 'zod/mini';
import { ConnectorError, InvalidInputError } from '../core/errors.ts';
import { correlationIdFrom } from '../core/log.ts';
import type { OperationInput } from '../operations/define-operation.ts';
import { ImportRowFailedError, importFailure } from '../operations/import-failure.ts';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import type { Call } from './carry-out.ts';

/**
 * A direct Invoke: one flat JSON object with the WSO2 connector's parameter names, plus `instance` and `correlationId`.
 * @throws InvalidInputError when it is anything else
 */
export function readDirectCall(event: unknown): Call {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new InvalidInputError(
      'event',
      'must be a JSON object of parameters, e.g. {"tableName":"incident"}',
    );
  }
  const { instance, correlationId, ...input }: Record<string, unknown> = { ...event };
  return {
    input,
    instance: optionalText('instance', instance),
    correlationId: correlationIdFrom(optionalText('correlationId', correlationId)),
    forwarded: { query: [], order: [], headers: {} },
    notes: {},
  };
}

function optionalText(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new InvalidInputError(field, 'must be text');
}

/** What a direct Invoke gets: plain data. */
export type DirectResult = {
  /** ServiceNow's `result`; null after a delete. */
  readonly result: unknown;
  /** What the instance holds for the query; it may hold more than the user may see. */
  readonly totalCount?: number;
  /** The event of the next page, to be invoked with unchanged; absent after the last. */
  readonly next?: OperationInput;
  /** True when a create found that it had been carried out before under its key. */
  readonly replayed?: true;
  /** Then: the columns whose values are not the given ones. */
  readonly differs?: readonly string[];
};

const withResult = z.looseObject({ result: z.unknown() });

/**
 * ServiceNow's answer as plain data.
 * @param event the event that asked for it
 * @throws ImportRowFailedError when an Import Set took the row but could not transform it
 */
export function toDirectResult(response: ServiceNowResponse, event: unknown): DirectResult {
  if (response.body instanceof Uint8Array) return { result: fileResult(response, response.body) };
  const failure = importFailure(response.body);
  if (failure !== undefined) throw new ImportRowFailedError(failure);
  const wrapped = z.safeParse(withResult, response.body);
  const total = response.headers['x-total-count'];
  const offset = nextOffset(response.headers['link']);
  return {
    ...(wrapped.success ? wrapped.data : { result: response.body ?? null }),
    ...(total !== undefined && { totalCount: Number(total) }),
    ...(offset !== undefined && { next: { ...Object(event), sysparmOffset: offset } }),
    ...(response.headers['idempotency-replayed'] && replayOf(response.headers['idempotency-differs'])),
  };
}

/** A file as plain data. */
function fileResult({ headers }: ServiceNowResponse, content: Uint8Array) {
  return {
    contentType: headers['content-type'],
    metadata: parseMetadata(headers['x-attachment-metadata']),
    content: Buffer.from(content).toString('base64'),
  };
}

function parseMetadata(text = 'null'): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function replayOf(differs: string | undefined): Pick<DirectResult, 'replayed' | 'differs'> {
  return { replayed: true, ...(differs && { differs: differs.split(',') }) };
}

/** The offset in the `rel="next"` part of a `Link` header; an instance may send a negative one in others, never to be followed. */
function nextOffset(link = ''): number | undefined {
  const url = /<([^>]*)>;\s*rel="next"/.exec(link)?.[1];
  const offset = url === undefined ? Number.NaN : Number(/[?&]sysparm_offset=(\d+)/.exec(url)?.[1]);
  return Number.isNaN(offset) ? undefined : offset;
}

/**
 * An error as Lambda shows it to the caller of a direct Invoke: its name and message. The stack stays in our log, and so
 * does anything about an error that we did not foresee.
 */
export function toDirectError(error: unknown): Error {
  const known = error instanceof ConnectorError;
  const shown = new Error(
    known ? error.message : 'Internal error; see the log of the function under this request id',
  );
  shown.name = known ? error.name : 'InternalError';
  delete shown.stack;
  return shown;
}
