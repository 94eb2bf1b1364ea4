import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traceOf } from '../../../cli/feed/feed.ts';
import { listenWith } from '../../../emulator/aws/loopback-server.ts';
import { arrived, putImport, sendLetter, startPageWorld } from './page-world.ts';

/** Short words that stand on two lines, with what is around them. */
const brokenWords = `(() => {
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (const { index, 0: word } of node.data.matchAll(/\\S{2,16}(?!\\S)/g)) {
      if (index > 0 && /\\S/.test(node.data[index - 1])) continue;
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
      if (Math.max(...tops) - Math.min(...tops) > 4) broken.push(word);
    }
  return broken;
})()`;

/** Tables that begin above the end of what stands before them. */
const coveredTables = `[...document.querySelectorAll('dl')]
  .filter((list) => list.nextElementSibling?.getBoundingClientRect().top < list.getBoundingClientRect().bottom + 4)
  .map((list) => list.parentElement.className)`;

/** Debian's package; elsewhere these tests are skipped. */
const executablePath = '/usr/bin/chromium';
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
const isInstalled = existsSync(executablePath);
if (!isInstalled) console.warn(`${executablePath} is not installed: the page is not tried in a browser`);

describe.skipIf(!isInstalled)('the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: quiet });
  });
  afterAll(async () => {
    await browser.close();
  });

  /** A tab of its own, and what its console says. */
  async function open(url: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const tab = await browser.newPage(options);
    const errors: string[] = [];
    tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    tab.on('pageerror', (error) => errors.push(String(error)));
    await tab.goto(url);
    return { tab, errors, [Symbol.asyncDispose]: () => tab.close() };
  }

  const overflow = (tab: Page) => tab.evaluate('document.documentElement.scrollWidth - innerWidth');

  it('shows what comes in without being loaded again', async () => {
    await using world = await startPageWorld();
    await using opened = await open(world.page.url);
    await opened.tab.getByText('Nothing has come in yet').waitFor();
    world.feed.add({
      ...arrived,
      record: { table: 'incident', sysId: 'a'.repeat(32), number: 'INC0012345' },
    });
    await opened.tab.getByText('INC0012345').waitFor();
    expect(opened.errors).toEqual([]);
  });

  it('opens the detail of an event by keyboard, closes it, and gives the focus back', async () => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    world.feed.addLogLine(traceOf('request-1'), '{"message":"record-written"}');
    await using opened = await open(world.page.url);
    const link = opened.tab.getByRole('link', { name: 'alarm-7' });
    await link.focus();
    await opened.tab.keyboard.press('Enter');
    await opened.tab.getByRole('dialog').getByText('record-written').waitFor();
    await opened.tab.keyboard.press('Escape');
    await opened.tab.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await opened.tab.evaluate('document.activeElement.textContent')).toBe('alarm-7');
  });

  it('keeps the focus on a link whose table is replaced', async () => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    await using opened = await open(world.page.url);
    const link = opened.tab.getByRole('link', { name: 'alarm-7' });
    await link.focus();
    world.feed.add({ ...arrived, subject: 'alarm-8', outcome: 'failed' });
    await opened.tab.getByText('alarm-8').waitFor();
    expect(await opened.tab.evaluate('document.activeElement.textContent')).toBe('alarm-7');
  });

  it('breaks and repairs the instance, and says so', async () => {
    await using world = await startPageWorld();
    await using opened = await open(world.page.url);
    await opened.tab.getByRole('button', { name: 'Outage' }).click();
    await opened.tab.getByRole('status').getByText('every request gets a 503').waitFor();
    await opened.tab.getByRole('button', { name: 'Repair it now' }).click();
    await opened.tab.getByRole('status').getByText('works normally again').waitFor();
    expect(world.instance.control.faults.list()).toEqual([]);
    expect(opened.errors).toEqual([]);
  });

  it('keeps the focus on a button, and leaves what has not changed', async () => {
    await using world = await startPageWorld();
    await using opened = await open(world.page.url);
    const { tab } = opened;
    await tab.getByRole('button', { name: 'Outage' }).click();
    const repair = tab.getByRole('button', { name: 'Repair it now' });
    await repair.focus();
    await tab.evaluate(`document.querySelector('#broken ul').dataset.mark = 'same'`);
    world.feed.add(arrived);
    await tab.getByText('alarm-7').waitFor();
    expect(await tab.locator('#broken ul').getAttribute('data-mark')).toBe('same');
    world.instance.control.faults.add({ action: 'latency', latencyMs: 1, probability: 1, seed: 1 });
    await tab.evaluate(
      `replaceSection(document.getElementById('broken'), document.getElementById('broken').innerHTML + ' ')`,
    );
    expect(await tab.evaluate('document.activeElement.textContent')).toBe('Repair it now');
  });

  it('shows in an open dialog the outcome of its button', async () => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    await using opened = await open(world.page.url);
    await opened.tab.getByRole('link', { name: 'alarm-7' }).click();
    const dialog = opened.tab.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Send again' }).click();
    await dialog.getByRole('status').getByText('Sent again under the same key').waitFor();
  });

  it('shows a list of records in lines, also in a narrow window', async () => {
    await using world = await startPageWorld();
    const options = { viewport: { width: 360, height: 800 } };
    await using opened = await open(`${world.page.url}/tables/incident`, options);
    const { tab } = opened;
    const heights = await tab.evaluate(
      `[...document.querySelectorAll('.wide tbody tr')].map((row) => row.getBoundingClientRect().height)`,
    );
    expect(Math.max(...(heights as number[]))).toBeLessThan(40);
    expect(await overflow(tab)).toBe(0);
  });

  it.each(['/', '/dead-letters', '/imports', '/tables', '/tables/incident'])(
    'says on every page when the stack has gone: %s',
    async (path) => {
      await using world = await startPageWorld();
      await using opened = await open(`${world.page.url}${path}`);
      await world.page.close();
      await opened.tab.getByText('not running').waitFor();
    },
  );

  it('keeps every page current, and what is open on it', async () => {
    await using world = await startPageWorld();
    sendLetter(world, 'first');
    await using letters = await open(`${world.page.url}/dead-letters`);
    await letters.tab.getByText('Body').click();
    sendLetter(world, 'second');
    await letters.tab.getByText('second').first().waitFor();
    expect(await letters.tab.locator('details[open]').count()).toBe(1);
    await using imports = await open(`${world.page.url}/imports`);
    await putImport(world, 'people');
    await imports.tab.getByText('imp_user/people.csv').waitFor();
    expect([...letters.errors, ...imports.errors]).toEqual([]);
  });

  it('runs no script that came from outside', async () => {
    await using world = await startPageWorld();
    const attack = '<img src=x onerror="document.title=\'broken\'">';
    const { id } = world.feed.add({
      ...arrived,
      subject: attack,
      reason: attack,
      body: attack,
      outcome: 'failed',
    });
    world.feed.addLogLine(traceOf('request-1'), attack);
    await using opened = await open(world.page.url);
    await opened.tab.getByRole('link', { name: attack }).click();
    await opened.tab.getByRole('dialog').getByRole('heading', { name: 'Log' }).waitFor();
    await opened.tab.goto(`${world.page.url}/events/${id}`);
    expect(await opened.tab.title()).not.toBe('broken');
  });

  it.each([320, 390, 768, 1280])('fits a window that is %i wide, light and dark', async (width) => {
    await using world = await startPageWorld();
    const long = 'x'.repeat(300);
    world.feed.add({
      ...arrived,
      subject: long,
      reason: long,
      outcome: 'dead-lettered',
      code: 'INVALID_INPUT',
    });
    for (const colorScheme of ['light', 'dark'] as const) {
      await using opened = await open(world.page.url, { viewport: { width, height: 800 }, colorScheme });
      expect(await overflow(opened.tab)).toBe(0);
    }
  });

  it.each([320, 360, 768, 1280])('breaks no word, covers none and cuts no page at %i wide', async (width) => {
    await using world = await startPageWorld();
    const long = 'x'.repeat(300);
    const record = { table: 'incident', sysId: 'a'.repeat(32), number: 'INC0012345' };
    const { id } = world.feed.add({
      ...arrived,
      subject: long,
      table: long,
      reason: long,
      outcome: 'dead-lettered',
    });
    world.feed.add({ ...arrived, record });
    world.feed.add({ ...arrived, way: 'Invoke', subject: 'reconcileEvents', outcome: 'done' });
    await fetch(`${world.instance.url}/api/now/table/incident?sysparm_query=${long}`);
    sendLetter(world, long, `PATCH /api/now/table/incident/${long}: 404`);
    await putImport(world, 'people');
    await putImport(world, long);
    const paths = ['/', '/dead-letters', '/imports', '/tables', '/tables/incident', `/events/${id}`];
    const viewport = { width, height: 800 };
    for (const path of paths) {
      await using opened = await open(`${world.page.url}${path}`, { viewport });
      const { tab } = opened;
      expect([
        path,
        await overflow(tab),
        await tab.evaluate(brokenWords),
        await tab.evaluate(coveredTables),
      ]).toEqual([path, 0, [], []]);
    }
  });

  it('names the figures of its tables in a narrow window, too', async () => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    await using opened = await open(world.page.url, { viewport: { width: 360, height: 800 } });
    const named = await opened.tab.evaluate(
      `[...document.querySelectorAll('.promise td')].map((cell) => getComputedStyle(cell, '::before').content)`,
    );
    expect(named).toContain('"duplicates prevented "');
    expect(named).not.toContain('none');
  });

  it('names every control, and its headings and tables are in order', async () => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    await using opened = await open(world.page.url);
    const { tab } = opened;
    const nameless = await tab.evaluate(
      `[...document.querySelectorAll('button,a')].filter((one) => !(one.getAttribute('aria-label') ?? one.textContent).trim()).length`,
    );
    const unscoped = await tab.evaluate(`document.querySelectorAll('th:not([scope])').length`);
    expect([nameless, unscoped]).toEqual([0, 0]);
    expect(await tab.getByRole('main').count()).toBe(1);
  });

  it('tries an operation of the API from its description', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"result":[{"number":"INC7"}]}');
    });
    const api = await listenWith(server, 0, 'API');
    await using world = await startPageWorld(api.url);
    await using opened = await open(`${world.page.url}/openapi`);
    const { tab } = opened;
    await tab.getByText('Get records', { exact: true }).click();
    await tab.getByPlaceholder('tableName').fill('incident');
    await tab.getByRole('button', { name: 'Execute' }).click();
    await tab.locator('.response .highlight-code').getByText('INC7').waitFor();
    expect(asked).toEqual(['/api/now/table/incident']);
    expect(await tab.locator('.curl').textContent()).toContain(`${api.url}/api/now/table/incident`);
    expect(opened.errors).toEqual([]);
    await api.close();
  });

  it.each([390, 1280])('fits the API page in a window that is %i wide, light and dark', async (width) => {
    await using world = await startPageWorld();
    for (const colorScheme of ['light', 'dark'] as const) {
      const size = { viewport: { width, height: 800 }, colorScheme };
      await using opened = await open(`${world.page.url}/openapi`, size);
      await opened.tab.getByText('Get records', { exact: true }).click();
      await opened.tab.getByRole('button', { name: 'Execute' }).waitFor();
      expect(await overflow(opened.tab)).toBe(0);
      expect(opened.errors).toEqual([]);
    }
  });
});
