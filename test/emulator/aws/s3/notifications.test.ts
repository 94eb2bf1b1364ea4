import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { eventPlan } from '../../../../emulator/aws/s3/event-faults.ts';
import { startS3 } from '../../../../emulator/aws/s3/s3.ts';
import { manualClock } from '../../../lib/core/manual-clock.ts';
import { type S3Fixture, s3Client, startS3Fixture } from './local-s3.ts';

const QUEUE = 'arn:aws:sqs:eu-west-1:000000000000:imports';
const Message = z.object({
  Records: z.tuple([
    z.looseObject({
      eventName: z.string(),
      s3: z.looseObject({
        bucket: z.looseObject({ name: z.string() }),
        object: z.looseObject({ key: z.string(), sequencer: z.string(), versionId: z.string().optional() }),
      }),
    }),
  ]),
});

let fixture: S3Fixture;
beforeAll(async () => {
  fixture = await startS3Fixture();
  const rules = [{ Name: 'prefix' as const, Value: 'imports/' }];
  await fixture.client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: 'versioned',
      NotificationConfiguration: {
        QueueConfigurations: [
          { QueueArn: QUEUE, Events: ['s3:ObjectCreated:*'], Filter: { Key: { FilterRules: rules } } },
        ],
      },
    }),
  );
});
afterAll(() => fixture.close());

const put = (Key: string, Body = 'x') =>
  fixture.client.send(new PutObjectCommand({ Bucket: 'versioned', Key, Body }));
const records = () =>
  fixture.sent
    .filter(({ body }) => !body.includes('s3:TestEvent'))
    .map(({ body }) => Message.parse(JSON.parse(body)).Records[0]);

describe('a notification', () => {
  it('begins with the test event that S3 sends when it is set up', () => {
    const [first] = fixture.sent;
    expect(first?.queueArn).toBe(QUEUE);
    expect(JSON.parse(first?.body ?? '')).toMatchObject({
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Bucket: 'versioned',
    });
  });

  it('reports a new object in S3’s format, with its key form-encoded', async () => {
    const { ETag, VersionId } = await put('imports/imp_user/my file+ü(1).csv', 'a\n1\n');
    expect(records().at(-1)).toMatchObject({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: {
        s3SchemaVersion: '1.0',
        bucket: { name: 'versioned', arn: 'arn:aws:s3:::versioned' },
        object: {
          key: 'imports/imp_user/my+file%2B%C3%BC%281%29.csv',
          size: 4,
          eTag: ETag?.replaceAll('"', ''),
          versionId: VersionId,
          sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
        },
      },
    });
  });

  it('is not sent for other keys, nor for events that are not configured', async () => {
    await put('imports/to-go');
    const before = fixture.sent.length;
    await put('results/summary.json');
    await fixture.client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'imports/to-go' }));
    expect(fixture.sent).toHaveLength(before);
  });

  it('is sent for copies too', async () => {
    await put('elsewhere/a.csv');
    const copy = { Bucket: 'versioned', Key: 'imports/copied.csv', CopySource: 'versioned/elsewhere/a.csv' };
    await fixture.client.send(new CopyObjectCommand(copy));
    expect(records().at(-1)?.eventName).toBe('ObjectCreated:Copy');
  });

  it('has a sequencer that rises with every write', async () => {
    for (let n = 0; n < 20; n++) await put('imports/often.csv', `${n}`);
    const sequencers = records().map(({ s3 }) => s3.object.sequencer);
    expect(sequencers).toEqual(sequencers.toSorted());
    expect(new Set(sequencers).size).toBe(sequencers.length);
  });
});

it('keeps sequencers rising over a restart with a clock that went back', async () => {
  const first = await startS3Fixture();
  const { client, folder } = first;
  const before = await client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: '1' }));
  expect(before.ETag).toBeDefined();
  const old = first.s3.state.objects.latest('plain', 'k')?.sequencer ?? '';
  await first.s3.close();
  const second = await startS3({ folder, clock: { now: () => 0, sleep: async () => {} } });
  const again = s3Client(second.url);
  await again.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: '2' }));
  expect((second.state.objects.latest('plain', 'k')?.sequencer ?? '') > old).toBe(true);
  again.destroy();
  await second.close();
});

