import { describe, expect, it } from 'vitest';
import { portOption, readArguments } from '../../../cli/start/arguments.ts';

describe('npm start', () => {
  it('has fixed ports and one folder, for a person', () => {
    expect(readArguments([])).toEqual({
      ports: {
        api: 4600,
        instance: 4601,
        sqs: 4602,
        s3: 4603,
        lambda: 4604,
        secretsManager: 4605,
        dynamodb: 4606,
      },
      dataFolder: '.local/data',
      json: false,
      logs: false,
      control: false,
    });
  });

  it('takes free ports and a fresh folder with --json, unless other options say otherwise', () => {
    const free = { api: 0, instance: 0, sqs: 0, s3: 0, lambda: 0, secretsManager: 0, dynamodb: 0 };
    expect(readArguments(['--json'])).toMatchObject({ ports: free, dataFolder: undefined, json: true });
    expect(readArguments(['--tables', 'incident, sys_user']).tables).toBe('incident, sys_user');
    expect(readArguments(['--tables', '*']).tables).toBe('*');
    expect(readArguments(['--json', '--port', '8080', '--data-dir', '/tmp/x'])).toMatchObject({
      ports: { ...free, api: 8080 },
      dataFolder: '/tmp/x',
    });
  });

  it.each([
    [['--port', 'http'], '--port must be a port from 0 to 65535, not http'],
    [['--s3-port', '70000'], '--s3-port must be a port from 0 to 65535, not 70000'],
    [['--port', ''], "--port must be a port from 0 to 65535, not ''"],
    [['--data-dir', ' '], '--data-dir must name a folder'],
    [['--prot', '1'], "Unknown option '--prot'"],
  ])('names what is wrong in %j', (args, message) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});

it.each([
  ['SQS', '--sqs-port'],
  ['ServiceNow instance', '--instance-port'],
])('knows the option that moves %s', (service, option) => {
  expect(portOption(service)).toBe(option);
});
