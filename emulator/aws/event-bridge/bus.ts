import { randomUUID } from 'node:crypto';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';
import type { Deliver } from '../delivery.ts';
import type { Log } from '../log.ts';
import { DEFAULT_BUS, type Rule, Rules, type Target } from './rules.ts';
import { repeat } from './schedule.ts';
import { inputOf } from './target-input.ts';

/** An event before the bus takes it. */
export type NewEvent = {
  readonly source: string;
  readonly detailType: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly resources?: readonly string[];
  /** Milliseconds since the epoch. @default now */
  readonly timeMs?: number;
  /** @default the default bus */
  readonly bus?: string;
};

export type BusOptions = {
  readonly databaseFile: string;
  readonly clock: Clock;
  readonly deliver: Deliver;
  readonly log: Log;
};

/**
 * Takes events and hands each to the targets of the rules that match; one that no rule matches is lost, as at AWS, and logged. An event is delivered before the call that brought it is
 * answered, so that a stop loses none.
 */
export class EventBus {
  readonly rules: Rules;
  readonly #options: BusOptions;
  #schedules = new AbortController();

  constructor(options: BusOptions) {
    this.#options = options;
    this.rules = new Rules(options.databaseFile);
  }

  /** @returns the id of the event */
  put({ source, detailType, detail, resources = [], timeMs, bus = DEFAULT_BUS }: NewEvent): string {
    const nowMs = this.#options.clock.now();
    const id = randomUUID();
    const event = {
      version: '0',
      id,
      'detail-type': detailType,
      source,
      account: ACCOUNT_ID,
      time: wholeSeconds(timeMs ?? nowMs),
      region: REGION,
      resources,
      detail,
    };
    const asSent = JSON.parse(JSON.stringify(event));
    const matching = this.rules.list(bus).filter((rule) => rule.enabled && rule.matches(asSent));
    for (const rule of matching) for (const target of rule.targets) this.#handTo(target, rule, asSent, nowMs);
    if (matching.length === 0) this.#options.log.warn('event-not-matched', { source, detailType, bus });
    return id;
  }

  /** Runs the rules that have a schedule, also those that are put later; a rule that is switched off meanwhile is not run. */
  startSchedules(): void {
    this.#schedules.abort();
    this.#schedules = new AbortController();
    const { signal } = this.#schedules;
    for (const { bus, name, schedule } of this.rules.list()) {
      if (schedule === null) continue;
      void repeat(schedule, this.#options.clock, signal, () => this.#runScheduled(bus, name));
    }
  }

  close(): void {
    this.#schedules.abort();
    this.rules.close();
  }

  #runScheduled(bus: string, name: string): void {
    const rule = this.rules.list(bus).find((one) => one.name === name);
    if (!rule?.enabled) return;
    const nowMs = this.#options.clock.now();
    const event = {
      version: '0',
      id: randomUUID(),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: ACCOUNT_ID,
      time: wholeSeconds(nowMs),
      region: REGION,
      resources: [rule.arn],
      detail: {},
    };
    for (const target of rule.targets) this.#handTo(target, rule, event, nowMs);
  }

  /** What a target does not take goes to its dead-letter queue; without one it is lost, as at AWS, and logged. */
  #handTo(target: Target, rule: Rule, event: Readonly<Record<string, unknown>>, nowMs: number): void {
    const { deliver, log } = this.#options;
    const from = { service: 'events.amazonaws.com', sourceArn: rule.arn };
    try {
      const matched = {
        event,
        ruleArn: rule.arn,
        ruleName: rule.name,
        ingestionTime: new Date(nowMs).toISOString(),
      };
      const body = inputOf(target, matched);
      deliver({ ...from, targetArn: target.Arn, body, groupId: target.SqsParameters?.MessageGroupId });
    } catch (error) {
      const failure = error instanceof AwsError ? error : new AwsError('InternalFailure', String(error));
      log.warn('event-not-delivered', {
        rule: rule.name,
        target: target.Arn,
        code: failure.code,
        reason: failure.message,
      });
      const deadLetterArn = target.DeadLetterConfig?.Arn;
      if (deadLetterArn === undefined) return;
      const attributes = {
        RULE_ARN: asText(rule.arn),
        TARGET_ARN: asText(target.Arn),
        ERROR_CODE: asText(failure.code),
        ERROR_MESSAGE: asText(failure.message),
      };
      deliver({ ...from, targetArn: deadLetterArn, body: JSON.stringify(event), attributes });
    }
  }
}

function asText(value: string): { DataType: string; StringValue: string } {
  return { DataType: 'String', StringValue: value };
}

/** The time of an event has no fractions of a second. */
function wholeSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
