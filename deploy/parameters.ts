/** One setting of a deployment: a param of serverless.yml, and a Parameter of the CloudFormation template. */
export type Parameter = {
  /** As in serverless.yml, e.g. `kmsKeyArn`; the Parameter is `KmsKeyArn`. */
  readonly param: string;
  readonly description: string;
  /** The only values that it takes. */
  readonly values?: readonly string[];
  /** What a value matches as a whole; an empty value is always taken unless `required`. */
  readonly pattern?: string;
  /** What `pattern` asks for, in words. */
  readonly expected?: string;
  readonly required?: boolean;
  /** It is an ARN of something in the deployment's partition, and in its region where the service knows regions. */
  readonly isArn?: boolean;
  /** The value as the template takes it. @default as it is */
  readonly read?: (value: string) => string;
};

const onOff = ['true', 'false'];
const wholeNumber = {
  pattern: '[1-9]\\d{0,8}',
  expected: 'must be a whole number above 0',
  required: true,
};
/** 1 to 64,800: SQS dead-letters a message after 100 receives, and late receives are 12 to 15 minutes apart. */
const retrySeconds = {
  pattern: '[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-3]\\d{3}|64[0-7]\\d{2}|64800',
  expected: 'must be a whole number from 1 to 64800 (18 hours)',
};
/** As the functions read lists: a comma too many separates nothing. */
const withoutEmpty = (list: string) =>
  list.startsWith('{') ? list : list.replaceAll(/,(\s*,)+/g, ',').replaceAll(/^[\s,]+|[\s,]+$/g, '') || list;
const method = '(GET|HEAD|POST|PUT|PATCH|DELETE)';
const methodList = {
  pattern: `${method}(\\s*,\\s*${method})*`,
  expected: 'must be methods, comma separated: GET, HEAD, POST, PUT, PATCH, DELETE',
  read: (value: string) => withoutEmpty(value.toUpperCase()),
};
/** Names, or a JSON map of them by instance. */
const tableList = {
  pattern: '\\{[\\s\\S]+\\}|(\\*|\\w+)(\\s*,\\s*(\\*|\\w+))*',
  expected: 'must be tables, comma separated',
  read: withoutEmpty,
};
/** CloudWatch takes a description of 1,024 characters, of which a sentence is ours. */
const mostOfRunbookUrl = 800;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const bucketName = [
  '(?!xn--|sthree-|amzn-s3-demo-)(?!.*\\.\\.)(?!(\\d+\\.){3}\\d+$)',
  '(?!.*(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$)',
  '[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]',
].join('');

const optionalDays = {
  pattern: '[1-9]\\d{0,4}',
  expected: 'must be a number of days, or empty to keep them',
};

/** Log retention knows only these. @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const logRetentions =
  '1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653'.split(' ');

const kmsKeyArn = {
  isArn: true,
  pattern: 'arn:aws[\\w-]*:kms:[\\w-]+:\\d{12}:key/[\\w-]+',
  expected: 'must be the ARN of a KMS key (not of an alias)',
};

/** CloudFormation splits a list at its commas and keeps the blanks around them. A blank inside an entry is a mistake. */
const withoutBlanks = (value: string) => value.trim().replaceAll(/\s*,\s*/g, ',');
const commaSeparated = { pattern: '[^\\s,]+(,[^\\s,]+)*', read: withoutBlanks };

/** @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html */
const secretName = '[\\w/+=.@-]{1,512}';
const secretArn = 'arn:aws[\\w-]*:secretsmanager:[\\w-]+:\\d{12}:secret:[\\w/+=.@-]{1,519}';
const namedSecret = `"[\\w-]{1,40}"\\s*:\\s*"(${secretName}|${secretArn})"`;
const secretIds = `${secretName}|${secretArn}|\\{\\s*${namedSecret}(\\s*,\\s*${namedSecret})*\\s*\\}`;

