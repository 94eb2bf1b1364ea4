import { deriveUpsertSysId, type IdentityOf } from '../operations/identity.ts';
import type { RecordCommand } from './message.ts';

/** How the commands of a deployment name their records. */
export type Naming = { readonly deployment: string; readonly identityOf: IdentityOf };

/**
 * Sorts the commands for one instance into sequences. The commands of a sequence are carried out one after the other, in the
 * order given; sequences do not wait for each other. On a FIFO queue a sequence is a message group. Elsewhere it is what may
 * be one record: the same sys_id, given or derived from a key or match, or the values by which an upsert finds its record.
 */
export function toSequences(
  commands: readonly RecordCommand[],
  naming: Naming,
): readonly (readonly RecordCommand[])[] {
  const matches = matchesOf(commands);
  const sequences = new Sequences();
  for (const [index, command] of commands.entries()) sequences.add(index, namesOf(command, matches, naming));
  return [...Map.groupBy(commands, (_command, index) => sequences.sequenceOf(index)).values()];
}

/** Commands that share a name, or are connected through others that do, form one sequence (union-find). */
class Sequences {
  readonly #parents: number[] = [];
  readonly #firstByName = new Map<string, number>();

  add(index: number, names: readonly string[]): void {
    this.#parents[index] = index;
    for (const name of names) {
      const first = this.#firstByName.get(name);
      if (first === undefined) this.#firstByName.set(name, index);
      else this.#parents[this.sequenceOf(index)] = this.sequenceOf(first);
    }
  }

  sequenceOf(index: number): number {
    let at = index;
    for (let parent = this.#parents[at]; parent !== undefined && parent !== at; parent = this.#parents[at])
      at = parent;
    return at;
  }
}

type Columns = readonly string[];

/** What a command may share with others that mean the same record. */
function namesOf(command: RecordCommand, matches: ReadonlyMap<string, readonly Columns[]>, naming: Naming) {
  const { message, command: asked } = command;
  if (message.groupId !== undefined) return [nameOf('group', message.groupId)];
  if (asked.action === 'signal')
    return [nameOf(asked.table, 'signal', asked.signal.source, asked.signal.key)];
  const table = tableOf(command);
  const found = (matches.get(table) ?? []).flatMap((columns) =>
    valuesOf(command, naming).flatMap((values) => matched(columns, values)),
  );
  // A key names one piece of work, whatever record it means.
  const own = [nameOf('sys_id', ownSysId(command, naming)), JSON.stringify(['key', command.key])];
  return [...own, ...found].map((name) => nameOf(asked.table, name));
}

/** The record that is written to, as far as it is known beforehand. */
function ownSysId({ command, key }: RecordCommand, { deployment, identityOf }: Naming): string {
  if ('sysId' in command) return command.sysId;
  if (command.action === 'upsert') return deriveUpsertSysId(deployment, command.table, command.match, 0);
  const identity = identityOf(command.table, key);
  return identity.kind === 'sys_id' ? identity.sysId : identity.correlationId;
}

type Values = Readonly<Record<string, unknown>>;

/** The values that a record has before or after a command, as far as the command shows. */
function valuesOf({ command, key }: RecordCommand, { identityOf }: Naming): readonly Values[] {
  switch (command.action) {
    case 'upsert':
      return [
        { ...command.record, ...command.match },
        { ...command.match, ...command.record },
      ];
    case 'create': {
      const identity = identityOf(command.table, key);
      const own = identity.kind === 'correlation_id' && { correlation_id: identity.correlationId };
      return [{ ...command.record, ...own }];
    }
    case 'update':
      return [command.record];
    case 'delete':
    case 'signal':
      return [];
  }
}

function matched(columns: Columns, values: Values): readonly string[] {
  const isWhole = columns.every((column) => Object.hasOwn(values, column) && values[column] !== undefined);
  return isWhole ? [nameOf(...columns.flatMap((column) => [column, textOf(values[column])]))] : [];
}

/** A value as text, whatever it is: JSON may hold objects whose own conversion throws. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** By which columns the upserts among these commands find records, for each table. */
function matchesOf(commands: readonly RecordCommand[]): ReadonlyMap<string, readonly Columns[]> {
  const upserts = commands.flatMap((command) =>
    command.command.action === 'upsert'
      ? [{ table: tableOf(command), columns: Object.keys(command.command.match).toSorted() }]
      : [],
  );
  const byTable = Map.groupBy(upserts, ({ table }) => table);
  return new Map(
    [...byTable].map(([table, members]) => {
      const distinct = new Map(members.map(({ columns }) => [nameOf(...columns), columns]));
      return [table, [...distinct.values()]];
    }),
  );
}

function tableOf({ command }: RecordCommand): string {
  return command.table.toLowerCase();
}

/** An instance compares text without regard to case and outer blanks (docs/servicenow-contract.md 11), and holds every value as text. */
function nameOf(...parts: readonly string[]): string {
  return JSON.stringify(parts.map((part) => part.trim().toLowerCase()));
}

/**
 * Keeps commands of different sequences in the order of their batch where they turn out to mean one record: only once it has
 * looked does an upsert know its record, which an update may name by its sys_id.
 */
export class RecordOrder {
  readonly #places = new Map<RecordCommand, Place>();
  readonly #followers = new Set<RecordCommand>();
  /** For each table with upserts, the places of its commands that do not create their record, in the order given. */
  readonly #rivals: ReadonlyMap<string, readonly Place[]>;

