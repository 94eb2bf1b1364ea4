import type { Operation, TableParameters } from '../operations/operation.ts';
import { toAnswer } from './answer.ts';
import type { Door } from './door.ts';
import { readHttpEvent } from './event.ts';
import { toFailure } from './failure.ts';
import { fitAnswer } from './fit.ts';
import { readHttpCall } from './http-call.ts';
import { ourAddress } from './our-address.ts';
import { readRoute } from './route.ts';

/** API Gateway: ServiceNow's own paths and parameters in, ServiceNow's own answers out. */
export function httpDoor<P extends TableParameters>(event: unknown, operation: Operation<P>): Door {
  let address = '';
  let acceptEncoding: string | undefined;
  return {
    read() {
      const http = readHttpEvent(event);
      const route = readRoute(http.rawPath);
      address = ourAddress(http, route.prefix);
      acceptEncoding = http.headers['accept-encoding'];
      return readHttpCall(http, route, operation);
    },
    answer: (response) => fitAnswer(toAnswer(response, address), acceptEncoding),
    fail: (error) => toFailure(error, address),
  };
}
