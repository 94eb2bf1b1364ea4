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

/**
 * DynamoDB is briefly overloaded, so that nothing of the call is carried out; or its answer is lost once it has carried the call out.
 * @param share of the calls that each happens to, from 0 to 1
 */
export function disturbDynamoDb(random: () => number, share: number): Refusals {
  const refusals = refuseAll('DynamoDB refuses', overloaded, random, share);
  const losses = refuseAll('DynamoDB loses its answer', { kind: 'cut-after' }, random, share);
  return {
    decide: (passage) => refusals.decide(passage) ?? losses.decide(passage),
    get counts() {
      return { ...refusals.counts, ...losses.counts };
    },
  };
}

/** S3 asks to slow down. */
export function refuseS3(random: () => number, share: number): Refusals {
  return refuseAll('S3 refuses', slowDown, random, share);
}

function refuseAll(name: string, refusal: Treatment, random: () => number, share: number): Refusals {
  const counts: Record<string, number> = { [name]: 0 };
  const decide = (): Treatment | undefined => {
    if (random() >= share) return undefined;
    counts[name] = (counts[name] ?? 0) + 1;
    return refusal;
  };
  return { decide, counts };
}

const jsonType = 'application/x-amz-json-1.0';

function answering(status: number, contentType: string, body: string): Treatment {
  return {
    kind: 'answer',
    answer: { status, headers: { 'content-type': contentType }, body: Buffer.from(body) },
  };
}

const overloaded = answering(
  400,
  jsonType,
  '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}',
);

const slowDown = answering(
  503,
  'application/xml',
  '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
);

const unavailable = answering(
  503,
  jsonType,
  '{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"Service is unavailable"}',
);

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
  if (kept.length === 0) return answering(200, jsonType, JSON.stringify({ Successful: [], Failed: failed }));
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
