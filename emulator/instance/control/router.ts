import type { Answer } from '../http/exchange.ts';
import { zod } from '../lazy-schema.ts';
import type { ControlAction } from './action.ts';
import { accountAction } from './actions/accounts.ts';
import { aclActions } from './actions/acls.ts';
import { clockActions } from './actions/clock.ts';
import { faultActions } from './actions/faults.ts';
import { ledgerActions } from './actions/ledger.ts';
import { oauthClientAction, tokenActions } from './actions/oauth.ts';
import { rateLimitActions } from './actions/rate-limits.ts';
import { resetAction } from './actions/reset.ts';
import { seedAction } from './actions/seed.ts';
import { semaphoreActions } from './actions/semaphore.ts';
import { snapshotAction } from './actions/snapshot.ts';
import { switchActions } from './actions/switches.ts';
import type { Control } from './control.ts';

/**
 * The control of an instance over HTTP, for whoever runs it on his machine: loopback only, and only when enabled.
 *
 * | call | body or query | answer |
 * |---|---|---|
 * | `POST /__emulator/faults` | `{ match?: { method?, path? }, action, count? \| probability?, seed?, skip?, … }` or a list | `{ ids }` |
 * | `GET /__emulator/faults` | | `{ faults }` still waiting |
 * | `DELETE /__emulator/faults` | `?id=` for one | `{}` |
 * | `POST /__emulator/rate-limits` | `{ limitPerHour, method?, path?, user?, role?, order?, name? }` | `{ sysId }` |
 * | `GET`, `DELETE /__emulator/rate-limits` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/semaphore` | `{ permits?, queue? }` | `{ permits, queue, running, waiting }` |
 * | `GET /__emulator/clock` | | `{ now, frozen, pendingJobs }` |
 * | `POST /__emulator/clock` | `{ frozen?, set?: ISO time, advanceMs? }`, in this order | the same, once what fell due is done |
 * | `POST /__emulator/reset` | | `{}`; rows, faults, limits, switches, tokens, clock and ledger as at the start, accounts and ACLs as added |
 * | `POST /__emulator/seed` | `{ table: [row, …], … }` | `{ rows }` written |
 * | `GET /__emulator/snapshot` | `?table=`, or none for all | `{ rows }` or `{ tables }` |
 * | `GET /__emulator/ledger` | `?method= path= user= status= table= sysId= fault= since= limit=` | `{ total, counters, entries }` |
 * | `DELETE /__emulator/ledger` | | `{}` |
 * | `POST /__emulator/accounts` | `{ userName, password, roles?, timeZone?, apiKeys?, mfaToken?, certificateCommonName? }` | `{}` |
 * | `POST /__emulator/oauth-clients` | `{ clientId, clientSecret, applicationUser?, redirectUris?, accessTokenLifeS?, refreshTokenLifeS?, jwt?: { key: JWK, userColumn? } }` | `{}` |
 * | `POST /__emulator/acls` | `{ table, operation: read \| write \| create \| delete \| rest, field?, roles?, where? }` | `{}` |
 * | `GET`, `DELETE /__emulator/acls` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/switches` | `{ name: value, … }` of `../switches.ts` | all of them; `caseSensitiveText` is settled at the start |
 * | `DELETE /__emulator/tokens` | | `{}`; every token is worthless |
 *
 * The actions of a fault and their parameters stand in `faults/`, one file each.
 */
const actions: ReadonlyMap<string, ControlAction> = new Map(
  Object.entries({
    ...faultActions,
    ...rateLimitActions,
    ...semaphoreActions,
    ...clockActions,
    ...ledgerActions,
    ...tokenActions,
    ...aclActions,
    ...switchActions,
    'POST reset': resetAction,
    'POST seed': seedAction,
    'GET snapshot': snapshotAction,
    'POST accounts': accountAction,
    'POST oauth-clients': oauthClientAction,
  }),
);

/** Answers a request below `/__emulator/`; malformed ones get a 400 that says what was wrong. */
export async function answerControl(
  method: string,
  url: URL,
  body: Buffer,
  control: Control,
): Promise<Answer> {
  const name = url.pathname.slice('/__emulator/'.length).replace(/\/$/, '');
  const action = actions.get(`${method} ${name}`);
  if (!action)
    return refused(404, `no such control: ${method} ${name}; there are ${[...actions.keys()].join(', ')}`);
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
