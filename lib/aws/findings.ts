import type {
  AwsSecurityFinding,
  AwsSecurityFindingFilters,
  SecurityHubClient,
} from '@aws-sdk/client-securityhub';
import { inParts } from '../core/in-parts.ts';

/** GetFindings and GetFindingsV2 take so many values in one filter. */
const maxValues = 20;
const maxResults = 100;

/** The same control of one account and region, checked on several resources. */
export type ControlOnResources = {
  readonly account: string;
  readonly region: string;
  /** e.g. `S3.1` */
  readonly control: string;
  readonly resources: readonly string[];
};

let client: Promise<SecurityHubClient> | undefined;

/** The SDK is loaded by the first call. */
function securityHub(): Promise<SecurityHubClient> {
  client ??= import('./sdk/security-hub.ts').then((sdk) => new sdk.SecurityHubClient({ maxAttempts: 3 }));
  return client;
}

/** The findings with these ids, as Security Hub has them now. @throws what Security Hub answers */
export async function getFindings(
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly AwsSecurityFinding[]> {
  const found = partsOf(ids).map((part) => findingsBy({ Id: equalTo(part) }, signal));
  return (await inTurn(found)).flat();
}

/** The findings of a control, from whichever standards report it. @throws what Security Hub answers */
export async function getFindingsOfControl(
  { account, region, control, resources }: ControlOnResources,
  signal: AbortSignal,
): Promise<readonly AwsSecurityFinding[]> {
  const found = partsOf(resources).map((part) =>
    findingsBy(
      {
        ...{ AwsAccountId: equalTo([account]), Region: equalTo([region]) },
        ...{ ComplianceSecurityControlId: equalTo([control]), ResourceId: equalTo(part) },
      },
      signal,
    ),
  );
  return (await inTurn(found)).flat();
}

/** The findings in OCSF with these `metadata.uid`, as Security Hub has them now. @throws what Security Hub answers */
export async function getFindingsV2(
  uids: readonly string[],
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const { GetFindingsV2Command } = await import('./sdk/security-hub.ts');
  const found = partsOf(uids).map((part) => async () => {
    const StringFilters = part.map((Value) => ({
      FieldName: 'metadata.uid' as const,
      Filter: { Value, Comparison: 'EQUALS' as const },
    }));
    const Filters = { CompositeFilters: [{ StringFilters, Operator: 'OR' as const }] };
    return allPages(async (NextToken) => {
      const command = new GetFindingsV2Command({ Filters, MaxResults: maxResults, NextToken });
      return (await securityHub()).send(command, { abortSignal: signal });
    });
  });
  return (await inTurn(found)).flat();
}

function findingsBy(Filters: AwsSecurityFindingFilters, signal: AbortSignal) {
  return async () => {
    const { GetFindingsCommand } = await import('./sdk/security-hub.ts');
    return allPages(async (NextToken) => {
      const command = new GetFindingsCommand({ Filters, MaxResults: maxResults, NextToken });
      return (await securityHub()).send(command, { abortSignal: signal });
    });
  };
}

type Page<T> = { readonly Findings?: T[] | undefined; readonly NextToken?: string | undefined };

async function allPages<T>(ask: (token: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  let token: string | undefined;
  do {
    const page = await ask(token);
    found.push(...(page.Findings ?? []));
    token = page.NextToken;
  } while (token);
  return found;
}

/** One after the other: Security Hub allows three of these calls a second. */
async function inTurn<T>(calls: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const answers: T[] = [];
  for (const call of calls) answers.push(await call());
  return answers;
}

/** Values in parts that one question takes, each once: a question that fails takes no answer from the others. */
export function partsOf(values: readonly string[]): readonly (readonly string[])[] {
  return inParts([...new Set(values)], maxValues);
}

function equalTo(values: readonly string[]) {
  return values.map((Value) => ({ Value, Comparison: 'EQUALS' as const }));
}
