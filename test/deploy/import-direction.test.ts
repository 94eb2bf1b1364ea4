import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

/** A file, and a module that it imports. */
type Import = readonly [file: string, imported: string];

const upward: readonly Import[] = [
  ['lib/core/x.ts', '../servicenow/client.ts'],
  ['lib/core/x.ts', 'undici'],
  ['lib/servicenow/x.ts', '../aws/s3.ts'],
  ['lib/servicenow/auth/x.ts', '@aws-sdk/client-s3'],
  ['lib/servicenow/transport/x.ts', '../classify/answer.ts'],
  ['lib/servicenow/classify/x.ts', '../auth/credentials.ts'],
  ['lib/servicenow/auth/x.ts', '../connection.ts'],
  ['lib/servicenow/connection.ts', './middleware/send.ts'],
  ['lib/servicenow/middleware/x.ts', '../records.ts'],
  ['lib/aws/x.ts', '../operations/table.ts'],
  ['lib/operations/x.ts', '../gateway/serve.ts'],
  ['lib/record-queue/x.ts', '../file-import/state.ts'],
  ['lib/record-queue/x.ts', '../events/pattern.ts'],
  ['lib/operations/x.ts', '../events/pattern.ts'],
  ['lib/events/x.ts', '../gateway/serve.ts'],
  ['lib/record-queue/writes/x.ts', '../acknowledge.ts'],
  ['lib/record-queue/message.ts', './writes/create.ts'],
  ['lib/record-queue/writes/x.ts', '../resolve.ts'],
  ['lib/record-queue/writes/x.ts', '../dead-letter.ts'],
  ['lib/record-queue/ordering.ts', './writes/attempt.ts'],
  ['lib/record-queue/redrive.ts', './writes/create.ts'],
  ['lib/gateway/x.ts', '../record-queue/handler.ts'],
  ['lib/gateway/x.ts', '../handler-chain.ts'],
  ['lib/doctor/x.ts', '../runtime.ts'],
  ['lib/runtime.ts', '../emulator/stack/stack.ts'],
  ['lib/file-import/x.ts', '../runtime.ts'],
  ['lib/file-import/plan/x.ts', '../read/content.ts'],
  ['lib/file-import/load/x.ts', '../verdicts/row-lines.ts'],
  ['lib/file-import/verdicts/x.ts', '../report/summary.ts'],
  ['lib/file-import/report/x.ts', '../state.ts'],
  ['lib/file-import/load/x.ts', '../open-import.ts'],
  ['lib/file-import/instance.ts', './plan/settings.ts'],
  ['lib/file-import/report/x.ts', '../../gateway/serve.ts'],
  ['functions/x.ts', '../lib/servicenow/client.ts'],
  ['functions/x.ts', '../cli/start.ts'],
  ['emulator/instance/x.ts', '../../lib/core/clock.ts'],
  ['emulator/instance/x.ts', '../aws/clock.ts'],
  ['emulator/aws/x.ts', '../instance/index.ts'],
  ['emulator/stack/x.ts', '../../deploy/package.ts'],
  ['deploy/x.ts', '../cli/start.ts'],
];

const downward: readonly Import[] = [
  ['lib/file-import/report/x.ts', '../verdicts/row-lines.ts'],
  ['lib/file-import/activities.ts', './report/summary.ts'],
  ['lib/record-queue/x.ts', '../operations/table.ts'],
  ['lib/events/x.ts', '../record-queue/sqs-event.ts'],
  ['lib/servicenow/middleware/x.ts', '../connection.ts'],
  ['lib/record-queue/handler.ts', './writes/attempt.ts'],
  ['lib/runtime.ts', './gateway/serve.ts'],
  ['functions/x.ts', '../lib/runtime.ts'],
  ['emulator/stack/x.ts', '../instance/index.ts'],
  ['cli/x.ts', '../deploy/package.ts'],
];

/** Those imports that the linter refuses, each in a file of its own. */
function refused(imports: readonly Import[]): Import[] {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'import-direction-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync('biome.json', join(folder, 'biome.json'));
  const files = imports.map(([file], index) => file.replace(/x\.ts$/, `x${index}.ts`));
  for (const [index, file] of files.entries()) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import { value } from '${imports[index]?.[1]}';\n\nexport const used = value;\n`);
  }
  const biome = resolve('node_modules/@biomejs/biome/bin/biome');
  const rule = '--only=style/noRestrictedImports';
  const args = [
    biome,
    'lint',
    '--vcs-enabled=false',
    rule,
    '--reporter=github',
    '--max-diagnostics=none',
    '.',
  ];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const found = [...stdout.matchAll(/noRestrictedImports,file=([^,]+),/g)].map(([, file = '']) => file);
  return imports.filter((_, index) => found.includes(join(folder, files[index] ?? '')));
}

it('refuses imports upward and between rooms that know nothing of each other', () => {
  expect(refused(upward)).toEqual(upward);
});

it('lets imports downward pass', () => {
  expect(refused(downward)).toEqual([]);
});
