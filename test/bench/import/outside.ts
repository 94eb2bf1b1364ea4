import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3 } from '../../../local/aws/s3/s3.ts';
import { startInstance } from '../../../local/instance/index.ts';
import { loadData, loadSchema } from '../../lib/imports/load-table.ts';

/** A process of its own: an instance whose staging tables swallow rows (kept when the first argument is `keep`), and S3. */
const folder = await mkdtemp(join(tmpdir(), 'bench-outside-'));
const s3 = await startS3({ folder });
const instance = await startInstance({
  schema: loadSchema,
  data: loadData,
  demoData: false,
  switches: { sinkStagingTables: ['*'], sinkKeepsRows: process.argv[2] === 'keep' },
});
const { url, username, password } = instance;
process.send?.({ s3: s3.url, instance: { url, username, password } });
process.once('disconnect', async () => {
  await instance.close();
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});
