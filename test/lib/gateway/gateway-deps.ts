import { systemClock } from '../../../lib/core/clock.ts';
import type { Config } from '../../../lib/core/config.ts';
import { silentLog } from '../../../lib/core/log.ts';
import type { GatewayDeps } from '../../../lib/gateway/carry-out.ts';
import type { HandlerDeps } from '../../../lib/handler-chain.ts';
import { identityBy } from '../../../lib/operations/identity.ts';
import { keyedWritesInMemory } from '../../../lib/operations/keyed-writes.ts';

/** What a function needs, in memory and silent, in front of the instances that `connect` finds. */
export function gatewayDeps(
  config: Config,
  connect: GatewayDeps['connect'],
  own: Partial<GatewayDeps & HandlerDeps> = {},
): GatewayDeps & HandlerDeps {
  return {
    connect,
    identityOf: identityBy('test', []),
    http: config.http,
    callerColumn: config.callerColumn,
    keyedWrites: keyedWritesInMemory(),
    inDoubtMs: 60_000,
    clock: systemClock,
    log: silentLog,
    metrics: { add() {}, flush() {} },
    ...own,
  };
}
