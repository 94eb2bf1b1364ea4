import { InvalidInputError } from '../core/errors.ts';
import { shortenId } from '../operations/event-id.ts';
import { readSignal, type Signal, type SignalKind } from '../operations/signal.ts';
import type { Expression } from './expression.ts';
import { ExpressionError } from './expression-error.ts';
import type { Arrival } from './intake.ts';
import type { CompiledMapping, Condition, LookupTemplate, Mappings, Parts, Template } from './mapping.ts';
import { compilePattern, type EventMatcher } from './pattern.ts';
import { isQuiet } from './quiet.ts';
import { builtInParts } from './targets.ts';
import { readTime } from './time.ts';
import { originalOf, withoutNull } from './without-null.ts';

/** What one element of an event came to. */
export type MappedElement = {
  /** From 0; an event without `each` has one element. */
  readonly element: number;
  /** Which entry of `signal` matched, from 0; undefined when none did. */
  readonly entry: number | undefined;
} & (
  | { readonly signal: Signal }
  /** No signal, and why. */
  | { readonly ignored: string }
  | { readonly error: unknown }
);

export type MappedEvent = { readonly mapping: CompiledMapping; readonly elements: readonly MappedElement[] };

export type EventMapper = {
  /**
   * Maps an event. Pure: the same event and arrival give the same signals.
   * @throws InvalidInputError when no file or more than one matches; ExpressionError when `each` fails
   */
  map(event: object, arrival: Arrival): Promise<MappedEvent>;
};

/** Makes the mapper of a deployment. A file's expressions are parsed when its first event comes. */
export function createMapper({ mappings, defaults }: Mappings): EventMapper {
  const files = mappings.map((mapping) => ({ mapping, matches: compilePattern(mapping.when) }));
  const runs = new Map<CompiledMapping, MappingRun>();
  const runOf = (mapping: CompiledMapping) => {
    const run = runs.get(mapping) ?? new MappingRun(mapping, defaults);
    runs.set(mapping, run);
    return run;
  };
  return {
    async map(event, arrival) {
      const [found, other] = files.filter(({ matches }) => matches(event));
      if (!found) throw new InvalidInputError('event', 'matches no mapping file');
      if (other)
        throw new InvalidInputError(
          'event',
          `matches two mapping files, ${found.mapping.file} and ${other.mapping.file}`,
        );
      return { mapping: found.mapping, elements: await runOf(found.mapping).map(event, arrival) };
    },
  };
}

/** Longer texts are cut: no column of a record that an alarm opens holds more. */
const longestText = 16_000;
const cutMark = ' …';

type Variables = Readonly<Record<string, unknown>>;
type Scope = { readonly input: unknown; readonly variables: Variables };

/** One mapping file, ready to run. */
class MappingRun {
  readonly #mapping: CompiledMapping;
  readonly #defaults: Mappings['defaults'];
  readonly #expressions = new Map<string, Expression>();
  readonly #matchers = new Map<object, EventMatcher>();

  constructor(mapping: CompiledMapping, defaults: Mappings['defaults']) {
    this.#mapping = mapping;
    this.#defaults = defaults;
  }

