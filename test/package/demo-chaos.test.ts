import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('makes one record of each message while the instance breaks and processes are killed', () => {
  const args = ['cli/main.js', 'demo', '--chaos', '--messages', '24', '--seed', '3'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Chaos with 24 messages, seed 3\./);
  for (const what of ['outage', '429', 'lost-answers', 'expired-tokens', 'slow'])
    expect(stdout).toMatch(new RegExp(`^ +${what} +4 sent, `, 'm'));
  expect(stdout).toMatch(/requests broken: [1-9]\d*, processes killed: [1-9]/);
  expect(stdout).toMatch(/\n24 sent, 24 records, 0 twice\n$/);
});
