import type { Row } from '../../../emulator/instance/row.ts';
import type { Dice } from '../harness/dice.ts';
import type { InstanceName } from '../harness/fault-stack.ts';
import type { ModelRecord, ModelWrite, Note, Refusal } from '../model/record-model.ts';
import { markColumns } from './storm-schema.ts';

/** What a message carries. `body` is made when it is sent: some need the sys_id of a record that has to exist first. */
export type Sending = {
  readonly write: ModelWrite;
  readonly body: (rows: readonly Row[]) => string;
  /** Message attribute `IdempotencyKey`. */
  readonly keyAttribute?: string;
  /** Set for the FIFO queue. */
  readonly group?: string;
  /** True when a copy of it changes nothing, whenever it comes. */
  readonly isKeyed: boolean;
};

/** What happens at once; the next phase begins when the instance shows that the effects of this one are there. */
export type Phase = { readonly people: readonly ModelWrite[]; readonly sendings: readonly Sending[] };

/** All that happens to one record, or to the records of one match. */
export type Story = {
  readonly id: string;
  readonly kind: string;
  readonly table: string;
  readonly instance: InstanceName;
  /** Rows that are there beforehand, with their sys_id. */
  readonly seeded: readonly (ModelRecord & { readonly sysId: string })[];
  readonly phases: readonly Phase[];
};

type Columns = Readonly<Record<string, string>>;

export type WriteOptions = {
  readonly values?: Columns;
  readonly notes?: readonly Note[];
  /** JSON that is sent as the value of `u_odd`, at which the model does not look. */
  readonly oddJson?: string;
  /** What a rule of the instance makes of the values. */
  readonly seenAs?: Columns;
  readonly fifo?: boolean;
  /** `none`: the message is known by its id only. */
  readonly key?: 'body' | 'attribute' | 'none';
  readonly refused?: Refusal;
  readonly mayBeRefused?: Refusal;
  /** What the record of a create is known by, so that it is not made where there is one. */
  readonly knownBy?: Columns;
};

/** Writes a story down, message by message. Every write fills a mark column of its own unless it only adds notes. */
export class StoryWriter {
  readonly id: string;
  readonly table: string;
  readonly dice: Dice;
  readonly #kind: string;
  readonly #instance: InstanceName;
  readonly #contents: string;
  readonly #seeded: Story['seeded'][number][] = [];
  readonly #phases: { people: ModelWrite[]; sendings: Sending[] }[] = [{ people: [], sendings: [] }];
  readonly #sysIds = new Map<string, string>();
  readonly #last = new Map<string, string>();
  #writes = 0;
  #earlier: readonly string[] = [];

  constructor(
    head: Pick<Story, 'id' | 'kind' | 'table' | 'instance'>,
    options: { readonly dice: Dice; readonly contents: string },
  ) {
    this.id = head.id;
    this.table = head.table;
    this.#kind = head.kind;
    this.#instance = head.instance;
    this.dice = options.dice;
    this.#contents = options.contents;
  }

  /** A record that is there before the storm. */
  seed(name: string, values: Columns = {}): void {
    const sysId = this.ghost(name);
    this.#seeded.push({ name, sysId, values: { u_story: this.id, ...values }, notes: [], updates: 0 });
  }

  /** A sys_id that no record has. */
  ghost(name: string): string {
    const sysId = this.dice.sysId();
    this.#sysIds.set(name, sysId);
    return sysId;
  }

  create(name: string, options: WriteOptions = {}): Sending {
    const known = options.knownBy && { match: options.knownBy };
    return this.#send('create', options, { target: name, ...known }, () => ({}));
  }

  update(name: string, options: WriteOptions = {}): Sending {
    return this.#send('update', options, { target: name }, (rows) => ({ sysId: this.#sysIdOf(name, rows) }));
  }

  upsert(match: Columns, options: WriteOptions = {}): Sending {
    return this.#send('upsert', options, { match }, () => ({ match }));
  }

  delete(name: string, options: WriteOptions = {}): Sending {
    return this.#send('delete', options, { target: name }, (rows) => ({ sysId: this.#sysIdOf(name, rows) }));
  }

