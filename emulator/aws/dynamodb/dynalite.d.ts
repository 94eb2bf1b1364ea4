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

declare module 'dynalite/db/index.js' {
  type Call = { readonly ReturnValuesOnConditionCheckFailure?: string };
  type Refusal = { readonly body: Record<string, unknown> };

  /** The part that is replaced. An item is in the form of the wire. */
  const db: { checkConditional: (call: Call, item: object | undefined) => Refusal | null | undefined };
  export = db;
}

declare module 'dynalite/validations/*' {
  /** The parameters of a call; others are dropped. */
  const validation: { readonly types: Record<string, object> };
  export = validation;
}
