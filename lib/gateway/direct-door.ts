import { readDirectCall } from './direct-call.ts';
import { toDirectError, toDirectResult } from './direct-result.ts';
import type { Door } from './door.ts';
import { fitResult } from './fit.ts';

/** A direct Invoke: the seed's parameters in, plain data out, errors thrown by name. */
export function directDoor(event: unknown): Door {
  return {
    read: () => readDirectCall(event),
    answer: async (response) => fitResult(toDirectResult(response, event)),
    fail(error) {
      throw toDirectError(error);
    },
  };
}
