import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { openDatabase } from '../database.ts';

const arns = z.array(z.string()).max(5).default([]);
const tags = z.array(z.object({ Key: z.string(), Value: z.string() })).default([]);

/** What both kinds of alarm have in common, as PutMetricAlarm and PutCompositeAlarm take it. */
const common = {
  AlarmName: z.string().min(1).max(255),
  AlarmDescription: z.string().max(1024).optional(),
  ActionsEnabled: z.boolean().default(true),
  AlarmActions: arns,
  OKActions: arns,
  InsufficientDataActions: arns,
  Tags: tags,
};

export const MetricAlarm = z.object({
  ...common,
  MetricName: z.string(),
  Namespace: z.string(),
  Statistic: z.string().default('Average'),
  Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).default([]),
  Period: z.number().default(60),
  EvaluationPeriods: z.number(),
  Threshold: z.number(),
  ComparisonOperator: z.string(),
  TreatMissingData: z.string().optional(),
});
export type MetricAlarm = z.output<typeof MetricAlarm>;

export const CompositeAlarm = z.object({
  ...common,
  AlarmRule: z.string().min(1),
  ActionsSuppressor: z.string().optional(),
  ActionsSuppressorWaitPeriod: z.number().optional(),
  ActionsSuppressorExtensionPeriod: z.number().optional(),
});
export type CompositeAlarm = z.output<typeof CompositeAlarm>;

export const StateValue = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']);

const State = z.object({
  value: StateValue,
  reason: z.string(),
  reasonData: z.string().optional(),
  timestampMs: z.number(),
  /** When its value became what it is. @default `timestampMs` */
  transitionedMs: z.number().optional(),
});
export type State = z.output<typeof State>;

const Alarm = z.object({
  configuration: z.union([MetricAlarm, CompositeAlarm]),
  configuredMs: z.number(),
  state: State,
});
export type Alarm = z.output<typeof Alarm>;

/** What happened to an alarm; it outlives the alarm. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html */
const HistoryItem = z.object({
  AlarmName: z.string(),
  AlarmType: z.enum(['MetricAlarm', 'CompositeAlarm']),
  HistoryItemType: z.enum(['ConfigurationUpdate', 'StateUpdate', 'Action']),
  HistorySummary: z.string(),
  HistoryData: z.string().optional(),
  /** In milliseconds. */
  at: z.number(),
});
export type HistoryItem = z.output<typeof HistoryItem>;

/** The alarms of the account, by name, and what happened to them. */
export class Alarms {
  readonly #database: DatabaseSync;
  readonly #known = new Map<string, Alarm>();

  constructor(databaseFile: string) {
    this.#database = openDatabase(
      databaseFile,
      `CREATE TABLE IF NOT EXISTS alarm (name TEXT PRIMARY KEY, alarm TEXT NOT NULL) STRICT;
       CREATE TABLE IF NOT EXISTS alarm_history (id INTEGER PRIMARY KEY, name TEXT NOT NULL, item TEXT NOT NULL) STRICT;
       CREATE INDEX IF NOT EXISTS alarm_history_name ON alarm_history (name);`,
    );
    for (const { name, alarm } of this.#database.prepare('SELECT * FROM alarm').all())
      this.#known.set(String(name), Alarm.parse(JSON.parse(String(alarm))));
  }

  close(): void {
    this.#database.close();
  }

  /** By name, in the order of their names. */
  list(): Alarm[] {
    const byName = [...this.#known].sort(([one], [other]) => (one < other ? -1 : 1));
    return byName.map(([, alarm]) => alarm);
  }

  find(name: string): Alarm | undefined {
    return this.#known.get(name);
  }

  put(alarm: Alarm): void {
    const name = alarm.configuration.AlarmName;
    this.#known.set(name, alarm);
    this.#database.prepare('INSERT OR REPLACE INTO alarm VALUES (?, ?)').run(name, JSON.stringify(alarm));
  }

  delete(name: string): void {
    this.#known.delete(name);
    this.#database.prepare('DELETE FROM alarm WHERE name = ?').run(name);
  }

  note({ configuration }: Alarm, what: Omit<HistoryItem, 'AlarmName' | 'AlarmType'>): void {
    const { AlarmName } = configuration;
    const AlarmType = isComposite(configuration) ? 'CompositeAlarm' : 'MetricAlarm';
    this.#database
      .prepare('INSERT INTO alarm_history (name, item) VALUES (?, ?)')
      .run(AlarmName, JSON.stringify({ AlarmName, AlarmType, ...what }));
  }

  /** The newest first; of all alarms without a name. */
  history(name?: string): HistoryItem[] {
    return this.#database
      .prepare('SELECT item FROM alarm_history WHERE ?1 IS NULL OR name = ?1 ORDER BY id DESC')
      .all(name ?? null)
      .map(({ item }) => HistoryItem.parse(JSON.parse(String(item))));
  }
}

/** The ARN of an alarm. */
export function alarmArn({ configuration }: Alarm): string {
  return `arn:aws:cloudwatch:${REGION}:${ACCOUNT_ID}:alarm:${configuration.AlarmName}`;
}

/**
 * What suppresses the actions of an alarm that sounds: its suppressor while that is in ALARM, and before that the time in which it waits
 * for it. The ExtensionPeriod is not emulated.
 */
export function suppressionOf(
  { configuration, state }: Alarm,
  { alarms, clock }: { readonly alarms: Alarms; readonly clock: { now(): number } },
): { readonly by: string; readonly reason: string } | undefined {
  if (!isComposite(configuration) || state.value !== 'ALARM') return undefined;
  const { ActionsSuppressor = '', ActionsSuppressorWaitPeriod = 0 } = configuration;
  if (ActionsSuppressor === '') return undefined;
  const suppressor = alarms.find(ActionsSuppressor.replace(/^arn:.*:alarm:/, ''));
  if (suppressor?.state.value === 'ALARM') return { by: 'Alarm', reason: 'Actions suppressed by Alarm' };
  const { transitionedMs = state.timestampMs } = state;
  const isWaiting = clock.now() < transitionedMs + ActionsSuppressorWaitPeriod * 1_000;
  return isWaiting ? { by: 'WaitPeriod', reason: 'Actions suppressed by WaitPeriod' } : undefined;
}

/** True for the settings of a composite alarm. */
export function isComposite(configuration: Alarm['configuration']): configuration is CompositeAlarm {
  return 'AlarmRule' in configuration;
}
