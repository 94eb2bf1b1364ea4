import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackServer, listenOnLoopback } from '../../../../emulator/aws/loopback-server.ts';
import { type Fixture, packFunctions } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await packFunctions({});
});
afterAll(() => fixture.dispose());

const listen = (port?: number): Promise<LoopbackServer> => listenOnLoopback(() => {}, port);

it('leaves nothing open when the last of its ports is taken, so that the process can end', async () => {
  const taken = await listen();
  const free = await listen();
  await free.close();
  const starting = fixture.start({ lambdaPort: free.port, apiPort: taken.port });
  await expect(starting).rejects.toThrow(`127.0.0.1:${taken.port}`);
  await (await listen(free.port)).close();
  await taken.close();
});
