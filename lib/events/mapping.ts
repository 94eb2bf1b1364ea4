/**
 * A mapping file as it is packaged: JSON, with every expression checked. Made by `compile.ts`, which needs the YAML parser;
 * read by `map-event.ts`, which must not.
 */

/** A value, or a JSONata expression that gives it. */
export type Template = { readonly literal: unknown } | { readonly expression: string };

/** Finds the value of a reference; its conditions are templates. */
export type LookupTemplate = {
  readonly find: string;
  readonly by: Readonly<Record<string, Template>>;
  readonly take?: string | undefined;
  readonly else?: string | undefined;
};

/** An EventBridge pattern, or an expression that is true. */
export type Condition = { readonly pattern: object } | { readonly expression: string };

/** When a resolved record is opened again; see the signal's `reopen`. */
export type Reopening = {
  readonly within?: string | undefined;
  readonly state?: string | number | undefined;
  readonly atMost?: number | undefined;
};

/** What a record of a target is made of. Parts of higher precedence are laid over those of lower. */
export type Parts = {
  readonly fields?: Readonly<Record<string, Template | { readonly lookup: LookupTemplate }>> | undefined;
  readonly update?: readonly string[] | undefined;
  readonly required?: readonly string[] | undefined;
  readonly note?: { readonly text: Template; readonly onResolved?: boolean | undefined } | undefined;
  readonly resolve?: Readonly<Record<string, Template>> | undefined;
  readonly reopen?: Reopening | undefined;
};

export type SignalEntry = Parts & {
  readonly when?: Condition | undefined;
  readonly is: 'open' | 'update' | 'resolve' | 'note' | 'ignore';
};

/** A time in which `open` is ignored: every day or on some, or once. Times of a day are those of the zone. */
export type QuietWindow = {
  readonly from: string;
  readonly to: string;
  readonly days?: readonly string[] | undefined;
  readonly zone?: string | undefined;
};

export type CompiledMapping = Parts & {
  /** Relative to the folder of the mappings, e.g. `cloudwatch-alarm.yaml`. */
  readonly file: string;
  readonly source: string;
  /** The EventBridge pattern of the events that it maps. */
  readonly when: Readonly<Record<string, unknown>>;
  /** Gives a list: one signal for each element. */
  readonly each?: Template | undefined;
  readonly let: readonly (readonly [name: string, value: Template])[];
  /** The parts of the key; each must have a value. */
  readonly key: readonly Template[];
  readonly at?: Template | undefined;
  readonly id?: Template | undefined;
  readonly target: readonly { readonly when?: Condition | undefined; readonly is: string }[];
  readonly life?: 'none' | undefined;
  readonly signal: readonly SignalEntry[];
  readonly quiet: readonly QuietWindow[];
};

/** All mapping files of a deployment. */
export type Mappings = {
  readonly mappings: readonly CompiledMapping[];
  /** `defaults.yaml`: parts by target. */
  readonly defaults: Readonly<Record<string, Parts>>;
};
