import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  paginateScan,
} from '@aws-sdk/client-dynamodb';

/**
 * Deletes the items of a table that have expired and were not renewed meanwhile.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export async function sweepExpired(
  client: DynamoDBClient,
  tableName: string,
  attribute: string,
  nowMs: number,
): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const keys = (Table?.KeySchema ?? []).flatMap(({ AttributeName }) => AttributeName ?? []);
  const expired = {
    ExpressionAttributeNames: { '#expiry': attribute },
    ExpressionAttributeValues: { ':now': { N: String(Math.floor(nowMs / 1000)) } },
  };
  const pages = paginateScan(
    { client },
    { TableName: tableName, FilterExpression: '#expiry < :now', ...expired },
  );
  for await (const { Items = [] } of pages)
    for (const item of Items) {
      const Key = Object.fromEntries(Object.entries(item).filter(([name]) => keys.includes(name)));
      const remove = { TableName: tableName, Key, ConditionExpression: '#expiry < :now', ...expired };
      await client.send(new DeleteItemCommand(remove)).catch((error: unknown) => {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      });
    }
}
