import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createClient, encodedQuery, listAll } from 'servicenow-functions';

const secrets = new SecretsManagerClient({});

// One client for all invocations: it keeps its token and its connections.
const client = createClient({
  async readSecret() {
    const { SecretString } = await secrets.send(
      new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }),
    );
    return SecretString;
  },
  allowedHosts: process.env.ALLOWED_HOSTS?.split(',') ?? [],
});

/** Event: `{ "group": "Hardware" }`. Answers with the open incidents of the group by their urgency. */
export async function handler({ group }) {
  const query = encodedQuery().where('active', '=', 'true').where('assignment_group.name', '=', group);
  const counts = {};
  for await (const { urgency } of listAll(client, { table: 'incident', query, fields: ['urgency'] }))
    counts[urgency] = (counts[urgency] ?? 0) + 1;
  return counts;
}
