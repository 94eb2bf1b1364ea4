import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

const load: (tools: object) => Promise<unknown> = createRequire(import.meta.url)('../../deploy/tags.cjs');
const tagsOf = (setting: unknown) => load({ resolveVariable: async () => setting });

describe('the tags of a stack', () => {
  it('are a JSON object, as text or read already', async () => {
    const tags = { team: 'payments', 'größe:a/b=c+d-e@f.g_h i': '', [`${'k'.repeat(128)}`]: 'v'.repeat(256) };
    expect(await tagsOf(JSON.stringify(tags))).toEqual(tags);
    expect(await tagsOf(tags)).toEqual(tags);
  });

  it.each<[unknown, string]>([
    ['team=payments', 'tags must be a JSON object'],
    ['[]', 'tags must be a JSON object'],
    [{ team: 7 }, 'tags.team must be a string'],
    [{ 'aws:team': 'x' }, 'names that begin with aws: are reserved'],
    [{ 'AWS:team': 'x' }, 'names that begin with aws: are reserved'],
    [{ '': 'x' }, 'a name has 1 to 128 characters'],
    [{ ['k'.repeat(129)]: 'x' }, 'a name has 1 to 128 characters'],
    [{ team$: 'x' }, 'tags.team$: a name has letters, digits, blanks and _ . : / = + - @'],
    [{ team: 'a;b' }, 'tags.team: a value has letters, digits, blanks and _ . : / = + - @'],
    [{ team: 'a\nb' }, 'tags.team: a value has letters'],
    [{ team: 'a', Team: 'b' }, 'tags.Team: roles take a name once, in any letter case'],
    [{ team: 'v'.repeat(257) }, 'tags.team has more than 256 characters'],
    [Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])), 'CloudFormation takes 50'],
  ])('are refused when CloudFormation would refuse them: %j', async (setting, message) => {
    await expect(tagsOf(setting)).rejects.toThrow(message);
  });
});
