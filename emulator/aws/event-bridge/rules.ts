import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { cachedStatements, openDatabase } from '../database.ts';
import { compilePattern, type Json } from './pattern.ts';
import { intervalMs } from './schedule.ts';
import { TargetInput } from './target-input.ts';

/** The bus on which AWS services send their events. */
export const DEFAULT_BUS = 'default';

const TABLES = `
  CREATE TABLE IF NOT EXISTS bus (name TEXT PRIMARY KEY) STRICT;
  CREATE TABLE IF NOT EXISTS rule (
    bus TEXT NOT NULL, name TEXT NOT NULL, pattern TEXT, schedule TEXT, enabled INTEGER NOT NULL, description TEXT,
    from_template INTEGER NOT NULL, targets TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (bus, name)
  ) STRICT;
`;

/** Where a rule sends an event, as PutTargets takes it. */
export const Target = TargetInput.extend({
  Id: z.string().min(1).max(64),
  Arn: z.string().min(1).max(1600),
  SqsParameters: z.object({ MessageGroupId: z.string().min(1).max(128) }).optional(),
  DeadLetterConfig: z.object({ Arn: z.string().optional() }).optional(),
  RoleArn: z.string().optional(),
  RetryPolicy: z.looseObject({}).optional(),
});
export type Target = z.output<typeof Target>;

const Row = z.object({
  bus: z.string(),
  name: z.string(),
  pattern: z.string().nullable(),
  schedule: z.string().nullable(),
  enabled: z.number().transform((flag) => flag === 1),
  description: z.string().nullable(),
  targets: z.string().transform((json) => z.array(Target).parse(JSON.parse(json))),
});

export type Rule = z.output<typeof Row> & {
  readonly arn: string;
  /** Whether the rule is for this event; false for a rule that has only a schedule. */
  matches(event: Json): boolean;
};

/** What PutRule says of a rule. */
export type RuleDefinition = {
  readonly bus: string;
  readonly name: string;
  readonly pattern?: string | undefined;
  readonly schedule?: string | undefined;
  readonly enabled: boolean;
  readonly description?: string | undefined;
};

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MOST_TARGETS = 5;

/** Buses, rules and their targets. */
export class Rules {
  readonly #database: DatabaseSync;
  readonly #sql: (sql: string) => StatementSync;
  readonly #known = new Map<string, Rule>();

