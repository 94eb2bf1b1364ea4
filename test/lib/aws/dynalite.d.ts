/** The part of dynalite 4.0.0 that the tests use; the package ships no types. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** @param options `path` is the folder of the data, which is in memory by default */
  function dynalite(options?: { readonly path?: string; readonly createTableMs?: number }): Server;
  export = dynalite;
}
