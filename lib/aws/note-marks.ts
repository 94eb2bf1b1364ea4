import { digestOf } from './digest.ts';
import { type LedgerItems, numberIn, textIn } from './ledger-items.ts';
import type { StateItem } from './state-table.ts';

/** A note that was, or may have been, written to the journal of a record. */
export type NoteMark = {
  readonly key: string;
  readonly state: 'possibly-sent' | 'applied';
  readonly sentAtMs: number;
  readonly untilMs: number;
  /** When its answer came. */
  readonly appliedAtMs?: number | undefined;
  /** The journal entry that is its own, where that is known. */
  readonly entryId?: string | undefined;
};

/** When a write was asked for. */
export type AskedAt = {
  /** When its message was first sent to the queue, or its request came. In milliseconds since the Unix epoch. */
  readonly askedAtMs: number;
  /** The number that a FIFO queue gave the message: of the same millisecond, the greater one is later. */
  readonly sequence?: string | undefined;
};

/** When a write was first about to be sent, in milliseconds since the Unix epoch, and when it was asked for. */
type WriteTimes = AskedAt & { readonly sentAtMs: number };

/** Notes that are about to be written to a record. */
type BegunNotes = {
  /** Digests of their beginnings, by column. */
  readonly starts: Readonly<Record<string, readonly string[]>>;
  /** From then on they can no longer be under way, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
};

/** A note of another key, written between these times if it was. How it begins is not known of all. */
export type RivalNote = {
  readonly starts: readonly string[];
  readonly sentAtMs: number;
  readonly untilMs: number;
};

/** An item holds 400 KB, a message a mebibyte: where the names of columns are longer than this in all, digests stand for them. */
const mostNameBytes = 8_192;
/** Characters of the digest of a name, and of how many columns there are some: no table has a tenth of that. */
const nameDigestLength = 5;
const mostColumns = 50_000;

/** For so long a note may have been under way of which that was not remembered. */
const assumedMs = 120_000;

/** A note of a record: its text is known by a digest only. */
export type NoteKey = { readonly sysId: string; readonly column: string; readonly textDigest: string };

/**
 * Remembers which keys wrote which columns and notes of the records of one instance. Every method throws what the state table
 * throws.
 */
export class NoteMarks {
  readonly #items: LedgerItems;
  readonly #scope: string;

  constructor(
    items: LedgerItems,
    { deployment, instance }: { readonly deployment: string; readonly instance: string },
  ) {
    this.#items = items;
    this.#scope = `${deployment}/${instance}`;
  }

  /**
   * Remembers which columns of a record a key is about to write, when it was first about to, and when that was asked for.
   * @param notes those among them, and until when all may be under way
   */
  async rememberColumns(
    sysId: string,
    keyName: string,
    columns: readonly string[],
    { sentAtMs, askedAtMs, sequence }: WriteTimes,
    notes?: BegunNotes,
  ): Promise<void> {
    const key = { pk: this.#columnsKey(sysId), sk: keyName };
    const { starts = {}, untilMs } = notes ?? {};
    const more = {
      ...(untilMs !== undefined && { untilMs }),
      ...(Object.keys(starts).length > 0 && { starts }),
    };
    const asked = { askedAtMs, ...(sequence !== undefined && { sequence }) };
    await this.#items.put(key, { ...toNames(columns), sentAtMs, ...asked, ...more });
  }

  /**
   * The notes that other keys have written, or may have, to a journal column of a record since a time.
   * @param sinceMs in milliseconds since the Unix epoch
   * @param ownName the name of the key that asks
   */
  async rivalsSince(
    sysId: string,
    column: string,
    sinceMs: number,
    ownName: string,
  ): Promise<readonly RivalNote[]> {
    const items = await this.#items.list(this.#columnsKey(sysId));
    return items.flatMap((item) => {
      const sentAtMs = numberIn(item, 'sentAtMs');
      const untilMs = lastUntil(item);
      if (item.sk === ownName || untilMs < sinceMs) return [];
      const known: unknown = Object(item['starts'])[column];
      if (Array.isArray(known)) return [{ starts: known.map(String), sentAtMs, untilMs }];
      return names(item)(column) ? [{ starts: [], sentAtMs, untilMs }] : [];
    });
  }

  /** Those of these columns of a record that no other key has written, or may have, since a time. */
  async columnsOfNoOther(
    sysId: string,
    columns: readonly string[],
    sinceMs: number,
    ownName: string,
  ): Promise<readonly string[]> {
    const items = await this.#items.list(this.#columnsKey(sysId));
    const others = items.filter((item) => item.sk !== ownName && lastUntil(item) >= sinceMs).map(names);
    return columns.filter((column) => !others.some((isNamed) => isNamed(column)));
  }

  /** Forgets them: they were certainly not written. */
  async forgetColumns(sysId: string, keyName: string): Promise<void> {
    await this.#items.delete({ pk: this.#columnsKey(sysId), sk: keyName });
  }

  /**
   * Those of these columns of a record that belong to other keys which were asked for after a write; of what was asked for in the same
   * millisecond, and not through one FIFO queue, that were about to be written after it. One order for all: by two, each of two writes
   * might leave a column to the other. Of what the release before remembered it is not known when it was asked for.
   * @param write without `sentAtMs` it was certainly not sent
   * @param ownName the name of the key that asks
   * @returns also when the write was first asked for, by which others have to compare it: a message that comes again may say another time
   */
  async columnsAfter(
    sysId: string,
    columns: readonly string[],
    write: AskedAt & { readonly sentAtMs: number | undefined },
    ownName: string,
  ): Promise<{ readonly later: ReadonlySet<string>; readonly asked: AskedAt }> {
    const items = await this.#items.list(this.#columnsKey(sysId));
    const { sentAtMs = Number.POSITIVE_INFINITY } = write;
    const own = toAsked(items.find(({ sk }) => sk === ownName));
    // A message that comes again, or another one with its key, may say another time than the one that others have compared with.
    const asked = own.askedAtMs > 0 ? own : write;
    const isLater = (item: StateItem) =>
      (compareAsked(toAsked(item), asked) || numberIn(item, 'sentAtMs') - sentAtMs) > 0;
    const named = items.filter((item) => item.sk !== ownName && isLater(item)).map(names);
    const later = new Set(columns.filter((column) => named.some((isNamed) => isNamed(column))));
    return { later, asked };
  }

  /** The notes with this text on this record that we know of. */
  async notesOf(note: NoteKey): Promise<readonly NoteMark[]> {
    const items = await this.#items.list(this.#noteKey(note));
    return items.map((item) => ({
      key: item.sk,
      state: item['state'] === 'applied' ? 'applied' : 'possibly-sent',
      sentAtMs: numberIn(item, 'sentAtMs'),
      untilMs: numberIn(item, 'untilMs'),
      appliedAtMs: typeof item['appliedAtMs'] === 'number' ? item['appliedAtMs'] : undefined,
      entryId: typeof item['entryId'] === 'string' ? item['entryId'] : undefined,
    }));
  }

  async rememberNote(note: NoteKey, { key, ...mark }: NoteMark): Promise<void> {
    const { state, sentAtMs, untilMs, appliedAtMs, entryId } = mark;
    await this.#items.put(
      { pk: this.#noteKey(note), sk: key },
      {
        ...{ state, sentAtMs, untilMs },
        ...(appliedAtMs !== undefined && { appliedAtMs }),
        ...(entryId !== undefined && { entryId }),
      },
    );
  }

  async forgetNote(note: NoteKey, key: string): Promise<void> {
    await this.#items.delete({ pk: this.#noteKey(note), sk: key });
  }

  /** Assigns a journal entry to a key, once. @returns false when it belongs to another key */
  async claimEntry(entryId: string, key: string): Promise<boolean> {
    const free = { anyOf: [{ is: 'absent' }, { attribute: 'key', operator: '=', value: key }] } as const;
    const item = { pk: `entry#${this.#scope}#${entryId}`, sk: '-' };
    return (await this.#items.change(item, { key }, free)) !== undefined;
  }

  #columnsKey(sysId: string): string {
    return `columns#${this.#scope}#${sysId.toLowerCase()}`;
  }

  #noteKey({ sysId, column, textDigest }: NoteKey): string {
    // A key holds 2 KB; no column of a table has a name as long as this.
    const name = column.length > longestName ? digestOf(column) : column;
    return `note#${this.#scope}#${sysId.toLowerCase()}#${name}#${textDigest}`;
  }
}

const longestName = 100;

/** From then on what a key writes to a record can no longer be under way, in milliseconds since the Unix epoch. */
function lastUntil(item: StateItem): number {
  return numberIn(item, 'untilMs') || numberIn(item, 'sentAtMs') + assumedMs;
}

function toAsked(item: StateItem | undefined): AskedAt {
  return { askedAtMs: numberIn(item, 'askedAtMs'), sequence: textIn(item, 'sequence') };
}

/** Above 0 where the first was asked for later; 0 where that is not known. */
function compareAsked(one: AskedAt, other: AskedAt): number {
  if (one.askedAtMs > 0 && one.askedAtMs !== other.askedAtMs) return one.askedAtMs - other.askedAtMs;
  return one.sequence && other.sequence ? Number(BigInt(one.sequence) - BigInt(other.sequence)) : 0;
}

/** Columns as an item names them. */
function toNames(columns: readonly string[]) {
  const bytes = columns.reduce((sum, column) => sum + Buffer.byteLength(column), 0);
  if (bytes <= mostNameBytes) return { columns: [...columns] };
  return { columnDigests: columns.slice(0, mostColumns).map(shortDigestOf).join('') };
}

/** Which columns an item names. */
function names(item: StateItem): (column: string) => boolean {
  const { columns } = item;
  const named = new Set(Array.isArray(columns) ? columns.map(String) : []);
  const digests = textIn(item, 'columnDigests').match(eachDigest);
  if (!digests) return (column) => named.has(column);
  const digested = new Set<string>(digests);
  return (column) => digested.has(shortDigestOf(column));
}

const eachDigest = new RegExp(`.{${nameDigestLength}}`, 'gs');

function shortDigestOf(column: string): string {
  return digestOf(column).slice(0, nameDigestLength);
}
