import * as z from 'zod';
import type { Instance } from '../../../emulator/instance/index.ts';
import { call, type Reply, type Sending } from './caller.ts';

const record = z.record(z.string(), z.unknown());

export type ApiRecord = z.infer<typeof record>;

/** The records of a list answer. @throws when it is none. */
export const recordsIn = (reply: Reply): ApiRecord[] =>
  z.object({ result: z.array(record) }).parse(reply.json).result;

/** The record of an answer about one. @throws when it is none. */
export const recordIn = (reply: Reply): ApiRecord => z.object({ result: record }).parse(reply.json).result;

/** The records that a GET answers with. */
export const list = async (instance: Instance, path: string): Promise<ApiRecord[]> =>
  recordsIn(await call(instance, 'GET', path));

/** Creates a record and gives it as it is answered. @throws unless the answer is 201. */
export async function create(
  instance: Instance,
  table: string,
  values: Sending['json'],
  query = '',
): Promise<ApiRecord & { sys_id: string }> {
  const reply = await call(instance, 'POST', `/api/now/table/${table}${query}`, { json: values });
  if (reply.status !== 201) throw new Error(`POST ${table}: ${reply.status} ${reply.text}`);
  return z.looseObject({ sys_id: z.string() }).parse(recordIn(reply));
}
