import { type CallerRights, parseCallerRights } from './caller.ts';
import { ConfigurationError, UnknownInstanceError } from './errors.ts';

/** One ServiceNow instance of this deployment. */
export type InstanceConfig = {
  readonly name: string;
  /** Name or ARN of its secret in Secrets Manager. */
  readonly secretId: string;
  /** Tables that callers may name, lower case; `*` means all. */
  readonly allowedTables: readonly string[];
};

/** How the record queue works. */
export type RecordsConfig = {
  /** False sends each write as a request of its own. */
  readonly batchApi: boolean;
  /** Tables that do not take a sys_id from the caller, lower case; `*` means all. Their records are found by correlation_id. */
  readonly correlationIdTables: readonly string[];
  /** How long a message is retried before it is abandoned, e.g. through an outage of the instance. */
  readonly retryForSeconds: number;
  /** For so long an instance may work on a write after its answer was lost; nothing more is sent to the record meanwhile. */
  readonly inDoubtSeconds: number;
  /** Settings that are set under a name that the next release no longer reads. */
  readonly deprecatedSettings: readonly string[];
  /** Before the second attempt; doubles with each further one. */
  readonly firstDelaySeconds: number;
  readonly longestDelaySeconds: number;
};

/** What the HTTP API allows beyond its routes. */
export type HttpConfig = {
  /** Methods that a call of a batch may use, upper case. Permission to call the batch includes them. */
  readonly batchMethods: readonly string[];
  /** Methods that a POST may stand for (`X-HTTP-Method-Override`), upper case. */
  readonly methodOverrides: readonly string[];
  /** True when fields may walk references into tables that are not on the list (`caller_id.name`). */
  readonly dotWalkAnywhere: boolean;
  /** Undefined when every caller of the API may do everything that the deployment allows. */
  readonly callers: CallerRights;
};

