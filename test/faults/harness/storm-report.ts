/** How often something happened, by its name. */
export type Counts = Readonly<Record<string, number>>;

const damageKinds = [
  'lost',
  'doubled',
  'two open records',
  'wrong state',
  'false verdict',
  'false dead letter',
  'dead letter without reason',
  'no answer',
  'left in the queue',
  'too many requests',
  'leak',
] as const;

/** One thing that is not as promised. */
export type Damage = { readonly kind: (typeof damageKinds)[number]; readonly text: string };

/** What a storm was made of, and what is wrong with what came out: nothing, when all is well. */
export type StormReport = {
  /** What was sent, e.g. `2,000 messages`. */
  readonly title: string;
  readonly seconds: number;
  /** How often each situation occurred. One that was asked for and never occurred proves nothing: the storm fails. */
  readonly occurred: Counts;
  readonly damages: readonly Damage[];
};

/** The situations that never occurred. */
function missing({ occurred }: StormReport): readonly string[] {
  return Object.entries(occurred).flatMap(([name, count]) => (count === 0 ? [name] : []));
}

/** True when nothing is wrong and everything that was asked for occurred. */
export function isClean(report: StormReport): boolean {
  return report.damages.length === 0 && missing(report).length === 0;
}

/** Adds up counts by name. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const [name, count] of all.flatMap(Object.entries<number>)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** Numbers of damages by kind; `lost`, `doubled` and the false answers are named even when they are none. */
export function tallyOf(damages: readonly Damage[]): string {
  const always: readonly string[] = ['lost', 'doubled', 'false verdict', 'false dead letter'];
  const counted = damageKinds.map(
    (kind) => [kind, damages.filter((one) => one.kind === kind).length] as const,
  );
  const shown = counted.filter(([kind, count]) => count > 0 || always.includes(kind));
  return shown.map(([kind, count]) => `${count} ${kind}`).join(', ');
}

const mostExamples = 8;

/** The report as lines of text: one, and below it what was generated and what is wrong. */
export function describeReport(report: StormReport, options: { readonly withOccurrences: boolean }): string {
  const { title, seconds, occurred, damages } = report;
  const absent = missing(report);
  const lines = [`${title}, ${seconds.toFixed(1)} s: ${tallyOf(damages)}`];
  if (options.withOccurrences)
    lines.push(
      `  occurred: ${Object.entries(occurred)
        .map(([name, count]) => `${count} × ${name}`)
        .join('; ')}`,
    );
  if (absent.length > 0) lines.push(`  never occurred: ${absent.join('; ')}`);
  lines.push(...damages.slice(0, mostExamples).map(({ kind, text }) => `  ${kind}: ${text}`));
  if (damages.length > mostExamples) lines.push(`  and ${damages.length - mostExamples} more`);
  return lines.join('\n');
}
