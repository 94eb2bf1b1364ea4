import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { createConnections } from '../../../lib/aws/connections.ts';
import { readConfig } from '../../../lib/core/config.ts';
import { clientsOf } from '../../../lib/file-import/instance.ts';
import { loadData, loadSchema } from './load-table.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

/** A deployment with a second instance, which serves other tables. */
async function twoInstances(dropInstances: readonly string[] = ['dev']) {
  const dev = await startInstance({
    schema: loadSchema,
    data: loadData,
    switches: { transformDelayMs: 0 },
  });
  const instances = { prod: world.instance, dev };
  const config = readConfig({
    SERVICENOW_SECRET_ID: '{"prod":"prod","dev":"dev"}',
    ALLOWED_TABLES: '{"prod":"imp_user,incident","dev":"imp_load"}',
    ALLOWED_HOSTS: '127.0.0.1',
  });
  const fetchSecret = async (name: string) => {
    const { url: instanceUrl, username, password } = name === 'dev' ? instances.dev : instances.prod;
    return JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  };
  const connections = createConnections({ config, fetchSecret });
  onTestFinished(async () => {
    await connections.close();
    await dev.close();
  });
  const requests = (name: 'prod' | 'dev') => instances[name].state.ledger.select({}).length;
  return { dev, requests, clientFor: clientsOf(connections.connect, dropInstances) };
}

const drop = () => world.drop('imports/imp_load/rows.csv', 'u_code,u_text\na,1\nb,2');

describe('an import where a deployment has several instances', () => {
  it('goes to the one that _import.json names, chained executions and verdicts included', async () => {
    const { dev, requests, clientFor } = await twoInstances();
    await world.settings('imp_load', { instance: 'dev', rowsPerRequest: 1, operationsPerExecution: 8 });
    const summary = await world.run(await drop(), new Map(), clientFor);
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 2 }, counts: { unknown: 0 } });
    expect(summary.instance).toBe('dev');
    expect(dev.state.store.select('imp_load', {})).toHaveLength(2);
    expect(requests('prod')).toBe(0);
  });

  it('goes to the first when none is named', async () => {
    const { dev, clientFor } = await twoInstances();
    const request = await world.drop('imports/imp_user/rows.csv', 'user_id\nx');
    expect((await world.run(request, new Map(), clientFor)).instance).toBe('prod');
    expect(world.instance.state.ledger.select({}).length).toBeGreaterThan(0);
    expect(dev.state.ledger.select({})).toHaveLength(0);
  });

  it.each([[[]], [['other']]])(
    'never goes to another instance than the deployment lets drops name: %j',
    async (names) => {
      const { requests, clientFor } = await twoInstances(names);
      await world.settings('imp_load', { instance: 'dev' });
      const summary = await world.run(await drop(), new Map(), clientFor);
      expect(summary).toMatchObject({
        status: 'refused',
        reason: expect.stringContaining('dev may not be named by a drop folder'),
      });
      expect([requests('prod'), requests('dev')]).toEqual([0, 0]);
    },
  );

  it('may name the first instance, and with * every one', async () => {
    const { dev, clientFor } = await twoInstances(['*']);
    await world.settings('imp_load', { instance: 'dev' });
    await world.run(await drop(), new Map(), clientFor);
    expect(dev.state.store.select('imp_load', {})).toHaveLength(2);
    const first = await twoInstances([]);
    await world.settings('imp_user', { instance: 'prod' });
    const request = await world.drop('imports/imp_user/rows.csv', 'u_name\nx');
    await world.run(request, new Map(), first.clientFor);
    expect(first.requests('prod')).toBeGreaterThan(0);
  });

  it.each([
    ['an instance that is not listed', { instance: 'missing' }, 'no instance of that name'],
    ['a table that only another instance allows', { instance: 'prod' }, 'does not serve imp_load'],
    ['a table that the first instance does not allow', {}, 'does not serve imp_load'],
  ])('sends nothing for %s, and says so in the summary', async (_case, settings, reason) => {
    const { requests, clientFor } = await twoInstances();
    await world.settings('imp_load', settings);
    const summary = await world.run(await drop(), new Map(), clientFor);
    expect(summary).toMatchObject({ status: 'refused', reason: expect.stringContaining(reason) });
    expect([requests('prod'), requests('dev')]).toEqual([0, 0]);
  });
});
