import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY, openDatabase } from '../database.ts';
import type { NewEvent } from '../event-bridge/bus.ts';
import { type Permit, permitAll } from '../iam/access-control.ts';
import { securityHubRights } from '../iam/required-rights.ts';
import type { AwsCall } from '../iam/role-policy.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import { BatchUpdateFindingsV2, FindingsV2, type FindingV2, GetFindingsV2 } from './findings-v2.ts';

/** A finding in the AWS Security Finding Format, as far as calls look into it. */
const Finding = z.looseObject({
  Id: z.string().min(1).max(512),
  ProductArn: z.string().min(1),
  UpdatedAt: z.string(),
});
type Finding = z.output<typeof Finding>;

/** @see https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html */
const MOST_RESULTS = 100;

const condition = z.object({
  Value: z.string(),
  Comparison: z.enum(['EQUALS', 'PREFIX', 'NOT_EQUALS', 'PREFIX_NOT_EQUALS']),
});
/** Text filters, and where in a finding each of them looks. */
const filterPaths = {
  Id: ['Id'],
  ProductArn: ['ProductArn'],
  AwsAccountId: ['AwsAccountId'],
  GeneratorId: ['GeneratorId'],
  RecordState: ['RecordState'],
  SeverityLabel: ['Severity', 'Label'],
  WorkflowStatus: ['Workflow', 'Status'],
  ComplianceStatus: ['Compliance', 'Status'],
  ComplianceSecurityControlId: ['Compliance', 'SecurityControlId'],
  Region: ['Region'],
  ResourceId: ['Resources', 'Id'],
} as const;
type FilterName = keyof typeof filterPaths;

const GetFindings = z.object({
  Filters: z.partialRecord(z.enum(Object.keys(filterPaths)), z.array(condition).max(20)).default({}),
  MaxResults: z.int().min(1).max(MOST_RESULTS).default(100),
  NextToken: z.string().optional(),
});
const BatchImportFindings = z.object({ Findings: z.array(Finding).min(1).max(100) });
const BatchUpdateFindings = z.object({
  FindingIdentifiers: z
    .array(z.object({ Id: z.string(), ProductArn: z.string() }))
    .min(1)
    .max(100),
  Workflow: z.object({ Status: z.string() }).optional(),
  Severity: z.looseObject({ Label: z.string().optional() }).optional(),
  Note: z.looseObject({}).optional(),
  UserDefinedFields: z.record(z.string(), z.string()).optional(),
});

type Service = {
  readonly database: DatabaseSync;
  readonly clock: Clock;
  readonly publish: (event: NewEvent) => void;
  readonly v2: FindingsV2;
};

const routes: Readonly<Record<string, (body: unknown, service: Service) => object>> = {
  'POST /findings': (body, service) => getFindings(GetFindings.parse(body), service),
  'POST /findings/import': (body, service) =>
    importFindings(BatchImportFindings.parse(body).Findings, service),
  'PATCH /findings/batchupdate': (body, service) => updateFindings(BatchUpdateFindings.parse(body), service),
  'POST /findingsv2': (body, { v2 }) => v2.get(GetFindingsV2.parse(body)),
  'PATCH /findingsv2/batchupdatev2': (body, { v2 }) => v2.update(BatchUpdateFindingsV2.parse(body)),
};

export type SecurityHubOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps the findings. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** Takes the event of each finding that is imported or updated. */
  readonly publish: (event: NewEvent) => void;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

export type LocalSecurityHub = LoopbackServer & {
  /** Makes or changes a finding in OCSF, as a product does. */
  putFindingV2(finding: FindingV2): void;
};

/** The findings of AWS Security Hub for the real SDK, in ASFF and OCSF: imported, updated and asked for. Signatures are not checked. */
export async function startSecurityHub(options: SecurityHubOptions): Promise<LocalSecurityHub> {
  const { port, databaseFile = IN_MEMORY, clock = systemClock, publish } = options;
  const database = openDatabase(
    databaseFile,
    'CREATE TABLE IF NOT EXISTS finding (id TEXT, product TEXT, body TEXT NOT NULL, PRIMARY KEY (id, product)) STRICT;',
  );
  const v2 = new FindingsV2({ database, clock, publish });
  const server = await listenOnLoopback(
    restJson({ database, clock, publish, v2 }, options.permit),
    port,
    'Security Hub',
  );
  return {
    ...server,
    putFindingV2: (finding) => v2.put(finding),
    close: () => server.close().then(() => database.close()),
  };
}

function restJson(service: Service, permit: Permit = permitAll): RequestListener {
  return async (request, response) => {
    const body = await text(request);
    const { status, type, content } = answer(`${request.method} ${request.url}`, body, service, (...calls) =>
      permit(request.headers.authorization, ...calls),
    );
    if (response.destroyed) return;
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-amzn-requestid': randomUUID(),
      ...(type !== undefined && { 'x-amzn-errortype': type }),
    });
    response.end(JSON.stringify(content));
  };
}

