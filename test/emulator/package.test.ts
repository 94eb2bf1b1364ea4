import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { faultKinds } from '../../emulator/instance/control/fault-kinds.ts';
import { defaultSwitches } from '../../emulator/instance/switches.ts';

const run = promisify(execFile);
const readme = await readFile('emulator/README.md', 'utf8');

/** The names in backquotes in the first column of the table below a heading. */
function firstColumn(heading: string): string[] {
  const [, section = ''] = readme.split(`## ${heading}\n`);
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''),
  );
}

describe('the package of the emulator', () => {
  it('starts an instance for a project that imports it by its name', async () => {
    await run(process.execPath, ['deploy/build.ts', 'emulator']);
    const script = `
      const { startInstance } = await import('servicenow-instance-emulator');
      const { startStack } = await import('servicenow-instance-emulator/stack');
      const { url, username, password, close } = await startInstance();
      const headers = { authorization: 'Basic ' + btoa(username + ':' + password) };
      const answer = await fetch(url + '/api/now/table/incident?sysparm_limit=1', { headers });
      console.log(answer.status, typeof startStack);
      await close();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('200 function\n');
  });

  it('has a README that names every fault, and no other', () => {
    expect(firstColumn('Faults').sort()).toEqual([...faultKinds.keys()].sort());
  });

  it('has a README whose switches exist', () => {
    const named = firstColumn('Switches');
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in defaultSwitches))).toEqual([]);
  });
});
