declare module 'dynalite' {
  import type { Server } from 'node:http';

  namespace dynalite {
    /** @see https://github.com/architect/dynalite#programmatically */
    type Options = {
      /** LevelDB folder; in memory without it. */
      readonly path?: string;
      readonly createTableMs?: number;
      readonly deleteTableMs?: number;
      readonly updateTableMs?: number;
    };
  }

  /** A server that does not listen yet; closing it closes the database too. */
  function dynalite(options?: dynalite.Options): Server;
  export = dynalite;
}
