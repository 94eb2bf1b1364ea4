import { describe, expect, it } from 'vitest';
import { checkVariables } from '../../deploy/template/variables.ts';

const roleId = { 'Fn::GetAtt': ['SomeRole', 'RoleId'] };

/** A template of one function with such settings. */
const withSettings = (settings: Readonly<Record<string, string>>, more: object = {}) => {
  const variables = { SERVICENOW_SECRET_ID: 'SecretId', ALLOWED_TABLES: 'AllowedTables', ...names };
  const refs = Object.entries(variables).map(([variable, Ref]) => [variable, { Ref }] as const);
  const values = { SecretId: 'ours', AllowedTables: 'incident', ...settings };
  return {
    Parameters: Object.fromEntries(
      Object.values(variables).map((name) => [
        name,
        { Type: 'String', Default: Reflect.get(values, name) ?? '' },
      ]),
    ),
    Conditions: { WithRole: { 'Fn::Equals': ['yes', 'yes'] } },
    Resources: {
      PostRecordLambdaFunction: {
        Type: 'AWS::Lambda::Function',
        Properties: { Environment: { Variables: { ...Object.fromEntries(refs), ...more } } },
      },
    },
  };
};
const names = {
  CALLERS: 'Callers',
  RECORDS_PARK_FOR_SECONDS: 'RecordsParkForSeconds',
  BATCH_METHODS: 'BatchMethods',
  METHOD_OVERRIDES: 'MethodOverrides',
  DROP_INSTANCES: 'DropInstances',
  ALLOWED_HOSTS: 'AllowedHosts',
  HTTPS_PROXY: 'HttpsProxy',
};

const withTable = (table: string) => ({
  Parameters: { Column: { Type: 'String', Default: table } },
  Resources: {
    PostRecordLambdaFunction: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Environment: {
          Variables: {
            ...{ CALLER_COLUMN: { Ref: 'Column' }, STATE_TABLE: { Ref: 'StateTable' } },
            ...{ SERVICENOW_SECRET_ID: 'x', ALLOWED_TABLES: '*' },
          },
        },
      },
    },
  },
});

describe('the variables of a function', () => {
  it('may fill what Lambda takes', () => {
    expect(() => checkVariables(withTable('x'.repeat(3_800)))).not.toThrow();
  });

  it.each([
    [{ Callers: '{nope' }, 'param callers, CALLERS: must be a JSON object'],
    [{ SecretId: '{"prod":' }, 'param secretId, SERVICENOW_SECRET_ID: starts with { but'],
    [{ SecretId: '{}' }, 'param secretId, SERVICENOW_SECRET_ID: names no secret'],
    [
      { RecordsParkForSeconds: '0' },
      'param recordsParkForSeconds, RECORDS_PARK_FOR_SECONDS: must be a whole number',
    ],
    [{ BatchMethods: 'GET,FOO' }, 'param batchMethods, BATCH_METHODS: FOO is none of GET'],
    [{ MethodOverrides: 'PUTT' }, 'param methodOverrides, METHOD_OVERRIDES: PUTT is none of'],
    [{ DropInstances: 'nope' }, 'param dropInstances, DROP_INSTANCES: nope is none of default'],
    [{ AllowedHosts: 'https://x/y' }, 'param allowedHosts, ALLOWED_HOSTS: "https://x/y" must be a host'],
    [{ AllowedHosts: '10.0.0.1' }, 'param allowedHosts, ALLOWED_HOSTS: "10.0.0.1" must be a host'],
    [{ HttpsProxy: 'not a url' }, 'param httpsProxy, HTTPS_PROXY: must be http://'],
    [
      { AllowedTables: 'incident;problem' },
      'param allowedTables, ALLOWED_TABLES: "incident;problem" is not a table',
    ],
    [{ AllowedTables: ' , ' }, 'param allowedTables, ALLOWED_TABLES: names no table of default'],
    [{ AllowedTables: '{"prod":"incident"}', SecretId: '{"prod":"a","dev":"b"}' }, 'names no table of dev'],
  ])('that would end it at its first call are refused: %j', (settings, message) => {
    expect(() => checkVariables(withSettings(settings))).toThrow(message);
  });

  it('that it runs with are taken', () => {
    const settings = {
      SecretId: '{"prod":"a","dev":"b"}',
      AllowedTables: '{"default":"*","dev":"incident, U_thing"}',
      DropInstances: 'dev',
      AllowedHosts: '127.0.0.1:8080, *.example.com, now.example.com:8443',
      HttpsProxy: 'http://proxy.example.com:3128',
      BatchMethods: 'get, Post',
    };
    expect(() => checkVariables(withSettings(settings))).not.toThrow();
  });

  it.each([
    { HttpsProxy: '{{resolve:ssm:/proxy}}' },
    { HttpsProxy: 'http://user:{{resolve:secretsmanager:proxy}}@proxy.example.com:3128' },
    { AllowedTables: '{{resolve:ssm:/tables:3}}', SecretId: '{"prod":"a","dev":"b"}' },
    { AllowedTables: '{"prod":"{{resolve:ssm:/tables}}"}', SecretId: '{"prod":"a"}' },
    { Callers: '{{resolve:ssm:/callers}}', BatchMethods: '{{resolve:ssm:/methods}}' },
    { SecretId: 'ours/{{resolve:ssm:/name}}' },
    { SecretId: '{{resolve:ssm:/name}}' },
    { SecretId: '{"prod":"{{resolve:ssm:/prod}}"}' },
  ])('that CloudFormation reads elsewhere are not checked: %j', (settings) => {
    expect(() => checkVariables(withSettings(settings))).not.toThrow();
    expect(() => checkVariables(withSettings({ ...settings, DropInstances: 'nope' }))).toThrow(
      'nope is none of',
    );
  });

  it('are counted as what they are made of', () => {
    const TRUSTED_SENDERS = {
      'Fn::Join': [',', [{ Ref: 'HttpsProxy' }, { 'Fn::If': ['WithRole', roleId, 'x'] }, { Ref: 'Callers' }]],
    };
    const of = (length: number) =>
      withSettings(
        { BatchMethods: 'GET', Callers: '' },
        {
          TRUSTED_SENDERS: { 'Fn::Join': [',', ['x'.repeat(length), TRUSTED_SENDERS]] },
        },
      );
    const fixed = 'TRUSTED_SENDERS'.length + ',,'.length + 1 + 21;
    const others = Object.keys({ ...names, SERVICENOW_SECRET_ID: '', ALLOWED_TABLES: '' }).join('').length;
    const room = 4_096 - fixed - others - 'GETours'.length - 'incident'.length;
    expect(() => checkVariables(of(room))).not.toThrow();
    expect(() => checkVariables(of(room + 1))).toThrow('have 4097 bytes');
  });

  it('are refused before the deployment when they are longer, counted in bytes', () => {
    expect(() => checkVariables(withTable('ü'.repeat(2_000)))).toThrow(
      'the variables of PostRecord have 4220 bytes; Lambda takes 4096. The longest: CALLER_COLUMN (4013)',
    );
  });
});
