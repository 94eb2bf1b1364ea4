import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compileAll } from '../../lib/events/compile.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { unservedTables } from '../../lib/events/served-tables.ts';
import { UsageError } from '../command-line.ts';
import { readJson } from '../read-text.ts';
import { isProject } from '../typed.ts';
import { allowedTables } from './allowed-tables.ts';
import { checkMappings } from './check.ts';
import { type DryRunOptions, dryRun, planEvent } from './dry-run.ts';
import { readSequences } from './sequences.ts';

type MapOptions = DryRunOptions & {
  readonly folder?: string | undefined;
  readonly test?: true | undefined;
  readonly check?: true | undefined;
  readonly rules?: true | undefined;
  readonly json?: true | undefined;
};

const print = (text: string) => process.stdout.write(`${text}\n`);

/** @throws UsageError without anything to do; MappingError for a file that is wrong */
export async function runMap(event: string | undefined, options: MapOptions): Promise<void> {
  const { test, check, rules, json = false } = options;
  const folder = options.folder ?? findFolder();
  if (event === undefined && !test && !check && !rules)
    throw new UsageError('A file with an event is needed, or --test, --check or --rules');
  if (rules && (test ?? check ?? event) !== undefined)
    throw new UsageError('--rules prints JSON alone; give it without --test, --check and an event');
  const mappings = compileAll(folder);
  if (rules) {
    print(JSON.stringify(rulesOf(mappings), null, 2));
    return;
  }
  const warnings = check && [
    ...(await checkMappings(mappings, folder)),
    ...unservedTables(mappings, allowedTables()),
  ];
  if (warnings && !json) showWarnings(warnings, mappings);
  const sequences = test && (await runSequences(mappings, folder, json ? () => {} : showSequence));
  if (sequences && !json) showCount(sequences);
  if (sequences?.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
  const given = event === undefined ? undefined : await readJson(event);
  if (json) {
    const elements = event === undefined ? undefined : await planEvent(given, mappings, options);
    const mappingFiles = mappings.mappings.length;
    print(JSON.stringify({ ...(warnings && { mappingFiles, warnings }), sequences, elements }));
  } else if (event !== undefined) print(await dryRun(given, mappings, options));
}

/** The mapping files of the current folder, else those that the program brings along, where they are the project's own or next to `dist/`. */
function findFolder(): string {
  if (existsSync(ownFolder)) return ownFolder;
  return join(import.meta.dirname, isProject ? '../../mappings' : '../mappings');
}

const ownFolder = 'mappings';

function showWarnings(warnings: readonly string[], { mappings }: Mappings): void {
  for (const warning of warnings) print(`warning: ${warning}`);
  print(`${mappings.length} mapping files: no errors, ${warnings.length} warnings.`);
}

type Sequence = { readonly file: string; readonly name: string; readonly failure?: string };

async function runSequences(
  mappings: Mappings,
  folder: string,
  show: (one: Sequence) => void,
): Promise<Sequence[]> {
  const done: Sequence[] = [];
  for (const { file, name, run } of readSequences(folder, mappings)) {
    const one: Sequence = await run().then(
      () => ({ file, name }),
      (error: unknown) => ({ file, name, failure: error instanceof Error ? error.message : String(error) }),
    );
    show(one);
    done.push(one);
  }
  return done;
}

function showCount(sequences: readonly Sequence[]): void {
  const passed = sequences.filter(({ failure }) => failure === undefined);
  print(`${passed.length} of ${sequences.length} sequences passed.`);
}

function showSequence({ file, name, failure }: Sequence): void {
  if (failure === undefined) print(`ok      ${file}: ${name}`);
  else print(`FAILED  ${file}: ${name}\n        ${failure}`);
}

function ruleNameOf(file: string): string {
  const words = file.replace(/\.ya?ml$/, '').split(/[^A-Za-z0-9]+/);
  return words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('');
}

/** One rule for each file, to the events queue of the stack. */
function rulesOf({ mappings }: Mappings): object {
  const rules = mappings.map(({ file, when }) => {
    const name = ruleNameOf(file);
    const twin = mappings.find((one) => one.file !== file && ruleNameOf(one.file) === name);
    if (twin) throw new UsageError(`${file} and ${twin.file} give rules of one name; rename one of them`);
    const Targets = [{ Id: 'events', Arn: { 'Fn::GetAtt': ['EventsQueue', 'Arn'] } }];
    const Properties = { Description: `Events of mappings/${file}`, EventPattern: when, Targets };
    return [`${name}EventsRule`, { Type: 'AWS::Events::Rule', Properties }] as const;
  });
  return { Resources: Object.fromEntries(rules) };
}
