import type { ServiceNowResponse } from '../servicenow/call.ts';
import type { Call } from './call.ts';

/** One way into a function: how a call is read from an event, and how its outcome goes out again. */
export type Door = {
  /** @throws ConnectorError naming what is wrong with the event */
  read(): Call;
  /** The answer to a call that was carried out. @throws ConnectorError when it cannot be given */
  answer(response: ServiceNowResponse): Promise<unknown>;
  /** The answer to a call that failed. @throws Error where callers are told by one */
  fail(error: unknown): unknown;
};
