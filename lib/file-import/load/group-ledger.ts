import type { Clock } from '../../core/clock.ts';
import { lineList } from '../encode/chunk.ts';
import type { ChunkReader } from '../encode/chunk-reader.ts';
import type { ImportFolder } from '../folder.ts';
import type { Position } from '../plan/import-plan.ts';
import { type LoadLedger, type SentChunk, writeLedger } from './ledger.ts';

const savePeriodMs = 1_000;
/**
 * Chunks are announced as many at once as are sent in this time: a write for each would be slow, and a death leaves no more
 * uncertain than these.
 */
const announcedMs = 250;
const announcedAtOnce = { least: 8, most: 32 };

/** Where a group begins, and how it is sent. */
export type GroupStart = {
  readonly group: number;
  readonly from: Position;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Each row that is sent is noted before; then every ledger is exact. */
  readonly notesRows: boolean;
};

/** The ledger of the group under way: takes chunks as they become certain and saves itself about once a second. */
export class GroupLedger {
  /** Where the chunk read last ends. */
  next: Position | undefined;
  rejected = 0;
  /** True when the instance refused a chunk. */
  refused: boolean;
  /** Answers lost since the last one that came. */
  lostInARow = 0;
  /** Something more became certain in this attempt. */
  hasProgressed = false;
  readonly #folder: ImportFolder;
  readonly #clock: Clock;
  readonly #chunks: (SentChunk | null)[];
  /** Of how many chunks something was known before this attempt. */
  readonly heldAtFirst: number;
  /** False after a death of the process: chunks of which nothing is known may have been sent then. */
  readonly #beganExact: boolean;
  #lostAtMs: number | undefined;
  #olderSets: NonNullable<LoadLedger['olderSets']>;
  #failed: number;
  #savedAtMs: number;
  #saving: Promise<void> | undefined;
  readonly #start: GroupStart;
  /** Chunks below may have been sent before this attempt. */
  readonly #sentBelow: number;
  /** Chunks below may be sent as soon as the ledger that says so is stored, which it is for those below `#mayBeSent`. */
  #announced = 0;
  #mayBeSent = 0;
  #announcing: Promise<void> | undefined;
  /** At which chunk more were announced last, and when. */
  #announcedAt: { readonly index: number; readonly atMs: number } | undefined;

  constructor(folder: ImportFolder, start: GroupStart, clock: Clock, before: LoadLedger | undefined) {
    this.#folder = folder;
    this.#start = start;
    this.#clock = clock;
    this.#sentBelow = before?.announced ?? Number.POSITIVE_INFINITY;
    this.#chunks = before ? [...before.chunks] : [];
    this.heldAtFirst = this.#chunks.length;
    this.#beganExact = before === undefined || before.isExact === true;
    this.refused = this.#chunks.some((chunk) => chunk?.state === 'refused');
    this.#failed = this.#chunks.reduce((sum, chunk) => sum + failedRows(chunk), 0);
    this.#lostAtMs = before?.lostAtMs;
    this.#olderSets = before?.olderSets ?? [];
    this.#savedAtMs = clock.now();
  }

  /** True when rows are noted before they are sent. */
  get notesRows(): boolean {
    return this.#start.notesRows;
  }

  get lostCount(): number {
    return this.#chunks.filter((chunk) => chunk?.state === 'lost').length;
  }

  /** Rows that failed by the answers to their own requests, as in `rows` mode. */
  get failedCount(): number {
    return this.#failed;
  }

