/** Text that a write adds to a journal column. */
export type Note = { readonly column: string; readonly text: string };

type Columns = Readonly<Record<string, string>>;

/** What a write may be refused for; `judge` translates it into the codes of dead letters. */
export type Refusal = 'not-found' | 'ambiguous' | 'invalid' | 'rule' | `other: ${string}`;

/**
 * One write as its sender means it, however often it is sent or delivered. A `person` works on the instance itself.
 * `after` names the writes that must have ended before this one starts: its predecessors in a FIFO group, for example.
 */
export type ModelWrite = {
  readonly id: string;
  readonly action: 'create' | 'update' | 'upsert' | 'delete' | 'person';
  /**
   * The name of the record in the story; an upsert has a match instead. A create gives the record this name, an upsert its own id. A
   * create with a match as well changes nothing where a record matches.
   */
  readonly target?: string;
  readonly match?: Columns;
  readonly values?: Columns;
  readonly notes?: readonly Note[];
  /** A person copies the record with all its columns, and leaves it as it is. */
  readonly isCopy?: boolean;
  readonly after?: readonly string[];
  /** Set when the write can never be carried out. */
  readonly refused?: Refusal;
  /** Set when carrying it out and refusing it are both right. */
  readonly mayBeRefused?: Refusal;
};

export type ModelRecord = {
  readonly name: string;
  readonly values: Columns;
  /** In the order written. */
  readonly notes: readonly Note[];
  /** Updates that changed it: the upper limit of its sys_mod_count. */
  readonly updates: number;
};

/** How a story may end: the records that are left, and the writes that were refused. */
export type ModelState = {
  readonly records: readonly ModelRecord[];
  readonly refused: Readonly<Record<string, Refusal>>;
};

/**
 * Every state in which a story may end when each write takes effect exactly once, in any order that `after` allows.
 * The number of orders grows quickly: keep a story below ten writes that are free of each other.
 */
export function allowedEnds(
  seeded: readonly ModelRecord[],
  writes: readonly ModelWrite[],
): readonly ModelState[] {
  const ends = new Map<string, ModelState>();
  const seen = new Set<string>();
  const walk = (state: ModelState, left: readonly ModelWrite[]) => {
    const position = `${left.map(({ id }) => id).join()}|${fingerprint(state)}`;
    if (seen.has(position)) return;
    seen.add(position);
    if (left.length === 0) ends.set(fingerprint(state), state);
    const waiting = new Set(left.map(({ id }) => id));
    for (const write of left) {
      if (write.after?.some((id) => waiting.has(id))) continue;
      const rest = left.filter((other) => other !== write);
      for (const next of carryOut(state, write)) walk(next, rest);
      if (write.mayBeRefused) walk(refuse(state, write, write.mayBeRefused), rest);
    }
  };
  walk({ records: seeded, refused: {} }, writes);
  return [...ends.values()];
}

/** The states that one write may lead to. */
function carryOut(state: ModelState, write: ModelWrite): readonly ModelState[] {
  if (write.refused) return [refuse(state, write, write.refused)];
  switch (write.action) {
    case 'create':
      return [isMade(state, write) ? state : insert(state, write, write.target ?? write.id)];
    case 'person': {
      const { target, match } = write;
      const found = state.records.find(({ name, values }) =>
        match ? isMatch(values, match) : name === target,
      );
      if (found && write.isCopy) return [copy(state, found, write)];
      return [found ? change(state, found, write) : state];
    }
    case 'update': {
      const found = state.records.find(({ name }) => name === write.target);
      return [found ? change(state, found, write) : refuse(state, write, 'not-found')];
    }
    case 'upsert':
      return [upsert(state, write)];
    case 'delete': {
      const left = state.records.filter(({ name }) => name !== write.target);
      if (left.length < state.records.length) return [{ ...state, records: left }];
      // Two different messages that delete one record: the second may count as done or as refused.
      return [state, refuse(state, write, 'not-found')];
    }
  }
}

function isMade({ records }: ModelState, { match }: ModelWrite): boolean {
  return match !== undefined && records.some(({ values }) => isMatch(values, match));
}

