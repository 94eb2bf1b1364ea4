import type { Decide, Passage, Treatment } from './fault-proxy.ts';

/** What a service refuses, and how often it did. */
export type Refusals = { readonly decide: Decide; readonly counts: Readonly<Record<string, number>> };

type Entry = { readonly Id: string };

/**
 * Refuses calls to SQS at random: whole calls with 503, or single entries of a batch, which SQS names in its answer.
 * @param share of the calls, from 0 to 1
 */
export function refuseSqs(random: () => number, share: number): Refusals {
  const counts: Record<string, number> = {};
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const decide = (passage: Passage): Treatment | undefined => {
    if (!/^(SendMessage|ChangeMessageVisibility|DeleteMessage)(Batch)?$/.test(passage.action))
      return undefined;
    if (random() >= share) return undefined;
    count(`SQS refuses ${passage.action}`);
    const isBatch = passage.action.endsWith('Batch');
    return isBatch && random() < 0.5 ? refuseEntries(passage, random) : unavailable;
  };
  return { decide, counts };
}

/** DynamoDB is briefly overloaded: nothing of the call is carried out. */
export function refuseDynamoDb(random: () => number, share: number): Refusals {
  const counts: Record<string, number> = { 'DynamoDB refuses': 0 };
  const decide = (): Treatment | undefined => {
    if (random() >= share) return undefined;
    counts['DynamoDB refuses'] = (counts['DynamoDB refuses'] ?? 0) + 1;
    return overloaded;
  };
  return { decide, counts };
}

/** S3 asks to slow down. */
export function refuseS3(random: () => number, share: number): Refusals {
  const counts: Record<string, number> = { 'S3 refuses': 0 };
  const decide = (): Treatment | undefined => {
    if (random() >= share) return undefined;
    counts['S3 refuses'] = (counts['S3 refuses'] ?? 0) + 1;
    return slowDown;
  };
  return { decide, counts };
}

const overloaded: Treatment = {
  kind: 'answer',
  answer: {
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Buffer.from(
      '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}',
    ),
  },
};

const slowDown: Treatment = {
  kind: 'answer',
  answer: {
    status: 503,
    headers: { 'content-type': 'application/xml' },
    body: Buffer.from(
      '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
    ),
  },
};

const unavailable: Treatment = {
  kind: 'answer',
  answer: {
    status: 503,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Buffer.from('{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"Service is unavailable"}'),
  },
};

/** SQS carries out the rest of the batch. At least one entry is refused. */
function refuseEntries({ body }: Passage, random: () => number): Treatment {
  const call: { Entries: readonly Entry[] } = JSON.parse(body.toString());
  const refused = call.Entries.filter((_entry, index) => index === 0 || random() < 0.3);
  const kept = call.Entries.filter((entry) => !refused.includes(entry));
  const failed = refused.map(({ Id }) => ({
    Id,
    Code: 'InternalError',
    Message: 'try again',
    SenderFault: false,
  }));
  if (kept.length === 0) {
    const answer = Buffer.from(JSON.stringify({ Successful: [], Failed: failed }));
    return {
      kind: 'answer',
      answer: { status: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: answer },
    };
  }
  return {
    kind: 'replace',
    body: Buffer.from(JSON.stringify({ ...call, Entries: kept })),
    change: (answer) => {
      const parsed: { Failed?: readonly object[] } = JSON.parse(answer.body.toString());
      const changed = { ...parsed, Failed: [...(parsed.Failed ?? []), ...failed] };
      return { ...answer, body: Buffer.from(JSON.stringify(changed)) };
    },
  };
}