function answer(
  route: string,
  body: string,
  service: Service,
  require: (...calls: readonly AwsCall[]) => void,
): { status: number; type?: string; content: object } {
  try {
    const run = Object.hasOwn(routes, route) ? routes[route] : undefined;
    if (!run) throw new AwsError('ResourceNotFoundException', `${route}: no such action here`, 404);
    const input = JSON.parse(body || '{}');
    require(...securityHubRights(route, input));
    return { status: 200, content: run(input, service) };
  } catch (error) {
    const { code, status, message } = asAwsError(error);
    return { status, type: code, content: { Code: code, Message: message } };
  }
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof z.ZodError) return new AwsError('InvalidInputException', z.prettifyError(error));
  if (error instanceof SyntaxError) return new AwsError('InvalidInputException', 'the body is not JSON');
  return new AwsError('InternalException', String(error), 500);
}

/** Conditions on one field are alternatives (refusing ones hold all together); fields hold all together. */
function getFindings(
  { Filters, MaxResults, NextToken }: z.output<typeof GetFindings>,
  service: Service,
): object {
  const from = NextToken === undefined ? 0 : Number(Buffer.from(NextToken, 'base64url').toString());
  if (!Number.isInteger(from)) throw new AwsError('InvalidInputException', 'NextToken is not valid');
  const fitting = allFindings(service).filter((finding) =>
    Object.entries(Filters).every(([name, conditions = []]) =>
      valuesAt(finding, name).some((value) => passes(value, conditions)),
    ),
  );
  const next = from + MaxResults;
  return {
    Findings: fitting.slice(from, next),
    ...(next < fitting.length && { NextToken: Buffer.from(`${next}`).toString('base64url') }),
  };
}

function passes(value: string, conditions: readonly z.output<typeof condition>[]): boolean {
  const holds = ({ Value, Comparison }: z.output<typeof condition>) => {
    const fits = Comparison.startsWith('PREFIX') ? value.startsWith(Value) : value === Value;
    return Comparison.endsWith('NOT_EQUALS') ? !fits : fits;
  };
  const refusing = conditions.filter(({ Comparison }) => Comparison.endsWith('NOT_EQUALS'));
  const wanting = conditions.filter(({ Comparison }) => !Comparison.endsWith('NOT_EQUALS'));
  return refusing.every(holds) && (wanting.length === 0 || wanting.some(holds));
}

/** What a filter looks at: of a list, one value for each element. */
function valuesAt(finding: Finding, name: string): readonly string[] {
  const path: readonly string[] = isFilterName(name) ? filterPaths[name] : [];
  const found = path.reduce<readonly unknown[]>(
    (values, step) => values.flatMap((value) => [Object(value)[step]].flat()),
    [finding],
  );
  return found.map((value) => String(value ?? ''));
}

function isFilterName(name: string): name is FilterName {
  return Object.hasOwn(filterPaths, name);
}

function importFindings(findings: readonly Finding[], service: Service): object {
  for (const finding of findings) {
    const before = find(service, finding);
    // What people set with BatchUpdateFindings stays.
    const kept = before?.['Workflow'] === undefined ? {} : { Workflow: before['Workflow'] };
    store(service, { Workflow: { Status: 'NEW' }, RecordState: 'ACTIVE', ...finding, ...kept });
  }
  return { FailedCount: 0, SuccessCount: findings.length, FailedFindings: [] };
}

/** An update does not move `UpdatedAt`, which belongs to the product that found it. */
function updateFindings(input: z.output<typeof BatchUpdateFindings>, service: Service): object {
  const { FindingIdentifiers, ...changes } = input;
  const ProcessedFindings: object[] = [];
  const UnprocessedFindings: object[] = [];
  for (const FindingIdentifier of FindingIdentifiers) {
    const finding = find(service, FindingIdentifier);
    if (finding) {
      store(service, { ...finding, ...changes });
      ProcessedFindings.push(FindingIdentifier);
    } else
      UnprocessedFindings.push({
        FindingIdentifier,
        ErrorCode: 'FindingNotFound',
        ErrorMessage: 'Finding Not Found',
      });
  }
  return { ProcessedFindings, UnprocessedFindings };
}

function store({ database, clock, publish }: Service, finding: Finding): void {
  database
    .prepare('INSERT OR REPLACE INTO finding VALUES (?, ?, ?)')
    .run(finding.Id, finding.ProductArn, JSON.stringify(finding));
  publish({
    source: 'aws.securityhub',
    detailType: 'Security Hub Findings - Imported',
    resources: [`${finding.ProductArn}/${finding.Id}`],
    timeMs: clock.now(),
    detail: { findings: [finding] },
  });
}

function find(
  { database }: Service,
  { Id, ProductArn }: { Id: string; ProductArn: string },
): Finding | undefined {
  const row = database.prepare('SELECT body FROM finding WHERE id = ? AND product = ?').get(Id, ProductArn);
  return row && Finding.parse(JSON.parse(String(row['body'])));
}

function allFindings({ database }: Service): Finding[] {
  const rows = database.prepare('SELECT body FROM finding ORDER BY rowid').all();
  return rows.map((row) => Finding.parse(JSON.parse(String(row['body']))));
}