  /** @param commands in the order of their batch */
  constructor(commands: readonly RecordCommand[]) {
    for (const [index, command] of commands.entries()) this.#places.set(command, new Place(command, index));
    // A signal goes by its own time, and makes or finds its record by its key.
    const unordered = commands.filter(
      ({ command, message }) =>
        message.groupId === undefined && command.action !== 'create' && command.action !== 'signal',
    );
    const byTable = [...Map.groupBy(unordered, tableOf)].filter(([, members]) =>
      members.some(({ command }) => command.action === 'upsert'),
    );
    this.#rivals = new Map(
      byTable.map(([table, members]) => [table, members.flatMap((one) => this.#places.get(one) ?? [])]),
    );
  }

  /**
   * Resolves once no earlier command is, or may be, at work on this record. One that waits behind others of its sequence, e.g. a slow
   * one, holds up no record that its match does not find.
   * @param findable which of these upserts find the record as it is
   */
  async waitForTurn(
    command: RecordCommand,
    sysId: string,
    findable: (upserts: readonly RecordCommand[]) => Promise<readonly RecordCommand[]>,
  ): Promise<void> {
    const own = this.#places.get(command);
    const rivals = this.#rivals.get(tableOf(command)) ?? [];
    if (own === undefined || !rivals.includes(own)) return;
    own.learn(sysId);
    const earlier = rivals.filter(({ index }) => index < own.index);
    const waitFor = async (some: readonly Place[]) => {
      for (const rival of some) await rival.waitUnlessOther(sysId);
    };
    // While it waits others begin, and what they write may make more of them find the record.
    for (;;) {
      const left = earlier.filter((rival) => rival.mayMean(sysId));
      const unbegun = left.filter(({ isKnown, isBegun }) => !isKnown && !isBegun);
      if (unbegun.length < left.length) {
        await waitFor(left.filter((rival) => !unbegun.includes(rival)));
        continue;
      }
      if (unbegun.length === 0) return;
      const found = await findable(unbegun.map((rival) => rival.command));
      const meant = unbegun.filter((rival) => rival.isBegun || found.includes(rival.command));
      if (meant.length === 0) return;
      await waitFor(meant);
    }
  }

  /** Reports that a command begins. @param isFollower after others of its sequence */
  begin(command: RecordCommand, isFollower: boolean): void {
    this.#places.get(command)?.begin();
    if (isFollower) this.#followers.add(command);
  }

  /** True for a command that has begun after others of its sequence. */
  isFollower(command: RecordCommand): boolean {
    return this.#followers.has(command);
  }

  /** Reports that a command is over, whatever its result. */
  end(command: RecordCommand): void {
    this.#places.get(command)?.end();
  }
}

function sysIdOf({ command }: RecordCommand): string | undefined {
  return 'sysId' in command ? command.sysId.toLowerCase() : undefined;
}

/** Where a command stands in its batch, and what is known of its record. */
class Place {
  readonly command: RecordCommand;
  readonly index: number;
  isBegun = false;
  /** Its record is known, or it is over. */
  isKnown = false;
  #isOver = false;
  #sysId: string | undefined;
  readonly #learning = Promise.withResolvers<void>();
  readonly #ending = Promise.withResolvers<void>();

  constructor(command: RecordCommand, index: number) {
    this.command = command;
    this.index = index;
    const sysId = sysIdOf(command);
    if (sysId !== undefined) this.learn(sysId);
  }

  begin(): void {
    this.isBegun = true;
  }

  /** False once it is over, or is known to mean another record. */
  mayMean(sysId: string): boolean {
    return !this.#isOver && (this.#sysId === undefined || this.#sysId === sysId.toLowerCase());
  }

  /** Resolves once it is over, or is known to mean another record. */
  async waitUnlessOther(sysId: string): Promise<void> {
    await this.#learning.promise;
    if (this.#sysId === sysId.toLowerCase()) await this.#ending.promise;
  }

  learn(sysId: string): void {
    this.#sysId = sysId.toLowerCase();
    this.isKnown = true;
    this.#learning.resolve();
  }

  end(): void {
    this.#isOver = true;
    this.isKnown = true;
    this.#learning.resolve();
    this.#ending.resolve();
  }
}
