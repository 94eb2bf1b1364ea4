import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { claimFolder } from '../../../emulator/stack/claim-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'claim-'));
afterAll(() => rm(folder, { recursive: true }));

const inUse = (where: string) => expect(() => claimFolder(where)).toThrow('is in use by another run');

describe('a data folder', () => {
  it('belongs to one run until that lets go', () => {
    const where = join(folder, 'new', 'deep');
    const claim = claimFolder(where);
    inUse(where);
    claim.release();
    claimFolder(where).release();
  });

  it('that cannot be made is named with the reason', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    expect(() => claimFolder(join(file, 'below'))).toThrow(/a-file\/below cannot be written to \(ENOTDIR/);
  });

  it('is open to its owner alone', () => {
    const where = join(folder, 'private');
    claimFolder(where).release();
    expect(statSync(where).mode & 0o777).toBe(0o700);
  });

  it.skipIf(process.platform !== 'linux')('is refused at once where no folder can be made', async () => {
    const module = new URL('../../../emulator/stack/claim-folder.ts', import.meta.url);
    const script = `const { claimFolder } = await import('${module}'); claimFolder('/proc/none/deep')`;
    const ended = await new Promise<string>((done) => {
      const args = ['--input-type=module', '-e', script];
      // A process that spins is ended by no gentler signal.
      execFile(process.execPath, args, { timeout: 120_000, killSignal: 'SIGKILL' }, (_error, _out, err) =>
        done(err),
      );
    });
    expect(ended).toContain('proc/none/deep cannot be written to (ENOENT');
  });

  it('is free again when the run that had it was killed', async () => {
    const module = new URL('../../../emulator/stack/claim-folder.ts', import.meta.url);
    const script = `const { claimFolder } = await import('${module}'); claimFolder(${JSON.stringify(folder)}); gc(); await new Promise(setImmediate); gc(); console.log('mine'); setInterval(() => {}, 1e6)`;
    const other = execFile(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]);
    if (!other.stdout) throw new Error('the output is piped');
    await once(other.stdout, 'data');
    inUse(folder);
    other.kill('SIGKILL');
    await once(other, 'exit');
    claimFolder(folder).release();
  });
});
