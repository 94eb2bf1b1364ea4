import * as z from 'zod';
import { counted } from '../counted.ts';
import type { NewEvent } from './feed.ts';

/** A call of a function that has ended, its JSON read. */
export type Answer = {
  readonly functionKey: string;
  readonly requestId: string;
  readonly event: unknown;
  readonly payload: unknown;
  readonly isError: boolean;
  readonly at: string;
  readonly durationMs: number;
};

const httpEvent = z.object({
  rawPath: z.string(),
  rawQueryString: z.string().default(''),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().optional(),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
});
/** Headers that decide what a write comes to. */
const keptHeaders = ['content-type', 'idempotency-key', 'x-servicenow-instance'];
const httpAnswer = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.unknown()).optional(),
  body: z.string().optional(),
});
const oneRecord = z.object({
  result: z.object({ sys_id: z.string().optional(), number: z.string().optional() }),
});
const manyRecords = z.object({ result: z.array(z.unknown()) });
const errorBody = z.object({ error: z.object({ message: z.string(), detail: z.string().nullish() }) });
const thrown = z.object({ errorType: z.string().optional(), errorMessage: z.string().optional() });

/** A call over HTTP; undefined when it was none. */
export function readHttpAnswer(answer: Answer): NewEvent | undefined {
  const event = httpEvent.safeParse(answer.event);
  if (!event.success) return undefined;
  const { rawPath, rawQueryString, headers, body, isBase64Encoded, requestContext } = event.data;
  const [api = '', table, ...rest] = rawPath.replace(/^\/api\/now\/(v\d+\/)?/, '').split('/');
  const named = [api === 'table' ? '' : api, table, ...rest].filter(Boolean).join('/');
  const base = {
    at: answer.at,
    way: 'HTTP' as const,
    functionKey: answer.functionKey,
    requestId: answer.requestId,
    subject: `${requestContext.http.method} ${shortened(named)}`,
    ...(table !== undefined && api !== 'attachment' && { table }),
    ...(body !== undefined && !isBase64Encoded && { body }),
    request: {
      target: rawQueryString === '' ? rawPath : `${rawPath}?${rawQueryString}`,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => keptHeaders.includes(name))),
    },
    durationMs: answer.durationMs,
  };
  const sent = httpAnswer.safeParse(answer.payload);
  if (answer.isError || !sent.success) return { ...base, outcome: 'failed', ...readThrown(answer) };
  const { statusCode: status } = sent.data;
  const answered = parseJson(sent.data.body);
  const outcome = sent.data.headers?.['idempotency-replayed'] === 'true' ? 'duplicate' : 'done';
  if (status < 400) return { ...base, status, outcome, ...readResult(answered, table) };
  const error = errorBody.safeParse(answered).data?.error;
  const reason = error && [error.message, error.detail].filter(Boolean).join(': ');
  const code = sent.data.headers?.['x-error-code'];
  return {
    ...base,
    status,
    outcome: status < 500 ? 'refused' : 'failed',
    ...(reason !== undefined && { reason }),
    ...(typeof code === 'string' && { code }),
  };
}

function readResult(body: unknown, table: string | undefined): Pick<NewEvent, 'record' | 'detail'> {
  const many = manyRecords.safeParse(body);
  if (many.success) return { detail: counted(many.data.result.length, 'record') };
  const { sys_id: sysId, number } = oneRecord.safeParse(body).data?.result ?? {};
  if (sysId === undefined || table === undefined) return {};
  return { record: { table, sysId, ...(number !== undefined && { number }) } };
}

/** A call that came neither over HTTP nor from a queue: direct Invoke, or something that invokes by itself. */
export function readInvokeAnswer(answer: Answer): NewEvent {
  const { tableName } = z.object({ tableName: z.string() }).safeParse(answer.event).data ?? {};
  return {
    at: answer.at,
    way: 'Invoke',
    functionKey: answer.functionKey,
    requestId: answer.requestId,
    subject: [answer.functionKey, tableName].filter(Boolean).join(' '),
    ...(tableName !== undefined && { table: tableName }),
    ...(answer.isError ? { outcome: 'failed', ...readThrown(answer) } : { outcome: 'done' }),
    ...(answer.event !== null && { body: JSON.stringify(answer.event) }),
    durationMs: answer.durationMs,
  };
}

const importAnswer = z.object({ Status: z.string(), Result: z.string().optional(), Error: thrownOf() });
const importSummary = z.object({
  status: z.string(),
  reason: z.string().optional(),
  source: z.object({ key: z.string() }),
  stagingTable: z.string(),
  lines: z.object({ rows: z.number() }),
  counts: z.record(z.string(), z.number()),
  seconds: z.object({ total: z.number() }),
});

/** An import that has ended; undefined while it goes on. */
export function readImportAnswer(answer: Answer): NewEvent | undefined {
  const base = {
    at: answer.at,
    way: 'S3' as const,
    functionKey: answer.functionKey,
    requestId: answer.requestId,
    durationMs: answer.durationMs,
  };
  const state = importAnswer.safeParse(answer.payload).data;
  if (answer.isError || state === undefined)
    return { ...base, subject: 'import', outcome: 'failed', ...readThrown(answer) };
  if (state.Status === 'FAILED') {
    const { ErrorType: code, ErrorMessage: reason } = state.Error ?? {};
    return {
      ...base,
      subject: 'import',
      outcome: 'failed',
      ...(code && { code }),
      ...(reason && { reason }),
    };
  }
  const summary = importSummary.safeParse(parseJson(state.Result)).data;
  // One that waits, or that goes on in another execution.
  if (summary === undefined) return undefined;
  const { source, stagingTable, status, reason, lines, counts, seconds } = summary;
  const tally = Object.entries(counts).filter(([, count]) => count > 0);
  const detail = [counted(lines.rows, 'row'), ...tally.map(([outcome, count]) => `${count} ${outcome}`)];
  return {
    ...base,
    subject: fileName(source.key),
    table: stagingTable,
    outcome: status === 'completed' ? 'done' : 'refused',
    ...(status !== 'completed' && { code: status.toUpperCase() }),
    ...(reason !== undefined && { reason }),
    detail: detail.join(', '),
    durationMs: Math.round(seconds.total * 1000),
  };
}

function thrownOf() {
  return z.object({ ErrorType: z.string().optional(), ErrorMessage: z.string().optional() }).optional();
}

/** What a function threw, without the stack trace. */
export function readThrown({ payload }: Answer): Pick<NewEvent, 'code' | 'reason'> {
  const { errorType: code, errorMessage: reason } = thrown.safeParse(payload).data ?? {};
  return { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
}

/** The name of a dropped file: its key without `imports/<table>/`. */
export function fileName(key: string): string {
  return key.split('/').slice(2).join('/') || key;
}

/** The value of a JSON text; undefined for none and for any other text. */
export function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // What is not JSON fits no schema.
    return undefined;
  }
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
