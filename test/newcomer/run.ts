/**
 * `npm run newcomer`: what a newcomer does in the first minutes, in a fresh clone and by the documentation alone, each step timed. It
 * takes commands and files from README.md and docs/, so that a page that is wrong stops it. The folder has blanks and umlauts in its name.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readScriptArguments } from '../../deploy/script-arguments.ts';
import { commandsIn } from '../e2e/shell-commands.ts';

readScriptArguments(
  'npm run newcomer: follows README.md and docs/ in a fresh clone, as a newcomer does, and times each step',
);

const project = resolve(import.meta.dirname, '../..');
const home = await mkdtemp(join(tmpdir(), 'newcomer-'));
const folder = join(home, 'Erste Schritte für Jürgen', 'servicenow-functions');
const environment = { ...process.env, XDG_CACHE_HOME: join(home, 'cache') };
const startedMs = Date.now();
let isLate = false;

function say(text: string): void {
  process.stdout.write(`${((Date.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`);
}

/** @param limitSeconds what the steps since the last goal may take together */
function reach(goal: string, sinceMs: number, limitSeconds: number): void {
  const seconds = (Date.now() - sinceMs) / 1_000;
  const isInTime = seconds <= limitSeconds;
  isLate ||= !isInTime;
  say(`${isInTime ? '✓' : '✗'} ${goal}: ${seconds.toFixed(1)} s of ${limitSeconds} s`);
}

/** Runs a command in the clone as a person types it. @throws Error with its output when it fails */
async function type(command: string): Promise<string> {
  say(`$ ${command}`);
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], {
    cwd: folder,
    env: environment,
    maxBuffer: 1 << 26,
  }).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`${command}\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error });
  });
  return stdout + stderr;
}

/** A page of the clone, which a newcomer reads. */
const read = (page: string) => readFile(join(folder, page), 'utf8');

/** The part of a page below a heading. @throws Error when the page has no such heading */
async function section(page: string, heading: string): Promise<string> {
  const [, part] = (await read(page)).split(`\n## ${heading}\n`);
  if (part === undefined) throw new Error(`${page} has no section "${heading}"`);
  return part.split('\n## ')[0] ?? '';
}

/** The first block of a language in a text. @throws Error when there is none */
function block(text: string, language: string): string {
  const [, indent = '', found] = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\``, 'ms').exec(text) ?? [];
  if (found === undefined) throw new Error(`a block of ${language} is missing`);
  return found.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** @throws Error when what was printed is not what the page promises */
function expectIn(printed: string, promised: string | RegExp): void {
  const isThere = typeof promised === 'string' ? printed.includes(promised) : promised.test(printed);
  if (!isThere) throw new Error(`${promised} was expected in:\n${printed}`);
}

/** `npm start`, and what it prints. */
async function startStack() {
  say('$ npm start');
  const child = spawn('npm', ['start'], {
    cwd: folder,
    // A group of its own, which gets Ctrl-C as from a terminal.
    detached: true,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const printed = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`npm start has ended:\n${lines.join('\n')}`);
      await once(reader, 'line', { signal: AbortSignal.timeout(300_000) });
    }
  };
  const stop = async () => {
    const gone = once(child, 'exit');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await gone;
  };
  await printed(/Stop with Ctrl-C/).catch(async (error: unknown) => {
    if (child.exitCode === null) await stop();
    throw error;
  });
  const addressOf = async (service: string) =>
    /https?:\/\/\S+/.exec(await printed(new RegExp(`^ +${service} `)))?.[0] ?? '';
  return {
    printed,
    addressOf,
    stop,
  };
}

/** Asks the API again and again, as a person reloads a page. @throws Error when it does not answer so in a minute */
async function untilAnswered(url: string, promised: string): Promise<void> {
  for (let left = 60; ; left--) {
    const text = await (await fetch(url)).text();
    if (text.includes(promised)) return say(`${promised} at ${url}`);
    if (left === 0) expectIn(text, promised);
    await delay(1_000);
  }
}

async function firstSuccess(): Promise<void> {
  const sinceMs = Date.now();
  await mkdir(join(folder, '..'), { recursive: true });
  say(`$ git clone … ${JSON.stringify(folder)}`);
  await promisify(execFile)('git', ['clone', '--quiet', project, folder]);
  const [install, demo] = commandsIn(await section('README.md', 'Try it'));
  if (install?.text !== 'npm ci' || demo === undefined)
    throw new Error('README.md, "Try it": npm ci comes first');
  await type(install.text);
  await type(demo.text);
  reach('clone to first success', sinceMs, 90);
}

