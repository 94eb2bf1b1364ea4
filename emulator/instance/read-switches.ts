import { journalTextChanges } from './store/journal.ts';
import { defaultSwitches, type Switches } from './switches.ts';

const defaults: ReadonlyMap<string, unknown> = new Map(Object.entries(defaultSwitches));

/** Numbers are counts, bytes and milliseconds. */
const isSensible = (value: unknown) => typeof value !== 'number' || (Number.isFinite(value) && value >= 0);

const allowed: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['failedRowStatus', (value: unknown) => value === 200 || value === 201],
  [
    'journalTextChanges',
    (value: unknown) => Array.isArray(value) && value.every((name) => journalTextChanges.includes(name)),
  ],
  ['semaphorePermits', (value: unknown) => Number.isInteger(value) && Number(value) > 0],
]);

/**
 * Switches from a command line, each `name=value` with the value in JSON: `shuffleTies=true`.
 * @throws Error for an unknown name, or a value of another type than the default's.
 */
export function readSwitches(texts: readonly string[]): Partial<Switches> {
  const given = texts.map((text) => {
    const [name = '', ...rest] = text.split('=');
    return { name, text: rest.join('='), value: parse(rest.join('=')) };
  });
  for (const { name, value, text } of given) check(name, value, text);
  return Object.fromEntries(given.map(({ name, value }) => [name, value]));
}

/**
 * Switches from an object of unknown origin, such as the body of a request.
 * @throws Error for an unknown name, or a value of another type than the default's.
 */
export function checkSwitches(values: Readonly<Record<string, unknown>>): Partial<Switches> {
  for (const [name, value] of Object.entries(values)) check(name, value, JSON.stringify(value));
  return values;
}

function check(name: string, value: unknown, text: string): void {
  const usual = defaults.get(name);
  if (usual === undefined)
    throw new Error(`unknown switch ${name}; the switches are ${[...defaults.keys()].join(', ')}`);
  const isOfKind = typeof value === typeof usual && Array.isArray(value) === Array.isArray(usual);
  if (isOfKind && (allowed.get(name) ?? isSensible)(value)) return;
  throw new Error(`switch ${name} takes a value such as ${JSON.stringify(usual)}, not ${text}`);
}

function parse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    // No default has this type, so that the check refuses it.
    return undefined;
  }
}
