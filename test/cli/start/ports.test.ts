import { expect, it } from 'vitest';
import { portOption, portsOf } from '../../../cli/start/ports.ts';

it('has fixed ports for a person', () => {
  expect(portsOf({})).toEqual({
    api: 4600,
    instance: 4601,
    sqs: 4602,
    s3: 4603,
    lambda: 4604,
    secretsManager: 4605,
    dynamodb: 4606,
    eventBridge: 4607,
    sns: 4608,
    cloudWatch: 4609,
    securityHub: 4610,
    page: 4611,
  });
});

it('takes free ports with --json, unless an option names one', () => {
  const free = Object.fromEntries(Object.keys(portsOf({})).map((name) => [name, 0]));
  expect(portsOf({ json: true })).toEqual(free);
  expect(portsOf({ json: true, port: 8080, s3Port: undefined })).toEqual({ ...free, api: 8080 });
});

it('moves all ports at once, and those that options name elsewhere', () => {
  const moved = portsOf({ portBase: 4700, s3Port: 80 });
  expect(moved).toMatchObject({ api: 4700, instance: 4701, s3: 80, page: 4711 });
  expect(portsOf({ portBase: 4700, json: true })).toMatchObject({ api: 4700, page: 4711 });
});

it.each([
  ['SQS', '--sqs-port'],
  ['ServiceNow instance', '--instance-port'],
  ['Secrets Manager', '--secrets-manager-port'],
  ['CloudWatch', '--cloud-watch-port'],
])('knows the option that moves %s', (service, option) => {
  expect(portOption(service)).toBe(option);
});
