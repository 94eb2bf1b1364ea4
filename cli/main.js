#!/usr/bin/env node
/** The command line, on any version of Node: one that is too old hands over to the one that `npm ci` installed. */
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { isNodeSupported, runOnBundledNode } from './node-version.js';

if (isNodeSupported()) {
  module.enableCompileCache();
  await import('./main.ts');
} else runOnBundledNode([fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
