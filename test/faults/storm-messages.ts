/** One message of a storm. The marker is unique to its effect: copies of a message share it. */
export type StormMessage = {
  readonly kind: 'create' | 'upsert' | 'update' | 'delete' | 'note' | 'ordered' | 'invalid';
  readonly marker: string;
  readonly body: string;
  /** Message attribute `IdempotencyKey`. */
  readonly key?: string;
  /** Set for the FIFO queue. */
  readonly group?: string;
};

/** Records that the messages of a storm are about; they are on the instance beforehand. */
export type StormRecords = {
  /** One update each. */
  readonly updated: readonly string[];
  readonly deleted: readonly string[];
  /** Notes are written to these. */
  readonly noted: readonly string[];
};

export type StormPlan = {
  readonly messages: readonly StormMessage[];
  readonly records: StormRecords;
  /** How many are there of what makes trouble by itself. */
  readonly counts: { readonly duplicates: number; readonly 'too large for a batch': number };
};

/** What the Batch API of the storm's instance takes for one call. */
export const largeBytes = 4_000;

const invalidBodies = [
  (marker: string) => `{"marker":"${marker}"`,
  (marker: string) =>
    JSON.stringify({ table: 'incident', record: { short_description: marker }, action: 'replace' }),
  (marker: string) => JSON.stringify({ table: 'incident', records: marker }),
  (marker: string) => JSON.stringify({ table: 'no_such_table', record: { short_description: marker } }),
  (marker: string) =>
    JSON.stringify({
      action: 'update',
      table: 'incident',
      sysId: '0',
      record: { short_description: marker },
    }),
];

/**
 * A seeded mix of messages: about a tenth are sent twice under one key, and all are in random order, groups apart.
 * @param contents a text that every record carries
 */
export function planStorm(count: number, seed: number, random: () => number, contents: string): StormPlan {
  const records = {
    updated: [] as string[],
    deleted: [] as string[],
    noted: Array.from({ length: 10 }, () => hexId(random)),
  };
  const messages: StormMessage[] = [];
  for (let index = 0; messages.length < count; index += 1) {
    const message = draw(`s${seed}-${index}-`, index, random, { ...records, contents });
    const twice = message.key !== undefined && random() < 0.15;
    messages.push(message, ...(twice ? [message] : []));
  }
  const counts = {
    duplicates: messages.length - new Set(messages).size,
    'too large for a batch': messages.filter(({ body }) => body.length > largeBytes).length,
  };
  return { messages: shuffleApart(messages, random), records, counts };
}

function draw(
  marker: string,
  index: number,
  random: () => number,
  {
    updated,
    deleted,
    noted,
    contents,
  }: { updated: string[]; deleted: string[]; noted: string[]; contents: string },
): StormMessage {
  const dice = random();
  const key = random() < 0.7 ? { key: `key-${marker}` } : {};
  const say = (body: object) => JSON.stringify(body);
  const large = index % 500 === 250 ? 'x'.repeat(largeBytes) : '';
  const record = { short_description: marker, description: contents + large };
  if (dice < 0.55) return { kind: 'create', marker, ...key, body: say({ table: 'incident', record }) };
  if (dice < 0.65) {
    // Five messages or so meet in each match.
    const match = { correlation_id: `${marker.split('-')[0]}-match-${Math.floor(index / 50)}` };
    return {
      kind: 'upsert',
      marker: match.correlation_id,
      ...key,
      body: say({ action: 'upsert', table: 'incident', match, record }),
    };
  }
  if (dice < 0.73) {
    const sysId = hexId(random);
    updated.push(sysId);
    return {
      kind: 'update',
      marker: `${marker}${sysId}`,
      ...key,
      body: say({
        action: 'update',
        table: 'incident',
        sysId,
        record: { close_notes: sysId, description: contents },
      }),
    };
  }
  if (dice < 0.8) {
    const sysId = hexId(random);
    deleted.push(sysId);
    return {
      kind: 'delete',
      marker: sysId,
      ...key,
      body: say({ action: 'delete', table: 'incident', sysId }),
    };
  }
  const sysId = noted[Math.floor(random() * noted.length)] ?? '';
  if (dice < 0.87)
    return {
      kind: 'note',
      marker,
      body: say({ action: 'update', table: 'incident', sysId, record: { work_notes: marker } }),
    };
  if (dice < 0.95) {
    // The group is the record, so that its comments are written in the order sent.
    return {
      kind: 'ordered',
      marker,
      key: `key-${marker}`,
      group: sysId,
      body: say({ action: 'update', table: 'incident', sysId, record: { comments: marker } }),
    };
  }
  const invalid = invalidBodies[index % invalidBodies.length];
  return { kind: 'invalid', marker, body: invalid?.(marker) ?? '' };
}

/** 32 hex digits. */
function hexId(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** Shuffles what has no order; messages of a group keep theirs. */
function shuffleApart(messages: readonly StormMessage[], random: () => number): readonly StormMessage[] {
  const grouped = messages.filter(({ group }) => group !== undefined);
  const loose = messages.filter(({ group }) => group === undefined);
  for (let last = loose.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [loose[last], loose[other]];
    if (a && b) [loose[last], loose[other]] = [b, a];
  }
  return [...loose, ...grouped];
}
