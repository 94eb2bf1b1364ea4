#!/usr/bin/env node
/** The command line, on any version of Node: one that is too old hands over to the one that `npm ci` installed. */
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { importFile, isNodeSupported, runOnBundledNode, watchNpm } from './node-version.js';

if (isNodeSupported()) {
  module.enableCompileCache();
  watchNpm(() => process.kill(process.pid, 'SIGTERM'));
  await importFile(new URL('./main.ts', import.meta.url).href);
} else runOnBundledNode([fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
