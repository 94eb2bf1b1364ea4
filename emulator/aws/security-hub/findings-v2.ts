import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';
import type { NewEvent } from '../event-bridge/bus.ts';

/** A finding in OCSF, as far as calls look into it. */
const FindingV2 = z.looseObject({ metadata: z.looseObject({ uid: z.string().min(1) }) });
export type FindingV2 = z.output<typeof FindingV2>;

const StringFilter = z.object({
  FieldName: z.enum([
    'metadata.uid',
    'finding_info.uid',
    'cloud.account.uid',
    'cloud.region',
    'status',
    'severity',
  ]),
  Filter: z.object({
    Value: z.string(),
    Comparison: z.enum(['EQUALS', 'PREFIX', 'NOT_EQUALS', 'PREFIX_NOT_EQUALS']),
  }),
});
type StringFilter = z.output<typeof StringFilter>;
const operator = z.enum(['AND', 'OR']).default('AND');

/** @see https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html */
export const GetFindingsV2 = z.object({
  Filters: z
    .strictObject({
      CompositeFilters: z
        .array(z.strictObject({ StringFilters: z.array(StringFilter).min(1).max(20), Operator: operator }))
        .default([]),
      CompositeOperator: operator,
    })
    .optional(),
  MaxResults: z.int().min(1).max(100).default(100),
  NextToken: z.string().optional(),
});
export const BatchUpdateFindingsV2 = z.object({
  MetadataUids: z.array(z.string()).min(1).max(100),
  StatusId: z.int().optional(),
  SeverityId: z.int().optional(),
  Comment: z.string().optional(),
});

/** The captions of `status_id` in OCSF. */
const statuses: Readonly<Record<number, string>> = {
  ...{ 0: 'Unknown', 1: 'New', 2: 'In Progress', 3: 'Suppressed', 4: 'Resolved', 5: 'Archived' },
};

type Service = {
  readonly database: DatabaseSync;
  readonly clock: Clock;
  readonly publish: (event: NewEvent) => void;
};

/** The findings of Security Hub in OCSF. */
export class FindingsV2 {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
    service.database.exec(
      'CREATE TABLE IF NOT EXISTS finding_v2 (uid TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;',
    );
  }

  get({ Filters, MaxResults, NextToken }: z.output<typeof GetFindingsV2>): object {
    const from = NextToken === undefined ? 0 : Number(Buffer.from(NextToken, 'base64url').toString());
    if (!Number.isInteger(from)) throw new AwsError('ValidationException', 'NextToken is not valid');
    const { CompositeFilters = [], CompositeOperator = 'AND' } = Filters ?? {};
    const fitting = this.#all().filter((finding) =>
      joined(CompositeOperator, CompositeFilters, ({ StringFilters, Operator }) =>
        joined(Operator, StringFilters, (filter) => passes(finding, filter)),
      ),
    );
    const next = from + MaxResults;
    return {
      Findings: fitting.slice(from, next),
      ...(next < fitting.length && { NextToken: Buffer.from(`${next}`).toString('base64url') }),
    };
  }

  /** Leaves the times of the finding as they are. */
  update({ MetadataUids, StatusId, SeverityId, Comment }: z.output<typeof BatchUpdateFindingsV2>): object {
    const all = new Map(this.#all().map((finding) => [finding.metadata.uid, finding]));
    const ProcessedFindings: object[] = [];
    const UnprocessedFindings: object[] = [];
    for (const MetadataUid of MetadataUids) {
      const finding = all.get(MetadataUid);
      if (!finding) {
        UnprocessedFindings.push({ MetadataUid, ErrorCode: 'ResourceNotFoundException' });
        continue;
      }
      this.put({
        ...finding,
        ...(StatusId !== undefined && { status_id: StatusId, status: statuses[StatusId] ?? 'Other' }),
        ...(SeverityId !== undefined && { severity_id: SeverityId }),
        ...(Comment !== undefined && { comment: Comment }),
      });
      ProcessedFindings.push({ MetadataUid });
    }
    return { ProcessedFindings, UnprocessedFindings };
  }

  /** Products report findings in ways of their own: this is the only way to make one here. */
  put(finding: FindingV2): void {
    const { database, clock, publish } = this.#service;
    database
      .prepare('INSERT INTO finding_v2 VALUES (?, ?) ON CONFLICT (uid) DO UPDATE SET body = excluded.body')
      .run(finding.metadata.uid, JSON.stringify(finding));
    publish({
      source: 'aws.securityhub',
      detailType: 'Findings Imported V2',
      resources: [],
      timeMs: clock.now(),
      detail: { findings: [finding] },
    });
  }

  #all(): FindingV2[] {
    const rows = this.#service.database.prepare('SELECT body FROM finding_v2 ORDER BY rowid').all();
    return rows.map(({ body }) => FindingV2.parse(JSON.parse(String(body))));
  }
}

function joined<T>(by: 'AND' | 'OR', items: readonly T[], holds: (item: T) => boolean): boolean {
  if (items.length === 0) return true;
  return by === 'OR' ? items.some(holds) : items.every(holds);
}

function passes(finding: FindingV2, { FieldName, Filter: { Value, Comparison } }: StringFilter): boolean {
  const value = FieldName.split('.').reduce<unknown>((held, step) => Object(held)[step], finding);
  const text = String(value ?? '');
  const fits = Comparison.startsWith('PREFIX') ? text.startsWith(Value) : text === Value;
  return Comparison.endsWith('NOT_EQUALS') ? !fits : fits;
}
