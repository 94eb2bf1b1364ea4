/**
 * Which Node the project runs on. `npm ci` installs one; npm 11 puts it on the PATH of its scripts, older versions do not, and not
 * on every platform. Plain JavaScript that old versions of Node can read.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/** TypeScript is run as it is, and the code uses `using`. */
const oldestMajor = 24;

/** @returns {boolean} */
export function isNodeSupported() {
  return Number(process.versions.node.split('.')[0]) >= oldestMajor;
}

/**
 * Runs `node` with these arguments on the Node that `npm ci` installed, and ends as it ends; without one, it says in one line what is needed.
 * @param {readonly string[]} args
 */
export function runOnBundledNode(args) {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `Node ${oldestMajor} is required, this is ${process.version}: run npm ci, which installs one (Linux, macOS, Windows), or install it yourself.\n`,
    );
    process.exitCode = 1;
    return;
  }
  process.env['PATH'] = `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`;
  const child = spawn(node, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  stopWithNpm(child);
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}

/** The Node that `npm ci` installed for this machine, if there is one. */
function bundledNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const require = createRequire(import.meta.url);
  for (const prefix of ['node', 'node-bin']) {
    try {
      const manifest = require.resolve(`${prefix}-${platform}-${process.arch}/package.json`);
      return join(dirname(manifest), require(manifest).bin.node);
    } catch {
      // Not for this machine, or left out by `npm ci --omit=optional`.
    }
  }
  return undefined;
}

/** npm does not forward signals past its shell: when that shell is gone, nothing else stops the child. */
function stopWithNpm(child) {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const look = () => process.ppid === parent || child.kill('SIGTERM');
  setInterval(look, 500).unref();
}