  /** True when rows may have been sent of which that is not certain. */
  get hasPossiblySent(): boolean {
    if (!this.#beganExact && this.#sentBelow > this.#chunks.length) return true;
    return this.#chunks.some((_, index) => !this.has(index) && this.mayHaveSent(index));
  }

  /** True when the result of the chunk is certain. */
  has(index: number): boolean {
    const chunk = this.#chunks[index];
    return chunk !== undefined && chunk !== null && chunk.state !== 'lost' && chunk.state !== 'interrupted';
  }

  /** True when rows of the chunk may have been sent before this attempt. */
  mayHaveSent(index: number): boolean {
    const chunk = this.#chunks[index];
    if (chunk?.state === 'lost' || (chunk?.possiblySent?.length ?? 0) > 0) return true;
    return !this.#beganExact && index < this.#sentBelow;
  }

  /** Lines of the chunk that may have been sent, where that can be determined so exactly. */
  possiblySentLines(index: number): readonly number[] | undefined {
    const possiblySent = this.#beganExact ? this.#chunks[index]?.possiblySent : undefined;
    return possiblySent && lineList(possiblySent);
  }

  /** What is known of a chunk that is not certain: the part of its rows that is. */
  get(index: number): SentChunk | undefined {
    return this.#chunks[index] ?? undefined;
  }

  /** True when the import set was seen before the chunk was sent. */
  isOlder(set: string, index: number): boolean {
    return this.#olderSets.some(({ from, sets }) => from <= index && sets.includes(set));
  }

  /** Notes import sets that are there before the chunks are sent of which nothing was sent before this attempt. */
  noteOlder(sets: readonly string[]): void {
    const from = this.#beganExact ? this.heldAtFirst : this.#sentBelow;
    const unseen = sets.filter((set) => !this.#olderSets.some((older) => older.sets.includes(set)));
    if (unseen.length > 0 && Number.isFinite(from)) this.#olderSets.push({ from, sets: unseen });
  }

  sets(): string[] {
    return this.#chunks.flatMap((chunk) => chunk?.sets ?? []);
  }

  /** Records the result of a chunk. */
  set(index: number, chunk: SentChunk): void {
    while (this.#chunks.length < index) this.#chunks.push(null);
    if (certainRows(chunk) > certainRows(this.#chunks[index])) this.hasProgressed = true;
    this.#failed += failedRows(chunk) - failedRows(this.#chunks[index]);
    this.#chunks[index] = chunk;
    if (chunk.state === 'refused') this.refused = true;
    if (chunk.state === 'lost') {
      this.#lostAtMs = this.#clock.now();
      this.lostInARow++;
    } else if (chunk.state === 'stored') this.lostInARow = 0;
    this.#saveNowAndThen();
  }

  /** Has the stored ledger say that a chunk may be sent, before it is; those that follow are announced meanwhile. */
  async announce(index: number): Promise<void> {
    if (this.#start.notesRows) return;
    if (index + this.#start.concurrency >= this.#announced) this.#announceMore(index);
    if (index >= this.#mayBeSent) await this.#announcing;
  }

  #announceMore(index: number): void {
    const announced = Math.max(index, this.#announced) + this.#sentSoon(index);
    this.#announced = announced;
    this.#announcing = this.#save(false).then(() => {
      this.#mayBeSent = announced;
    });
    // Awaited by the first chunk that needs it; until then a failure must not count as unhandled.
    this.#announcing.catch(() => undefined);
  }

  /** How many chunks are sent in `announcedMs`, by the pace since more were announced last. */
  #sentSoon(index: number): number {
    const last = this.#announcedAt;
    const atMs = this.#clock.now();
    this.#announcedAt = { index, atMs };
    const least = Math.max(announcedAtOnce.least, 2 * this.#start.concurrency);
    if (!last || index === last.index) return least;
    const soon = Math.ceil(((index - last.index) * announcedMs) / (atMs - last.atMs));
    return Math.max(least, Math.min(announcedAtOnce.most, soon));
  }

  /** Notes what is known of a chunk, and which of its rows are sent next, before they are. */
  async announceRows(index: number, chunk: SentChunk): Promise<void> {
    this.set(index, chunk);
    await this.#save(true);
  }

  /** Since when answers may be lost: now, unless that is known already. */
  lose(): number {
    this.#lostAtMs ??= this.#clock.now();
    return this.#lostAtMs;
  }

  /** The waiting is over: from here on only new losses count. */
  clearLoss(): void {
    this.#lostAtMs = undefined;
  }

  /** @param isExact nothing is being sent any more */
  async write(isExact: boolean): Promise<void> {
    await this.#save(isExact);
  }

  /** One after another: an earlier state must not be stored over a later one. */
  async #save(isExact: boolean): Promise<void> {
    const before = this.#saving;
    const save = async () => {
      await before?.catch(() => undefined);
      const state = { ...this.#state(), isExact: (isExact || this.#start.notesRows) && this.#beganExact };
      await writeLedger(this.#folder, this.#start.group, state);
    };
    const saving = save();
    this.#saving = saving;
    this.#savedAtMs = this.#clock.now();
    try {
      await saving;
    } finally {
      if (this.#saving === saving) this.#saving = undefined;
    }
  }

  /** Ends the group; `readError` says why the file cannot be read on. */
  async close(next: Position, reader: ChunkReader, readError?: string): Promise<LoadLedger> {
    const ended = readError !== undefined || reader.ended;
    const blankLines = reader.takeBlankLines();
    const done = {
      ...this.#state(),
      next,
      ended,
      blankLines,
      ...(readError === undefined ? {} : { readError }),
    };
    await this.#saving?.catch(() => undefined);
    await writeLedger(this.#folder, this.#start.group, done);
    return done;
  }

  #saveNowAndThen(): void {
    const now = this.#clock.now();
    if (this.#saving || now - this.#savedAtMs < savePeriodMs) return;
    // A save that fails loses nothing that reconciliation would not find; the one at the end reports it.
    this.#save(false).catch(() => undefined);
  }

  #state(): LoadLedger {
    return {
      from: this.#start.from,
      announced: Math.max(this.#announced, this.#beganExact ? 0 : this.#sentBelow),
      chunks: [...this.#chunks],
      ...(this.#lostAtMs === undefined ? {} : { lostAtMs: this.#lostAtMs }),
      ...(this.#olderSets.length > 0 && { olderSets: [...this.#olderSets] }),
      ended: false,
      rejected: this.rejected,
      blankLines: 0,
    };
  }
}

/** Rows of a chunk whose outcome is known. */
function certainRows(chunk: SentChunk | null | undefined): number {
  if (!chunk) return 0;
  const isOpen = chunk.state === 'lost' || chunk.state === 'interrupted';
  return isOpen ? (chunk.verdicts?.length ?? 0) : chunk.rows;
}

function failedRows(chunk: SentChunk | null | undefined): number {
  const failed = chunk?.verdicts?.filter(({ outcome }) => outcome === 'error' || outcome === 'skipped');
  return failed?.length ?? 0;
}
