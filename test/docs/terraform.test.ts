import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { recordMessage } from '../../lib/record-queue/message.ts';

const require = createRequire(import.meta.url);
/** Its own types would add those of a browser to the whole project. */
const hcl: { parse(file: string, text: string): Promise<unknown> } = require('@cdktf/hcl2json');

const file = 'examples/terraform/main.tf';
const text = readFileSync(file, 'utf8');
const block = z.record(z.string(), z.array(z.record(z.string(), z.unknown())));
const Configuration = z.object({
  resource: z.record(z.string(), block),
  data: z.record(z.string(), block),
  variable: block,
  output: block,
});

let configuration: z.output<typeof Configuration>;
beforeAll(async () => {
  configuration = Configuration.parse(await hcl.parse(file, text));
});

describe('the Terraform example', () => {
  it('names only what it declares', () => {
    const { resource, data, variable } = configuration;
    const names = (blocks: Record<string, Record<string, unknown>>, prefix = '') =>
      Object.entries(blocks).flatMap(([type, named]) =>
        Object.keys(named).map((name) => `${prefix}${type}.${name}`),
      );
    const declared = [
      ...names(resource),
      ...names(data, 'data.'),
      ...Object.keys(variable).map((name) => `var.${name}`),
    ];
    const used = Array.from(
      text.matchAll(/\b(data\.\w+\.\w+|var\.\w+|(?<!data\.)aws_\w+\.\w+)/g),
      ([all]) => all,
    );
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !declared.includes(name))).toEqual([]);
  });

  it('asks the stack for an output that it has', () => {
    const outputs = Array.from(text.matchAll(/outputs\["(\w+)"\]/g), ([, name = '']) => name);
    expect(outputs.length).toBeGreaterThan(0);
    const template = readFileSync('deploy/resources/records-queue.yml', 'utf8');
    for (const name of outputs) expect(template).toMatch(new RegExp(`^  ${name}: \\{ Value:`, 'm'));
  });

  it('makes a message that the records queue takes', () => {
    const [target] = configuration.resource['aws_cloudwatch_event_target']?.['records'] ?? [];
    const [transformer] = z
      .array(z.object({ input_paths: z.record(z.string(), z.string()), input_template: z.string() }))
      .parse(target?.['input_transformer']);
    const names = Object.keys(transformer?.input_paths ?? {});
    const filled = (transformer?.input_template ?? '').replaceAll(/<(\w+)>/g, (_, name: string) => {
      expect(names).toContain(name);
      return `the ${name}`;
    });
    expect(recordMessage().parse(JSON.parse(filled))).toMatchObject({ table: 'incident', key: 'the id' });
  });
});
