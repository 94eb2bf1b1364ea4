import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../lib/core/redaction.ts';
import { canary, disguises } from '../../secrecy/disguises.ts';

describe('the redactor', () => {
  it('cuts a secret out in clear, JSON, base64, hex and URL encoding, wherever it stands', () => {
    const secret = fc
      .string({ minLength: 8, maxLength: 40, unit: 'binary' })
      .filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
        const redactor = createRedactor();
        redactor.protect(hidden);
        const base64 = Buffer.from(`${before}${hidden}${after}`).toString('base64');
        const forms = [
          hidden,
          JSON.stringify(hidden).slice(1, -1),
          encodeURIComponent(hidden),
          Buffer.from(hidden).toString('hex'),
        ];
        for (const form of forms) expect(redactor.redact(`${before} ${form} ${after}`)).not.toContain(form);
        expect(redactor.redact(base64)).not.toBe(base64);
      }),
      { seed: 7 },
    );
  });

  it('cuts a user’s password out of a Basic header, whose parts share letters of base64', () => {
    for (const user of ['a', 'ab', 'abc']) {
      const redactor = createRedactor();
      redactor.protect('tr0ub4dor&3-long-enough');
      const header = Buffer.from(`${user}:tr0ub4dor&3-long-enough`).toString('base64');
      const shown = redactor.redact(`Basic ${header}`);
      expect(shown).toContain('[redacted]');
      expect(Buffer.from(shown.replace('Basic ', ''), 'base64').toString()).not.toContain('tr0ub4dor');
    }
  });

  it('cuts out every disguise that the watch of the whole runs looks for', () => {
    for (let round = 0; round < 20; round += 1) {
      const redactor = createRedactor();
      const secret = canary('password');
      redactor.protect(secret);
      for (const disguise of disguises(secret))
        expect(redactor.redact(`a ${disguise} b`)).toBe('a [redacted] b');
    }
  });

  it('knows a secret by the spellings that only some encodings have', () => {
    const redactor = createRedactor();
    redactor.protect('two words', '>>>???>>>');
    expect(redactor.redact('password=two+words&x=1')).toBe('password=[redacted]&x=1');
    expect(redactor.redact(Buffer.from('>>>???>>>').toString('base64url'))).toBe('[redacted]');
  });

  it('cuts out a secret that contains another one as a whole', () => {
    const redactor = createRedactor();
    redactor.protect('short', 'short but longer');
    expect(redactor.redact('it is short but longer')).toBe('it is [redacted]');
  });

  it('leaves a text without secrets as it is', () => {
    const redactor = createRedactor();
    redactor.protect('hunter2hunter2', undefined, '');
    expect(redactor.redact('GET /api/now/table/incident')).toBe('GET /api/now/table/incident');
  });
});
