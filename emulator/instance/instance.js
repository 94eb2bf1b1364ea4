#!/usr/bin/env node
/**
 * What `npm run instance` runs. It is no TypeScript, since whatever is loaded before the compile cache is on has its
 * types stripped at every start, and loading what strips them alone takes 50 ms.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
await import('./main.ts');
