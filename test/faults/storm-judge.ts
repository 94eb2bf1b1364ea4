import { type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { StormMessage, StormPlan } from './storm-messages.ts';
import type { StormStack } from './storm-stack.ts';

/** Everything that is not as it should be, in words. */
export async function judgeStorm(storm: StormStack, { messages }: StormPlan): Promise<readonly string[]> {
  const letters = await readDeadLetters(storm);
  return [
    ...judgeRecords(storm, messages),
    ...judgeNotes(storm, messages),
    ...judgeLetters(messages, letters),
  ];
}

function judgeRecords({ stack }: StormStack, messages: readonly StormMessage[]): readonly string[] {
  const rows = stack.instance.state.store.select('incident');
  const bySysId = new Map(rows.map((row) => [row['sys_id'], row]));
  const described = Map.groupBy(rows, (row) => row['short_description'] ?? '');
  const matched = Map.groupBy(rows, (row) => row['correlation_id'] ?? '');
  const unlike = (what: string, marker: string, count: number) =>
    count === 1 ? [] : [`${what} ${marker}: ${count} records`];
  return uniqueByMarker(messages).flatMap(({ kind, marker }) => {
    if (kind === 'create') return unlike('create', marker, described.get(marker)?.length ?? 0);
    if (kind === 'upsert') return unlike('upsert', marker, matched.get(marker)?.length ?? 0);
    if (kind === 'delete') return bySysId.has(marker) ? [`delete ${marker}: still there`] : [];
    if (kind !== 'update') return [];
    const sysId = marker.slice(-32);
    return bySysId.get(sysId)?.['close_notes'] === sysId ? [] : [`update ${sysId}: not carried out`];
  });
}

function judgeNotes({ stack }: StormStack, messages: readonly StormMessage[]): readonly string[] {
  const entries = stack.instance.state.store.select('sys_journal_field', { orderBy: 't0.rowid' });
  const counts = Map.groupBy(entries, ({ value }) => value ?? '');
  const notes = uniqueByMarker(messages).filter(({ kind }) => kind === 'note' || kind === 'ordered');
  const miscounted = notes.flatMap(({ kind, marker }) => {
    const count = counts.get(marker)?.length ?? 0;
    return count === 1 ? [] : [`${kind} ${marker}: ${count} entries`];
  });
  return [...miscounted, ...judgeOrder(entries, notes)];
}

function judgeOrder(
  entries: readonly Record<string, string>[],
  notes: readonly StormMessage[],
): readonly string[] {
  const groups = Map.groupBy(
    notes.filter(({ group }) => group !== undefined),
    ({ group }) => group ?? '',
  );
  return [...groups].flatMap(([group, members]) => {
    const wanted = members.map(({ marker }) => marker);
    const written = entries.flatMap(({ element, element_id, value = '' }) =>
      element === 'comments' && element_id === group ? [value] : [],
    );
    return written.join() === wanted.join() ? [] : [`group ${group}: written in another order than sent`];
  });
}

function judgeLetters(messages: readonly StormMessage[], letters: readonly Message[]): readonly string[] {
  const invalid = uniqueByMarker(messages).filter(({ kind }) => kind === 'invalid');
  const missing = invalid.filter(({ body }) => !letters.some((letter) => letter.Body === body));
  const strange = letters.filter((letter) => !invalid.some(({ body }) => letter.Body === body));
  const silent = letters.filter(({ MessageAttributes: told = {} }) =>
    ['ErrorCode', 'ErrorMessage', 'RequestId', 'Attempts'].some((name) => !told[name]?.StringValue),
  );
  return [
    ...missing.map(({ marker }) => `invalid ${marker}: not in the dead-letter queue`),
    ...strange.map(
      ({ Body, MessageAttributes }) =>
        `dead letter ${Body}: ${MessageAttributes?.['ErrorMessage']?.StringValue}`,
    ),
    ...silent.map(({ Body }) => `dead letter ${Body}: without its reason`),
  ];
}

async function readDeadLetters({ sqs, deadLetterUrls }: StormStack): Promise<readonly Message[]> {
  const letters: Message[] = [];
  for (const QueueUrl of deadLetterUrls) {
    for (;;) {
      const receive = {
        QueueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 600,
        MessageAttributeNames: ['All'],
      };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
      if (Messages.length === 0) break;
      letters.push(...Messages);
    }
  }
  return letters;
}

function uniqueByMarker(messages: readonly StormMessage[]): readonly StormMessage[] {
  return [...new Map(messages.map((message) => [message.marker, message])).values()];
}
