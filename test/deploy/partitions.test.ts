import { expect, it } from 'vitest';
import { checkRegion } from '../../deploy/partitions.ts';

const deployed = (region: string, settings: Readonly<Record<string, string>>) =>
  checkRegion(region, (param) => settings[param] ?? 'false');
const all = { http: 'true', imports: 'true', events: 'true', tracing: 'true' };

it('takes every feature in the regions whose pages name it', () => {
  expect(deployed('eu-central-1', all)).toEqual([]);
});

it('refuses what a region is known to lack, naming the param', () => {
  expect(() => deployed('cn-north-1', all)).toThrow(
    'tracing is "true"; cn-north-1 (partition aws-cn) has no tracing: set it to "false"',
  );
  expect(deployed('us-gov-west-1', { tracing: 'true' })).toEqual([]);
});

it('warns of what no page names for a region, and of nothing that is switched off', () => {
  const [warning, ...others] = deployed('us-gov-west-1', all);
  expect(warning).toMatch(/us-gov-west-1 .* imports need; .* set imports to "false"/);
  expect(others).toEqual([]);
  expect(deployed('cn-north-1', { http: 'true', events: 'true' })).toEqual([]);
});

it.each(['us-east-1', 'ap-southeast-7', 'mx-central-1', 'ca-west-1', 'us-gov-east-1', 'cn-northwest-1'])(
  'knows the region %s',
  (region) => expect(() => deployed(region, {})).not.toThrow(),
);

it.each(['us-east1', 'nowhere', '', 'eusc-de-east-1', 'us-iso-east-1', 'us-isob-west-1', 'eu-isoe-west-1'])(
  'refuses "%s", which is a region of no partition that is known here',
  (region) =>
    expect(() => deployed(region, {})).toThrow(`"${region}" is not a region of aws-cn, aws-us-gov, aws`),
);
