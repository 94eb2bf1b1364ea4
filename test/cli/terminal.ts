import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';
import { until } from '../until.ts';

/** util-linux gives a command a terminal; elsewhere tests with one are skipped. */
export const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script');

export const ctrlC = '\u0003';

/** A command that runs in a terminal of 80 columns. */
export type InTerminal = {
  /** All that it printed so far, escape sequences included. */
  readonly output: () => string;
  /** Resolves once it has printed this. */
  printed(text: string | RegExp): Promise<void>;
  /** Types into the terminal. */
  type(keys: string): void;
  /** Its exit code. */
  readonly exited: Promise<number>;
};

/** Runs a command of words without quotes in a terminal; it is killed at the end of the test. */
export function runInTerminal(
  words: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): InTerminal {
  const command = `stty rows 24 cols 80; exec ${words.map((word) => `'${word}'`).join(' ')}`;
  const child = spawn('/usr/bin/script', ['-qefc', command, '/dev/null'], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      SHELL: '/bin/sh',
      TERM: 'xterm-256color',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? -1));
  });
  onTestFinished(async () => {
    child.stdin.end();
    child.kill('SIGKILL');
    await exited;
  });
  const isThere = (text: string | RegExp) =>
    typeof text === 'string' ? output.includes(text) : text.test(output);
  return {
    output: () => output,
    async printed(text) {
      await until(() => {
        if (!isThere(text)) throw new Error(`${text} was not printed: ${JSON.stringify(output)}`);
      });
    },
    type: (keys) => {
      child.stdin.write(keys);
    },
    exited,
  };
}

/** What a command did to its terminal and did not undo: a hidden cursor, no line wrap, another screen, or a line without its end. */
export function leftovers(output: string): readonly string[] {
  const last = (mode: string) =>
    output
      .match(new RegExp(`\\u001b\\[\\?${mode}([hl])`, 'g'))
      ?.at(-1)
      ?.at(-1);
  return [
    last('25') === 'l' ? 'the cursor is hidden' : '',
    last('7') === 'l' ? 'lines do not wrap' : '',
    last('1049') === 'h' ? 'another screen is shown' : '',
    /\n\r?$|^$/.test(stripVTControlCharacters(output)) ? '' : 'the cursor is in the middle of a line',
  ].filter((one) => one !== '');
}
