import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { create, list } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'instance-files-'));

function fileOf(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('schema and data files', () => {
  it('add tables, columns and rows', async () => {
    const instance = await startInstance({
      schemaFile: fileOf('schema.json', {
        tables: [
          {
            name: 'u_parcel',
            columns: [
              { name: 'u_weight', kind: 'decimal' },
              { name: 'u_sealed', kind: 'boolean' },
            ],
          },
        ],
      }),
      dataFile: fileOf('data.json', { u_parcel: [{ u_weight: 1.25, u_sealed: true }] }),
    });
    const [parcel] = await list(instance, '/api/now/table/u_parcel');
    await instance.close();
    expect(parcel).toMatchObject({ u_weight: '1.25', u_sealed: 'true' });
  });

  it.each([
    ['is no JSON', '{', /broken\.json: .*JSON/],
    [
      'has an unknown kind',
      { tables: [{ name: 'u_a', columns: [{ name: 'u_b', kind: 'colour' }] }] },
      /broken\.json: tables\[0\]\.columns\[0\]\.kind: /,
    ],
    ['misspells a key', { tables: [{ name: 'u_a', colums: [] }] }, /colums/],
    ['is another file', { name: 'a', tables: 5 }, /^[^\n]*broken\.json: [^\n]+ \(and 1 more\)$/],
    ['names a table with quotes', { tables: [{ name: 'u"a' }] }, /letters, digits and underscores/],
    ['extends what is not there', { tables: [{ name: 'u_a', parent: 'u_none' }] }, /extends u_none/],
    [
      'refers to what is not there',
      { tables: [{ name: 'u_a', columns: [{ name: 'u_b', kind: 'reference', reference: 'u_none' }] }] },
      /u_a\.u_b refers to table u_none/,
    ],
    [
      'refers by a column that is not there',
      {
        tables: [
          {
            name: 'u_a',
            columns: [{ name: 'u_b', kind: 'reference', reference: 'sys_user', referenceKey: 'x' }],
          },
        ],
      },
      /sys_user has no column x, which its referenceKey of u_a\.u_b names/,
    ],
    [
      'shows rows by a column that is not there',
      { tables: [{ name: 'u_a', display: 'u_name' }] },
      /u_a has no column u_name, which its display names/,
    ],
    [
      'finds the table of a document in a column that is not there',
      { tables: [{ name: 'u_a', columns: [{ name: 'u_b', kind: 'document_id', documentTable: 'u_c' }] }] },
      /u_a has no column u_c, which its documentTable of u_b names/,
    ],
    [
      'asks for a column that is not there',
      { tables: [{ name: 'incident', policies: [{ mandatory: ['u_reason'] }] }] },
      /incident has no column u_reason, which its policies names/,
    ],
    [
      'defines a column twice',
      { tables: [{ name: 'u_a', columns: [{ name: 'u_b' }, { name: 'u_b', kind: 'integer' }] }] },
      /u_a\.u_b is there already/,
    ],
    [
      "defines one of the platform's columns",
      { tables: [{ name: 'u_a', columns: [{ name: 'sys_id', kind: 'integer' }] }] },
      /u_a\.sys_id is there already/,
    ],
    [
      'moves a table below another',
      { tables: [{ name: 'incident', parent: 'sys_user' }] },
      /incident is there already and cannot extend sys_user/,
    ],
  ])('a schema file that %s is refused with the place', async (_, content, message) => {
    await expect(startInstance({ schemaFile: fileOf('broken.json', content) })).rejects.toThrow(message);
  });

  it.each([
    ['an unknown table', { u_none: [] }, /there is no table u_none/],
    [
      'an unknown column',
      { incident: [{}, { colour: 'red' }] },
      /incident\[1\]: table incident has no column colour/,
    ],
    [
      'a sys_id twice',
      { incident: [{ sys_id: 'a' }, { sys_id: 'a' }] },
      /incident\[1\]: Error during insert of incident/,
    ],
    ['a row that is a list', { incident: [[]] }, /incident\[0\]/],
  ])('a data file with %s is refused with the place', async (_, content, message) => {
    await expect(startInstance({ dataFile: fileOf('broken-data.json', content) })).rejects.toThrow(message);
  });
});

describe('classes of one hierarchy', () => {
  it('may each have a column of the same name that holds something else', async () => {
    const instance = await startInstance({
      demoData: false,
      schema: {
        tables: [
          { name: 'incident', columns: [{ name: 'u_code', kind: 'integer' }] },
          { name: 'problem', columns: [{ name: 'u_code' }] },
        ],
      },
    });
    await create(instance, 'incident', { u_code: '007' });
    await create(instance, 'problem', { u_code: '007' });
    const found = await Promise.all(
      ['incident?u_code=7', 'problem?u_code=007', 'problem?u_code=7'].map((query) =>
        list(instance, `/api/now/table/${query}&sysparm_fields=u_code`),
      ),
    );
    await instance.close();
    expect(found).toEqual([[{ u_code: '7' }], [{ u_code: '007' }], []]);
  });
});

describe('a very wide table', () => {
  it('is listed and read with all its columns', async () => {
    const columns = Array.from({ length: 900 }, (_, at) => ({ name: `u_column_${at}` }));
    const instance = await startInstance({
      demoData: false,
      schema: { tables: [{ name: 'u_wide', columns }] },
    });
    const record = await create(instance, 'u_wide', { u_column_0: 'first', u_column_899: 'last' });
    const [listed] = await list(instance, '/api/now/table/u_wide');
    await instance.close();
    expect(record).toMatchObject({ u_column_0: 'first', u_column_1: '', u_column_899: 'last' });
    expect(listed).toEqual(record);
  });
});

describe('a database file', () => {
  it('keeps the rows, and the counters go on above them', async () => {
    const databaseFile = join(folder, 'kept.sqlite');
    const before = await startInstance({ databaseFile });
    const record = await create(before, 'incident', { short_description: 'kept' });
    await before.close();
    const after = await startInstance({ databaseFile });
    const [found] = await list(after, '/api/now/table/incident?short_description=kept');
    const next = await create(after, 'incident', {});
    await after.close();
    expect(found).toMatchObject({ sys_id: record.sys_id, number: 'INC0010001' });
    expect(next['number']).toBe('INC0010002');
    expect(next.sys_id).not.toBe(record.sys_id);
  });

  it.each([
    ['cannot be made', '/nowhere/at/all.sqlite'],
    [
      'is no database',
      fileOf('no-database.sqlite', 'This is a text of some length, and no database at all.'),
    ],
  ])('that %s is named', async (_, databaseFile) => {
    await expect(startInstance({ databaseFile })).rejects.toThrow(`${databaseFile}: `);
  });

  it('keeps choices that were added', async () => {
    const databaseFile = join(folder, 'choices.sqlite');
    const before = await startInstance({ databaseFile, demoData: false });
    const choice = { name: 'incident', element: 'category', value: 'gardening', label: 'Gardening' };
    await create(before, 'sys_choice', choice);
    await before.close();
    const after = await startInstance({ databaseFile });
    const record = await create(after, 'incident', { category: 'gardening' });
    await after.close();
    expect(record['category']).toBe('gardening');
  });

  it('gains the columns that a newer schema has', async () => {
    const databaseFile = join(folder, 'grown.sqlite');
    await (await startInstance({ databaseFile, demoData: false })).close();
    const schema = { tables: [{ name: 'incident', columns: [{ name: 'u_new' }] }] };
    const grown = await startInstance({ databaseFile, schema });
    const record = await create(grown, 'incident', { u_new: 'x' });
    const described = await list(grown, '/api/now/table/sys_dictionary?name=incident&element=u_new');
    await grown.close();
    expect(record['u_new']).toBe('x');
    expect(described).toHaveLength(1);
  });
});
