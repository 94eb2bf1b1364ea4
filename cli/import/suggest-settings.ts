import type { StagingTable } from '../../lib/file-import/plan/staging-table.ts';

/** Settings as text, how many columns they place, and the staging columns that nothing fills. */
export type SuggestedSettings = {
  readonly json: string;
  readonly mapped: number;
  readonly ignored: number;
  readonly free: readonly string[];
};

/** An editor that knows the schema by its id checks the file as it is written; the import passes over it. */
const schemaUrl = 'urn:servicenow-functions:import-settings:1';

/** Below this two names have too little in common. */
const leastLikeness = 0.5;

/**
 * An `_import.json` for headers that match no staging column by name or label: each goes to the most similar column that no other
 * header took, or is left out.
 * @param matched columns that other headers match
 */
export function suggestSettings(
  headers: readonly string[],
  { columns }: StagingTable,
  matched: ReadonlySet<string>,
): SuggestedSettings {
  const free = columns.filter(({ name }) => !name.startsWith('sys_') && !matched.has(name));
  const pairs = headers.flatMap((header) =>
    free.map(({ name, label }) => ({
      header,
      name,
      likeness: Math.max(likeness(header, name), likeness(header, label)),
    })),
  );
  const placed = new Map<string, string>();
  const taken = new Set<string>();
  for (const { header, name, likeness } of pairs.toSorted((a, b) => b.likeness - a.likeness)) {
    if (likeness < leastLikeness || placed.has(header) || taken.has(name)) continue;
    placed.set(header, name);
    taken.add(name);
  }
  const ignoredColumns = headers.filter((header) => !placed.has(header));
  const settings = {
    $schema: schemaUrl,
    ...(placed.size > 0 && { columns: Object.fromEntries(placed) }),
    ...(ignoredColumns.length > 0 && { ignoredColumns }),
  };
  return {
    json: `${JSON.stringify(settings, null, 2)}\n`,
    mapped: placed.size,
    ignored: ignoredColumns.length,
    free: free.map(({ name }) => name).filter((name) => !taken.has(name)),
  };
}

/** 0 to 1: the share of letter pairs that two names have in common (Dice), without case, blanks and `u_`. */
function likeness(one: string, other: string): number {
  const [a, b] = [pairsOf(one), pairsOf(other)];
  if (a.length === 0 || b.length === 0) return 0;
  const left = [...b];
  let common = 0;
  for (const pair of a) {
    const at = left.indexOf(pair);
    if (at === -1) continue;
    left.splice(at, 1);
    common += 1;
  }
  return (2 * common) / (a.length + b.length);
}

function pairsOf(name: string): string[] {
  const letters = name
    .toLowerCase()
    .replace(/^u_/, '')
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
  return Array.from({ length: Math.max(0, letters.length - 1) }, (_, i) => letters.slice(i, i + 2));
}
