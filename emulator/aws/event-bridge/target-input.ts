import * as z from 'zod';
import { AwsError } from '../aws-error.ts';

/** How a target's input is made of an event; without any of them the target gets the event. */
export const TargetInput = z.object({
  Input: z.string().max(8192).optional(),
  InputPath: z.string().max(256).optional(),
  InputTransformer: z
    .object({
      InputPathsMap: z
        .record(z.string().regex(/^[A-Za-z0-9_-]{1,256}$/), z.string().max(256))
        .refine((paths) => Object.keys(paths).length <= 100, 'has more than 100 paths')
        .refine((paths) => !Object.keys(paths).some((name) => /^aws\./i.test(name)), 'a key starts with AWS.')
        .optional(),
      InputTemplate: z.string().min(1).max(8192),
    })
    .optional(),
});
export type TargetInput = z.output<typeof TargetInput>;

/** The event as a target gets it, with the rule that matched. */
export type MatchedEvent = {
  readonly event: Readonly<Record<string, unknown>>;
  readonly ruleArn: string;
  readonly ruleName: string;
  /** ISO 8601: when the bus took it. */
  readonly ingestionTime: string;
};

/**
 * The text that is handed to a target.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 * @throws {AwsError} InvalidInput when the path finds nothing, or a filled JSON template is not JSON any more
 */
export function inputOf({ Input, InputPath, InputTransformer }: TargetInput, matched: MatchedEvent): string {
  if (Input !== undefined) return Input;
  if (InputTransformer) {
    const { InputTemplate, InputPathsMap = {} } = InputTransformer;
    return transform(InputTemplate, InputPathsMap, matched);
  }
  if (InputPath === undefined) return JSON.stringify(matched.event);
  const part = readPath(matched.event, InputPath);
  if (part === undefined) throw new AwsError('InvalidInput', `${InputPath} is not in the event`);
  return JSON.stringify(part);
}

function transform(template: string, paths: Readonly<Record<string, string>>, matched: MatchedEvent): string {
  const values = new Map<string, unknown>(
    Object.entries(paths).map(([name, path]) => [name, readPath(matched.event, path)]),
  );
  const { detail: _, ...withoutDetail } = matched.event;
  values.set('aws.events.rule-arn', matched.ruleArn);
  values.set('aws.events.rule-name', matched.ruleName);
  values.set('aws.events.event.ingestion-time', matched.ingestionTime);
  values.set('aws.events.event', withoutDetail);
  values.set('aws.events.event.json', matched.event);
  const filled = fillTemplate(template, values);
  if (!/^\s*[{[]/.test(template)) return filled;
  try {
    JSON.parse(filled);
  } catch (cause) {
    throw new AwsError('InvalidInput', `the filled input template is not JSON: ${String(cause)}`);
  }
  return filled;
}

/**
 * A variable between quotes becomes text inside that text; one by itself becomes the JSON of its value. A variable whose path is not
 * in the event is an empty text.
 */
function fillTemplate(template: string, values: ReadonlyMap<string, unknown>): string {
  return template.replaceAll(/<([A-Za-z0-9_.-]+)>/g, (whole, name: string, at: number) => {
    if (!values.has(name)) return whole;
    const value = values.get(name) ?? '';
    const json = JSON.stringify(value);
    if (!isInsideText(template.slice(0, at))) return json;
    // An object between quotes stays as it is, unescaped, as EventBridge leaves it.
    return typeof value === 'string' ? json.slice(1, -1) : json;
  });
}

function isInsideText(before: string): boolean {
  const quotes = before.replaceAll(/\\./g, '').split('"').length - 1;
  return quotes % 2 === 1;
}

/** Dots, indices and `[*]`. @returns undefined when nothing is there */
function readPath(value: unknown, path: string): unknown {
  const steps = path.replace(/^\$\.?/, '').match(/[^.[\]]+/g) ?? [];
  return walk(value, steps);
}

function walk(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (step === '*') {
    const found = Object.values(value).map((item) => walk(item, rest));
    return found.filter((item) => item !== undefined);
  }
  return Object.hasOwn(value, step) ? walk(Reflect.get(value, step), rest) : undefined;
}
