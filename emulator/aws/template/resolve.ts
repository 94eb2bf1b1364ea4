import * as z from 'zod';
import {
  type NamedResource,
  physicalAttribute,
  physicalName,
  type TemplateContext,
} from './physical-names.ts';
import type { Resource, Template } from './template.ts';

/** Resolves property values with intrinsic functions into plain ones. */
export type Resolver = {
  /** @throws Error naming the function or the reference that cannot be resolved here */
  resolve(value: unknown): unknown;
  /** False for a resource whose condition does not hold. */
  exists(resource: Resource): boolean;
};

type Intrinsic = (argument: unknown) => unknown;

const noValue = Symbol('AWS::NoValue');
const list = z.array(z.unknown());
const pair = z.tuple([z.unknown(), z.unknown()]);
const variablesOf = z.record(z.string(), z.unknown());
const substitution = z.union([
  z.string().transform((text) => ({ text, variables: variablesOf.parse({}) })),
  z.tuple([z.string(), variablesOf]).transform(([text, variables]) => ({ text, variables })),
]);

/**
 * A resolver for the functions that our templates use: Ref, GetAtt, Sub, Join, Select, Split, If, Equals, Not, And, Or and ImportValue.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function createResolver(template: Template, context: TemplateContext): Resolver {
  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::Partition': context.partition ?? 'aws',
    'AWS::Region': context.region,
    'AWS::AccountId': context.accountId,
    'AWS::StackName': 'local',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::NoValue': noValue,
  };
  const named = (logicalId: string): NamedResource => {
    const resource = template.Resources[logicalId];
    if (resource === undefined) throw new Error(`${logicalId} is not in the template`);
    const property = (name: string) => {
      const value = resolve(resource.Properties[name]);
      return value === noValue ? undefined : value;
    };
    return { logicalId, type: resource.Type, property };
  };
  const ref = (name: string) => {
    if (name in pseudo) return pseudo[name];
    const parameter = template.Parameters[name];
    if (parameter === undefined) return physicalName(named(name), context);
    if (parameter.Default === undefined) throw new Error(`Parameter ${name} has no default`);
    return parameter.Default;
  };
  const getAtt = (argument: unknown) => {
    const [logicalId, attribute] = attributeReference(argument);
    return physicalAttribute(named(logicalId), attribute, context);
  };
  const holds = (condition: string) => {
    if (!(condition in template.Conditions)) throw new Error(`Condition ${condition} is not in the template`);
    return resolve(template.Conditions[condition]) === true;
  };
  const sub = (argument: unknown) => {
    const { text, variables } = substitution.parse(argument);
    return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (whole, literal: string, name: string) => {
      if (literal === '!') return whole.replace('!', '');
      if (name in variables) return String(resolve(variables[name]));
      return String(name.includes('.') ? getAtt(name) : ref(name));
    });
  };
  const intrinsics: Readonly<Record<string, Intrinsic>> = {
    ...textIntrinsics(resolve),
    ...logicIntrinsics(resolve, holds),
    Ref: (name) => ref(String(name)),
    'Fn::GetAtt': getAtt,
    'Fn::Sub': sub,
    'Fn::ImportValue': (argument) => importedValue(String(resolve(argument)), context),
  };

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== noValue);
    if (typeof value !== 'object' || value === null) return value;
    const call = intrinsicCall(value);
    if (call !== undefined) return required(intrinsics, call.name)(call.argument);
    const resolved = Object.entries(value).map(([key, item]) => [key, resolve(item)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== noValue));
  }

  return { resolve, exists: ({ Condition }) => Condition === undefined || holds(Condition) };
}

function textIntrinsics(resolve: Intrinsic): Record<string, Intrinsic> {
  return {
    'Fn::Join': (argument) => {
      const [separator, parts] = pair.parse(argument);
      return list.parse(resolve(parts)).join(String(separator));
    },
    'Fn::Split': (argument) => {
      const [separator, text] = pair.parse(argument);
      return String(resolve(text)).split(String(separator));
    },
    'Fn::Select': (argument) => {
      const [index, items] = pair.parse(argument);
      const found = list.parse(resolve(items))[Number(index)];
      // A stack error: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-select.html
      if ((found ?? '') === '') throw new Error(`Fn::Select: there is no entry ${index}`);
      return found;
    },
  };
}

function logicIntrinsics(
  resolve: Intrinsic,
  holds: (condition: string) => boolean,
): Record<string, Intrinsic> {
  return {
    Condition: (name) => holds(String(name)),
    'Fn::If': (argument) => {
      const [condition, then, otherwise] = list.length(3).parse(argument);
      return resolve(holds(String(condition)) ? then : otherwise);
    },
    'Fn::Equals': (argument) => {
      const [left, right] = pair.parse(argument);
      return String(resolve(left)) === String(resolve(right));
    },
    'Fn::Not': (argument) => list.parse(argument).every((item) => resolve(item) !== true),
    'Fn::And': (argument) => list.parse(argument).every((item) => resolve(item) === true),
    'Fn::Or': (argument) => list.parse(argument).some((item) => resolve(item) === true),
  };
}

/** `{ "Fn::…": argument }`; a policy's `Condition` is one only when it names a condition. */
function intrinsicCall(value: object): { name: string; argument: unknown } | undefined {
  const [[name, argument] = ['', undefined], ...more] = Object.entries(value);
  if (more.length > 0) return undefined;
  const isNamed = (name === 'Ref' || name === 'Condition') && typeof argument === 'string';
  return name.startsWith('Fn::') || isNamed ? { name, argument } : undefined;
}

function required(intrinsics: Readonly<Record<string, Intrinsic>>, name: string): Intrinsic {
  const intrinsic = intrinsics[name];
  if (intrinsic === undefined) throw new Error(`${name} is not known to the local stack`);
  return intrinsic;
}

function importedValue(name: string, { imports }: TemplateContext): string {
  const value = imports?.[name];
  if (value === undefined) throw new Error(`Fn::ImportValue ${name}: no such export is known here`);
  return value;
}

/** `[id, attribute]` or `id.attribute`. */
function attributeReference(argument: unknown): [string, string] {
  if (typeof argument !== 'string') return z.tuple([z.string(), z.string()]).parse(argument);
  const dot = argument.indexOf('.');
  return [argument.slice(0, dot), argument.slice(dot + 1)];
}
