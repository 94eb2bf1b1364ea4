import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { faultKinds } from '../../emulator/instance/control/fault-kinds.ts';
import { defaultSwitches } from '../../emulator/instance/switches.ts';

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
  it('has a README that names every fault, and no other', () => {
    expect(firstColumn('Faults').sort()).toEqual([...faultKinds.keys()].sort());
  });

  it('has a README whose switches exist', () => {
    const named = firstColumn('Switches');
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in defaultSwitches))).toEqual([]);
  });
});
