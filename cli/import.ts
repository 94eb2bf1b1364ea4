import { access } from 'node:fs/promises';
import { createS3Client } from '../lib/aws/s3.ts';
import { systemClock } from '../lib/core/clock.ts';
import { isAllWell } from '../lib/file-import/report/summary.ts';
import { HELP, type ImportArguments, readArguments } from './import/arguments.ts';
import { openDisplay } from './import/display.ts';
import { followImport } from './import/follow-import.ts';
import { outcomeText } from './import/outcome-text.ts';
import { checkDrop, uploadDrop } from './import/upload-drop.ts';
import { findRunningStack } from './start/running-stack.ts';

const noStack =
  'No local stack is running: start one with npm start, or give --endpoint, or the --bucket of a deployment';

/** `npm run import`: uploads a file and shows its import until it is done. */
async function run({ file, table, bucket, endpoint }: ImportArguments): Promise<void> {
  await access(file).catch((cause: unknown) => {
    throw new Error(`${file}: no such file, or it cannot be read`, { cause });
  });
  await checkDrop(table, file);
  if (bucket === undefined) throw new Error(noStack);
  if (endpoint !== undefined) useLocalStack(endpoint);
  const s3 = createS3Client();
  const drop = await uploadDrop(s3, bucket, table, file);
  process.stdout.write(`Uploaded to s3://${bucket}/${drop.key}; the import continues if you press Ctrl-C.\n`);
  const display = openDisplay(process.stdout);
  const summary = await followImport(s3, bucket, drop, systemClock, display.show, warnQuiet).finally(
    display.close,
  );
  process.stdout.write(outcomeText(summary, endpoint));
  process.exitCode = isAllWell(summary) ? 0 : 1;
  s3.destroy();
}

function warnQuiet(): void {
  process.stderr.write(
    '\nThe import has not started yet. Check that startImport runs and that its queue has no dead letters.\n',
  );
}

/** The local stack checks no signature, but the SDK needs credentials to sign with. */
function useLocalStack(endpoint: string): void {
  process.env['AWS_ENDPOINT_URL_S3'] = endpoint;
  process.env['AWS_REGION'] ??= 'us-east-1';
  process.env['AWS_ACCESS_KEY_ID'] ??= 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'local';
}

/** The message for an error; the most frequent one is that nothing listens. */
function explain(error: unknown): string {
  const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
  if (!isRefused) return error instanceof Error ? error.message : String(error);
  return `No answer (${error.message}). Start the local stack with npm start, or give a deployment's --bucket.`;
}

try {
  const parsed = readArguments(process.argv.slice(2), process.env, () => findRunningStack(process.cwd()));
  if (parsed === 'help') process.stdout.write(HELP);
  else await run(parsed);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
