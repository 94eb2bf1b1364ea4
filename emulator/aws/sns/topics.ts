import { randomUUID } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { cachedStatements, openDatabase } from '../database.ts';

const TABLES = `
  CREATE TABLE IF NOT EXISTS topic (
    arn TEXT PRIMARY KEY, attributes TEXT NOT NULL, from_template INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS subscription (
    arn TEXT PRIMARY KEY, topic_arn TEXT NOT NULL, protocol TEXT NOT NULL, endpoint TEXT NOT NULL, attributes TEXT NOT NULL,
    from_template INTEGER NOT NULL, UNIQUE (topic_arn, protocol, endpoint)
  ) STRICT;
`;

const json = z.string().transform((text) => z.record(z.string(), z.string()).parse(JSON.parse(text)));
const TopicRow = z.object({ arn: z.string(), attributes: json });
const SubscriptionRow = z.object({
  arn: z.string(),
  topic_arn: z.string(),
  protocol: z.string(),
  endpoint: z.string(),
  attributes: json,
});

export type Topic = z.output<typeof TopicRow>;
/** `attributes` in the spelling of SetSubscriptionAttributes, e.g. `RawMessageDelivery`. */
export type Subscription = z.output<typeof SubscriptionRow>;

export type NewSubscription = {
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly attributes: Readonly<Record<string, string>>;
};

/** Topics and what is subscribed to them. */
export class Topics {
  readonly #database: DatabaseSync;
  readonly #sql: (sql: string) => StatementSync;

  constructor(databaseFile: string) {
    this.#database = openDatabase(databaseFile, TABLES);
    this.#sql = cachedStatements(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  list(): Topic[] {
    return this.#sql('SELECT * FROM topic ORDER BY arn')
      .all()
      .map((row) => TopicRow.parse(row));
  }

  /** @throws {AwsError} NotFound */
  get(arn: string): Topic {
    const row = this.#sql('SELECT * FROM topic WHERE arn = ?').get(arn);
    if (!row) throw new AwsError('NotFound', 'Topic does not exist', 404);
    return TopicRow.parse(row);
  }

  /** Creates a topic, or finds it. */
  ensure(name: string, attributes: Readonly<Record<string, string>>, fromTemplate = false): string {
    const arn = topicArn(name);
    this.#sql('INSERT OR IGNORE INTO topic VALUES (?, ?, ?)').run(
      arn,
      JSON.stringify(attributes),
      fromTemplate ? 1 : 0,
    );
    return arn;
  }

  delete(arn: string): void {
    this.#sql('DELETE FROM subscription WHERE topic_arn = ?').run(arn);
    this.#sql('DELETE FROM topic WHERE arn = ?').run(arn);
  }

  subscriptions(topicArn?: string): Subscription[] {
    const rows = this.#sql(
      'SELECT * FROM subscription WHERE topic_arn = coalesce(?, topic_arn) ORDER BY arn',
    );
    return rows.all(topicArn ?? null).map((row) => SubscriptionRow.parse(row));
  }

  /** @throws {AwsError} NotFound */
  subscription(arn: string): Subscription {
    const row = this.#sql('SELECT * FROM subscription WHERE arn = ?').get(arn);
    if (!row) throw new AwsError('NotFound', 'Subscription does not exist', 404);
    return SubscriptionRow.parse(row);
  }

  /**
   * Subscribes, or finds the subscription of this endpoint. A queue of the same account needs no confirmation.
   * @throws {AwsError} InvalidParameter for other attributes than it has, NotFound
   */
  subscribe(added: NewSubscription, fromTemplate = false): string {
    const { topicArn, protocol, endpoint, attributes } = added;
    this.get(topicArn);
    const there = this.subscriptions(topicArn).find(
      (one) => one.protocol === protocol && one.endpoint === endpoint,
    );
    if (there && JSON.stringify(there.attributes) !== JSON.stringify(attributes))
      throw new AwsError(
        'InvalidParameter',
        'Invalid parameter: Attributes Reason: Subscription already exists with different attributes',
      );
    if (there) return there.arn;
    const arn = `${topicArn}:${randomUUID()}`;
    this.#sql('INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?)').run(
      arn,
      topicArn,
      protocol,
      endpoint,
      JSON.stringify(attributes),
      fromTemplate ? 1 : 0,
    );
    return arn;
  }

  setAttribute(arn: string, name: string, value: string): void {
    const { attributes } = this.subscription(arn);
    this.#sql('UPDATE subscription SET attributes = ? WHERE arn = ?').run(
      JSON.stringify({ ...attributes, [name]: value }),
      arn,
    );
  }

  unsubscribe(arn: string): void {
    this.#sql('DELETE FROM subscription WHERE arn = ?').run(arn);
  }

  /** Takes over what a template asks for; what an earlier one asked for and this does not goes. */
  replaceTemplate(names: readonly string[], subscriptions: readonly NewSubscription[]): void {
    const arns = names.map((name) => this.ensure(name, {}, true));
    this.#sql('DELETE FROM subscription WHERE from_template = 1').run();
    for (const row of this.#sql('SELECT * FROM topic WHERE from_template = 1').all()) {
      const { arn } = TopicRow.parse(row);
      if (!arns.includes(arn)) this.delete(arn);
    }
    for (const subscription of subscriptions) this.subscribe(subscription, true);
  }
}

function topicArn(name: string): string {
  return `arn:aws:sns:${REGION}:${ACCOUNT_ID}:${name}`;
}
