import type { Answer } from '../http/exchange.ts';
import { zod } from '../lazy-schema.ts';
import { actions } from './actions.ts';
import type { Control } from './control.ts';

/**
 * Answers a request below `/__emulator/`: the control of an instance over HTTP, served to this machine only, and only
 * when enabled. A malformed request gets a 400 that names what is wrong.
 *
 * | call | body or query | answer |
 * |---|---|---|
 * | `POST /__emulator/faults` | `{ match?: { method?, path?, batchItem? }, action, count? \| probability?, seed?, skip?, … }` or a list | `{ ids }` |
 * | `GET /__emulator/faults` | | `{ faults }` still waiting |
 * | `DELETE /__emulator/faults` | `?id=` for one | `{}` |
 * | `POST /__emulator/rules` | `{ table, on?, when?, action: abort \| set \| redirect \| hide, set?, afterMs?, toTable?, … }` or a list | `{}` |
 * | `GET`, `DELETE /__emulator/rules` | | `{ rules, hidden }`, `{}` |
 * | `POST /__emulator/rate-limits` | `{ limitPerHour, method?, path?, user?, role?, order?, name? }` | `{ sysId }` |
 * | `GET`, `DELETE /__emulator/rate-limits` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/semaphore` | `{ permits?, queue? }` | `{ permits, queue, running, waiting }` |
 * | `GET /__emulator/clock` | | `{ now, frozen, pendingJobs }` |
 * | `POST /__emulator/clock` | `{ frozen?, set?: ISO time, advanceMs? }`, in this order | the same, after the jobs that became due have run |
 * | `POST /__emulator/reset` | | `{}`; rows, faults, rules, limits, switches, tokens, clock and ledger as at the start, accounts and ACLs as added |
 * | `POST /__emulator/seed` | `{ table: [row, …], … }` | `{ rows }` written |
 * | `GET /__emulator/snapshot` | `?table=`, or none for all | `{ rows }` or `{ tables }` |
 * | `GET /__emulator/ledger` | `?method= path= user= status= table= sysId= fault= since= limit=` | `{ total, counters, entries }` |
 * | `DELETE /__emulator/ledger` | | `{}` |
 * | `POST /__emulator/accounts` | `{ userName, password, roles?, timeZone?, apiKeys?, mfaToken?, certificateCommonName? }` | `{}` |
 * | `POST /__emulator/oauth-clients` | `{ clientId, clientSecret, applicationUser?, redirectUris?, accessTokenLifeS?, refreshTokenLifeS?, jwt?: { key: JWK, userColumn? } }` | `{}` |
 * | `POST /__emulator/acls` | `{ table, operation: read \| write \| create \| delete \| rest, field?, roles?, where? }` | `{}` |
 * | `GET`, `DELETE /__emulator/acls` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/switches` | `{ name: value, … }` of `../switches.ts` | all of them; `caseSensitiveText` can be set at the start only |
 * | `DELETE /__emulator/tokens` | | `{}`; every token is revoked |
 *
 * The actions of a fault and their parameters are in `fault-kinds.ts` and `transaction-faults.ts`, those of a business
 * rule in `../store/business-rules.ts`.
 */
export async function answerControl(
  method: string,
  url: URL,
  body: Buffer,
  control: Control,
): Promise<Answer> {
  const name = url.pathname.slice('/__emulator/'.length).replace(/\/$/, '');
  const action = actions.get(`${method} ${name}`);
  if (!action)
    return refused(404, `unknown control ${method} ${name}; known are ${[...actions.keys()].join(', ')}`);
  try {
    const json = body.length === 0 ? undefined : JSON.parse(body.toString());
    return { status: 200, bare: true, json: await action({ query: url.searchParams, body: json }, control) };
  } catch (cause) {
    if (cause instanceof zod().ZodError) return refused(400, zod().prettifyError(cause));
    return refused(400, cause instanceof Error ? cause.message : String(cause));
  }
}

const refused = (status: number, message: string): Answer => ({
  status,
  bare: true,
  json: { error: message },
});