function upsert(state: ModelState, write: ModelWrite): ModelState {
  const found = state.records.filter(({ values }) => isMatch(values, write.match ?? {}));
  const [first, second] = found;
  if (second) return refuse(state, write, 'ambiguous');
  if (first) return change(state, first, write);
  return insert(state, write, write.id);
}

/** Text compares without regard to case, as on an instance. */
function isMatch(values: Columns, match: Columns): boolean {
  return Object.entries(match).every(
    ([column, value]) => (values[column] ?? '').toLowerCase() === value.toLowerCase(),
  );
}

function insert(state: ModelState, { match, values, notes = [] }: ModelWrite, name: string): ModelState {
  const record = { name, values: { ...match, ...values }, notes, updates: 0 };
  return { ...state, records: [...state.records, record] };
}

function copy(state: ModelState, { values }: ModelRecord, { id }: ModelWrite): ModelState {
  return { ...state, records: [...state.records, { name: id, values, notes: [], updates: 0 }] };
}

function change(state: ModelState, record: ModelRecord, { values, notes = [] }: ModelWrite): ModelState {
  const changed = {
    ...record,
    values: { ...record.values, ...values },
    notes: [...record.notes, ...notes],
    updates: record.updates + 1,
  };
  return { ...state, records: state.records.map((one) => (one === record ? changed : one)) };
}

function refuse(state: ModelState, { id }: ModelWrite, reason: Refusal): ModelState {
  return { ...state, refused: { ...state.refused, [id]: reason } };
}

function fingerprint({ records, refused }: ModelState): string {
  const named = records.map((record) => [record.name, record.updates, textOf(record)]);
  return JSON.stringify([named.sort(), Object.entries(refused).sort()]);
}

/** A record as it can be seen from outside: without its name. Notes keep their order within a column. */
function textOf({ values, notes }: Pick<ModelRecord, 'values' | 'notes'>): string {
  const filled = Object.entries(values).filter(([, value]) => value !== '');
  const columns = Map.groupBy(notes, ({ column }) => column);
  const journals = [...columns].map(([column, entries]) => [column, entries.map(({ text }) => text)]);
  return JSON.stringify([filled.sort(), journals.sort()]);
}

/**
 * Compares what an instance holds with the allowed ends.
 * @param observed its records with the columns that the model knows, `updates` being their sys_mod_count
 * @returns what is wrong, or nothing
 */
export function explainMismatch(observed: ModelState, allowed: readonly ModelState[]): string | undefined {
  const seen = outsideView(observed);
  const alike = allowed.filter((end) => outsideView(end) === seen);
  if (alike.length === 0) {
    const [example] = allowed.toSorted((a, b) => distance(a, observed) - distance(b, observed));
    return `holds ${seen}; allowed is, for example, ${example && outsideView(example)}`;
  }
  const counts = updateCounts(observed);
  const isPlausible = alike.some((end) => {
    const limits = updateCounts(end);
    return counts.every((count, index) => count <= (limits[index] ?? 0));
  });
  return isPlausible ? undefined : `changed ${counts.join(' and ')} times, more often than written: ${seen}`;
}

function outsideView({ records, refused }: ModelState): string {
  return JSON.stringify([records.map(textOf).sort(), Object.entries(refused).sort()]);
}

/** The records' numbers of updates, in an order that does not depend on their names. */
function updateCounts({ records }: ModelState): readonly number[] {
  const sorted = records.map((record) => [textOf(record), record.updates] as const);
  sorted.sort(([textA, a], [textB, b]) => (textA === textB ? a - b : textA < textB ? -1 : 1));
  return sorted.map(([, updates]) => updates);
}

/** How far an end is from what was seen: to show the most similar one. */
function distance(end: ModelState, observed: ModelState): number {
  const texts = new Set(observed.records.map(textOf));
  const strange = end.records.filter((record) => !texts.has(textOf(record))).length;
  const reasons = Object.entries(observed.refused);
  const refusals = reasons.filter(([id, reason]) => end.refused[id] !== reason).length;
  return (
    strange +
    refusals +
    Math.abs(end.records.length - observed.records.length) +
    Math.abs(Object.keys(end.refused).length - reasons.length)
  );
}
