import * as z from 'zod';
import type { Resource, Template } from './template.ts';

/** What CloudFormation would know of the account, and where the local queues answer. */
export type Surroundings = {
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  /** Base of queue URLs without a slash at the end, e.g. `http://127.0.0.1:4566`. */
  readonly sqsEndpoint: string;
  /** Values of exports of other stacks, by name. */
  readonly imports?: Readonly<Record<string, string>>;
};

/** Turns property values with intrinsic functions into plain ones. */
export type Resolver = {
  /** @throws Error naming the function or the reference that cannot be resolved here */
  resolve(value: unknown): unknown;
  /** False for a resource whose condition does not hold. */
  exists(resource: Resource): boolean;
};

const noValue = Symbol('AWS::NoValue');
const pair = z.tuple([z.string(), z.unknown()]);
const three = z.tuple([z.string(), z.unknown(), z.unknown()]);
const list = z.array(z.unknown());
const properties = z.record(z.string(), z.unknown());

/**
 * A resolver for the functions that our templates use: Ref, GetAtt, Sub, Join, Select, Split, If, Equals, Not, And, Or and ImportValue.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function createResolver(template: Template, surroundings: Surroundings): Resolver {
  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::Partition': 'aws',
    'AWS::Region': surroundings.region,
    'AWS::AccountId': surroundings.accountId,
    'AWS::StackName': 'local',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::NoValue': noValue,
  };

  const functions: Readonly<Record<string, (argument: unknown) => unknown>> = {
    Ref: (name) => ref(String(name)),
    'Fn::GetAtt': (argument) => getAtt(...attributeOf(argument)),
    'Fn::Sub': (argument) => sub(argument),
    'Fn::Join': (argument) => {
      const [separator, parts] = pair.parse(argument);
      return list.parse(resolve(parts)).join(separator);
    },
    'Fn::Split': (argument) => {
      const [separator, text] = pair.parse(argument);
      return String(resolve(text)).split(separator);
    },
    'Fn::Select': (argument) => {
      const [index, items] = z.tuple([z.coerce.number(), z.unknown()]).parse(argument);
      return list.parse(resolve(items))[index];
    },
    'Fn::If': (argument) => {
      const [condition, then, otherwise] = three.parse(argument);
      return resolve(holds(condition) ? then : otherwise);
    },
    'Fn::Equals': (argument) => {
      const [left, right] = z.tuple([z.unknown(), z.unknown()]).parse(argument);
      return String(resolve(left)) === String(resolve(right));
    },
    'Fn::Not': (argument) => list.parse(argument).every((item) => resolve(item) !== true),
    'Fn::And': (argument) => list.parse(argument).every((item) => resolve(item) === true),
    'Fn::Or': (argument) => list.parse(argument).some((item) => resolve(item) === true),
    'Fn::ImportValue': (argument) => imported(String(resolve(argument))),
    Condition: (name) => holds(String(name)),
  };

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== noValue);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, argument] = entries[0] ?? [];
    if (entries.length === 1 && name !== undefined && isFunctionCall(name, argument)) {
      const apply = functions[name];
      if (apply === undefined) throw new Error(`${name} is not known to the local stack`);
      return apply(argument);
    }
    const resolved = entries.map(([key, item]) => [key, resolve(item)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== noValue));
  }

  function holds(condition: string): boolean {
    if (!(condition in template.Conditions)) throw new Error(`Condition ${condition} is not in the template`);
    return resolve(template.Conditions[condition]) === true;
  }

  function imported(name: string): string {
    const value = surroundings.imports?.[name];
    if (value === undefined) throw new Error(`Fn::ImportValue ${name}: no such export is known here`);
    return value;
  }

  function ref(name: string): unknown {
    if (name in pseudo) return pseudo[name];
    const { type, property } = describe(name);
    switch (type) {
      case 'AWS::SQS::Queue':
        return `${surroundings.sqsEndpoint}/${surroundings.accountId}/${property('QueueName')}`;
      case 'AWS::S3::Bucket':
        return property('BucketName') ?? name.toLowerCase();
      case 'AWS::Lambda::Alias':
        return `${lambdaArn(String(property('FunctionName')))}:${property('Name')}`;
      case 'AWS::Lambda::Function':
        return property('FunctionName');
      default:
        return name;
    }
  }

  function getAtt(name: string, attribute: string): unknown {
    const { type, property } = describe(name);
    const { region, accountId } = surroundings;
    switch (`${type} ${attribute}`) {
      case 'AWS::SQS::Queue Arn':
        return `arn:aws:sqs:${region}:${accountId}:${property('QueueName')}`;
      case 'AWS::SQS::Queue QueueName':
        return property('QueueName');
      case 'AWS::SQS::Queue QueueUrl':
        return ref(name);
      case 'AWS::S3::Bucket Arn':
        return `arn:aws:s3:::${ref(name)}`;
      case 'AWS::Lambda::Function Arn':
        return lambdaArn(String(property('FunctionName')));
      case 'AWS::Lambda::Version Version':
        return '1';
      case 'AWS::IAM::Role Arn':
        return `arn:aws:iam::${accountId}:role/${property('RoleName') ?? name}`;
      default:
        throw new Error(
          `Fn::GetAtt ${name}.${attribute}: the local stack does not know ${attribute} of ${type}`,
        );
    }
  }

  function lambdaArn(functionName: string): string {
    return `arn:aws:lambda:${surroundings.region}:${surroundings.accountId}:function:${functionName}`;
  }

  function describe(name: string) {
    const resource = template.Resources[name];
    if (resource === undefined) throw new Error(`${name} is not in the template`);
    return { type: resource.Type, property: (key: string) => resolve(resource.Properties[key]) };
  }

  function sub(argument: unknown): string {
    const [text, variables] =
      typeof argument === 'string' ? [argument, {}] : z.tuple([z.string(), properties]).parse(argument);
    return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (whole, literal: string, name: string) => {
      if (literal === '!') return whole.replace('!', '');
      if (name in variables) return String(resolve(variables[name]));
      return String(name.includes('.') ? getAtt(...attributeOf(name)) : ref(name));
    });
  }

  return {
    resolve,
    exists: ({ Condition }) => Condition === undefined || holds(Condition),
  };
}

function isFunctionCall(name: string, argument: unknown): boolean {
  return (
    name.startsWith('Fn::') || ((name === 'Ref' || name === 'Condition') && typeof argument === 'string')
  );
}

function attributeOf(argument: unknown): [string, string] {
  if (typeof argument !== 'string') return z.tuple([z.string(), z.string()]).parse(argument);
  const dot = argument.indexOf('.');
  return [argument.slice(0, dot), argument.slice(dot + 1)];
}
