import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folders = [
  ...['lib', 'functions', 'cli', 'deploy', 'docs', 'emulator'],
  ...['test', 'schemas', 'examples', 'mappings', '.ci'],
];
const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'serverless.yml'];

/** Words that a reader has to decode, and what to write instead; see docs/contributing.md. */
const banned: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\b(nobody|somebody|whoever)\b/i, 'no caller, no process; a person; anyone who'],
  [/\banew\b/i, 'again'],
  [/\bbeside\b/i, 'next to, in addition to'],
  [/\b(is|are|be) told\b|\btold apart\b/i, 'gets, is reported, is distinguished'],
  [/\b(cannot|can) tell\b/i, 'cannot be determined'],
  [/\b(tell|tells|telling|told)\b/i, 'reports, shows, names, distinguishes'],
  [/\b(tell|told|mend)[A-Z]\w*/, 'a name that says what it does'],
  [/\b(settle|settles|settled|settling|settleMs)\b/i, 'reconcile, acknowledge, collect'],
  [/\b(broken?|breaks|breaking) off\b|\bbreakOff\b/i, 'interrupted, aborted'],
  [/\b(mend|mends|mended|mending)\b/i, 'fix, repair'],
  [/\b\w*Surroundings\b|\bpatience(Ms)?\b|\bFates?\b/i, 'Deps, WaitLimits, longestWaitMs, Disposition'],
  [
    /\b(keyGiven|isFollowed|doubtful|isDoubtful|seenDrops|JournalFinding)\b/,
    'hasExplicitKey, continuesHere, possiblySent, the wait-list',
  ],
  [/\bwhat (became|becomes) of\b/i, 'the outcome of'],
  [/\bdue here\b/i, 'expected'],
  [/\b(bury|buried|buries)\b/i, 'dead-lettered'],
  [/\bpark(ed|s|ing)? (the|a|it|them|until|for|as|with)\b/i, 'deferred'],
  [/(?<!servicenow-)\bcontract,? \d+\.\d/i, 'docs/servicenow-contract.md and the section'],
  [
    /\b(Judgement|BrokenExchange|RejectionGate|JournalAccount)\b/,
    'classify, TransportError, CredentialGuard',
  ],
  [/\b(isGivenUp|mayBeDone|leavesDoubt|settleGroup)\b/, 'the phase, mayHaveTakenEffect, collectVerdicts'],
];

/** Files that hold code and sentences; the rest of the JSON is data. */
const ofWords = /\.([cm]?[jt]s|md|ya?ml|csv|tf|schema\.json)$|^\.ci\/\w[\w-]*$/;
/** This file itself, and what others wrote or a build made. */
const notOurs = /node_modules|^emulator\/dist|^test\/docs\/vocabulary\.test\.ts$/;

/** Where older versions are read or described, their names stand. */
const excepted: Readonly<Record<string, RegExp>> = {
  'lib/file-import/import-input.ts': /isGivenUp/,
  'test/lib/file-import/workflow.test.ts': /isGivenUp/,
  'docs/adr': /\(\[contract, /,
};

function textFiles(): readonly string[] {
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((name) => ofWords.test(name) && !notOurs.test(name)),
  );
  return [...found, ...pages];
}

it('uses the words of docs/glossary.md and plain English in code, comments and docs', () => {
  const findings = textFiles().flatMap((file) => {
    const except = Object.entries(excepted).find(([path]) => file.startsWith(path))?.[1];
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      banned
        .filter(([word]) => word.test(line) && !except?.test(line))
        .map(([word, instead]) => `${file}:${index + 1} has ${word.exec(line)?.[0]}; write: ${instead}`),
    );
  });
  expect(findings).toEqual([]);
});
