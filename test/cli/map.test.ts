import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkMappings } from '../../cli/map/check.ts';
import { dryRun } from '../../cli/map/dry-run.ts';
import { runMap } from '../../cli/map/run.ts';
import { readSequences } from '../../cli/map/sequences.ts';
import { openWorld } from '../../cli/map/world.ts';
import { compileAll } from '../../lib/events/compile.ts';
import { loadMappings } from '../../lib/events/load-mappings.ts';
import { createMapper } from '../../lib/events/map-event.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { runCommand } from './run-command.ts';

const mappings = await loadMappings();

describe('the shipped mappings', () => {
  for (const { file, name, run } of readSequences('mappings', mappings)) it(`${file}: ${name}`, run);

  it('have a test each', () => {
    const tested = new Set(readSequences('mappings', mappings).map(({ file }) => file.replace('.test', '')));
    expect(mappings.mappings.map(({ file }) => file).filter((file) => !tested.has(file))).toEqual([]);
  });

  const openings = [
    'cpu-alarm',
    'asff-failed',
    'ocsf-new',
    'guardduty-high',
    'health-issue',
    'backup-failed',
  ];
  const samples = [...openings, 'config-non-compliant', 'cost-anomaly', 'generic-open'];
  const read = (sample: string) => JSON.parse(readFileSync(`mappings/samples/${sample}.json`, 'utf8'));
  const toTarget = (is: string) =>
    createMapper({ ...mappings, mappings: mappings.mappings.map((one) => ({ ...one, target: [{ is }] })) });
  const arrival = { atMs: Date.parse('2026-11-02T08:00:00Z'), messageId: 'm' };

  it.each([
    ['incident', '2'],
    ['sn_si_incident', '16'],
    ['problem', undefined],
    ['change_request', undefined],
  ])('reopen a record of %s in the state %s of its table', async (target, state) => {
    for (const sample of samples) {
      const { elements } = await toTarget(target).map(read(sample), arrival);
      for (const one of elements)
        expect('signal' in one && one.signal.reopen?.state, `${sample} as ${target}`).toBe(state);
    }
  });

  it.each([
    ['incident', 'Solution provided'],
    ['sn_si_incident', 'Investigation completed'],
  ])('resolve a record of %s with a close code that its table has', async (target, code) => {
    const { elements } = await toTarget(target).map(read('guardduty-archived'), arrival);
    expect(elements).toMatchObject([{ signal: { resolve: { close_code: code } } }]);
  });
});

