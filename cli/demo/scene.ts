import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { type EncodedQuery, encodedQuery } from '../../lib/servicenow/encoded-query.ts';

/** What every part of the demo works with. */
export type Scene = {
  readonly endpoints: Endpoints;
  readonly instance: InstanceView;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly cloudWatch: CloudWatchClient;
  /** Where result files are kept after the demo. */
  readonly keepFolder: string;
  /** Prints one line. */
  say(line: string): void;
};

/** What the demo found differs from what it should have found. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch' as const;
}

/** @throws {Mismatch} naming what, and both values */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Mismatch(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

const LOOK_AGAIN_MS = 200;
const TIMEOUT_MS = 120_000;

/**
 * Polls `look` until it finds something.
 * @throws {Mismatch} naming what did not arrive within two minutes
 */
export async function until<Found>(what: string, look: () => Promise<Found | undefined>): Promise<Found> {
  const untilMs = Date.now() + TIMEOUT_MS;
  while (Date.now() < untilMs) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(LOOK_AGAIN_MS);
  }
  throw new Mismatch(`${what} did not arrive within ${TIMEOUT_MS / 1000} s`);
}

const Rows = z.object({ result: z.array(z.record(z.string(), z.string())) });
const Count = z.object({ result: z.object({ stats: z.object({ count: z.coerce.number() }) }) });

/** Reads the instance directly, without the functions. */
export class InstanceView {
  readonly #url: string;
  readonly #authorization: string;

  constructor({ url, username, password }: Endpoints['instance']) {
    this.#url = url;
    this.#authorization = `Basic ${btoa(`${username}:${password}`)}`;
  }

  /** How many records of the table match the encoded query. */
  async count(table: string, query = encodedQuery()): Promise<number> {
    const search = new URLSearchParams({ sysparm_count: 'true', sysparm_query: query.toString() });
    return Count.parse(await this.#get(`stats/${table}?${search}`)).result.stats.count;
  }

  async rows(table: string, query: EncodedQuery, fields: string): Promise<Record<string, string>[]> {
    const search = new URLSearchParams({ sysparm_query: query.toString(), sysparm_fields: fields });
    return Rows.parse(await this.#get(`table/${table}?${search}`)).result;
  }

  /** Changes a record as a person does. */
  async change(table: string, sysId: string, columns: Readonly<Record<string, string>>): Promise<void> {
    const headers = { authorization: this.#authorization, 'content-type': 'application/json' };
    const body = JSON.stringify(columns);
    const url = `${this.#url}/api/now/table/${table}/${sysId}`;
    const { status } = await fetch(url, { method: 'PATCH', headers, body });
    expectSame(`status of the change of ${table}`, status, 200);
  }

  async #get(path: string): Promise<unknown> {
    const headers = { authorization: this.#authorization, accept: 'application/json' };
    const response = await fetch(`${this.#url}/api/now/${path}`, { headers });
    return response.json();
  }
}
