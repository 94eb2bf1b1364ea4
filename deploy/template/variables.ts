import * as z from 'zod';
import { createResolver } from '../../emulator/aws/template/resolve.ts';
import { asTemplate, type Template } from '../../emulator/aws/template/template.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { hasDynamicReference } from '../template-parameters.ts';
import { checkSettings } from './settings.ts';

/** All variables of a function together. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const mostBytes = 4096;

/** What stands for a name or an ARN that CloudFormation fills in, e.g. the URL of a queue: as long as one may be. */
const someReference = 'r'.repeat(160);
const someRoleId = `AROA${'R'.repeat(17)}`;

const environmentSchema = z.object({ Variables: z.record(z.string(), z.unknown()) });

/**
 * Refuses settings with which a function would not run, or that are too long for its variables: CloudFormation would say so half-way
 * or not at all.
 * @throws Error naming the param, or the function and its longest variables
 */
export function checkVariables(compiled: object): void {
  const template = asTemplate(compiled);
  const textOf = textsOf(template);
  for (const [logicalId, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const { success, data } = environmentSchema.safeParse(Properties['Environment']);
    if (!success) continue;
    const texts = Object.entries(data.Variables).map(([name, value]) => [name, textOf(value)] as const);
    checkLength(logicalId.replace(/LambdaFunction$/, ''), texts);
    try {
      checkSettings(Object.fromEntries(texts.flatMap(knownText)));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      throw new Error(`${paramOf(data.Variables, error.setting)}${error.message}`, { cause: error });
    }
  }
}

/** Without what CloudFormation reads elsewhere: the name of a secret is some name, and every table may be meant. */
function knownText([name, text]: readonly [string, string]): readonly (readonly [string, string])[] {
  if (!hasDynamicReference(text)) return [[name, text]];
  if (name === 'SERVICENOW_SECRET_ID')
    return [[name, text.replaceAll(/\{\{resolve:[^{}]+\}\}/g, 'some-name')]];
  return name === 'ALLOWED_TABLES' ? [[name, '*']] : [];
}

function checkLength(name: string, texts: readonly (readonly [string, string])[]): void {
  const sizes = texts.map(
    ([variable, text]) => [variable, Buffer.byteLength(variable) + Buffer.byteLength(text)] as const,
  );
  const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
  if (bytes <= mostBytes) return;
  const longest = sizes.toSorted(([, one], [, other]) => other - one).slice(0, 3);
  const named = longest.map(([variable, size]) => `${variable} (${size})`).join(', ');
  throw new Error(
    `the variables of ${name} have ${bytes} bytes; Lambda takes ${mostBytes}. The longest: ${named}`,
  );
}

/** `param callers, ` for the variable that it becomes. */
function paramOf(variables: Readonly<Record<string, unknown>>, setting: string): string {
  const { data } = z.object({ Ref: z.string() }).safeParse(variables[setting.split('.')[0] ?? '']);
  return data ? `param ${data.Ref.charAt(0).toLowerCase()}${data.Ref.slice(1)}, ` : '';
}

/** The texts of variables as a stack with the defaults of the parameters would have them. */
function textsOf(template: Template): (value: unknown) => string {
  const resolver = createResolver(template, {
    region: 'us-east-1',
    accountId: '0'.repeat(12),
    sqsEndpoint: '',
  });
  const referred = (name: string) => String(template.Parameters[name]?.Default ?? someReference);
  const intrinsics: Readonly<Record<string, (argument: unknown) => string>> = {
    Ref: (name) => (name === 'AWS::NoValue' ? '' : referred(String(name))),
    'Fn::GetAtt': (argument) => (/RoleId$/.test(String(argument)) ? someRoleId : someReference),
    'Fn::If': (argument) => {
      const [condition, then, otherwise] = z.array(z.unknown()).parse(argument);
      return text(resolver.resolve({ Condition: condition }) === true ? then : otherwise);
    },
    'Fn::Join': (argument) => {
      const [separator, parts] = z.tuple([z.string(), z.array(z.unknown())]).parse(argument);
      return parts.map(text).join(separator);
    },
    'Fn::Sub': (argument) => {
      const [pattern, variables] = typeof argument === 'string' ? [argument, {}] : subSchema.parse(argument);
      return pattern.replaceAll(/\$\{([^!}]+)\}/g, (_, name: string) =>
        name in variables ? text(variables[name]) : referred(name),
      );
    },
  };
  function text(value: unknown): string {
    if (typeof value !== 'object' || value === null) return String(value ?? '');
    const [[name, argument] = ['', undefined]] = Object.entries(value);
    return intrinsics[name]?.(argument) ?? someReference;
  }
  return text;
}

const subSchema = z.tuple([z.string(), z.record(z.string(), z.unknown())]);
