import * as z from 'zod';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';

const Rows = z.object({ result: z.array(z.record(z.string(), z.string())) });
const Count = z.object({ result: z.object({ stats: z.object({ count: z.coerce.number() }) }) });

/** Looks at the instance itself, past everything of ours. */
export class InstanceView {
  readonly #url: string;
  readonly #authorization: string;

  constructor({ url, username, password }: Endpoints['instance']) {
    this.#url = url;
    this.#authorization = `Basic ${btoa(`${username}:${password}`)}`;
  }

  /** How many records of the table match the encoded query. */
  async count(table: string, query = ''): Promise<number> {
    const search = new URLSearchParams({ sysparm_count: 'true', sysparm_query: query });
    return Count.parse(await this.#get(`stats/${table}?${search}`)).result.stats.count;
  }

  async rows(table: string, query: string, fields: string): Promise<Record<string, string>[]> {
    const search = new URLSearchParams({ sysparm_query: query, sysparm_fields: fields });
    return Rows.parse(await this.#get(`table/${table}?${search}`)).result;
  }

  async #get(path: string): Promise<unknown> {
    const headers = { authorization: this.#authorization, accept: 'application/json' };
    const response = await fetch(`${this.#url}/api/now/${path}`, { headers });
    return response.json();
  }
}
