import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { until } from '../until.ts';
import { endpoints, held, s3, uniqueWord } from './running-stack.ts';

const Bucket = endpoints.s3.bucket;
const Summary = z.looseObject({ status: z.string(), counts: z.record(z.string(), z.number()) });
const HEADER = 'user_id,first_name,last_name,email';

const drop = (name: string, Body: string) =>
  s3.send(new PutObjectCommand({ Bucket, Key: `imports/imp_user/${name}`, Body }));

async function read(Key: string): Promise<string> {
  return (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';
}

/** Waits for the summary of a drop; gives it with the folder of all its results. */
async function finished(name: string) {
  const folder = await until(async () => {
    const Prefix = `results/imp_user/${name}/`;
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
    const key = Contents.map(({ Key = '' }) => Key).find((one) => one.endsWith('/summary.json'));
    if (key === undefined) throw new Error(`no summary below ${Prefix}`);
    return key.slice(0, -'summary.json'.length);
  });
  return { folder, summary: Summary.parse(JSON.parse(await read(`${folder}summary.json`))) };
}

describe('a CSV dropped in the bucket', () => {
  it('becomes users, with a verdict for every line', async () => {
    const word = uniqueWord();
    const rows = Array.from(
      { length: 300 },
      (_, n) => `${word}.${n},First,Last ${n},${word}.${n}@example.com`,
    );
    await drop(`${word}.csv`, [HEADER, ...rows, ''].join('\n'));
    const { folder, summary } = await finished(word);
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 300, error: 0, rejected: 0 } });
    expect(await held('sys_user', `user_nameSTARTSWITH${word}`)).toHaveLength(300);
    expect((await read(`${folder}results.csv`)).trim().split('\n')).toHaveLength(301);
  });

  it('with bad lines imports the good ones and hands the bad ones back', async () => {
    const word = uniqueWord();
    const good = `${word}.ok,First,Last,${word}.ok@example.com`;
    const ragged = `${word}.ragged,First`;
    await drop(`${word} bad+lines.csv`, `${HEADER}\n${good}\n${ragged}\n`);
    const { folder, summary } = await finished(`${word} bad+lines`);
    expect(summary.counts).toMatchObject({ inserted: 1, rejected: 1 });
    expect(await held('sys_user', `user_nameSTARTSWITH${word}`)).toHaveLength(1);
    expect(await read(`${folder}rejected.csv`)).toContain(ragged);
  });

  it('that cannot be imported gets a summary with the reason, and sends nothing', async () => {
    const word = uniqueWord();
    await drop(`${word}.csv`, `user_id,no_such_column\n${word},x\n`);
    const { summary } = await finished(word);
    expect(summary.status).not.toBe('completed');
    expect(JSON.stringify(summary)).toContain('no_such_column');
    expect(await held('sys_user', `user_nameSTARTSWITH${word}`)).toEqual([]);
  });
});
