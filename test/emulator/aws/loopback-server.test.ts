import { expect, it, onTestFinished } from 'vitest';
import { listenOnLoopback } from '../../../emulator/aws/loopback-server.ts';

it('keeps an idle connection for longer than a busy machine stands still: a request that meets its end is lost', async () => {
  const server = await listenOnLoopback((_, response) => response.end());
  onTestFinished(() => server.close());
  const answer = await fetch(server.url);
  expect(answer.headers.get('keep-alive')).toBe('timeout=120');
});
