import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Permit, permitAll } from '../iam/access-control.ts';
import { dynamoDbRights } from '../iam/required-rights.ts';
import { type LoopbackServer, listenWith } from '../loopback-server.ts';
import type { Table } from '../template/resources.ts';
import { openDatabase } from './database.ts';
import { sweepExpired } from './time-to-live.ts';

/** How often expired items are deleted. DynamoDB takes up to a few days: readers have to compare the time themselves. */
const SWEEP_EVERY_MS = 60_000;

/** dynalite wants a signature of this form and does not check it. */
const ANY_SIGNATURE = 'AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=local';

export type DynamoDbOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** LevelDB folder that keeps the tables. @default in memory */
  readonly folder?: string;
  readonly clock?: Clock;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

export type LocalDynamoDb = LoopbackServer & {
  /**
   * Creates a table; one of an earlier run is kept with its items.
   * @throws Error when a table of that name has another key
   */
  ensureTable(table: Table): Promise<void>;
};

/**
 * DynamoDB for the real SDK: dynalite, with expired items deleted. Signatures are not checked.
 * dynalite has no transactions and no time-to-live calls.
 */
export async function startDynamoDb(options: DynamoDbOptions = {}): Promise<LocalDynamoDb> {
  const { port = 0, folder, clock = systemClock, permit = permitAll } = options;
  const noDelay = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const database = openDatabase({ ...noDelay, ...(folder !== undefined && { path: folder }) });
  const [listener] = database.listeners('request');
  const calls = new Calls();
  database.removeAllListeners('request').on('request', calls.withWholeBody(asListener(listener), permit));
  const server = await listenWith(database, port, 'DynamoDB');
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: REGION,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const stopping = new AbortController();
  const sweeps: Promise<void>[] = [];
  return {
    ...server,
    async ensureTable(table) {
      await ensureTable(client, table);
      const { name, timeToLiveAttribute } = table;
      if (timeToLiveAttribute === undefined) return;
      const sweep = () => sweepExpired(client, name, timeToLiveAttribute, clock.now());
      sweeps.push(repeat(sweep, clock, stopping.signal));
    },
    async close() {
      stopping.abort();
      await Promise.all(sweeps);
      client.destroy();
      await calls.ended();
      await server.close();
    },
  };
}

/** How long a stop waits for calls that dynalite works on; one that it answers later ends the process. */
const GRACE_MS = 5_000;

/** The calls that are being worked on. */
class Calls {
  readonly #open = new Set<PromiseWithResolvers<void>>();
  #isClosed = false;

  /** Hands `listener` requests that have arrived whole: dynalite lets a caller that hangs up half-way end the process. */
  withWholeBody(listener: RequestListener, permit: Permit): RequestListener {
    return (request, response) => {
      buffer(request).then(
        (body) => {
          const refused = refusal(request, body, permit);
          if (this.#isClosed) response.destroy();
          else if (refused) refuse(response, refused);
          else listener(replay(request, body), this.#tracked(response));
        },
        () => response.destroy(),
      );
    };
  }

  /** Takes no more calls and waits for those that are under way. */
  async ended(): Promise<void> {
    this.#isClosed = true;
    const grace = new AbortController();
    const over = systemClock.sleep(GRACE_MS, grace.signal).catch(() => undefined);
    await Promise.race([Promise.all([...this.#open].map(({ promise }) => promise)), over]);
    grace.abort();
  }

  /** A caller may have gone long before dynalite answers: only the answer ends a call. */
  #tracked(response: ServerResponse): ServerResponse {
    const call = Promise.withResolvers<void>();
    this.#open.add(call);
    const end = response.end.bind(response);
    response.end = (...args: readonly unknown[]) => {
      this.#open.delete(call);
      call.resolve();
      return Reflect.apply(end, response, args);
    };
    return response;
  }
}

function refusal({ headers }: IncomingMessage, body: Buffer, permit: Permit): AwsError | undefined {
  try {
    const action = String(headers['x-amz-target']).split('.').at(-1) ?? '';
    permit(headers.authorization, ...dynamoDbRights(action, JSON.parse(body.toString() || '{}')));
    return undefined;
  } catch (error) {
    // What is no JSON is refused by dynalite.
    return error instanceof AwsError ? error : undefined;
  }
}

function refuse(response: ServerResponse, { code, message, status }: AwsError): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify({ __type: `com.amazon.coral.service#${code}`, Message: message }));
}

function replay({ method, url, headers }: IncomingMessage, body: Buffer): IncomingMessage {
  const whole: unknown = Object.assign(Readable.from(body.length === 0 ? [] : [body]), {
    method,
    url,
    headers: { authorization: ANY_SIGNATURE, 'x-amz-date': 'local', ...headers },
  });
  if (!isRequest(whole)) throw new Error('a replayed request is a stream with headers');
  return whole;
}

/** The part of a request that dynalite reads. */
function isRequest(value: unknown): value is IncomingMessage {
  return value instanceof Readable && 'headers' in value;
}

function asListener(listener: unknown): RequestListener {
  if (typeof listener !== 'function') throw new Error('dynalite listens to requests');
  return (request, response) => listener(request, response);
}

async function ensureTable(client: DynamoDBClient, table: Table): Promise<void> {
  const { name, timeToLiveAttribute: _, ...definition } = table;
  const existing = await describe(client, name);
  if (existing && JSON.stringify(existing.KeySchema) !== JSON.stringify(definition.KeySchema))
    throw new Error(`Table ${name} was created with another key; use another data folder`);
  if (existing) return;
  await client.send(
    new CreateTableCommand({ TableName: name, BillingMode: 'PAY_PER_REQUEST', ...definition }),
  );
  while ((await describe(client, name))?.TableStatus !== 'ACTIVE') await systemClock.sleep(5);
}

async function describe(client: DynamoDBClient, name: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function repeat(work: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(SWEEP_EVERY_MS, signal).catch(() => undefined);
    // A sweep that failed is made up for by the next one.
    if (!signal.aborted) await work().catch(() => undefined);
  }
}
