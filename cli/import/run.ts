import { createS3Client } from '../../lib/aws/s3.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { isAllWell } from '../../lib/file-import/report/summary.ts';
import { findRunningStack } from '../start/running-stack.ts';
import { importDestination } from './destination.ts';
import { openDisplay } from './display.ts';
import { followImport } from './follow-import.ts';
import { outcomeText } from './outcome-text.ts';
import { checkDrop, uploadDrop } from './upload-drop.ts';

/** What the command line says. */
type ImportOptions = {
  readonly file: string;
  readonly table: string;
  readonly bucket?: string | undefined;
  readonly endpoint?: string | undefined;
};

/** Uploads a file and shows its import until it is done. Sets the exit code 1 unless every line arrived. */
export async function runImport(options: ImportOptions): Promise<void> {
  const { file, table } = options;
  await checkDrop(table, file);
  const { bucket, endpoint } = importDestination(options, process.env, () => findRunningStack(process.cwd()));
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