  async map(event: object, arrival: Arrival): Promise<readonly MappedElement[]> {
    const { each } = this.#mapping;
    const input = withoutNull(event);
    if (each === undefined) return [await this.#mapElement(input, input, 0, arrival)];
    const list = await this.#value(each, 'each', { input, variables: { event: input } });
    const elements: readonly unknown[] = Array.isArray(list) ? list : list === undefined ? [] : [list];
    return Promise.all(
      elements.flatMap((one, index) => (one === null ? [] : [this.#mapElement(one, input, index, arrival)])),
    );
  }

  async #mapElement(
    input: unknown,
    event: unknown,
    element: number,
    arrival: Arrival,
  ): Promise<MappedElement> {
    let entry: number | undefined;
    try {
      const variables: Record<string, unknown> = { event };
      const scope = { input, variables };
      for (const [name, value] of this.#mapping.let)
        variables[name] = await this.#value(value, `let.${name}`, scope);
      entry = await this.#firstThatHolds(this.#mapping.signal, 'signal', scope);
      const chosen = entry === undefined ? undefined : this.#mapping.signal[entry];
      if (!chosen) return { element, entry, ignored: 'no entry of signal matches' };
      if (chosen.is === 'ignore') return { element, entry, ignored: `signal.${entry} says ignore` };
      const signal = await this.#toSignal(chosen.is, chosen, scope, arrival, element);
      if (signal.signal === 'open' && isQuiet(this.#mapping.quiet, Date.parse(signal.at)))
        return { element, entry, ignored: 'a quiet window' };
      return { element, entry, signal };
    } catch (error) {
      return { element, entry, error };
    }
  }

  async #toSignal(
    kind: SignalKind,
    entry: Parts,
    scope: Scope,
    arrival: Arrival,
    element: number,
  ): Promise<Signal> {
    const { source, life } = this.#mapping;
    const at = await this.#target(scope);
    const parts = layered(builtInParts(at), this.#defaults[at] ?? {}, this.#mapping, entry);
    // A recovery must not fail for a column that only a new record needs, nor the other way round.
    const writesFields = kind === 'open' || kind === 'update' || life === 'none' || at === 'em_event';
    const { fields: given = {}, required = [] } = writesFields ? parts : {};
    const { columns: fields, lookups } = await this.#fields(given, required, scope);
    const resolve =
      kind === 'resolve' ? await this.#columns(parts.resolve ?? {}, 'resolve', scope) : undefined;
    const text = parts.note && textOf(await this.#value(parts.note.text, 'note', scope), 'note');
    const note = text && cut(text).trim();
    return readSignal({
      action: 'signal',
      signal: kind,
      source,
      key: await this.#key(scope),
      at: await this.#time(scope, arrival),
      eventId: await this.#id(scope, arrival, element),
      target: at,
      ...(life && { life }),
      fields,
      ...(Object.keys(lookups).length > 0 && { lookups }),
      ...(parts.update && { update: parts.update }),
      ...(note && { note: parts.note?.onResolved ? { text: note, onResolved: true } : note }),
      ...(resolve && { resolve }),
      ...(parts.reopen && { reopen: parts.reopen }),
    });
  }

  async #target(scope: Scope): Promise<string> {
    const chosen = await this.#firstThatHolds(this.#mapping.target, 'target', scope);
    const found = chosen === undefined ? undefined : this.#mapping.target[chosen];
    if (!found)
      throw new InvalidInputError('target', 'no entry matches; end the list with one without "when"');
    return found.is;
  }

  async #firstThatHolds(
    entries: readonly { readonly when?: Condition | undefined }[],
    path: string,
    scope: Scope,
  ): Promise<number | undefined> {
    for (const [index, { when }] of entries.entries())
      if (when === undefined || (await this.#holds(when, `${path}.${index}.when`, scope))) return index;
    return undefined;
  }

  async #holds(condition: Condition, path: string, scope: Scope): Promise<boolean> {
    if ('expression' in condition) return (await this.#value(condition, path, scope)) === true;
    const known = this.#matchers.get(condition.pattern) ?? compilePattern(condition.pattern, path);
    this.#matchers.set(condition.pattern, known);
    return known(originalOf(scope.input));
  }

  async #key(scope: Scope): Promise<string> {
    const { key } = this.#mapping;
    const parts: string[] = [];
    for (const [at, template] of key.entries()) {
      const path = key.length > 1 ? `key.${at}` : 'key';
      const part = textOf(await this.#value(template, path, scope), path);
      // Without one part different things would share a record.
      if (part === undefined) throw new InvalidInputError(path, 'has no value in this event');
      parts.push(part);
    }
    return parts.join(' ');
  }

  async #time(scope: Scope, { atMs }: Arrival): Promise<string> {
    const { at } = this.#mapping;
    const event = scope.variables['event'];
    const given = at === undefined ? Object(event)['time'] : await this.#value(at, 'at', scope);
    if (given === undefined || given === null || given === '') return new Date(atMs).toISOString();
    const ms = readTime(given);
    if (ms === undefined) throw new InvalidInputError('at', 'is not a time');
    return new Date(ms).toISOString();
  }

  async #id(scope: Scope, { messageId }: Arrival, element: number): Promise<string> {
    const { id, each } = this.#mapping;
    const own = id === undefined ? undefined : textOf(await this.#value(id, 'id', scope), 'id');
    const ofEvent = textOf(Object(scope.variables['event'])['id'], 'id') ?? messageId;
    return shortenId(own ?? (each === undefined ? ofEvent : `${ofEvent}/${element}`));
  }

  async #fields(fields: NonNullable<Parts['fields']>, required: readonly string[], scope: Scope) {
    const columns: Record<string, unknown> = {};
    const lookups: Record<string, unknown> = {};
    for (const [column, field] of Object.entries(fields)) {
      const path = `fields.${column}`;
      if ('lookup' in field)
        lookups[column] = await this.#lookup(field.lookup, path, required.includes(column), scope);
      else {
        const value = columnValue(await this.#value(field, path, scope));
        if (value !== undefined) columns[column] = value;
      }
    }
    const missing = required.find((column) => (columns[column] ?? lookups[column] ?? '') === '');
    if (missing !== undefined)
      throw new InvalidInputError(`fields.${missing}`, 'is required and has no value');
    return { columns, lookups };
  }

  async #lookup({ by, ...rest }: LookupTemplate, path: string, isRequired: boolean, scope: Scope) {
    const wanted: Record<string, string | null> = {};
    for (const [column, value] of Object.entries(by)) {
      const text = textOf(await this.#value(value, `${path}.by.${column}`, scope), path);
      wanted[column] = text === undefined ? null : cut(text);
    }
    const isOptional = rest.else === undefined || rest.else === 'none';
    return { ...rest, by: wanted, ...(isRequired && isOptional && { else: 'fail' }) };
  }

  async #columns(templates: Readonly<Record<string, Template>>, path: string, scope: Scope) {
    const columns: Record<string, unknown> = {};
    for (const [column, template] of Object.entries(templates)) {
      const value = columnValue(await this.#value(template, `${path}.${column}`, scope));
      if (value !== undefined) columns[column] = value;
    }
    return columns;
  }

  async #value(template: Template, path: string, { input, variables }: Scope): Promise<unknown> {
    if ('literal' in template) return template.literal;
    const known = this.#expressions.get(template.expression) ?? (await compile(template.expression, path));
    this.#expressions.set(template.expression, known);
    return known(input, variables);
  }
}

/** JSONata takes a third of the start of a function, and an event that matches no file needs none. */
async function compile(source: string, path: string): Promise<Expression> {
  const { compileExpression } = await import('./expression.ts');
  return compileExpression(source, path);
}

/** Parts of a later layer win: columns one by one, everything else as a whole. */
function layered(...layers: readonly Parts[]): Parts {
  return layers.reduce((below, above) => ({
    fields: { ...below.fields, ...above.fields },
    update: above.update ?? below.update,
    required: above.required ?? below.required,
    note: above.note ?? below.note,
    resolve: { ...below.resolve, ...above.resolve },
    reopen: { ...below.reopen, ...above.reopen },
  }));
}

/** A value as a column holds it; undefined leaves the column out. */
function columnValue(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return cut(String(value));
  const isFlat = Array.isArray(value) && value.every((one) => typeof one !== 'object');
  return cut(isFlat ? value.join(', ') : JSON.stringify(value));
}

/** @throws ExpressionError for a list or an object */
function textOf(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') throw new ExpressionError(path, 'must give text, not a list or an object');
  const text = String(value).toWellFormed().trim();
  return text === '' ? undefined : text;
}

function cut(text: string): string {
  const wellFormed = text.toWellFormed();
  if (wellFormed.length <= longestText) return wellFormed;
  return `${wellFormed.slice(0, longestText - cutMark.length).toWellFormed()}${cutMark}`;
}
