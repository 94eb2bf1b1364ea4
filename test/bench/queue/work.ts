/** What a worker is asked to do; comes and goes as JSON. */
export type Work = {
  readonly instanceUrl: string;
  readonly username: string;
  readonly password: string;
  readonly messages: number;
  /**
   * `function`: through write-records, two copies with a hundred messages each; `keyed`: the same with a key in each message;
   * `singles`: one POST each, four at once.
   */
  readonly way: 'function' | 'keyed' | 'singles';
  /** The name of the state table, for keyed messages. */
  readonly stateTable: string;
  readonly prefix: string;
};

export type WorkDone = { readonly seconds: number; readonly maxRssMb: number; readonly unfinished: number };
