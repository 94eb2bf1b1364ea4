/** What is built on one AWS service that a partition may lack. `params` are those that leave it out. */
export type Feature = 'records queue' | 'FIFO records queue' | 'HTTP API' | 'imports' | 'events' | 'tracing';

/** How it is known that a feature is there: `documented` by AWS's pages; `not documented` means that nothing says so;
 * `not available`, that a page says it is not. */
export type Availability = 'documented' | 'not documented' | 'not available';

/** A part of AWS with accounts and ARNs of its own. */
export type Partition = {
  readonly name: 'aws' | 'aws-cn' | 'aws-us-gov';
  /** Its regions. */
  readonly regions: RegExp;
  /** A region to check the template in. */
  readonly exampleRegion: string;
  readonly features: Readonly<Record<Feature, Availability>>;
};

const everywhere = {
  'records queue': 'documented',
  'FIFO records queue': 'documented',
  'HTTP API': 'documented',
  events: 'documented',
  tracing: 'documented',
} as const;

/**
 * What is known of each partition. The template is validated for all of them with every switch (test/package/switches.test.ts);
 * nothing was deployed to one. docs/deploy.md has the table.
 */
export const partitions: readonly Partition[] = [
  {
    name: 'aws-cn',
    regions: /^cn-(north|northwest)-\d$/,
    exampleRegion: 'cn-north-1',
    // https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html
    features: { ...everywhere, imports: 'not documented', tracing: 'not available' },
  },
  {
    name: 'aws-us-gov',
    regions: /^us-gov-(east|west)-\d$/,
    exampleRegion: 'us-gov-west-1',
    features: { ...everywhere, imports: 'not documented' },
  },
  {
    name: 'aws',
    regions: /^(af|ap|ca|eu|il|me|mx|sa|us)-((north|south)?(east|west)|north|south|central)-\d$/,
    exampleRegion: 'eu-central-1',
    features: { ...everywhere, imports: 'documented' },
  },
];

/** The partition of a region. @throws Error for a region of none that is known here, e.g. of the European Sovereign Cloud */
export function partitionOf(region: string): Partition {
  const found = partitions.find(({ regions }) => regions.test(region));
  if (found) return found;
  const known = partitions.map(({ name }) => name).join(', ');
  throw new Error(`"${region}" is not a region of ${known}, which is where this can be deployed`);
}

/** Params that switch a feature on, and the value with which they do. */
const switchedOn: readonly (readonly [feature: Feature, param: string])[] = [
  ['HTTP API', 'http'],
  ['imports', 'imports'],
  ['events', 'events'],
  ['tracing', 'tracing'],
];

/**
 * Looks for what a deployment asks of a region that its partition does not have.
 * @param settingOf the value of a param
 * @returns what may be missing there
 * @throws Error naming region and param where it is known to be missing, since CloudFormation would say so only half-way
 */
export function checkRegion(region: string, settingOf: (param: string) => string): readonly string[] {
  const { name, features } = partitionOf(region);
  const asked = switchedOn.filter(([, param]) => settingOf(param) === 'true');
  const missing = asked.find(([feature]) => features[feature] === 'not available');
  if (missing)
    throw new Error(
      `${missing[1]} is "true"; ${region} (partition ${name}) has no ${missing[0]}: set it to "false"`,
    );
  return asked
    .filter(([feature]) => features[feature] === 'not documented')
    .map(
      ([feature, param]) =>
        `AWS does not say that ${region} (partition ${name}) has what ${feature} need; if the deployment fails for it, set ${param} to "false"`,
    );
}