describe('npm run map', () => {
  const read = (sample: string) => JSON.parse(readFileSync(`mappings/samples/${sample}.json`, 'utf8'));
  const cpuAlarm = () => read('cpu-alarm');

  it('prints what an event would do', async () => {
    const text = await dryRun(cpuAlarm(), mappings, {});
    for (const part of [
      'file      cloudwatch-alarm.yaml',
      'entry     signal.5',
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

  it.each([
    [
      'opens an alert',
      'cpu-alarm',
      ['POST /api/now/table/em_event', '"message_key": "arn:aws', '"resolution_state": "New"'],
    ],
    [
      'closes it',
      'cpu-ok',
      ['POST /api/now/table/em_event', '"severity": "0"', '"resolution_state": "Closing"'],
    ],
    ['is no alarm', 'cpu-no-data', ['decision  ignored']],
  ])('prints the event of Event Management that %s', async (_what, sample, parts) => {
    const toEvents = mappings.mappings.map((one) => ({ ...one, target: [{ is: 'em_event' }] }));
    const text = await dryRun(read(sample), { ...mappings, mappings: toEvents }, {});
    for (const part of parts) expect(text).toContain(part);
  });

  it('runs sequences of records without a life, and of events', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = (source: string, target: string) =>
      `source: ${source}\nwhen: { source: [${source}] }\nkey: "{% detail.key %}"\ntarget: ${target}\n` +
      'signal: [{ is: open }]\nfields: { short_description: "{% detail.key %}", impact: 2 }\n';
    writeFileSync(
      join(folder, 'log.yaml'),
      `${file('log', 'sys_user_group')}life: none\n`.replace('short_description', 'name'),
    );
    writeFileSync(join(folder, 'em.yaml'), file('em', 'em_event'));
    const event = (source: string, key: string) =>
      `event: { source: ${source}, id: ${key}, time: "2026-11-02T08:00:00Z", detail: { key: ${key} } }`;
    writeFileSync(
      join(folder, 'log.test.yaml'),
      `- it: makes one
  steps:
    - { ${event('log', 'a')}, expect: { created: 1, record: { name: a } } }
    - { ${event('log', 'a')}, expect: { created: 0, record: { name: a } } }
    - { ${event('em', 'b')}, expect: { created: 1, record: { message_key: b, severity: "2" } } }
`,
    );
    const [sequence] = readSequences(folder, compileAll(folder));
    await sequence?.run();
    expect(sequence?.name).toBe('makes one');
  });

  it('says why an event cannot be mapped', async () => {
    expect(await dryRun({ ...cpuAlarm(), resources: [] }, mappings, {})).toContain(
      'error     key: has no value',
    );
    await expect(dryRun({ source: 'x' }, mappings, {})).rejects.toThrow('matches no mapping file');
  });

  it('warns of what no sample reaches, and of nothing in the shipped mappings but what refuses a status', async () => {
    const misspelt: Mappings = JSON.parse(JSON.stringify(mappings).replace('detail.ci', 'detail.cu'));
    expect(await checkMappings(misspelt, 'mappings')).toContain(
      'generic.yaml: fields.cmdb_ci has no value in any sample; is its path right?',
    );
    const warnings = await checkMappings(mappings, 'mappings');
    // An entry that refuses what it does not know.
    expect(warnings).toEqual(['generic.yaml: signal.4 (ignore) is reached by no sample']);
  });

  it('names the file of what it cannot read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'samples'));
    writeFileSync(join(folder, 'samples/broken.json'), '{');
    writeFileSync(
      join(folder, 'x.yaml'),
      'source: x\nwhen: { source: [x] }\nkey: "{% a & b %}"\nsignal: [{ is: open }]\n',
    );
    const warnings = await checkMappings(compileAll(folder), folder);
    expect(warnings).toContain('samples/broken.json: body: is not valid JSON');
    expect(warnings.join()).toContain('x.yaml: key joins values');
    const sequence = (step: string) =>
      writeFileSync(join(folder, 'x.test.yaml'), `- it: y\n  steps:\n    - ${step}\n`);
    sequence('{ evnt: a.json }');
    expect(() => readSequences(folder, mappings)).toThrow(
      'x.test.yaml:3: 0.steps.0.evnt: is not a known part',
    );
    sequence('{ wait: 8h }');
    expect(() => readSequences(folder, mappings)).toThrow(
      'x.test.yaml:3: 0.steps.0.wait: must be a duration',
    );
    sequence('{ event: samples/broken.json }');
    await expect(readSequences(folder, mappings)[0]?.run()).rejects.toThrow(
      'samples/broken.json: is not JSON',
    );
  });

  it('refuses two files whose rules would have one name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [name, source] of [
      ['a-b', 'x'],
      ['a_b', 'y'],
    ])
      writeFileSync(
        join(folder, `${name}.yaml`),
        `source: ${source}\nwhen: { source: [${source}] }\nkey: k\nsignal: [{ is: open }]\n`,
      );
    await expect(runMap(undefined, { folder, rules: true })).rejects.toThrow('a-b.yaml and a_b.yaml');
  });

  it('prints what a signal would do that needs no mapping file', async () => {
    const signal = { action: 'signal', signal: 'open', source: 'disk', key: 'web-01', eventId: 'e' };
    const text = await dryRun({ ...signal, at: '2026-11-02T08:00:00Z' }, mappings, { current: 'open' });
    for (const part of ['file      none', 'key       web-01', 'decision  update'])
      expect(text).toContain(part);
  });

  it('looks by correlation_id in a table whose records have sys_ids of their own', async () => {
    const world = await openWorld(mappings, Date.parse('2026-11-02T08:01:00Z'));
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(async () => {
      rmSync(folder, { recursive: true });
      await world.close();
    });
    await world.apply(cpuAlarm());
    const { store } = world.instance.state;
    for (const { sys_id = '', ...row } of store
      .select('incident')
      .filter((one) => one['correlation_display'])) {
      store.remove('incident', sys_id);
      store.insert('incident', row, { userName: 'a.person', sysId: '0'.repeat(32) });
    }
    const { url: instanceUrl, username, password } = world.instance;
    const instance = join(folder, 'secret.json');
    writeFileSync(instance, JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } }));
    const options = { instance, allowedHosts: '127.0.0.1' };
    expect(await dryRun(cpuAlarm(), mappings, options)).toContain('decision  create');
    const byCorrelationId = { ...options, correlationIdTables: 'problem, incident' };
    expect(await dryRun(cpuAlarm(), mappings, byCorrelationId)).toContain('decision  duplicate');
  });

  it('fails and passes as docs/events.md says, for whom it takes the first steps', async () => {
    const page = readFileSync('docs/events.md', 'utf8');
    const [, mapping = '', column = '', line = ''] =
      /Open `mappings\/(\S+)` and change the line of `(\w+)` to `(.+?)`/.exec(page) ?? [];
    const [, sequence = '', wanted = ''] =
      /change the expectation in `mappings\/(\S+)` to `(.+?)`/.exec(page) ?? [];
    const [, name = '', reason = ''] = /FAILED {2}\S+: (.*)\n\s*(.*)/.exec(page) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'map-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync('mappings', folder, { recursive: true });
    const change = (file: string, from: RegExp, to: string) => {
      const text = readFileSync(join(folder, file), 'utf8');
      expect(text).toMatch(from);
      writeFileSync(join(folder, file), text.replace(from, to));
    };
    const failures = async () => {
      const tried = readSequences(folder, compileAll(folder)).filter(({ file }) => file === sequence);
      const outcomes = await Promise.allSettled(tried.map(({ run }) => run()));
      return outcomes.flatMap((one, at) =>
        one.status === 'rejected' ? [`${tried[at]?.name}: ${one.reason.message}`] : [],
      );
    };
    change(mapping, new RegExp(`^( *)${column}: .*$`, 'm'), `$1${line}`);
    expect(await failures()).toEqual([`${name}: ${reason}`]);
    change(sequence, new RegExp(`${column}: "\\d"`), wanted);
    expect(await failures()).toEqual([]);
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

it('reads an event from a file with a byte order mark and from its input, and prints rules alone', async () => {
  const event = readFileSync('mappings/samples/cpu-alarm.json', 'utf8');
  const cwd = mkdtempSync(join(tmpdir(), 'map-command-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  writeFileSync(join(cwd, 'event.json'), `\uFEFF${event}`);
  const [file, input, folder, both] = await Promise.all([
    runCommand(['map', 'event.json'], { cwd }),
    runCommand(['map', '-'], { cwd, input: event }),
    runCommand(['map', '.'], { cwd }),
    runCommand(['map', '--rules', '--check'], { cwd }),
  ]);
  expect([file.code, file.err, file.out]).toEqual([0, '', input.out]);
  expect([folder.code, folder.err]).toEqual([1, '.: is a folder; a file is needed\n']);
  expect([both.code, both.out, both.err]).toEqual([
    2,
    '',
    expect.stringMatching(/^--rules prints JSON alone/),
  ]);
});

it('prints one JSON object of what an event would do, what looks wrong, and which sequences pass', async () => {
  const event = readFileSync('mappings/samples/cpu-alarm.json', 'utf8');
  const [planned, checked, broken] = await Promise.all([
    runCommand(['map', event, '--json']),
    runCommand(['map', '--check', '--test', '--json']),
    runCommand(['map', '{"source":', '--json']),
  ]);
  expect(JSON.parse(planned.out)).toMatchObject({
    elements: [
      {
        file: 'cloudwatch-alarm.yaml',
        signal: { kind: 'open' },
        record: null,
        decision: 'create record 1',
        requests: [{ path: '/api/now/v1/batch' }, { path: '/api/now/table/incident', body: { impact: '1' } }],
      },
    ],
  });
  const { mappingFiles, warnings, sequences } = JSON.parse(checked.out);
  expect([checked.code, mappingFiles]).toEqual([0, mappings.mappings.length]);
  expect(warnings).toEqual(await checkMappings(mappings, 'mappings'));
  expect(sequences).toHaveLength(readSequences('mappings', mappings).length);
  expect([broken.code, broken.out, broken.err]).toEqual([
    1,
    '',
    expect.stringMatching(/^event: is not JSON/),
  ]);
});
