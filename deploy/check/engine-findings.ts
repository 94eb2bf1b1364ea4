import { RegoEngine, TemplateFile } from '@aws/cloudformation-validate';
import { partitionOf } from '../partitions.ts';
import type { Finding } from './finding.ts';

/** A runtime that Lambda does not know is only a warning to the engine. */
const fatalWarnings = new Set(['W3030']);

class TemplateInMemory extends TemplateFile {
  readonly #bytes: Uint8Array;

  constructor(template: unknown) {
    super('template.json');
    this.#bytes = new TextEncoder().encode(JSON.stringify(template));
  }

  override readBytes(): Uint8Array {
    return this.#bytes;
  }
}

/** What AWS's own validator holds against a template in a region: its errors, and an unknown runtime. */
export function engineFindings(template: unknown, region: string): Finding[] {
  const engine = new RegoEngine();
  try {
    const pseudoParameterOverrides = { region, partition: partitionOf(region).name };
    const { diagnostics } = engine.validateStandard(new TemplateInMemory(template), {
      pseudoParameterOverrides,
    });
    return diagnostics
      .filter(
        ({ severity, ruleId }) => severity === 'FATAL' || severity === 'ERROR' || fatalWarnings.has(ruleId),
      )
      .map(({ ruleId, message, entity, propertyPath }) => ({
        rule: ruleId,
        where: [entity?.logicalId, propertyPath].filter(Boolean).join(' '),
        message,
      }));
  } finally {
    engine.free();
  }
}
