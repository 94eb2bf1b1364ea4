import { describe, expect, it } from 'vitest';
import { processRedactor } from '../../../lib/core/redaction.ts';
import { toErrorResponse } from '../../../lib/gateway/http-response.ts';
import { listRecords } from '../../../lib/servicenow/records.ts';
import { canary, disguises } from '../../secrecy/disguises.ts';
import { json, scriptedServer } from '../servicenow/scripted-server.ts';
import { callContext, clientFor } from '../servicenow/testing.ts';

describe('a token that cannot be had', () => {
  it.each([
    [500, 'INSTANCE_ERROR'],
    [429, 'THROTTLED'],
    [400, 'CREDENTIALS_REJECTED'],
    [404, 'NOT_SERVICENOW'],
  ])('for a %i is reported in our words, not in those of the token endpoint', async (status, code) => {
    const clientSecret = canary('client-secret');
    const { url } = await scriptedServer((response, { body }) =>
      json(response, status, { error: 'server_error', error_description: `you sent ${body}` }),
    );
    const auth = { type: 'oauth-client-credentials', clientId: 'c', clientSecret } as const;
    const client = clientFor({ instanceUrl: url, auth }, { redactor: processRedactor, maxAttempts: 1 });
    const error = await listRecords(client, { table: 'incident' }, callContext()).catch(
      (thrown: unknown) => thrown,
    );
    const { headers, body = '' } = toErrorResponse(error, 'https://api.test');
    expect(headers).toMatchObject({ 'x-error-code': code });
    expect(JSON.parse(body)).toMatchObject({ status: 'failure', error: { message: expect.any(String) } });
    for (const disguise of disguises(clientSecret)) expect(body).not.toContain(disguise);
  });
});
