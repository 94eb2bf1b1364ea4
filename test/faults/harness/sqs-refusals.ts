import type { Decide, Passage, Treatment } from './fault-proxy.ts';

/** What SQS may refuse, and how often it did. */
export type SqsRefusals = { readonly decide: Decide; readonly counts: Readonly<Record<string, number>> };

type Entry = { readonly Id: string };

/**
 * Refuses calls to SQS at random: whole calls with 503, or single entries of a batch, which SQS names in its answer.
 * @param share of the calls, from 0 to 1
 */
export function refuseSqs(random: () => number, share: number): SqsRefusals {
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
