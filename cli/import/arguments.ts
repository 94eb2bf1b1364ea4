import { parseArgs } from 'node:util';
import { ACCOUNT_ID, REGION } from '../../emulator/aws/account.ts';
import type { RunningStack } from '../start/running-stack.ts';

export const HELP = `Uploads a file and shows its import into ServiceNow until it ends.

  npm run import -- <file.csv|.tsv|.jsonl[.gz]> --table <staging table> [options]

  --table <name>      staging table, e.g. imp_user
  --bucket <name>     the deployment's import bucket (or IMPORT_BUCKET); default: that of your running npm start
  --endpoint <url>    an S3 endpoint other than AWS, e.g. localhost:4603
  --help

Exits 0 only when every line was inserted, updated or left unchanged.
`;

/** That of a local stack, where only its endpoint is named. */
const localBucket = `snf-dev-imports-${ACCOUNT_ID}-${REGION}`;

const options = {
  table: { type: 'string' },
  bucket: { type: 'string' },
  endpoint: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

export type ImportArguments = {
  readonly file: string;
  readonly table: string;
  /** `undefined`: there is no stack of the caller's to write to. */
  readonly bucket: string | undefined;
  /** `undefined`: as the AWS SDK finds it. */
  readonly endpoint: string | undefined;
};

/**
 * Reads the command line; without a bucket the file goes to the caller's own local stack, and to no other that may listen here.
 * `help` when that is what was asked for.
 * @throws {Error} naming what is missing or unknown
 */
export function readArguments(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  findStack: () => RunningStack | undefined,
): ImportArguments | 'help' {
  const { values, positionals } = parseArgs({ options, args: [...args], allowPositionals: true });
  if (values.help) return 'help';
  const [file, ...more] = positionals;
  if (file === undefined) throw new Error(`Which file?\n\n${HELP}`);
  if (more.length > 0) throw new Error(`One file at a time; got also ${more.join(' ')}`);
  if (values.table === undefined)
    throw new Error('--table is missing: the staging table that takes the rows');
  const bucket = values.bucket ?? environment['IMPORT_BUCKET'];
  const stack = bucket === undefined ? findStack() : undefined;
  const endpoint = values.endpoint === undefined ? stack?.endpoint : endpointUrl(values.endpoint);
  return {
    file,
    table: values.table,
    bucket: bucket ?? stack?.bucket ?? (endpoint === undefined ? undefined : localBucket),
    endpoint,
  };
}

/**
 * An endpoint as people write it: `localhost:4603` is as good as `http://localhost:4603`.
 * @throws {Error} when it is not the address of a server
 */
function endpointUrl(text: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const url = URL.parse(hasScheme ? text : `http://${text}`);
  const isServer = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
  const hasPort = hasScheme || /:\d+\/?$/.test(text);
  if (!isServer || !hasPort) throw new Error('--endpoint is not a URL, like http://127.0.0.1:4603');
  if (url.pathname !== '/' || url.search !== '' || url.username !== '')
    throw new Error('--endpoint must be scheme, host and port alone, like http://127.0.0.1:4603');
  return url.origin;
}
