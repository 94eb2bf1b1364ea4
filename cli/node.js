/** `node cli/node.js <file> [arguments]`: what npm scripts run a file with, on the Node that the project needs. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importFile, isNodeSupported, runOnBundledNode, watchNpm } from './node-version.js';

const [file = '', ...args] = process.argv.slice(2);

if (!isNodeSupported()) runOnBundledNode(process.argv.slice(2));
else if (file === '--version') process.stdout.write(`${process.version}\n`);
else {
  watchNpm(() => process.kill(process.pid, 'SIGTERM'));
  process.argv = [process.execPath, resolve(file), ...args];
  await importFile(pathToFileURL(resolve(file)).href);
}
