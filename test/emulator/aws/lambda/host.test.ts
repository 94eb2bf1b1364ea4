import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackServer, listenOnLoopback } from '../../../../emulator/aws/loopback-server.ts';
import { until } from '../../../until.ts';
import { type Fixture, packFunctions } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await packFunctions({});
});
afterAll(() => fixture.dispose());

const listen = (): Promise<LoopbackServer> => listenOnLoopback(() => {});

/** How many servers this process has open. */
const listening = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;

it('leaves nothing open when the last of its ports is taken, so that the process can end', async () => {
  const taken = await listen();
  const before = listening();
  const starting = fixture.start({ apiPort: taken.port });
  await expect(starting).rejects.toThrow(`127.0.0.1:${taken.port}`);
  await until(() => expect(listening()).toBe(before));
  await taken.close();
});
