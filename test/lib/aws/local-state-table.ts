import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { onTestFinished, vi } from 'vitest';
import { openDatabase } from '../../../emulator/aws/dynamodb/database.ts';
import { createStateTable, type StateTable } from '../../../lib/aws/state-table.ts';
import type { Clock } from '../../../lib/core/clock.ts';

/** A state table of its own on a running dynalite, and a client that sees what is stored. */
export type LocalStateTable = {
  readonly name: string;
  readonly table: StateTable;
  readonly client: DynamoDBClient;
  /** The bodies of the requests so far, by the operation that each asks for. */
  readonly calls: readonly { readonly operation: string; readonly body: string }[];
  /** Empties `calls`. */
  forget(): void;
};

/** The keys of a state table, as deploy/resources/state-table.yml declares them. */
export const keySchema: Pick<CreateTableCommandInput, 'BillingMode' | 'AttributeDefinitions' | 'KeySchema'> =
  {
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  };

let tables = 0;

/** Starts dynalite with an empty state table; the test's end stops it. */
export async function startStateTable(clock: Clock): Promise<LocalStateTable> {
  const server = openDatabase({ createTableMs: 0 });
  const calls: { operation: string; body: string }[] = [];
  server.on('request', (request) => {
    const call = { operation: String(request.headers['x-amz-target']).split('.').at(-1) ?? '', body: '' };
    calls.push(call);
    request.on('data', (piece: Buffer) => {
      call.body += piece.toString();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  stubDynamoDb(`http://127.0.0.1:${port}`);
  const client = new DynamoDBClient({});
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    client.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  tables += 1;
  const name = `state-${tables}`;
  await createTable(client, name);
  const forget = () => {
    calls.length = 0;
  };
  forget();
  return { name, table: createStateTable(name, clock, () => 0.5), client, calls, forget };
}

/** Makes the SDK take what listens at `url` for DynamoDB. */
export function stubDynamoDb(url: string): void {
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', url);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
}

async function createTable(client: DynamoDBClient, name: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: name,
      ...keySchema,
    }),
  );
}
