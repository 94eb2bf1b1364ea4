import { createResolver } from '../../emulator/aws/template/resolve.ts';
import type { Template } from '../../emulator/aws/template/template.ts';
import { partitionOf } from '../partitions.ts';

/** What a deployment of the template would consist of: its region, and the parameters that differ from their defaults. */
export type Deployment = {
  /** @default us-east-1 */
  readonly region?: string;
  readonly parameters?: Readonly<Record<string, string>>;
};

type Json = Readonly<Record<string, unknown>>;

const noValue = Symbol('AWS::NoValue');

/** The account and the endpoint that a checked template is resolved for. */
export const checkedAccount = {
  accountId: '000000000000',
  sqsEndpoint: 'https://sqs.us-east-1.amazonaws.com',
};

/** The template with other defaults. @throws Error for a parameter that it does not have */
export function withParameters<T extends Template>(template: T, values: Readonly<Record<string, string>>): T {
  const changed = { ...template.Parameters };
  for (const [name, value] of Object.entries(values)) {
    if (!(name in changed)) throw new Error(`The template has no parameter ${name}`);
    changed[name] = { ...changed[name], Default: value };
  }
  return { ...template, Parameters: changed };
}

/**
 * What CloudFormation would create of a template: without the resources, values and outputs whose conditions do not hold. References
 * stay. The validator looks at both branches of a condition with one value of a parameter, and would refuse the empty one.
 * @throws Error naming a condition that is not in the template
 */
export function deployedTemplate(template: Template & Json, region = 'us-east-1'): Json {
  const resolver = createResolver(template, {
    region,
    partition: partitionOf(region).name,
    ...checkedAccount,
  });
  const holds = (condition: unknown) => resolver.resolve({ Condition: condition }) === true;
  const choose = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(choose).filter((item) => item !== noValue);
    if (typeof value !== 'object' || value === null) return value;
    if ('Ref' in value && value.Ref === 'AWS::NoValue') return noValue;
    if ('Fn::If' in value && Array.isArray(value['Fn::If'])) {
      const [condition, then, otherwise] = value['Fn::If'];
      return choose(holds(condition) ? then : otherwise);
    }
    const chosen = Object.entries(value).map(([key, item]) => [key, choose(item)] as const);
    return Object.fromEntries(chosen.filter(([, item]) => item !== noValue));
  };
  const existing = (all: unknown) => {
    const entries = Object.entries(typeof all === 'object' && all !== null ? all : {});
    return entries.flatMap(([name, { Condition, ...rest }]) =>
      Condition === undefined || holds(Condition) ? [[name, choose(rest)] as const] : [],
    );
  };
  const { Conditions, Rules, Resources, Outputs, ...rest } = template;
  const resources = new Map(existing(Resources));
  for (const resource of resources.values()) keepDependencies(resource, resources);
  return {
    ...rest,
    Resources: Object.fromEntries(resources),
    Outputs: Object.fromEntries(existing(Outputs)),
  };
}

/** The same value with what each parameter is in place of its references. */
export function withParameterValues(template: Template, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withParameterValues(template, item));
  if (typeof value !== 'object' || value === null) return value;
  if ('Ref' in value && typeof value.Ref === 'string' && value.Ref in template.Parameters)
    return template.Parameters[value.Ref]?.Default;
  if ('Fn::Sub' in value && typeof value['Fn::Sub'] === 'string') {
    const text = value['Fn::Sub'].replaceAll(
      /\$\{(\w+)\}/g,
      (whole, name: string) => template.Parameters[name]?.Default ?? whole,
    );
    return /\$\{/.test(text) ? { 'Fn::Sub': text } : text;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, withParameterValues(template, item)]);
  return Object.fromEntries(entries);
}

/** CloudFormation passes over a dependency whose condition does not hold. */
function keepDependencies(resource: unknown, resources: ReadonlyMap<string, unknown>): void {
  if (typeof resource !== 'object' || resource === null || !('DependsOn' in resource)) return;
  resource.DependsOn = [resource.DependsOn].flat().filter((name) => resources.has(String(name)));
}
