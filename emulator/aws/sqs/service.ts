import type { SqsState } from './state.ts';

/** What the actions work on. */
export type SqsService = {
  readonly state: SqsState;
  /** `http://127.0.0.1:<port>/<account>/<name>`: a URL that resolves on every machine. */
  queueUrl(name: string): string;
};
