import * as z from 'zod';

const keySchema = z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) });
const projectionSchema = z.object({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.array(z.string()).optional(),
});
const indexSchema = z.object({
  IndexName: z.string(),
  KeySchema: z.array(keySchema),
  Projection: projectionSchema,
});

const schema = z.object({
  AttributeDefinitions: z.array(
    z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }),
  ),
  KeySchema: z.array(keySchema),
  GlobalSecondaryIndexes: z.array(indexSchema).optional(),
  LocalSecondaryIndexes: z.array(indexSchema).optional(),
  TimeToLiveSpecification: z.object({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
});

type Definition = Omit<z.infer<typeof schema>, 'TimeToLiveSpecification'>;

/** A DynamoDB table. Capacity, encryption, recovery and tags have no effect on one machine. */
export type Table = Definition & {
  readonly name: string;
  /** The attribute that holds when an item expires, in seconds since the epoch. */
  readonly timeToLiveAttribute?: string;
};

/** Reads the resolved properties of an AWS::DynamoDB::Table. */
export function table(name: string, properties: unknown): Table {
  const { TimeToLiveSpecification: timeToLive, ...definition } = schema.parse(properties);
  return {
    name,
    ...definition,
    ...(timeToLive?.Enabled && { timeToLiveAttribute: timeToLive.AttributeName }),
  };
}