/** The settings of the deployment. `readConfig` is the only reader of `process.env` in `lib/` and `functions/`. */
export type Config = {
  readonly stage: string;
  /** Service and stage, for what must not meet what another deployment made. */
  readonly deployment: string;
  /** Name of the Lambda function, for log lines and metrics. */
  readonly functionName: string;
  /** By name; the first is used when a caller names none. Empty when no secret is configured. */
  readonly instances: ReadonlyMap<string, InstanceConfig>;
  /** Hosts outside ServiceNow's own domains that a secret may point to. */
  readonly allowedHosts: readonly string[];
  /** How long a secret is cached, in seconds. */
  readonly secretTtlSeconds: number;
  /** Most calls in flight to one instance, per process. */
  readonly maxInFlight: number;
  /** HTTPS_PROXY and NO_PROXY, in either case, as they are set. */
  readonly proxyEnvironment: Environment;
  /** Name of the DynamoDB table for what the deployment remembers. */
  readonly stateTable: string | undefined;
  readonly recordsQueueUrl: string | undefined;
  readonly recordsDlqUrl: string | undefined;
  readonly recordsFifoQueueUrl: string | undefined;
  readonly recordsFifoDlqUrl: string | undefined;
  readonly eventsQueueUrl: string | undefined;
  readonly eventsDlqUrl: string | undefined;
  readonly importDlqUrl: string | undefined;
  /** Where Lambda keeps what calls without anybody waiting were given that failed. */
  readonly callsDlqUrl: string | undefined;
  /** Ids of the event source mappings, by the queue that each reads. */
  readonly eventSourceMappings: ReadonlyMap<string, string>;
  /** Names of the rules that call by schedule, by the function that each calls. */
  readonly schedules: ReadonlyMap<string, string>;
  readonly records: RecordsConfig;
  readonly http: HttpConfig;
  /** The column of a record in which its caller, sender or dropper is written down; absent for none. */
  readonly callerColumn: string | undefined;
  /** Ids of roles and users whose messages say who sent them first. */
  readonly trustedSenders: readonly string[];
  readonly importBucket: string | undefined;
  /** Where S3 announces new files, and where the schedule of imports sends its wake-up messages. */
  readonly importQueueUrl: string | undefined;
  /** Qualified ARN of importCsv, as durable functions need one. */
  readonly importFunctionArn: string | undefined;
  readonly maxConcurrentImports: number;
  /** True when imports that were abandoned because of an outage are dropped again by schedule. */
  readonly redropsImports: boolean;
  /** True when dropped files get the tag by which the bucket deletes them after a time. */
  readonly tagsDrops: boolean;
  /** Instances that the settings of a drop folder may name. */
  readonly dropInstances: readonly string[];
  /** Which figures become metrics: those that alarms use, or all that an alarm or the dashboard uses. */
  readonly metrics: 'alarms' | 'all';
  /** Name or ARN of the event bus for outcomes. */
  readonly outcomeBus: string | undefined;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration.
 * @throws ConfigurationError naming the variable that is wrong
 */
export function readConfig(environment: Environment = process.env): Config {
  return {
    stage: environment['STAGE'] ?? 'dev',
    deployment: `${environment['POWERTOOLS_SERVICE_NAME'] ?? 'servicenow-functions'}/${environment['STAGE'] ?? 'dev'}`,
    functionName: environment['AWS_LAMBDA_FUNCTION_NAME'] ?? 'servicenow-functions',
    instances: readInstances(environment),
    allowedHosts: commaList(environment['ALLOWED_HOSTS']),
    secretTtlSeconds: wholeNumber(environment, 'SECRET_TTL_SECONDS', 300),
    maxInFlight: wholeNumber(environment, 'MAX_IN_FLIGHT', 4),
    proxyEnvironment: proxyVariables(environment),
    stateTable: environment['STATE_TABLE'],
    recordsQueueUrl: environment['RECORDS_QUEUE_URL'],
    recordsDlqUrl: environment['RECORDS_DLQ_URL'],
    recordsFifoQueueUrl: environment['RECORDS_FIFO_QUEUE_URL'],
    recordsFifoDlqUrl: environment['RECORDS_FIFO_DLQ_URL'],
    eventsQueueUrl: environment['EVENTS_QUEUE_URL'],
    eventsDlqUrl: environment['EVENTS_DLQ_URL'],
    importDlqUrl: environment['IMPORT_DLQ_URL'],
    callsDlqUrl: environment['CALLS_DLQ_URL'],
    eventSourceMappings: assignments(environment['EVENT_SOURCE_MAPPINGS']),
    schedules: assignments(environment['SCHEDULES']),
    records: readRecords(environment),
    http: readHttp(environment),
    callerColumn: environment['CALLER_COLUMN']?.trim() || undefined,
    trustedSenders: commaList(environment['TRUSTED_SENDERS']),
    importBucket: environment['IMPORT_BUCKET'],
    importQueueUrl: environment['IMPORT_QUEUE_URL'],
    importFunctionArn: environment['IMPORT_FUNCTION_ARN'],
    maxConcurrentImports: wholeNumber(environment, 'MAX_CONCURRENT_IMPORTS', 2),
    redropsImports: environment['REDROP_IMPORTS'] === 'true',
    tagsDrops: environment['TAG_DROPS'] === 'true',
    dropInstances: commaList(environment['DROP_INSTANCES']),
    metrics: environment['METRICS'] === 'all' ? 'all' : 'alarms',
    outcomeBus: environment['OUTCOME_BUS']?.trim() || undefined,
  };
}

/** ARNs of the KMS keys that the roles of imports may use for the import bucket: only the doctor asks. */
export function readBucketKeys(environment: Environment = process.env): readonly string[] {
  return commaList(environment['BUCKET_KMS_KEYS']);
}

/** A setting that is required here. @throws ConfigurationError when it is absent */
export function requireSetting(name: string, value: string | undefined): string {
  if (value) return value;
  throw new ConfigurationError(name, 'is not set');
}

/**
 * The instance a caller named, or the deployment's first when none is named.
 * @throws ConfigurationError when the deployment has none or none of that name
 */
export function selectInstance(config: Config, name?: string): InstanceConfig {
  const [first] = config.instances.values();
  const found = name === undefined ? first : config.instances.get(name);
  if (found) return found;
  if (name === undefined) throw new ConfigurationError('SERVICENOW_SECRET_ID', 'is not set');
  throw new UnknownInstanceError();
}

/** True when callers of this instance may name the table. */
export function allowsTable(instance: InstanceConfig, table: string): boolean {
  return instance.allowedTables.includes('*') || instance.allowedTables.includes(table.toLowerCase());
}

function readRecords(environment: Environment): RecordsConfig {
  return {
    batchApi: environment['RECORDS_BATCH_API'] !== 'false',
    correlationIdTables: commaList(environment['CORRELATION_ID_TABLES']?.toLowerCase()),
    retryForSeconds: wholeNumber(
      environment,
      'RECORDS_PARK_FOR_SECONDS',
      wholeNumber(environment, 'RECORDS_RETRY_FOR_SECONDS', 3600),
    ),
    inDoubtSeconds: wholeNumber(environment, 'RECORDS_IN_DOUBT_SECONDS', 60),
    deprecatedSettings: environment['RECORDS_PARK_FOR_SECONDS']?.trim() ? ['RECORDS_PARK_FOR_SECONDS'] : [],
    firstDelaySeconds: wholeNumber(environment, 'RECORDS_FIRST_DELAY_SECONDS', 10),
    longestDelaySeconds: wholeNumber(environment, 'RECORDS_LONGEST_DELAY_SECONDS', 900),
  };
}

function readHttp(environment: Environment): HttpConfig {
  const methods = (setting: string, fallback: string) =>
    commaList((environment[setting] ?? fallback).toUpperCase());
  return {
    batchMethods: methods('BATCH_METHODS', 'GET,HEAD,POST,PUT,PATCH,DELETE'),
    methodOverrides: methods('METHOD_OVERRIDES', ''),
    dotWalkAnywhere: environment['DOT_WALK_ANYWHERE']?.trim().toLowerCase() === 'true',
    callers: parseCallerRights(environment['CALLERS'] ?? ''),
  };
}

function proxyVariables(environment: Environment): Environment {
  const names = ['https_proxy', 'http_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  return Object.fromEntries(names.map((name) => [name, environment[name]]));
}

function readInstances(environment: Environment): ReadonlyMap<string, InstanceConfig> {
  const secrets = namedValues(environment, 'SERVICENOW_SECRET_ID');
  const tables = namedValues(environment, 'ALLOWED_TABLES');
  const instances = new Map<string, InstanceConfig>();
  for (const [name, secretId] of secrets) {
    const allowed = tables.get(name) ?? tables.get('default') ?? '';
    instances.set(name, { name, secretId, allowedTables: commaList(allowed.toLowerCase()) });
  }
  return instances;
}

/** `value` alone is the value of `default`; `{"prod": value, …}` names several. */
function namedValues(environment: Environment, setting: string): ReadonlyMap<string, string> {
  const text = environment[setting]?.trim();
  if (!text) return new Map();
  return text.startsWith('{') ? parseNamed(text, setting) : new Map([['default', text]]);
}

function parseNamed(text: string, setting: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(parseObject(text, setting))) {
    if (!/^[\w-]{1,40}$/.test(name))
      throw new ConfigurationError(setting, 'names may consist of letters, digits, _ and -');
    if (typeof value !== 'string') throw new ConfigurationError(`${setting}.${name}`, 'must be a string');
    values.set(name, value);
  }
  return values;
}

function parseObject(text: string, setting: string): object {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch (cause) {
    throw new ConfigurationError(setting, 'starts with { but is not a JSON object', { cause });
  }
  throw new ConfigurationError(setting, 'must be a JSON object');
}

/** `a, b` as `['a', 'b']`. */
export function commaList(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((item) => item.trim() || []);
}

/** `a=1,b=2` as a map. */
function assignments(text: string | undefined): ReadonlyMap<string, string> {
  return new Map(
    commaList(text).map((one) => {
      const [name = '', value = ''] = one.split('=');
      return [name, value];
    }),
  );
}

function wholeNumber(environment: Environment, setting: string, fallback: number): number {
  const text = environment[setting]?.trim();
  if (!text) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ConfigurationError(setting, 'must be a whole number above 0');
}
