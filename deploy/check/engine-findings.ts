import { type Engine, RegoEngine, TemplateFile, type ValidateConfig } from '@aws/cloudformation-validate';
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

/** Made once: that takes as long as half a check, and it keeps nothing of a template. */
let engine: Engine | undefined;

/** What AWS's own validator holds against a template in a region: its errors, and an unknown runtime. */
export function engineFindings(template: unknown, region: string): Finding[] {
  engine ??= new RegoEngine();
  const validator = engine;
  const file = new TemplateInMemory(template);
  const pseudoParameterOverrides = { region, partition: partitionOf(region).name };
  const diagnose = (rules: ValidateConfig) =>
    validator.validateStandard(file, { ...rules, pseudoParameterOverrides }).diagnostics;
  // Most rules only warn or inform: without them a check takes half the time.
  const errors = diagnose({ severityLevel: 'ERROR' });
  const warnings = diagnose({ include: { ids: [...fatalWarnings] } });
  return [...errors, ...warnings.filter(({ ruleId }) => fatalWarnings.has(ruleId))].map(
    ({ ruleId, message, entity, propertyPath }) => ({
      rule: ruleId,
      where: [entity?.logicalId, propertyPath].filter(Boolean).join(' '),
      message,
    }),
  );
}
