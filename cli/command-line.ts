import { Command, CommanderError, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { commaList } from '../lib/core/config.ts';
import { explainError } from './explain-error.ts';
import { isNodeSupported, runOnBundledNode } from './node-version.js';
import { typed } from './typed.ts';

/** A command line that cannot be understood; its message is followed by the usage, and the exit code is 2. */
export class UsageError extends Error {
  override name = 'UsageError' as const;
}

/**
 * A command of the program, with `--help` and an example. Add its options and an action; list it in main.ts. What the action needs
 * is imported by the action, so that `--help` loads nothing else.
 * @param about one line, without a full stop
 * @param examples the arguments of each, e.g. `people.csv --table imp_user`
 */
export function command(name: string, about: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(about)
    .helpOption('-h, --help', 'shows this text')
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
    .addHelpText('after', `\nExample:\n${examples.map((example) => `  ${typed(name, example)}\n`).join('')}`);
}

/** An action that needs the Node of the functions: on an older one it runs again on the one that was installed with the project. */
export function onFunctionsNode<Args extends readonly unknown[]>(
  action: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    if (isNodeSupported()) await action(...args);
    else runOnBundledNode(process.argv.slice(1));
  };
}

/**
 * Runs the program. An error is one line on stderr, without a stack trace. The exit code is 2 for a command line that cannot be
 * understood, which also shows the usage, and 1 for every other error.
 */
export async function runProgram(program: Command, words: readonly string[]): Promise<void> {
  let running: { outputHelp(context: { error: true }): void } = program;
  program.hook('preAction', (_program, action) => {
    running = action;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n`);
      running.outputHelp({ error: true });
      process.exitCode = 2;
    } else {
      process.stderr.write(`${explainError(error)}\n`);
      process.exitCode = 1;
    }
  }
}

/**
 * The value of an option that must be given. Not commander's requiredOption, which hides a misspelt option behind the missing one.
 * @throws UsageError
 */
export function required<Value>(value: Value | undefined, option: string): Value {
  if (value !== undefined) return value;
  throw new UsageError(`${option} is missing`);
}

/** Reads a whole number of an option. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads a port; 0 takes a free one. */
export const port = wholeNumber(0, 65_535);

/** Reads a text that must not be blank, such as the path of a file. */
export function notBlank(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** `--stack`, of every command that means a local stack when nothing else is named. */
export const stackOption = new Option(
  '--stack <folder>',
  'a local stack by the folder that it was started in, or by its data folder (default: the one started here)',
).argParser(notBlank);

/** `--stack-name` and `--region`, of every command that can mean a deployment as a whole. */
export const stackNameOption = new Option(
  '--stack-name <name>',
  'a deployment on AWS by its CloudFormation stack, e.g. servicenow-functions-prod',
).argParser(notBlank);
export const regionOption = new Option(
  '--region <name>',
  'its region, if it is not that of your AWS settings',
).argParser(notBlank);

/** Reads a comma-separated list of at least one part: none must not be read as all. */
export function list(text: string): readonly string[] {
  const parts = commaList(text);
  if (parts.length > 0) return parts;
  throw new InvalidArgumentError('It must not be empty.');
}

/** Reads names of tables, or `*`. */
export function tableList(text: string): string {
  if (/^\s*(?:\*|\w+(?:\s*,\s*\w+)*)\s*$/.test(text)) return text;
  throw new InvalidArgumentError("It must be names of tables, comma separated, or '*'.");
}
