import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { jsonSchemas } from '../../deploy/json-schemas.ts';
import { compileAll, compileMapping } from '../../lib/events/compile.ts';
import { parseSettings } from '../../lib/file-import/plan/settings.ts';
import { outcomeDetails } from '../../lib/outcomes/outcome-schema.ts';
import { readCommand } from '../../lib/record-queue/message.ts';
import { parseConnectionSecret } from '../../lib/servicenow/secret.ts';

const sysId = 'c0ffee00c0ffee00c0ffee00c0ffee00';
const signal = {
  action: 'signal',
  signal: 'open',
  source: 's',
  key: 'k',
  at: '2026-11-29T08:00:00Z',
  eventId: 'e',
};
const basic = { type: 'basic', username: 'u', password: 'p' };
const mapping = { source: 's', when: { source: ['s'] }, key: 'k', signal: [{ is: 'open' }] };
const outcome = { source: 'servicenow-functions', 'detail-type': 'Credentials Rejected' };

const queued = {
  messageId: 'm',
  receiptHandle: 'r',
  receiveCount: 1,
  sentAtMs: 0,
  firstReceivedAtMs: 0,
  groupId: undefined,
  attributes: {},
  isFifo: false,
};

type Document = Readonly<Record<string, unknown>>;
type Documents = {
  /** Throws for a document that is refused. */
  readonly parse: (document: Document) => unknown;
  readonly accepted: readonly Document[];
  readonly refused: readonly Document[];
  /** Whether the schema says everything that is checked; time zones, formats, encodings, patterns and expressions are checked in code. */
  readonly isWhole: boolean;
};

