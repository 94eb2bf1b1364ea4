import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';

const periodSeconds = 60;
/** SQS reports its metrics up to some minutes late. */
const lookBackSeconds = 15 * 60;
/** The rest of a status is worth more than this. */
const mostMs = 3_000;

/** How old the oldest message of each queue is. */
export type OldestMessages = {
  /** @returns seconds by URL, without queues that are not measured */
  read(queueUrls: readonly string[]): Promise<ReadonlyMap<string, number>>;
  close(): void;
};

/**
 * Asks CloudWatch for the age of the oldest message of queues, which SQS itself does not report. A caller that may not read metrics gets
 * no ages, and AWS is not asked about queues of another endpoint.
 * @param freshMs how long an answer is good for; a call costs money, and a metric changes once a minute
 */
export function openOldestMessages(freshMs: number): OldestMessages {
  const cloudWatch = new CloudWatchClient({ maxAttempts: 2 });
  const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_CLOUDWATCH } = process.env;
  const isElsewhere = AWS_ENDPOINT_URL_SQS && !AWS_ENDPOINT_URL_CLOUDWATCH && !AWS_ENDPOINT_URL;
  let known: { readonly atMs: number; readonly ages: ReadonlyMap<string, number> } | undefined;
  return {
    async read(queueUrls) {
      if (isElsewhere) return new Map();
      const nowMs = Date.now();
      if (known === undefined || nowMs - known.atMs >= freshMs)
        known = { atMs: nowMs, ages: await ask(cloudWatch, queueUrls, nowMs).catch(() => new Map()) };
      return known.ages;
    },
    close: () => cloudWatch.destroy(),
  };
}

async function ask(
  cloudWatch: CloudWatchClient,
  queueUrls: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, number>> {
  const { MetricDataResults = [] } = await cloudWatch.send(
    new GetMetricDataCommand({
      StartTime: new Date(nowMs - lookBackSeconds * 1_000),
      EndTime: new Date(nowMs),
      ScanBy: 'TimestampDescending',
      MetricDataQueries: queueUrls.map((url, i) => ({
        Id: `q${i}`,
        MetricStat: {
          Metric: {
            Namespace: 'AWS/SQS',
            MetricName: 'ApproximateAgeOfOldestMessage',
            Dimensions: [{ Name: 'QueueName', Value: url.slice(url.lastIndexOf('/') + 1) }],
          },
          Period: periodSeconds,
          Stat: 'Maximum',
        },
      })),
    }),
    { abortSignal: AbortSignal.timeout(mostMs) },
  );
  const ages = queueUrls.flatMap((url, i): [string, number][] => {
    const age = MetricDataResults.find(({ Id }) => Id === `q${i}`)?.Values?.[0];
    return age === undefined ? [] : [[url, age]];
  });
  return new Map(ages);
}
