import { lazySchema } from '../../lazy-schema.ts';
import type { ControlAction } from '../action.ts';

const settings = lazySchema((z) =>
  z.strictObject({
    frozen: z.boolean().optional(),
    set: z.iso.datetime().optional(),
    advanceMs: z.number().nonnegative().optional(),
  }),
);

const showClock: ControlAction = (_, { clock }) => ({
  now: new Date(clock.now()).toISOString(),
  frozen: clock.frozen,
  pendingJobs: clock.pendingJobs,
});

const setClock: ControlAction = async (request, control) => {
  const { frozen, set, advanceMs } = settings().parse(request.body);
  if (frozen === true) control.clock.freeze();
  if (frozen === false) control.clock.unfreeze();
  if (set !== undefined) await control.clock.set(Date.parse(set));
  if (advanceMs !== undefined) await control.clock.advance(advanceMs);
  return showClock(request, control);
};

export const clockActions = { 'GET clock': showClock, 'POST clock': setClock };
