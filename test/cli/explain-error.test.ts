import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { explainError } from '../../cli/explain-error.ts';
import { listenWith } from '../../emulator/aws/loopback-server.ts';

async function explained(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return explainError(error);
  }
  throw new Error('It went well');
}

it('says what a stack that has gone means', async () => {
  const gone = await listenWith(createServer(), 0, 'Stack');
  await gone.close();
  expect(await explained(() => fetch(gone.url))).toMatch(
    /^Nothing answers \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)\. Is the local stack running\?/,
  );
});

it('names the variable that is no URL, and not its value', async () => {
  process.env['AWS_ENDPOINT_URL'] = 'notaurl';
  onTestFinished(() => {
    delete process.env['AWS_ENDPOINT_URL'];
  });
  expect(await explained(() => new URL('notaurl'))).toBe('AWS_ENDPOINT_URL: is not a URL');
  expect(await explained(() => new URL('another'))).toBe('another: is not a URL');
});

it('names a path whose links lead in a circle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'explain-error-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const link = join(folder, 'circle');
  symlinkSync(link, link);
  expect(await explained(() => readFileSync(link))).toBe(`${link}: symbolic links lead in a circle`);
});
