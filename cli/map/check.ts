import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinsPaths } from '../../lib/events/expression-names.ts';
import { type ReceivedEvent, readEvents } from '../../lib/events/intake.ts';
import { createMapper } from '../../lib/events/map-event.ts';
import type { CompiledMapping, Mappings } from '../../lib/events/mapping.ts';

type Seen = {
  samples: number;
  readonly columns: Set<string>;
  readonly entries: Set<number>;
  readonly errors: string[];
};

/**
 * What looks wrong in mapping files that compile: files, entries and columns that no sample of the folder reaches, samples that
 * fail, and columns that the instance computes by itself.
 */
export async function checkMappings(mappings: Mappings, folder: string): Promise<readonly string[]> {
  const warnings: string[] = [];
  const seen = new Map<CompiledMapping, Seen>(
    mappings.mappings.map((mapping) => [
      mapping,
      { samples: 0, columns: new Set(), entries: new Set(), errors: [] },
    ]),
  );
  const mapper = createMapper(mappings);
  const samples = join(folder, 'samples');
  const names = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith('.json')) : [];
  for (const name of names) {
    const sample = readFileSync(join(samples, name), 'utf8');
    for (const { event, arrival } of eventsIn(sample, name, warnings)) {
      const mapped = await mapper.map(event, arrival).catch(() => undefined);
      const found = mapped && seen.get(mapped.mapping);
      if (!mapped || !found) continue;
      found.samples += 1;
      for (const one of mapped.elements) {
        if (one.entry !== undefined) found.entries.add(one.entry);
        if ('error' in one)
          found.errors.push(`samples/${name}: ${one.error instanceof Error ? one.error.message : one.error}`);
        if (!('signal' in one)) continue;
        const values = Object.values(one.signal.lookups ?? {}).length;
        for (const column of Object.keys(one.signal.fields ?? {})) found.columns.add(column);
        for (const [column, { by }] of Object.entries(one.signal.lookups ?? {}))
          if (values > 0 && Object.values(by).some((value) => value !== null)) found.columns.add(column);
      }
    }
  }
  for (const [mapping, found] of seen) warnings.push(...warningsOf(mapping, found));
  return warnings;
}

/** None of a sample that cannot be read; then there is a warning. */
function eventsIn(sample: string, name: string, warnings: string[]): readonly ReceivedEvent[] {
  try {
    return readEvents(sample, { atMs: Date.now(), messageId: name });
  } catch (error) {
    warnings.push(`samples/${name}: ${error instanceof Error ? error.message : error}`);
    return [];
  }
}

/** Columns that an instance computes: a value that is given does not win. */
const computed = ['priority', 'number', 'sys_id', 'opened_at'];

function warningsOf(mapping: CompiledMapping, found: Seen): readonly string[] {
  const { file, fields = {}, signal, key } = mapping;
  const isJoined = key.some((part) => 'expression' in part && joinsPaths(part.expression));
  const joined = isJoined
    ? [`${file}: key joins values, of which a missing one adds nothing: write a list of its parts`]
    : [];
  if (found.samples === 0) return [...joined, `${file}: no sample matches it`];
  const unseen = Object.keys(fields).filter((column) => !found.columns.has(column));
  const unused = signal.flatMap((entry, index) =>
    found.entries.has(index) ? [] : [`${file}: signal.${index} (${entry.is}) is reached by no sample`],
  );
  return [
    ...joined,
    ...found.errors.map((error) => `${file}: ${error}`),
    ...unseen.map((column) => `${file}: fields.${column} has no value in any sample; is its path right?`),
    ...unused,
    ...Object.keys(fields)
      .filter((column) => computed.includes(column))
      .map((column) => `${file}: fields.${column} is computed by the instance`),
  ];
}
