import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../cli/run-command.ts';

const event = '{"tableName":"incident","sysparmLimit":1,"sysparmFields":"number"}';

it('prints the answer of a function as one JSON document, and its log lines elsewhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoke-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'event.json');
  writeFileSync(file, event);
  for (const [given, input] of [[event], [file], ['-', event]] as const) {
    const { code, out, err } = await runCommand(
      ['invoke', 'getRecords', given],
      input === undefined ? {} : { input },
    );
    expect([code, err]).toEqual([0, expect.stringContaining('"message":"servicenow-call"')]);
    const { result } = JSON.parse(out);
    expect(result).toEqual([{ number: expect.stringMatching(/^INC\d+$/) }]);
  }
});
