import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fetchSecretText } from '../../lib/aws/secrets.ts';
import { deadlineAt, systemClock } from '../../lib/core/clock.ts';
import { commaList } from '../../lib/core/config.ts';
import { blankColumnsWarning } from '../../lib/file-import/plan/check-header.ts';
import { columnOf, mapColumns, possibleNames } from '../../lib/file-import/plan/map-columns.ts';
import { type ImportSettings, parseSettings } from '../../lib/file-import/plan/settings.ts';
import {
  describeStagingTable,
  readTransformTargets,
  type StagingTable,
} from '../../lib/file-import/plan/staging-table.ts';
import { timeZoneWarning } from '../../lib/file-import/plan/time-zone.ts';
import { type InspectedFile, inspectFile } from '../../lib/file-import/read/inspect-file.ts';
import type { Drop } from '../../lib/file-import/schedule/import-request.ts';
import type { CallContext, ServiceNowClient } from '../../lib/servicenow/call.ts';
import { createClient } from '../../lib/servicenow/client.ts';
import { counted } from '../counted.ts';
import { readSecretFrom } from '../secret.ts';
import { plain } from '../terminal-text.ts';
import { suggestSettings } from './suggest-settings.ts';

export type PreflightOptions = {
  readonly file: string;
  readonly table: string;
  readonly stack?: string | undefined;
  readonly secret?: string | undefined;
  readonly settings?: string | undefined;
};

type Preflight = {
  readonly file: InspectedFile;
  readonly staging: StagingTable;
  readonly targetTables: readonly string[];
};

/**
 * Says what the pre-flight of an import will say of a file, without uploading it.
 * @throws InvalidInputError, ConfigurationError as the import would
 */
export async function runDryRun(options: PreflightOptions, drop: Drop): Promise<void> {
  const settings = parseSettings(await readSettings(options));
  const open = drop.format === 'jsonl';
  const { file, targetTables, header, targets, warnings } = await asking(options, async (client, context) => {
    const found = await look(options, drop, settings, client, context);
    const names = open ? possibleNames(found.staging, settings) : found.file.header;
    const { emptyColumns } = found.file;
    const mapped = mapColumns(names, found.staging, settings, 'dry-run', open, emptyColumns);
    const timeZone = await timeZoneWarning(client, mapped.targets, context);
    const warnings = [blankColumnsWarning(mapped), timeZone].filter((warning) => warning !== undefined);
    return { ...found, header: names, targets: mapped.targets, warnings };
  });
  const { encoding, delimiter } = file.content;
  const lines = open
    ? ['  columns are named by each row']
    : header.map((name, index) => {
        const target = targets[index];
        const length = target?.maxLength === undefined ? '' : `  up to ${target.maxLength} characters`;
        return `  ${name || '(no name)'} → ${target ? `${target.column}${length}` : 'left out'}`;
      });
  const dialect = open ? drop.format : `${drop.format}, delimiter ${JSON.stringify(delimiter)}`;
  const filled = targetTables.length > 0 ? ` Its transform maps fill ${targetTables.join(', ')}.` : '';
  lines.push(...warnings.map((warning) => `warning: ${warning}`));
  process.stdout.write(
    `${[`${basename(options.file)}: ${dialect}, ${encoding.name}. It can be imported into ${options.table}.${filled}`, ...lines].map(plain).join('\n')}\n`,
  );
}

/**
 * Writes an `_import.json` next to the file for the columns that do not match by themselves.
 * @throws Error when there is one already; InvalidInputError where no settings help, for example for two headers of one column
 */
export async function runSuggest(options: PreflightOptions, drop: Drop): Promise<void> {
  const none = parseSettings(undefined);
  const { file, staging } = await asking(options, (client, context) =>
    look(options, drop, none, client, context),
  );
  const byName = file.header.map((name) => columnOf(name, staging, none));
  const unmatched = file.header.filter((_, i) => byName[i] === undefined);
  const suggested = suggestSettings(unmatched, staging, new Set(byName.filter((name) => name !== undefined)));
  mapColumns(file.header, staging, parseSettings(suggested.json), 'suggest', drop.format === 'jsonl');
  const path = join(dirname(options.file), '_import.json');
  await writeFile(path, suggested.json, { flag: 'wx' }).catch((cause: unknown) => {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw exists ? new Error(`${path} exists; move it away first`, { cause }) : cause;
  });
  const matched = file.header.length - unmatched.length;
  process.stdout.write(
    `${path}: ${matched} of ${counted(file.header.length, 'column')} matched by name, ${suggested.mapped} guessed, ${suggested.ignored} left out.${leftOver(suggested.free, staging.name)} Check it, then import with --settings ${path}.\n`,
  );
}

/** Where columns that were left out could go. */
function leftOver(free: readonly string[], table: string): string {
  const more = free.length > 40 ? ' …' : '';
  return free.length === 0
    ? ''
    : ` Columns of ${table} that nothing fills: ${free.slice(0, 40).join(', ')}${more}.`;
}

async function look(
  { file, table }: PreflightOptions,
  drop: Drop,
  settings: ImportSettings,
  client: ServiceNowClient,
  context: CallContext,
): Promise<Preflight> {
  const inspected = await inspectFile(bytesOf(file), drop, settings);
  const [staging, { targetTables = [] }] = await Promise.all([
    describeStagingTable(client, table.toLowerCase(), settings.insertMultipleKeys, context),
    readTransformTargets(client, table.toLowerCase(), context),
  ]);
  return { file: inspected, staging, targetTables };
}

async function asking<T>(
  options: PreflightOptions,
  ask: (client: ServiceNowClient, context: CallContext) => Promise<T>,
): Promise<T> {
  const deadline = deadlineAt(Date.now() + 60_000, systemClock);
  const client = openClient(options);
  try {
    return await ask(client, { deadline, correlationId: 'import-dry-run' });
  } finally {
    await client.close();
  }
}

function openClient({ secret, stack }: PreflightOptions): ServiceNowClient & { close(): Promise<void> } {
  const source = readSecretFrom(secret, stack);
  return createClient({
    readSecret: () => source.read(fetchSecretText),
    allowedHosts: [...source.allowedHosts, ...commaList(process.env['ALLOWED_HOSTS'])],
    proxyEnvironment: process.env,
  });
}

/** The bytes of a file on this machine, from any place on. */
function bytesOf(file: string) {
  return async function* bytes(fromByte: number): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of createReadStream(file, { start: fromByte })) yield piece;
  };
}

/** The settings named by the option, else those next to the file, else none. */
async function readSettings({ file, settings }: PreflightOptions): Promise<string | undefined> {
  if (settings !== undefined) return readFile(settings, 'utf8');
  return readFile(join(dirname(file), '_import.json'), 'utf8').catch((error: unknown) => {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing) return undefined;
    throw error;
  });
}
