import type { Clock } from '../../core/clock.ts';
import { lineList } from '../encode/chunk.ts';
import type { ChunkReader } from '../encode/chunk-reader.ts';
import type { Position } from '../plan/import-plan.ts';
import type { ImportFolder } from '../work-folder.ts';
import { type LoadLedger, type SentChunk, writeLedger } from './ledger.ts';

const savePeriodMs = 1_000;

/** The ledger of the group under way: takes chunks as they become certain and saves itself about once a second. */
export class GroupLedger {
  /** Where the chunk read last ends. */
  next: Position | undefined;
  rejected = 0;
  /** True when the instance refused a chunk. */
  refused: boolean;
  /** Answers lost since the last one that came. */
  lostInARow = 0;
  readonly #folder: ImportFolder;
  readonly #group: number;
  readonly #from: Position;
  readonly #clock: Clock;
  readonly #chunks: (SentChunk | null)[];
  /** False after a death of the process: chunks of which nothing is known may have been sent then. */
  readonly #beganExact: boolean;
  #lostAtMs: number | undefined;
  #savedAtMs: number;
  #saving: Promise<void> | undefined;

  constructor(
    folder: ImportFolder,
    group: number,
    from: Position,
    clock: Clock,
    before: LoadLedger | undefined,
  ) {
    this.#folder = folder;
    this.#group = group;
    this.#from = from;
    this.#clock = clock;
    this.#chunks = before ? [...before.chunks] : [];
    this.#beganExact = before === undefined || before.isExact === true;
    this.refused = this.#chunks.some((chunk) => chunk?.state === 'refused');
    this.#lostAtMs = before?.lostAtMs;
    this.#savedAtMs = clock.now();
  }

  get lostCount(): number {
    return this.#chunks.filter((chunk) => chunk?.state === 'lost').length;
  }

  /** True when rows may have been sent of which that is not certain. */
  get hasPossiblySent(): boolean {
    return !this.#beganExact || this.#chunks.some((_, index) => !this.has(index) && this.mayHaveSent(index));
  }

  /** True when it is certain what became of the chunk. */
  has(index: number): boolean {
    const chunk = this.#chunks[index];
    return chunk !== undefined && chunk !== null && chunk.state !== 'lost' && chunk.state !== 'interrupted';
  }

  /** True when rows of the chunk may have been sent before this attempt. */
  mayHaveSent(index: number): boolean {
    const chunk = this.#chunks[index];
    return !this.#beganExact || chunk?.state === 'lost' || (chunk?.possiblySent?.length ?? 0) > 0;
  }

  /** Lines of the chunk that may have been sent, where that can be told so closely. */
  possiblySentLines(index: number): readonly number[] | undefined {
    const possiblySent = this.#beganExact ? this.#chunks[index]?.possiblySent : undefined;
    return possiblySent && lineList(possiblySent);
  }

  /** What is known of a chunk that is not certain: the part of its rows that is. */
  get(index: number): SentChunk | undefined {
    return this.#chunks[index] ?? undefined;
  }

  sets(): string[] {
    return this.#chunks.flatMap((chunk) => chunk?.sets ?? []);
  }

  /** Notes what became of a chunk. */
  set(index: number, chunk: SentChunk): void {
    while (this.#chunks.length < index) this.#chunks.push(null);
    this.#chunks[index] = chunk;
    if (chunk.state === 'refused') this.refused = true;
    if (chunk.state === 'lost') {
      this.#lostAtMs = this.#clock.now();
      this.lostInARow++;
    } else if (chunk.state === 'stored') this.lostInARow = 0;
    this.#saveNowAndThen();
  }

  /** Since when answers may be lost: now, unless that is known already. */
  lose(): number {
    this.#lostAtMs ??= this.#clock.now();
    return this.#lostAtMs;
  }

  /** The waiting is over: from here on answers can only be lost anew. */
  clearLoss(): void {
    this.#lostAtMs = undefined;
  }

  /** @param isExact nothing is being sent any more */
  async write(isExact: boolean): Promise<void> {
    await this.#saving;
    const state = { ...this.#state(), isExact: isExact && this.#beganExact };
    await writeLedger(this.#folder, this.#group, state);
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
    await writeLedger(this.#folder, this.#group, done);
    return done;
  }

  #saveNowAndThen(): void {
    const now = this.#clock.now();
    if (this.#saving || now - this.#savedAtMs < savePeriodMs) return;
    this.#savedAtMs = now;
    // A save that fails loses nothing that reconciliation would not find; the one at the end reports it.
    this.#saving = writeLedger(this.#folder, this.#group, this.#state())
      .catch(() => undefined)
      .finally(() => {
        this.#saving = undefined;
      });
  }

  #state(): LoadLedger {
    return {
      from: this.#from,
      chunks: [...this.#chunks],
      ...(this.#lostAtMs === undefined ? {} : { lostAtMs: this.#lostAtMs }),
      ended: false,
      rejected: this.rejected,
      blankLines: 0,
    };
  }
}