/** What parses each kind of document, and documents at the edges of what it accepts. */
const kinds: Readonly<Record<string, Documents>> = {
  'record-message.schema.json': {
    isWhole: true,
    parse: (document) => readCommand({ ...queued, body: JSON.stringify(document) }),
    accepted: [
      { table: 'incident', record: {} },
      { action: 'update', table: 'incident', sysId, record: { sys_id: sysId, state: null } },
      { ...signal, life: 'none', target: 'u_event', fields: { correlation_id: 'x' } },
      { ...signal, life: 'none', target: 'em_event', resolve: { sys_id: sysId } },
      { ...signal, target: 'em_event', fields: { impact: '2' } },
      { ...signal, target: 'em_event', lookups: { severity: { find: 'u_level', by: { name: 'x' } } } },
      { ...signal, signal: 'resolve', target: 'em_event' },
      { ...signal, note: { text: 'n', onResolved: true }, resolve: { unless: 'assigned', state: 6 } },
    ],
    refused: [
      {},
      { table: 'incident' },
      { table: 'incident', record: { sys_id: sysId } },
      { table: 'incident', record: { '': 'x' } },
      { table: 'incident', record: {}, sysId },
      { action: 'upsert', table: 'incident', match: {}, record: {} },
      { action: 'upsert', table: 'incident', match: { number: 'x' }, record: { sys_id: sysId } },
      { action: 'delete', table: 'incident', sysId, record: {} },
      { action: 'replace', table: 'incident', record: {} },
      { ...signal, fields: { correlation_id: 'x' } },
      ...['sys_id', 'correlation_id', 'correlation_display', ''].map((name) => ({
        ...signal,
        resolve: { [name]: 'x' },
      })),
      { ...signal, target: 'EM_event' },
      { ...signal, target: 'em_event', fields: { severity: ' ', impact: 4 } },
      { ...signal, reopen: { atMost: 1e20 } },
      { ...signal, lookups: { caller_id: { find: 'sys_user', by: {} } } },
      { ...signal, update: ['state'] },
      { ...signal, at: 'yesterday' },
      { ...signal, reopen: { within: '4 hours' } },
    ],
  },
  'import-settings.schema.json': {
    isWhole: false,
    parse: (document) => parseSettings(JSON.stringify(document)),
    accepted: [
      { $schema: 'https://example.com/schema.json' },
      { settleAfterSeconds: 30 },
      { delimiter: '\t', mode: 'rows', resultsPrefix: 'results/people/2026.1/' },
    ],
    refused: [
      { unknown: 1 },
      { settleAfterSeconds: 30, inDoubtSeconds: 30 },
      { delimiter: '"' },
      { resultsPrefix: 'results/../' },
      { rowsPerRequest: 0 },
      { rowsPerRequest: 1.5 },
      { dateColumns: { Start: { zone: 'UTC' } } },
      { columns: { Name: '' } },
    ],
  },
  'secret.schema.json': {
    isWhole: true,
    parse: (document) => parseConnectionSecret(JSON.stringify(document)),
    accepted: [
      { $schema: './secret.schema.json', instanceUrl: 'https://x.service-now.com', auth: basic },
      { instanceUrl: 'https://x.service-now.com', tls: { cert: 'c', key: 'k' } },
      { instanceUrl: 'https://x.service-now.com', auth: basic, tls: { ca: 'c' } },
    ],
    refused: [
      { auth: basic },
      { instanceUrl: 'https://x.service-now.com' },
      { instanceUrl: 'https://x.service-now.com', tls: { ca: 'c' } },
      { instanceUrl: 'https://x.service-now.com', auth: basic, tls: { cert: 'c' } },
      { instanceUrl: 'https://x.service-now.com', auth: { ...basic, username: 'a:b' } },
      { instanceUrl: 'https://x.service-now.com', auth: { ...basic, type: 'oauth' } },
      { instanceUrl: 'https://x.service-now.com', auth: { type: 'api-key', apiKey: 'line\n' } },
    ],
  },
  'mapping.schema.json': {
    isWhole: false,
    parse: (document) => compileMapping('one.yaml', JSON.stringify(document)),
    accepted: [
      { ...mapping, $schema: '../schemas/mapping.schema.json' },
      { ...mapping, target: [{ when: { source: ['s'] }, is: 'problem' }, { is: 'incident' }] },
      { ...mapping, quiet: [{ from: '2026-12-24T18:00Z', to: '2026-12-27T06:00+01:00' }] },
    ],
    refused: [
      { ...mapping, signal: [] },
      { ...mapping, signal: [{ is: 'close' }] },
      { ...mapping, fields: { 'Short description': 'x' } },
      { ...mapping, fields: { caller_id: { find: 'sys_user', by: {} } } },
      { ...mapping, signal: [{ is: 'open', fields: { caller_id: { find: 'sys_user', by: {} } } }] },
      { ...mapping, let: { event: 'x' } },
      { ...mapping, quiet: [{ from: '22:00', to: '2026-12-27T06:00Z' }] },
      { ...mapping, reopen: { atMost: -1 } },
      { ...mapping, unknown: 1 },
    ],
  },
  'mapping-defaults.schema.json': {
    isWhole: false,
    parse: (document) => {
      const folder = mkdtempSync(join(tmpdir(), 'defaults-'));
      try {
        writeFileSync(join(folder, 'defaults.yaml'), JSON.stringify(document));
        return compileAll(folder).defaults;
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    accepted: [{}, { $schema: '../schemas/mapping-defaults.schema.json', incident: {} }],
    refused: [
      { $schema: {} },
      { Incident: {} },
      { incident: { unknown: 1 } },
      { incident: { fields: { caller_id: { find: 'sys_user', by: {} } } } },
    ],
  },
  'outcome-event.v1.schema.json': {
    isWhole: true,
    parse: (document) => {
      const schema = Object.entries(outcomeDetails).find(([type]) => type === document['detail-type'])?.[1];
      if (document['source'] !== 'servicenow-functions' || !schema) throw new Error('is no outcome');
      return schema.parse(document['detail']);
    },
    accepted: [
      { ...outcome, detail: { schemaVersion: 1, id: 'i', deployment: 'd', instance: 'dev', more: 1 } },
    ],
    refused: [
      { ...outcome, detail: { schemaVersion: 2, id: 'i', deployment: 'd', instance: 'dev' } },
      { ...outcome, source: 'x', detail: { schemaVersion: 1, id: 'i', deployment: 'd', instance: 'dev' } },
      { ...outcome, detail: {} },
    ],
  },
};

const published = z.looseObject({
  $id: z.string(),
  title: z.string(),
  description: z.string(),
  examples: z.array(z.record(z.string(), z.unknown())).min(1),
});
const folder = new URL('../../schemas/', import.meta.url);
const generated = Object.entries(jsonSchemas());
const ajv = new Ajv2020({ strictSchema: true, strictTypes: false, allowUnionTypes: true });
const validators = new Map(generated.map(([file, schema]) => [file, ajv.compile(schema)]));

it('publishes what the code has and no other file (npm run schema writes them)', () => {
  expect(readdirSync(folder).toSorted()).toEqual(generated.map(([file]) => file).toSorted());
  for (const [file, schema] of generated)
    expect(JSON.parse(readFileSync(new URL(file, folder), 'utf8')), file).toEqual(schema);
  const ids = generated.map(([, schema]) => schema['$id']);
  expect(new Set(ids).size).toBe(ids.length);
});

describe.each(generated)('%s', (file, schema) => {
  const { examples } = published.parse(schema);
  const validate = validators.get(file);
  const kind = kinds[file];
  if (!kind || !validate) throw new Error(`nothing parses ${file}`);
  const isParsed = (document: Document) => {
    try {
      kind.parse(document);
      return true;
    } catch {
      return false;
    }
  };

  it('has examples that it accepts, and so does what parses them', () => {
    for (const document of [...examples, ...kind.accepted]) {
      expect(() => kind.parse(document)).not.toThrow();
      expect(validate(document), JSON.stringify([document, validate.errors])).toBe(true);
    }
  });

  it('refuses what is refused when it is parsed', () => {
    for (const document of kind.refused) {
      expect(isParsed(document), JSON.stringify(document)).toBe(false);
      expect(validate(document), JSON.stringify(document)).toBe(false);
    }
  });

  it(`accepts whatever is accepted when it is parsed${kind.isWhole ? ', and nothing else' : ''}`, () => {
    const start = fc.constantFrom(...examples, ...kind.accepted, ...kind.refused);
    fc.assert(
      fc.property(start, fc.nat(), fc.option(replacement), (document, place, value) => {
        const changed = changeAt(document, place, value);
        const isAccepted = isParsed(changed);
        fc.pre(isAccepted || kind.isWhole);
        expect(validate(changed), JSON.stringify([changed, validate.errors])).toBe(isAccepted);
      }),
      { numRuns: 200, maxSkipsPerRun: 1_000 },
    );
  });
});

it.each(['people-csv', 'cmdb-csv'])('the settings of examples/%s fit their schema', (example) => {
  const text = readFileSync(new URL(`../../examples/${example}/_import.json`, import.meta.url), 'utf8');
  const validate = validators.get('import-settings.schema.json');
  expect(validate?.(JSON.parse(text)), JSON.stringify(validate?.errors)).toBe(true);
});

describe('the mapping files of the project', () => {
  const mappings = new URL('../../mappings/', import.meta.url);
  const files = readdirSync(mappings).filter((name) => /(?<!\.test)\.yaml$/.test(name));

  it.each(files)('%s fits its schema', (file) => {
    const name = file === 'defaults.yaml' ? 'mapping-defaults.schema.json' : 'mapping.schema.json';
    const validate = validators.get(name);
    const document = parse(readFileSync(new URL(file, mappings), 'utf8'));
    expect(validate?.(document), JSON.stringify(validate?.errors)).toBe(true);
  });
});

/** Numbers are whole: the queue reads one that JavaScript cannot hold as text. */
const replacement = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom({}, [], ['state'], { sys_id: 'x' }, { unless: 'assigned' }, 'open', 'PT4H'),
);

/** The document with one of its values, at any depth, replaced; without it for null. */
function changeAt(document: Document, place: number, value: unknown): Document {
  const paths = pathsIn(document);
  const target = paths[place % Math.max(paths.length, 1)];
  const copy: Document = structuredClone(document);
  if (!target) return copy;
  let parent: unknown = copy;
  for (const step of target.slice(0, -1)) parent = Reflect.get(Object(parent), step);
  const last = target.at(-1) ?? '';
  if (value === null) Reflect.deleteProperty(Object(parent), last);
  else Reflect.set(Object(parent), last, value);
  return JSON.parse(JSON.stringify(copy));
}

function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => [
    [name],
    ...pathsIn(one).map((path) => [name, ...path]),
  ]);
}