async function ownFile(): Promise<void> {
  const sinceMs = Date.now();
  const page = await section('docs/imports.md', 'Settings: `_import.json`');
  await writeFile(join(folder, '_import.json'), block(page, 'json'));
  await writeFile(join(folder, 'people.csv'), block(page, 'csv'));
  const command = commandsIn(page).find(({ text }) => text.includes('--settings'));
  if (command === undefined) throw new Error('docs/imports.md does not say how settings and file are sent');
  const stack = await startStack();
  try {
    const check = await type(`${command.text} --dry-run`);
    expectIn(check, /Personnel number/);
    expectIn(await type(command.text), /completed: 1 row in/);
    const api = await stack.addressOf('HTTP API');
    expectIn(await type(`curl -sS '${api}/api/now/table/sys_user?user_name=ada.example'`), 'Example');
  } finally {
    await stack.stop();
  }
  reach('own file with a mapping imported', sinceMs, 5 * 60);
}

async function ownMapping(): Promise<void> {
  const sinceMs = Date.now();
  const page = await section(
    'docs/events.md',
    'Ten minutes: change a mapping, see its test fail, make it pass',
  );
  const commands = commandsIn(page);
  for (const { text } of commands.filter(({ words }) => words.includes('map'))) await type(text);
  const [, mapping = '', column = '', changed = ''] =
    /Open `(\S+)` and change the line of `(\w+)` to `(.+?)`/.exec(page) ?? [];
  await change(mapping, new RegExp(`^( *)${column}: .*$`, 'm'), `$1${changed}`);
  const test = 'npm run map -- --test';
  const failure = await type(test).then(
    () => '',
    (error: Error) => error.message,
  );
  const [promised = ''] = /^ *FAILED .*\n.*$/m.exec(page) ?? [];
  for (const line of promised.split('\n')) expectIn(failure, line.trim() || 'FAILED, in the page');
  const [, sequence = '', wanted = ''] = /change the expectation in `(\S+)` to `(.+?)`/.exec(page) ?? [];
  await change(sequence, new RegExp(`${column}: "\\d"`), wanted);
  expectIn(await type(test), /(\d+) of \1 sequences passed/);
  await type('git checkout --quiet mappings');
  reach('own mapping changed, its test red, then green', sinceMs, 10 * 60);
}

/** Changes a file of the clone. @throws Error when it has no such text */
async function change(file: string, from: RegExp, to: string): Promise<void> {
  const text = await read(file);
  if (!from.test(text)) throw new Error(`${file} has no ${from}`);
  await writeFile(join(folder, file), text.replace(from, to));
}

async function ownAlarm(): Promise<void> {
  const sinceMs = Date.now();
  const page = await section('docs/events.md', 'Ten minutes: an alarm of your own');
  await writeFile(join(folder, 'mappings/samples/shop-late.json'), block(page, 'json'));
  await writeFile(join(folder, 'mappings/shop.yaml'), block(page, 'yaml'));
  expectIn(await type('npm run map -- mappings/samples/shop-late.json'), 'The queue orders is late');
  await type('npm run map -- --check');
  const put = commandsIn(page).find(({ words }) => words.includes('put-events'));
  const entries = put?.words[put.words.indexOf('--entries') + 1];
  if (entries === undefined) throw new Error('docs/events.md does not say how the event is sent');
  const stack = await startStack();
  try {
    const eventBridge = await stack.addressOf('EventBridge');
    const send = async (text: string) => {
      const headers = `-H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AWSEvents.PutEvents'`;
      await writeFile(join(folder, 'entries.json'), `{"Entries":${text}}`);
      const answer = await type(`curl -sS ${headers} --data-binary @entries.json ${eventBridge}`);
      expectIn(answer, /"FailedEntryCount": ?0/);
    };
    await send(entries);
    say(await stack.printed(/INC\d+/));
    await send(entries.replace('late', 'fine'));
    const api = await stack.addressOf('HTTP API');
    await untilAnswered(`${api}/api/now/table/incident?correlation_id=orders`, '"state":"6"');
  } finally {
    await stack.stop();
  }
  reach('own alarm opens and resolves an incident', sinceMs, 10 * 60);
}

try {
  await firstSuccess();
  await ownFile();
  await ownMapping();
  await ownAlarm();
  process.exitCode = isLate ? 1 : 0;
} catch (error) {
  say(`✗ ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await rm(home, { recursive: true, force: true });
}
