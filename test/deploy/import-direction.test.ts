import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  ['lib/aws/x.ts', '../operations/table.ts'],
  ['lib/operations/x.ts', '../gateway/serve.ts'],
  ['lib/record-queue/x.ts', '../file-import/state.ts'],
  ['lib/record-queue/x.ts', '../events/pattern.ts'],
  ['lib/operations/x.ts', '../events/pattern.ts'],
  ['lib/events/x.ts', '../gateway/serve.ts'],
  ['lib/gateway/x.ts', '../record-queue/write-records.ts'],
  ['lib/doctor/x.ts', '../runtime.ts'],
  ['lib/runtime.ts', '../emulator/stack/stack.ts'],
  ['lib/file-import/x.ts', '../runtime.ts'],
  ['lib/file-import/plan/x.ts', '../read/open-rows.ts'],
  ['lib/file-import/load/x.ts', '../verdicts/collect.ts'],
  ['lib/file-import/verdicts/x.ts', '../report/summary.ts'],
  ['lib/file-import/report/x.ts', '../state.ts'],
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
  ['lib/file-import/report/x.ts', '../verdicts/collect.ts'],
  ['lib/file-import/activities.ts', './report/summary.ts'],
  ['lib/record-queue/x.ts', '../operations/table.ts'],
  ['lib/events/x.ts', '../record-queue/sqs-event.ts'],
  ['lib/runtime.ts', './gateway/serve.ts'],
  ['functions/x.ts', '../lib/runtime.ts'],
  ['emulator/stack/x.ts', '../instance/index.ts'],
  ['cli/x.ts', '../deploy/package.ts'],
];

/** Those imports that the linter refuses, each tried in a project of its own. */
function refused(imports: readonly Import[]): Import[] {
  const folder = mkdtempSync(join(tmpdir(), 'import-direction-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const projects = imports.map(([file, imported], index) => {
    const path = join(folder, `${index}`, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import { value } from '${imported}';\n\nexport const used = value;\n`);
    cpSync('biome.json', join(folder, `${index}`, 'biome.json'));
    return join(folder, `${index}`);
  });
  const biome = resolve('node_modules/@biomejs/biome/bin/biome');
  return imports.filter((_, index) => {
    const args = [biome, 'lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '.'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: projects[index], encoding: 'utf8' });
    return `${stdout}${stderr}`.includes('noRestrictedImports');
  });
}

it('refuses imports upward and between rooms that know nothing of each other', () => {
  expect(refused(upward)).toEqual(upward);
});

it('lets imports downward pass', () => {
  expect(refused(downward)).toEqual([]);
});
