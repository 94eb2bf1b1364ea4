import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';
import { inTransaction, openDatabase } from '../database.ts';

const TABLES = `
  CREATE TABLE IF NOT EXISTS secret (
    name TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, description TEXT, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS version (
    secret TEXT NOT NULL REFERENCES secret (name), id TEXT NOT NULL, string TEXT, binary TEXT, created_ms INTEGER NOT NULL,
    PRIMARY KEY (secret, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS stage (
    secret TEXT NOT NULL, label TEXT NOT NULL, version TEXT NOT NULL, PRIMARY KEY (secret, label)
  ) STRICT;
`;

const SecretRow = z.object({
  name: z.string(),
  arn: z.string(),
  description: z.string().nullable(),
  created_ms: z.number(),
  changed_ms: z.number(),
});
const VersionRow = z.object({
  id: z.string(),
  string: z.string().nullable(),
  binary: z.string().nullable(),
  created_ms: z.number(),
});
const StageRow = z.object({ label: z.string(), version: z.string() });

export type Secret = z.output<typeof SecretRow>;
export type SecretVersion = z.output<typeof VersionRow>;
/** `binary` is base64, as on the wire. */
export type SecretValue = { readonly string?: string | undefined; readonly binary?: string | undefined };

/** Secrets, their versions, and which version each staging label (`AWSCURRENT`, `AWSPENDING`, `AWSPREVIOUS`, …) stands on. */
export class SecretStore {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;

  constructor(databaseFile: string, clock: Clock) {
    this.#database = openDatabase(databaseFile, TABLES);
    this.#clock = clock;
  }

  close(): void {
    this.#database.close();
  }

  /** The secret of this name, ARN, or ARN without its random end. */
  find(id: string): Secret | undefined {
    const row = this.#database
      .prepare('SELECT * FROM secret WHERE name = :id OR arn = :id OR substr(arn, 1, length(arn) - 7) = :id')
      .get({ id });
    return row && SecretRow.parse(row);
  }

  /** @throws {AwsError} ResourceNotFoundException */
  get(id: string): Secret {
    const secret = this.find(id);
    if (!secret) {
      throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return secret;
  }

  add(name: string, description: string | undefined): Secret {
    const suffix = createHash('sha256').update(name).digest('hex').slice(0, 6);
    const arn = `arn:aws:secretsmanager:${REGION}:${ACCOUNT_ID}:secret:${name}-${suffix}`;
    const now = this.#clock.now();
    this.#database
      .prepare('INSERT INTO secret VALUES (?, ?, ?, ?, ?)')
      .run(name, arn, description ?? null, now, now);
    return this.get(name);
  }

  version(secret: Secret, id: string): SecretVersion | undefined {
    const row = this.#database
      .prepare('SELECT * FROM version WHERE secret = ? AND id = ?')
      .get(secret.name, id);
    return row && VersionRow.parse(row);
  }

  addVersion(secret: Secret, id: string, value: SecretValue): void {
    this.#database
      .prepare('INSERT INTO version VALUES (?, ?, ?, ?, ?)')
      .run(secret.name, id, value.string ?? null, value.binary ?? null, this.#clock.now());
  }

  /** Label → version id. */
  stages(secret: Secret): Map<string, string> {
    const rows = this.#database.prepare('SELECT label, version FROM stage WHERE secret = ?').all(secret.name);
    return new Map(rows.map((row) => StageRow.parse(row)).map(({ label, version }) => [label, version]));
  }

  /** Puts the label on a version, or takes it away with `undefined`. Moving AWSCURRENT leaves AWSPREVIOUS where it stood. */
  moveStage(secret: Secret, label: string, versionId: string | undefined): void {
    const before = this.stages(secret).get(label);
    if (before === versionId) return;
    this.#setStage(secret, label, versionId);
    if (label === 'AWSCURRENT' && before !== undefined) this.#setStage(secret, 'AWSPREVIOUS', before);
    this.#database
      .prepare('UPDATE secret SET changed_ms = ? WHERE name = ?')
      .run(this.#clock.now(), secret.name);
  }

  #setStage(secret: Secret, label: string, versionId: string | undefined): void {
    this.#database.prepare('DELETE FROM stage WHERE secret = ? AND label = ?').run(secret.name, label);
    if (versionId === undefined) return;
    this.#database.prepare('INSERT INTO stage VALUES (?, ?, ?)').run(secret.name, label, versionId);
  }

  transaction<T>(work: () => T): T {
    return inTransaction(this.#database, work);
  }
}