/** A rule, a topic, or the id of an account. */
const eventSender = [
  'arn:aws[\\w-]*:events:[\\w-]+:\\d{12}:rule/[.\\w-]+(/[.\\w-]+)?',
  'arn:aws[\\w-]*:sns:[\\w-]+:\\d{12}:[\\w-]+(\\.fifo)?',
  '\\d{12}',
].join('|');

/** Every setting, in the order in which docs/configuration.md lists them. */
export const parameters: readonly Parameter[] = [
  {
    param: 'secretId',
    description: 'Name or ARN of the secret; for several instances a JSON map of names.',
    pattern: secretIds,
    expected: 'must be the name or the ARN of a secret, or a JSON map of them by instance',
    isArn: true,
    required: true,
  },
  {
    param: 'secretArns',
    description: 'ARNs of the secrets, comma separated. Needed only when secretId is a JSON map.',
    pattern: `${secretArn}(-\\?{6})?(,${secretArn}(-\\?{6})?)*`,
    expected: 'must be ARNs of secrets, comma separated',
    isArn: true,
    read: withoutBlanks,
  },
  {
    param: 'allowedTables',
    description: 'Tables that callers may read and write, comma separated; * for all.',
    ...tableList,
    required: true,
  },
  { param: 'allowedHosts', description: "Instance hosts in addition to ServiceNow's own domains." },
  { param: 'httpsProxy', description: 'Forward proxy for calls to the instances.' },
  { param: 'noProxy', description: 'Hosts that are reached without the proxy.' },
  {
    param: 'vpcSubnetIds',
    description: 'Subnets that the functions run in, comma separated.',
    pattern: 'subnet-[\\w-]+(,subnet-[\\w-]+){0,15}',
    expected: 'must be subnet ids, comma separated, 16 at most',
    read: withoutBlanks,
  },
  {
    param: 'vpcSecurityGroupIds',
    description: 'Security groups of the functions, comma separated.',
    pattern: 'sg-[\\w-]+(,sg-[\\w-]+){0,4}',
    expected: 'must be ids of security groups, comma separated, 5 at most',
    read: withoutBlanks,
  },
  { param: 'http', description: 'false leaves out the HTTP API.', values: onOff },
  {
    param: 'authorizer',
    description: 'Who may call the HTTP API: iam (signed requests) or jwt.',
    values: ['iam', 'jwt'],
  },
  {
    param: 'jwtIssuer',
    description: 'Issuer of the tokens, with authorizer jwt.',
    pattern: 'https://\\S+',
    expected: 'must be an https URL',
  },
  {
    param: 'jwtAudience',
    description: 'Audiences of the tokens, comma separated, with authorizer jwt.',
    ...commaSeparated,
    expected: 'must be audiences, comma separated',
  },
  {
    param: 'jwtScopes',
    description: 'Scopes of which a token needs one, comma separated; empty for none.',
    ...commaSeparated,
    expected: 'must be scopes, comma separated',
  },
  {
    param: 'callerColumn',
    description: 'Column that says who made the call, sent the message or dropped the file; empty for none.',
    pattern: '(?!sys_|correlation_(id|display)$)[a-z][a-z0-9_]{0,79}',
    expected: 'must be the name of a column, and none by which the instance or the functions know a record',
  },
  {
    param: 'trustedSenders',
    description: 'Ids of roles and users whose messages may name another sender, comma separated.',
    pattern: '(AROA|AIDA)[A-Z0-9]{8,124}(\\s*,\\s*(AROA|AIDA)[A-Z0-9]{8,124})*',
    expected: 'must be ids of roles and users (AROA…, AIDA…), comma separated',
  },
  { param: 'callers', description: 'Rights of callers of the HTTP API, a JSON object; empty for all.' },
  {
    param: 'batchMethods',
    description: 'Methods that a call inside POST /api/now/batch may have.',
    ...methodList,
  },
  {
    param: 'methodOverrides',
    description: 'Methods that a POST with X-HTTP-Method-Override may stand for.',
    ...methodList,
  },
  {
    param: 'dotWalkAnywhere',
    description: 'true lets fields and queries walk references into tables that are not allowed.',
    values: onOff,
  },
  { param: 'httpRatePerSecond', description: 'Requests per second to the HTTP API.', ...wholeNumber },
  { param: 'httpBurst', description: 'Requests to the HTTP API that may arrive at once.', ...wholeNumber },
  {
    param: 'recordsConcurrency',
    description: 'Copies of writeRecords that run at once for each records queue, 2 to 1000.',
    pattern: '[2-9]|[1-9]\\d{1,2}|1000',
    expected: 'must be from 2 to 1000, as SQS asks for',
    required: true,
  },
  {
    param: 'recordsBatchingSeconds',
    description: 'How long messages of the records queue are gathered before they are written, 1 to 30.',
    // Lambda takes batches of more than ten messages only with a window.
    pattern: '[1-9]|[12]\\d|30',
    expected: 'must be a whole number of seconds from 1 to 30',
    required: true,
  },
  {
    param: 'recordsFifo',
    description: 'true adds a second records queue that keeps the order within a message group.',
    values: onOff,
  },
  {
    param: 'recordsRetryForSeconds',
    description: 'How long a message is retried before it goes to the dead-letter queue.',
    ...retrySeconds,
    required: true,
  },
  { param: 'recordsParkForSeconds', description: 'The old name of recordsRetryForSeconds.', ...retrySeconds },
  {
    param: 'recordsInDoubtSeconds',
    description: 'How long the instance may work on a write whose answer was lost.',
    ...wholeNumber,
  },
  {
    param: 'recordsBatchApi',
    description: 'false sends every record as a request of its own.',
    values: onOff,
  },
  {
    param: 'events',
    description: 'false leaves out events: their queue, topic, rules and functions.',
    values: onOff,
  },
  {
    param: 'eventSenders',
    description:
      'ARNs of rules and topics, and ids of accounts, that may send to the events and records queues, comma separated.',
    pattern: `(${eventSender})(,(${eventSender}))*`,
    expected: 'must be ARNs of EventBridge rules, SNS topics and accounts, comma separated',
    // Queue policies compare an account by its id.
    read: (value) => withoutBlanks(value).replaceAll(/arn:aws[\w-]*:iam::(\d{12}):root/g, '$1'),
  },
  {
    param: 'eventsSnsTopic',
    description: 'false leaves out the SNS topic whose messages are events.',
    values: onOff,
  },
  {
    param: 'reconcileEvery',
    description: 'How often the sources of open records are asked for their state.',
    pattern: 'rate\\((1 (minute|hour|day)|([2-9]|[1-9]\\d{1,3}) (minutes|hours|days))\\)',
    expected: 'must be a rate such as rate(15 minutes)',
    required: true,
  },
  {
    param: 'redriveEvery',
    description: 'How often dead letters whose reason passes by itself are moved back; empty for never.',
    pattern: 'rate\\((1 (hour|day)|([2-9]|[1-9]\\d{1,3}) (hours|days))\\)',
    expected: 'must be a rate of hours or days such as rate(6 hours), or empty',
  },
  {
    param: 'redropEvery',
    description:
      'How often files whose imports were abandoned because of an outage are dropped again; empty for never.',
    pattern: 'rate\\((1 (hour|day)|([2-9]|[1-9]\\d{1,3}) (hours|days))\\)',
    expected: 'must be a rate of hours or days such as rate(6 hours), or empty',
  },
  {
    param: 'correlationIdTables',
    description: "Tables that refuse a caller's sys_id, comma separated.",
    ...tableList,
  },
  { param: 'dropInstances', description: 'Instances that a drop folder may name; empty: the first.' },
  {
    param: 'imports',
    description: 'false leaves out the import of dropped files, which needs Lambda durable functions.',
    values: onOff,
  },
  { param: 'maxConcurrentImports', description: 'Imports that load at once.', ...wholeNumber },
  {
    param: 'importBucketName',
    description: 'Name of the bucket for dropped files; empty for a generated name.',
    pattern: bucketName,
    expected: 'must be the name of a bucket',
  },
  {
    param: 'importBucketExists',
    description: 'true when the bucket exists already: its notification is yours to set.',
    values: onOff,
  },
  {
    param: 'importBucketKmsKeyArn',
    description: 'KMS key of a bucket that exists already, when it is another one than kmsKeyArn.',
    ...kmsKeyArn,
  },
  { param: 'dropRetentionInDays', description: 'Deletes dropped files after so many days.', ...optionalDays },
  { param: 'resultRetentionInDays', description: 'Deletes results after so many days.', ...optionalDays },
  {
    param: 'oldVersionRetentionInDays',
    description: 'Deletes replaced and deleted versions of dropped files and results after so many days.',
    pattern: '[1-9]\\d{0,4}',
    expected: 'must be a number of days',
    required: true,
  },
  {
    param: 'executionRetentionInDays',
    description: 'Keeps the history of an import that has ended for so many days.',
    pattern: '[1-9]|[1-8]\\d|90',
    expected: 'must be a number of days, 1 to 90',
    required: true,
  },
  {
    param: 'alarmTopicArn',
    isArn: true,
    description: 'SNS topic that alarms are sent to; empty for no alarms.',
    pattern: 'arn:aws[\\w-]*:sns:[\\w-]+:\\d{12}:[\\w-]+',
    expected: 'must be the ARN of an SNS topic (not of a FIFO topic)',
  },
  {
    param: 'runbookUrl',
    description: 'What alarms put before the name of their runbook.',
    pattern: `[^\\x00-\\x1f]{1,${mostOfRunbookUrl}}`,
    expected: `must have ${mostOfRunbookUrl} characters at most`,
  },
  {
    param: 'outcomeBusArn',
    isArn: true,
    description: 'Event bus that outcomes are sent to; empty for none.',
    pattern: 'arn:aws[\\w-]*:events:[\\w-]+:\\d{12}:event-bus/[\\w./-]+',
    expected: 'must be the ARN of an event bus',
  },
  {
    param: 'tracing',
    description: 'true traces the functions with X-Ray.',
    values: onOff,
  },
  { param: 'dashboard', description: 'true adds a CloudWatch dashboard.', values: onOff },
  {
    param: 'metrics',
    description: 'Which metrics are written: those that alarms use, or all that the dashboard uses too.',
    values: ['alarms', 'all'],
  },
  { param: 'logRetentionInDays', description: 'Keeps logs for so many days.', values: logRetentions },
  {
    param: 'logLevel',
    description: 'The least important lines that are logged.',
    values: ['DEBUG', 'INFO', 'WARN', 'ERROR'],
  },
  {
    param: 'kmsKeyArn',
    description: 'Encrypts queues, bucket, table, logs and variables; empty for the keys of AWS.',
    ...kmsKeyArn,
  },
  {
    param: 'secretKmsKeyArn',
    description: "The secret's own KMS key, when it is another one than kmsKeyArn.",
    ...kmsKeyArn,
  },
  {
    param: 'permissionsBoundary',
    isArn: true,
    description: 'ARN of a policy that bounds the permissions of every role.',
    pattern: 'arn:aws[\\w-]*:iam::(\\d{12}|aws):policy/([\\w+=,.@-]+/)*[\\w+=,.@-]{1,128}',
    expected: 'must be the ARN of an IAM policy',
  },
  {
    param: 'rolePath',
    description: 'Path of every role.',
    pattern: '(?!.{513})(?!/aws-service-role/)/([\\w+=,.@-]+/)*',
    expected:
      "must start and end with a slash, have 512 characters at most, and not be that of AWS's own roles",
    required: true,
  },
  {
    param: 'reservedConcurrency',
    description: 'Copies of each function that may run at once and are kept free for it; empty for no limit.',
    // mapEvents takes five batches at once: what Lambda refuses counts as received.
    pattern: '[5-9]|[1-9]\\d{1,5}',
    expected: 'must be a whole number from 5 to 999999, or empty',
  },
];
