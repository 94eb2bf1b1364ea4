import { inParts } from '../core/in-parts.ts';
import type { Log } from '../core/log.ts';
import type { OutcomeEvent } from '../outcomes/outcomes.ts';

/** EventBridge takes so many events in a call. */
const maxEntries = 10;

/** Nothing waits longer for an event to be taken. */
const timeoutMs = 5_000;

/**
 * Sends outcomes to an event bus. What the bus does not take is logged: the log, the results and the dead-letter queue have the same facts.
 * The SDK's client is loaded with the first event.
 * @param bus name or ARN
 */
export function sendToBus(bus: string, log: Log): (events: readonly OutcomeEvent[]) => Promise<void> {
  let loaded: ReturnType<typeof openBus> | undefined;
  return async (events) => {
    loaded ??= openBus(bus);
    const put = await loaded;
    for (const some of inParts(events, maxEntries))
      for (const { event, reason } of await put(some))
        log.warn('outcome-not-sent', { type: event.type, id: event.detail.id, reason });
  };
}

type Lost = { readonly event: OutcomeEvent; readonly reason: string };

async function openBus(bus: string): Promise<(events: readonly OutcomeEvent[]) => Promise<readonly Lost[]>> {
  const { EventBridgeClient, PutEventsCommand } = await import('./sdk/event-bridge.ts');
  const client = new EventBridgeClient({});
  return async (events) => {
    const Entries = events.map(({ type, atMs, detail }) => ({
      EventBusName: bus,
      Source: 'servicenow-functions',
      DetailType: type,
      Time: new Date(atMs),
      Detail: JSON.stringify(detail),
    }));
    try {
      const abortSignal = AbortSignal.timeout(timeoutMs);
      const answer = await client.send(new PutEventsCommand({ Entries }), { abortSignal });
      return (answer.Entries ?? []).flatMap(({ ErrorCode }, index) => {
        const event = events[index];
        return ErrorCode && event ? [{ event, reason: ErrorCode }] : [];
      });
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown';
      return events.map((event) => ({ event, reason }));
    }
  };
}