  constructor(databaseFile: string) {
    this.#database = openDatabase(databaseFile, TABLES);
    this.#sql = cachedStatements(this.#database);
    this.#sql('INSERT OR IGNORE INTO bus VALUES (?)').run(DEFAULT_BUS);
    for (const row of this.#sql('SELECT * FROM rule').all()) this.#remember(Row.parse(row));
  }

  close(): void {
    this.#database.close();
  }

  hasBus(name: string): boolean {
    return this.#sql('SELECT 1 FROM bus WHERE name = ?').get(name) !== undefined;
  }

  buses(): string[] {
    return this.#sql('SELECT name FROM bus ORDER BY name')
      .all()
      .map((row) => String(row['name']));
  }

  addBus(name: string): void {
    if (this.hasBus(name))
      throw new AwsError('ResourceAlreadyExistsException', `Event bus ${name} already exists.`);
    this.#sql('INSERT INTO bus VALUES (?)').run(name);
  }

  /** Rules of a bus by name; of every bus without one. */
  list(bus?: string): Rule[] {
    const rules = [...this.#known.values()].filter((rule) => bus === undefined || rule.bus === bus);
    return rules.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** @throws {AwsError} ResourceNotFoundException */
  get(bus: string, name: string): Rule {
    const rule = this.#known.get(`${bus}/${name}`);
    if (rule) return rule;
    throw new AwsError('ResourceNotFoundException', `Rule ${name} does not exist on EventBus ${bus}.`);
  }

  /**
   * Creates a rule or changes it; its targets stay.
   * @throws {AwsError} ResourceNotFoundException for an unknown bus, InvalidEventPatternException, ValidationException
   */
  put(definition: RuleDefinition, fromTemplate = false): Rule {
    const { bus, name, pattern, schedule, enabled, description } = definition;
    if (!this.hasBus(bus))
      throw new AwsError('ResourceNotFoundException', `Event bus ${bus} does not exist.`);
    if (pattern === undefined && schedule === undefined)
      throw validation('Parameter(s) EventPattern or ScheduleExpression must be specified.');
    if (pattern !== undefined) compilePattern(pattern);
    if (schedule !== undefined && bus !== DEFAULT_BUS)
      throw validation('ScheduleExpression is supported only on the default event bus.');
    if (schedule !== undefined) intervalMs(schedule);
    this.#sql(
      `INSERT INTO rule (bus, name, pattern, schedule, enabled, description, from_template) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (bus, name) DO UPDATE SET pattern = excluded.pattern, schedule = excluded.schedule, enabled = excluded.enabled,
         description = excluded.description, from_template = excluded.from_template`,
    ).run(
      bus,
      name,
      pattern ?? null,
      schedule ?? null,
      enabled ? 1 : 0,
      description ?? null,
      fromTemplate ? 1 : 0,
    );
    return this.#reload(bus, name);
  }

  /** Adds targets, or changes those whose id is there. */
  putTargets({ bus, name, targets }: Rule, added: readonly Target[]): void {
    const ids = new Set(added.map(({ Id }) => Id));
    const all = [...targets.filter(({ Id }) => !ids.has(Id)), ...added];
    if (all.length > MOST_TARGETS)
      throw new AwsError(
        'LimitExceededException',
        'The requested resource exceeds the maximum number allowed.',
      );
    this.#setTargets(bus, name, all);
  }

  removeTargets({ bus, name, targets }: Rule, ids: readonly string[]): void {
    this.#setTargets(
      bus,
      name,
      targets.filter(({ Id }) => !ids.includes(Id)),
    );
  }

  setEnabled({ bus, name }: Rule, enabled: boolean): void {
    this.#sql('UPDATE rule SET enabled = ? WHERE bus = ? AND name = ?').run(enabled ? 1 : 0, bus, name);
    this.#reload(bus, name);
  }

  /** @throws {AwsError} ValidationException while it has targets */
  delete({ bus, name, targets }: Rule): void {
    if (targets.length > 0) throw validation("Rule can't be deleted since it has targets.");
    this.#sql('DELETE FROM rule WHERE bus = ? AND name = ?').run(bus, name);
    this.#known.delete(`${bus}/${name}`);
  }

  /** Takes over the rules of a template; those of an earlier one that are not in it go. */
  replaceTemplateRules(rules: readonly (RuleDefinition & { readonly targets: readonly Target[] })[]): void {
    this.#sql('DELETE FROM rule WHERE from_template = 1').run();
    this.#known.clear();
    for (const row of this.#sql('SELECT * FROM rule').all()) this.#remember(Row.parse(row));
    for (const { targets, ...definition } of rules) {
      this.#sql('INSERT OR IGNORE INTO bus VALUES (?)').run(definition.bus);
      this.put(definition, true);
      this.#setTargets(definition.bus, definition.name, targets);
    }
  }

  #setTargets(bus: string, name: string, targets: readonly Target[]): void {
    this.#sql('UPDATE rule SET targets = ? WHERE bus = ? AND name = ?').run(
      JSON.stringify(targets),
      bus,
      name,
    );
    this.#reload(bus, name);
  }

  #reload(bus: string, name: string): Rule {
    return this.#remember(
      Row.parse(this.#sql('SELECT * FROM rule WHERE bus = ? AND name = ?').get(bus, name)),
    );
  }

  #remember(row: z.output<typeof Row>): Rule {
    const path = row.bus === DEFAULT_BUS ? row.name : `${row.bus}/${row.name}`;
    const arn = `arn:aws:events:${REGION}:${ACCOUNT_ID}:rule/${path}`;
    const matches = row.pattern === null ? () => false : compilePattern(row.pattern);
    const rule = { ...row, arn, matches };
    this.#known.set(`${row.bus}/${row.name}`, rule);
    return rule;
  }
}

/** What EventBridge answers for a value that it does not take. */
export function validation(message: string): AwsError {
  return new AwsError('ValidationException', message);
}
