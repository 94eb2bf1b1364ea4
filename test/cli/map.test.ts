import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkMappings } from '../../cli/map/check.ts';
import { dryRun } from '../../cli/map/dry-run.ts';
import { readSequences } from '../../cli/map/sequences.ts';
import { openWorld } from '../../cli/map/world.ts';
import { loadMappings } from '../../lib/events/load-mappings.ts';

const mappings = await loadMappings();

describe('the shipped mappings', () => {
  for (const { file, name, run } of readSequences('mappings', mappings)) it(`${file}: ${name}`, run);

  it('have a test each', () => {
    const tested = new Set(readSequences('mappings', mappings).map(({ file }) => file.replace('.test', '')));
    expect(mappings.mappings.map(({ file }) => file).filter((file) => !tested.has(file))).toEqual([]);
  });
});

describe('npm run map', () => {
  const cpuAlarm = () => JSON.parse(readFileSync('mappings/samples/cpu-alarm.json', 'utf8'));

  it('prints what an event would do', async () => {
    const text = await dryRun(cpuAlarm(), mappings, {});
    for (const part of [
      'file      cloudwatch-alarm.yaml',
      'entry     signal.4',
      'key       arn:aws:cloudwatch:us-east-1:123456789012:alarm:web-cpu',
      'signal    open at 2026-11-02T08:00:00.120Z',
      'record    none',
      'decision  create record 1',
      'POST /api/now/table/incident',
    ])
      expect(text).toContain(part);
  });

  it.each([
    ['open', 'decision  update'],
    ['resolved', 'decision  reopen'],
    ['closed', 'decision  create record 2'],
  ] as const)('decides for a record that is %s', async (current, part) => {
    expect(await dryRun(cpuAlarm(), mappings, { current })).toContain(part);
  });

  it('looks at an instance and writes nothing', async () => {
    const world = await openWorld(mappings, Date.parse('2026-11-02T08:01:00Z'));
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(async () => {
      rmSync(folder, { recursive: true });
      await world.close();
    });
    await world.apply(cpuAlarm());
    const { url: instanceUrl, username, password } = world.instance;
    const secret = join(folder, 'secret.json');
    writeFileSync(secret, JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } }));
    world.instance.state.ledger.clear();
    const options = { instance: secret, allowedHosts: '127.0.0.1' };
    expect(await dryRun(cpuAlarm(), mappings, options)).toContain('decision  duplicate');
    const methods = world.instance.state.ledger.select({}).map(({ method }) => method);
    expect(new Set(methods)).toEqual(new Set(['GET']));
  });

  it('says why an event cannot be mapped', async () => {
    expect(await dryRun({ ...cpuAlarm(), resources: [] }, mappings, {})).toContain(
      'error     key: has no value',
    );
    await expect(dryRun({ source: 'x' }, mappings, {})).rejects.toThrow('matches no mapping file');
  });

  it('warns of what no sample reaches, and of nothing in the shipped mapping of CloudWatch', async () => {
    const warnings = await checkMappings(mappings, 'mappings');
    expect(warnings).toContain('generic.yaml: fields.cmdb_ci has no value in any sample; is its path right?');
    expect(warnings.filter((one) => one.startsWith('cloudwatch-alarm.yaml'))).toEqual([]);
  });

  it('fails a sequence with the step and what is wrong', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    copyFileSync('mappings/samples/cpu-alarm.json', join(folder, 'cpu-alarm.json'));
    const step = '{ event: cpu-alarm.json, expect: { record: { impact: "3" } } }';
    writeFileSync(join(folder, 'x.test.yaml'), `- it: fails\n  steps: [${step}]\n`);
    const [failing] = readSequences(folder, mappings);
    await expect(failing?.run()).rejects.toThrow('step 1: impact is "1", expected "3"');
  });
});
