import type { AwsSecurityFinding, SecurityHubClient } from '@aws-sdk/client-securityhub';

/** GetFindings takes so many values in one filter. */
const maxIds = 20;

let client: Promise<SecurityHubClient> | undefined;

/** The SDK is loaded by the first call. */
function securityHub(): Promise<SecurityHubClient> {
  client ??= import('@aws-sdk/client-securityhub').then(
    (sdk) => new sdk.SecurityHubClient({ maxAttempts: 3 }),
  );
  return client;
}

/** The findings with these ids, as Security Hub has them now. @throws what Security Hub answers */
export async function getFindings(
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly AwsSecurityFinding[]> {
  const { GetFindingsCommand } = await import('@aws-sdk/client-securityhub');
  const found: AwsSecurityFinding[] = [];
  for (let at = 0; at < ids.length; at += maxIds) {
    const Id = ids.slice(at, at + maxIds).map((Value) => ({ Value, Comparison: 'EQUALS' as const }));
    let NextToken: string | undefined;
    do {
      const command = new GetFindingsCommand({ Filters: { Id }, MaxResults: 100, NextToken });
      const page = await (await securityHub()).send(command, { abortSignal: signal });
      found.push(...(page.Findings ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
  }
  return found;
}
