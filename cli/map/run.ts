import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compileAll } from '../../lib/events/compile.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { UsageError } from '../command-line.ts';
import { readJson } from '../read-text.ts';
import { isProject } from '../typed.ts';
import { checkMappings } from './check.ts';
import { type DryRunOptions, dryRun } from './dry-run.ts';
import { readSequences } from './sequences.ts';

type MapOptions = DryRunOptions & {
  readonly folder?: string | undefined;
  readonly test?: true | undefined;
  readonly check?: true | undefined;
  readonly rules?: true | undefined;
};

const print = (text: string) => process.stdout.write(`${text}\n`);

/** @throws UsageError without anything to do; MappingError for a file that is wrong */
export async function runMap(event: string | undefined, options: MapOptions): Promise<void> {
  const { test, check, rules } = options;
  const folder = options.folder ?? findFolder();
  if (event === undefined && !test && !check && !rules)
    throw new UsageError('A file with an event is needed, or --test, --check or --rules');
  if (rules && (test ?? check ?? event) !== undefined)
    throw new UsageError('--rules prints JSON alone; give it without --test, --check and an event');
  const mappings = compileAll(folder);
  if (check) await runCheck(mappings, folder);
  if (rules) print(JSON.stringify(rulesOf(mappings), null, 2));
  if (test) await runTests(mappings, folder);
  if (event !== undefined) print(await dryRun(await readJson(event), mappings, options));
}

/** The mapping files of the current folder, else those that the program brings along, where they are the project's own or next to `dist/`. */
function findFolder(): string {
  if (existsSync(ownFolder)) return ownFolder;
  return join(import.meta.dirname, isProject ? '../../mappings' : '../mappings');
}

const ownFolder = 'mappings';

async function runCheck(mappings: Mappings, folder: string): Promise<void> {
  const warnings = await checkMappings(mappings, folder);
  for (const warning of warnings) print(`warning: ${warning}`);
  print(`${mappings.mappings.length} mapping files: no errors, ${warnings.length} warnings.`);
}

async function runTests(mappings: Mappings, folder: string): Promise<void> {
  let failed = 0;
  const tests = readSequences(folder, mappings);
  for (const { file, name, run } of tests) {
    try {
      await run();
      print(`ok      ${file}: ${name}`);
    } catch (error) {
      failed += 1;
      print(`FAILED  ${file}: ${name}\n        ${error instanceof Error ? error.message : error}`);
    }
  }
  print(`${tests.length - failed} of ${tests.length} sequences passed.`);
  if (failed > 0) process.exitCode = 1;
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
