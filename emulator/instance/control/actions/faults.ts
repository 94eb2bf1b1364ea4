import { lazySchema } from '../../lazy-schema.ts';
import type { ControlAction } from '../action.ts';

const requests = lazySchema((z) =>
  z.union([z.array(z.looseObject({ action: z.string() })), z.looseObject({ action: z.string() })]),
);

const addFaults: ControlAction = ({ body }, { faults }) => {
  const given = requests().parse(body);
  return { ids: (Array.isArray(given) ? given : [given]).map((request) => faults.add(request)) };
};

const listFaults: ControlAction = (_, { faults }) => ({ faults: faults.list() });

const clearFaults: ControlAction = ({ query }, { faults }) => {
  faults.clear(query.get('id') ?? undefined);
  return {};
};

export const faultActions = {
  'POST faults': addFaults,
  'GET faults': listFaults,
  'DELETE faults': clearFaults,
};
