#!/usr/bin/env node
/** The installed command line: plain JavaScript for Node 20.19 and newer. Commands that run functions use the Node that came with it. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 20 || (major === 20 && minor >= 19)) await import('./main.js');
else {
  process.stderr.write(`Node 20.19 or newer is required, this is ${process.version}.\n`);
  process.exitCode = 1;
}
