import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { InstanceOptions } from './index.ts';
import { readSwitches } from './read-switches.ts';
import { similarWord } from './similar-word.ts';

const help = (name: string) => `Runs a ServiceNow instance emulator on this machine.

  ${name} [options]

  --port <n>        port to listen on (default 8081; 0 takes any free one)
  --host <address>  address to listen on (default 127.0.0.1)
  --schema <file>   JSON: tables and columns beyond the demo ones
  --data <file>     JSON: rows by table, {"incident":[{"short_description":"…"}]}
  --database <file> keep the rows in this SQLite file (default: in memory)
  --empty           leave out the demo rows
  --seed <n>        seed of everything random, including sys_ids (default 1)
  --switch <name>=<value>
                    choose another behaviour where real instances differ,
                    e.g. shuffleTies=true; may be given several times (see switches.ts)
  --control         serve /__emulator/ to this machine: faults, limits, clock, ledger
  --tls-cert <file> --tls-key <file>
                    serve HTTPS with this certificate (PEM)
  --help
`;

const options = {
  port: { type: 'string', default: '8081' },
  host: { type: 'string', default: '127.0.0.1' },
  schema: { type: 'string' },
  data: { type: 'string' },
  database: { type: 'string' },
  empty: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  switch: { type: 'string', multiple: true },
  control: { type: 'boolean', default: false },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

function readArguments(args: readonly string[]): InstanceOptions | undefined {
  const { values } = parseArgs({ options, args: [...args] });
  if (values.help) return undefined;
  const { schema, data, database } = values;
  return {
    port: natural('--port', values.port, 65_535),
    host: values.host,
    seed: natural('--seed', values.seed, 2 ** 32 - 1),
    demoData: !values.empty,
    control: values.control,
    switches: readSwitches(values.switch ?? []),
    ...(schema !== undefined && { schemaFile: schema }),
    ...(data !== undefined && { dataFile: data }),
    ...(database !== undefined && { databaseFile: database }),
    ...readTls(values['tls-cert'], values['tls-key']),
  };
}

function natural(option: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= max) return number;
  throw new Error(`${option} must be a whole number from 0 to ${max}, not ${text}`);
}

function readTls(cert: string | undefined, key: string | undefined): Pick<InstanceOptions, 'tls'> {
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) throw new Error('--tls-cert and --tls-key go together');
  return { tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } };
}

async function run(chosen: InstanceOptions): Promise<void> {
  const { startInstance } = await import('./index.ts');
  const instance = await startInstance(chosen);
  console.log(`Instance emulator at ${instance.url}`);
  console.log(`  user      ${instance.username} / ${instance.password}`);
  console.log(`  OAuth     ${instance.oauth.clientId} / ${instance.oauth.clientSecret}`);
  console.log(
    `  try       curl -u '${instance.username}:${instance.password}' '${instance.url}/api/now/table/incident?sysparm_limit=1'`,
  );
  console.log('Ctrl-C stops it.');
  const stop = () => void instance.close();
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop);
}

/**
 * Runs the emulator until Ctrl-C, or prints its options. A command line that cannot be understood sets the exit code 2, every other
 * error 1.
 * @param args the command line without Node and the file
 * @param name how a person starts it
 */
export async function runInstance(args: readonly string[], name = 'npm run instance --'): Promise<void> {
  let chosen: InstanceOptions | undefined;
  try {
    chosen = readArguments(args);
  } catch (cause) {
    fail(withSuggestion(cause), 2, name);
    return;
  }
  if (!chosen) console.log(help(name));
  else await run(chosen).catch((cause: unknown) => fail(cause, 1, name));
}

/** Names the option that an unknown one looks like. */
function withSuggestion(cause: unknown): unknown {
  const [, unknown = ''] =
    cause instanceof Error ? (/Unknown option '--([\w-]+)/.exec(cause.message) ?? []) : [];
  const likely = similarWord(unknown, Object.keys(options));
  return unknown !== '' && likely !== undefined
    ? new Error(`Unknown option --${unknown}. Did you mean --${likely}?`, { cause })
    : cause;
}

function fail(cause: unknown, exitCode: number, name: string): void {
  console.error(`instance: ${explained(cause)}`);
  console.error(`\`${name} --help\` lists the options.`);
  process.exitCode = exitCode;
}

function explained(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code, path, port }: NodeJS.ErrnoException & { port?: number } = cause;
  if (code === 'EADDRINUSE') return `--port: ${port} is in use; name another one, or 0 for any that is free`;
  return code === 'ENOENT' && path !== undefined ? `${path}: no such file` : cause.message;
}
