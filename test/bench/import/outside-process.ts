import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import { loadData, loadSchema } from '../../lib/file-import/load-table.ts';

/** A process of its own: S3 (argument `s3`), or an instance whose staging tables only count rows (`instance`). */
const part = process.argv[2] === 's3' ? await storage() : await sink();
process.send?.(part.endpoint);
process.once('disconnect', part.close);

async function storage() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-outside-'));
  const s3 = await startS3({ folder });
  const close = async () => {
    await s3.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { endpoint: { url: s3.url }, close };
}

async function sink() {
  const switches = { sinkStagingTables: ['*'], sinkKeepsRows: false };
  const instance = await startInstance({ schema: loadSchema, data: loadData, demoData: false, switches });
  const { url, username, password } = instance;
  return { endpoint: { url, username, password }, close: () => instance.close() };
}
