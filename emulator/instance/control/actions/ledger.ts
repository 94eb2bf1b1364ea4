import { lazySchema } from '../../lazy-schema.ts';
import type { ControlAction } from '../action.ts';

const filter = lazySchema((z) =>
  z.strictObject({
    method: z.string().exactOptional(),
    path: z.string().exactOptional(),
    user: z.string().exactOptional(),
    status: z.coerce.number().int().exactOptional(),
    table: z.string().exactOptional(),
    sysId: z.string().exactOptional(),
    fault: z.string().exactOptional(),
    since: z.coerce.number().int().exactOptional(),
    limit: z.coerce.number().int().exactOptional(),
  }),
);

const showLedger: ControlAction = ({ query }, { ledger }) => ({
  total: ledger.total,
  counters: ledger.counters(),
  entries: ledger.select(filter().parse(Object.fromEntries(query))),
});

const clearLedger: ControlAction = (_, { ledger }) => {
  ledger.clear();
  return {};
};

export const ledgerActions = { 'GET ledger': showLedger, 'DELETE ledger': clearLedger };