it('delivers at the next start what a stop kept from its queue', async () => {
  const first = await startS3Fixture();
  const rules = [{ id: 'r', queueArn: QUEUE, events: ['s3:ObjectCreated:*'], prefix: '', suffix: '' }];
  first.s3.state.buckets.setNotifications('plain', rules);
  await first.s3.close();
  const broken = await startS3({
    folder: first.folder,
    deliver: () => {
      throw new Error('the queue is gone');
    },
  });
  const client = s3Client(broken.url);
  await client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'kept.csv', Body: 'x' }));
  client.destroy();
  await broken.close();
  const sent: string[] = [];
  const second = await startS3({ folder: first.folder, deliver: (_queue, body) => sent.push(body) });
  await second.close();
  expect(sent.map((body) => Message.parse(JSON.parse(body)).Records[0].s3.object.key)).toEqual(['kept.csv']);
});

describe('events that are late and doubled', () => {
  async function dropTen(seed: number) {
    const folder = await mkdtemp(join(tmpdir(), 's3-events-'));
    const clock = manualClock();
    const keys: string[] = [];
    const deliver = (_queue: string, body: string) => {
      keys.push(Message.parse(JSON.parse(body)).Records[0].s3.object.key);
    };
    const options = { folder, deliver, clock, eventFaults: { seed, latestMs: 60_000, doubled: 0.5 } };
    const s3 = await startS3(options);
    const client = s3Client(s3.url);
    onTestFinished(async () => {
      client.destroy();
      await rm(folder, { recursive: true });
    });
    await client.send(new CreateBucketCommand({ Bucket: 'drops' }));
    const rule = { id: 'r', queueArn: QUEUE, events: ['s3:ObjectCreated:*'], prefix: '', suffix: '' };
    s3.state.buckets.setNotifications('drops', [rule]);
    for (let n = 0; n < 10; n += 1)
      await client.send(new PutObjectCommand({ Bucket: 'drops', Key: `${n}`, Body: 'x' }));
    return { s3, clock, keys, options };
  }

  it('come later, in another order, some of them twice, and the same for the same seed', async () => {
    const all: string[][] = [];
    for (const seed of [7, 7, 8]) {
      const { s3, clock, keys } = await dropTen(seed);
      expect(keys.length).toBeLessThan(10);
      for (let second = 0; second <= 60; second += 1) await clock.advance(1000);
      await s3.close();
      expect(new Set(keys).size).toBe(10);
      expect(keys.length).toBeGreaterThan(10);
      expect(keys).not.toEqual(keys.toSorted());
      all.push(keys);
    }
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).not.toEqual(all[0]);
  });

  it('that were not delivered before a stop are delivered after the next start', async () => {
    const { s3, clock, keys, options } = await dropTen(7);
    await s3.close();
    await clock.advance(60_000);
    const again = await startS3(options);
    await again.close();
    expect(new Set(keys).size).toBe(10);
  });

  it('come among records that announce nothing, where that is asked for', () => {
    const plan = eventPlan({ seed: 1, odd: 1 });
    const bucket = { name: 'drops' };
    const object = { key: 'imports/a/b.csv', size: 1, versionId: 'v', sequencer: '0A' };
    const record = { eventName: 'ObjectCreated:Put', s3: { bucket, object } };
    const [copy] = plan(JSON.stringify({ Records: [record] }));
    const { Records } = JSON.parse(copy?.body ?? '');
    expect(Records.filter((one: unknown) => JSON.stringify(one) === JSON.stringify(record))).toHaveLength(1);
    expect(Records).toContainEqual(null);
    expect(Records).toContainEqual({
      ...record,
      s3: { bucket, object: { key: 'imports/a/never-there-0A.csv', sequencer: '0A' } },
    });
  });
});
