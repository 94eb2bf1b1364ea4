import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { setNotifications } from '../bucket-setup.ts';
import type { S3Action } from '../exchange.ts';
import { oneOrMany, readXml } from '../xml.ts';

const FilterRule = z.object({ Name: z.string().toLowerCase(), Value: z.string() });
const QueueConfiguration = z.object({
  Id: z.string().default(() => randomUUID()),
  Queue: z.string(),
  Event: z.preprocess(oneOrMany, z.array(z.string()).min(1)),
  Filter: z
    .object({ S3Key: z.object({ FilterRule: z.preprocess(oneOrMany, z.array(FilterRule)) }) })
    .optional(),
});
const Configuration = z.object({
  QueueConfiguration: z.preprocess(oneOrMany, z.array(QueueConfiguration)),
});
const Document = z.object({
  NotificationConfiguration: z.preprocess((value) => (value === '' ? {} : value), Configuration),
});

/** Queues only; topics and functions are refused. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html */
export const putBucketNotificationConfiguration: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { NotificationConfiguration } = await readXml(request.body, Document);
  const rules = NotificationConfiguration.QueueConfiguration.map((configuration) => ({
    id: configuration.Id,
    queueArn: configuration.Queue,
    events: configuration.Event,
    prefix: filterValue(configuration, 'prefix'),
    suffix: filterValue(configuration, 'suffix'),
  }));
  setNotifications(state, request.bucket, rules);
  return { status: 200 };
};

function filterValue(configuration: z.output<typeof QueueConfiguration>, name: string): string {
  return configuration.Filter?.S3Key.FilterRule.find((rule) => rule.Name === name)?.Value ?? '';
}
