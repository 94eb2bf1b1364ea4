import { createHash } from 'node:crypto';
import type * as z from 'zod/mini';
import type { MetricName, Metrics } from '../core/metrics.ts';
import type { outcomeDetails } from './outcome-schema.ts';

type Details = { [Type in keyof typeof outcomeDetails]: z.infer<(typeof outcomeDetails)[Type]> };

/** What happened, without what the event adds to it. */
export type Outcome = {
  [Type in keyof Details]: { readonly type: Type } & Omit<
    Details[Type],
    'schemaVersion' | 'id' | 'deployment'
  >;
}[keyof Details];

/** An event as a bus takes it. */
export type OutcomeEvent = {
  readonly type: Outcome['type'];
  readonly atMs: number;
  readonly detail: Readonly<Record<string, unknown>> & { readonly id: string };
};

/** Takes what an operator wants to hear of: the ends of imports, dead letters, applied signals, rejected credentials. Counts it, and sends events to a bus. */
export type Outcomes = {
  report(outcome: Outcome): void;
  /** Sends what was reported. Never throws: an event that is lost changes nothing about the work. */
  flush(): Promise<void>;
};

type OutcomesDeps = {
  /** Service and stage. */
  readonly deployment: string;
  readonly metrics: Metrics;
  readonly clock: { now(): number };
  /** Sends events and never throws; absent without a bus. */
  readonly send?: ((events: readonly OutcomeEvent[]) => Promise<void>) | undefined;
};

const counted: Readonly<Partial<Record<Outcome['type'], MetricName>>> = {
  'Import Finished': 'ImportsFinished',
  'Import Stopped': 'ImportsStopped',
  'Import Refused': 'ImportsStopped',
  'Drop Refused': 'ImportsStopped',
  'Message Dead-Lettered': 'DeadLetters',
};

/** The outcomes of one process; its invocations share them. */
export function createOutcomes({ deployment, metrics, clock, send }: OutcomesDeps): Outcomes {
  let waiting: OutcomeEvent[] = [];
  return {
    report(outcome) {
      const metric = counted[outcome.type];
      if (metric) metrics.add(metric);
      if (send) waiting.push(toEvent(outcome, deployment, clock.now()));
    },
    async flush() {
      if (waiting.length === 0 || !send) return;
      const events = waiting;
      waiting = [];
      await send(events);
    },
  };
}

function toEvent({ type, ...facts }: Outcome, deployment: string, atMs: number): OutcomeEvent {
  const id = createHash('sha256')
    .update(JSON.stringify([deployment, type, identityOf({ type, ...facts }, atMs)]))
    .digest('hex')
    .slice(0, 32);
  return { type, atMs, detail: { schemaVersion: 1, id, deployment, ...facts } };
}

/** What makes two events the same outcome. Rejections of one minute are one outcome. */
function identityOf(facts: object, atMs: number): string {
  if ('verdict' in facts && 'messageId' in facts) return String(facts.messageId);
  if ('importId' in facts) return String(facts.importId);
  if ('source' in facts) return JSON.stringify(facts.source);
  // A letter that was sent twice is one, though two invocations sent it. What is redriven is another message.
  if ('messageId' in facts && 'queue' in facts) return `${facts.queue} ${facts.messageId}`;
  return `${'instance' in facts ? facts.instance : ''} ${Math.floor(atMs / 60_000)}`;
}
