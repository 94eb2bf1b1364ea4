import { lazySchema } from '../../lazy-schema.ts';
import type { ControlAction } from '../action.ts';

const settings = lazySchema((z) =>
  z.strictObject({
    permits: z.number().int().positive().optional(),
    queue: z.number().int().nonnegative().optional(),
  }),
);

const showSemaphore: ControlAction = (_, { semaphore: { permits, queue, running, waiting } }) => ({
  permits,
  queue,
  running,
  waiting,
});

const setSemaphore: ControlAction = (request, control) => {
  const { permits, queue } = settings().parse(request.body);
  control.semaphore.permits = permits ?? control.semaphore.permits;
  control.semaphore.queue = queue ?? control.semaphore.queue;
  return showSemaphore(request, control);
};

export const semaphoreActions = { 'GET semaphore': showSemaphore, 'PUT semaphore': setSemaphore };