  /** A message of any text that is either refused, or not looked at further. */
  odd(body: string, refused: Refusal): void {
    const write: ModelWrite = { id: this.#nextId(), action: 'person', refused };
    this.#phase.sendings.push({ write, body: () => body, isKeyed: false });
  }

  /** A person changes the record on the instance itself. */
  person(name: string, values: Columns): void {
    const write: ModelWrite = {
      id: this.#nextId(),
      action: 'person',
      target: name,
      values,
      after: this.#earlier,
    };
    this.#phase.people.push(write);
  }

  /** A person copies the only record of the story in its form, with all its columns. */
  copy(): void {
    const { id } = this;
    const match = { u_story: id };
    this.#phase.people.push({
      id: this.#nextId(),
      action: 'person',
      match,
      isCopy: true,
      after: this.#earlier,
    });
  }

  /** A person closes whichever open record there is: of upserts that race, it is not known which one made it. */
  close(): void {
    const write: ModelWrite = {
      id: this.#nextId(),
      action: 'person',
      match: { active: 'true' },
      values: { active: 'false' },
      after: this.#earlier,
    };
    this.#phase.people.push(write);
  }

  /** Sends a message once more. */
  again(sending: Sending): void {
    this.#phase.sendings.push(sending);
  }

  /** What follows happens after the effects of what came before are there. */
  afterwards(): void {
    const { people, sendings } = this.#phase;
    const ended = [...people, ...sendings.map(({ write }) => write)].map(({ id }) => id);
    this.#earlier = [...new Set([...this.#earlier, ...ended])];
    this.#phases.push({ people: [], sendings: [] });
  }

  finish(): Story {
    return {
      id: this.id,
      kind: this.#kind,
      table: this.table,
      instance: this.#instance,
      seeded: this.#seeded,
      phases: this.#phases,
    };
  }

  get #phase() {
    const phase = this.#phases.at(-1);
    if (!phase) throw new Error('a story has a phase');
    return phase;
  }

  #nextId(): string {
    this.#writes += 1;
    return `${this.id}.${this.#writes}`;
  }

  #send(
    action: 'create' | 'update' | 'upsert' | 'delete',
    options: WriteOptions,
    aim: Pick<ModelWrite, 'target' | 'match'>,
    address: (rows: readonly Row[]) => object,
  ): Sending {
    const id = this.#nextId();
    const { notes = [], oddJson, fifo = false, key = this.#keyKind(fifo), refused, mayBeRefused } = options;
    const isNew = action === 'create' || action === 'upsert';
    const mark = markColumns[this.#writes - 1];
    const isOnlyNotes = action === 'update' && notes.length > 0 && options.values === undefined;
    const values = {
      ...(isNew && { u_story: this.id }),
      ...(mark !== undefined && !isOnlyNotes && { [mark]: id }),
      ...options.values,
    };
    const group = fifo ? (aim.target ?? this.id) : undefined;
    const before = group === undefined ? undefined : this.#last.get(group);
    if (group !== undefined) this.#last.set(group, id);
    const after = [...this.#earlier, ...(before === undefined ? [] : [before])];
    const write: ModelWrite = {
      id,
      action,
      ...aim,
      ...(action !== 'delete' && { values: { ...values, ...options.seenAs }, notes }),
      after,
      ...(refused && { refused }),
      ...(mayBeRefused && { mayBeRefused }),
    };
    const sent = {
      ...(oddJson !== undefined && { u_odd: placeholder }),
      ...values,
      ...journalsOf(notes),
      ...(isNew && { description: this.#contents }),
    };
    const body = (rows: readonly Row[]) =>
      withOddJson(
        JSON.stringify({
          action,
          table: this.table,
          ...(this.#instance === 'second' && { instance: 'second' }),
          ...(key === 'body' && { key: `key-${id}` }),
          ...address(rows),
          ...(action !== 'delete' && { record: sent }),
        }),
        oddJson,
      );
    const sending: Sending = {
      write,
      body,
      isKeyed: key !== 'none',
      ...(key === 'attribute' && { keyAttribute: `key-${id}` }),
      ...(group !== undefined && { group: `${this.id}-${group}` }),
    };
    this.#phase.sendings.push(sending);
    return sending;
  }

  #keyKind(fifo: boolean): 'body' | 'attribute' | 'none' {
    return this.dice.chance(fifo ? 80 : 70) ? this.dice.pick(['body', 'attribute']) : 'none';
  }

  #sysIdOf(name: string, rows: readonly Row[]): string {
    return this.#sysIds.get(name) ?? rows[0]?.['sys_id'] ?? '0'.repeat(32);
  }
}

/** Several notes of one column travel in one message only as one text. */
function journalsOf(notes: readonly Note[]): Columns {
  return Object.fromEntries(notes.map(({ column, text }) => [column, text]));
}

const placeholder = 'in place of odd JSON';

/** Puts JSON in that may be nested deeper than JSON.stringify can go. */
function withOddJson(body: string, oddJson: string | undefined): string {
  return oddJson === undefined ? body : body.replace(JSON.stringify(placeholder), () => oddJson);
}
