import { describe, expect, it } from 'vitest';
import {
  callerOf,
  lastingId,
  lastingName,
  parseCallerRights,
  principalOf,
} from '../../../lib/core/caller.ts';

const iam = (userArn: string) => ({ requestContext: { authorizer: { iam: { userArn } } } });
const jwt = (claims: object, scopes?: readonly string[] | null) => ({
  requestContext: { authorizer: { jwt: { claims, scopes } } },
});

describe('the caller of an event', () => {
  it.each([
    [
      iam('arn:aws:sts::111122223333:assumed-role/app/i-0abc'),
      'arn:aws:sts::111122223333:assumed-role/app/i-0abc',
      ['arn:aws:iam::111122223333:role/app'],
    ],
    [
      iam('arn:aws-cn:iam::111122223333:user/team/ada'),
      'arn:aws-cn:iam::111122223333:user/team/ada',
      ['arn:aws-cn:iam::111122223333:user/ada'],
    ],
    [jwt({ sub: 'ada', scope: 'a/read a/write' }), 'jwt:ada', ['sub:ada', 'scope:a/read', 'scope:a/write']],
    // API Gateway makes texts of arrays; `scopes` is null for a route without scopes.
    [jwt({ sub: 'ada', scp: '[read write]' }, null), 'jwt:ada', ['sub:ada', 'scope:read', 'scope:write']],
    [jwt({ sub: 'ada', scope: '[read]' }, null), 'jwt:ada', ['sub:ada', 'scope:read']],
    [jwt({ sub: '[ada]', scp: '[]' }), 'jwt:ada', ['sub:ada']],
    [jwt({ client_id: '[app]' }), 'jwt:app', ['sub:app']],
    [jwt({ client_id: 'app', scp: ['x'] }, ['x', 'y']), 'jwt:app', ['sub:app', 'scope:x', 'scope:y']],
    [jwt({}), 'jwt:unknown', []],
  ])('of %j is attested by AWS', (event, name, principals) => {
    expect(callerOf(event)).toEqual({ name, principals });
  });

  it.each([
    {},
    null,
    'text',
    { requestContext: {} },
    { requestContext: { authorizer: null } },
    { Records: [] },
  ])('of %j is not known', (event) => {
    expect(callerOf(event)).toBeUndefined();
  });

  it('is never what a caller writes by itself', () => {
    const written = {
      headers: { authorization: 'Bearer x' },
      authorizer: { iam: { userArn: 'me' } },
      caller: 'me',
    };
    expect(callerOf(written)).toBeUndefined();
  });
});

describe('what a record says of its caller', () => {
  it.each([
    ['a role', { name: 'arn:…/app/i-0abc', principals: ['arn:…:role/app'] }, 'arn:…:role/app'],
    ['a token', { name: 'jwt:ada', principals: ['sub:ada', 'scope:read'] }, 'sub:ada'],
    [
      'a token with scopes before the subject',
      { name: 'jwt:ada', principals: ['scope:r', 'sub:a'] },
      'sub:a',
    ],
    ['a token without a subject', { name: 'jwt:unknown', principals: ['scope:read'] }, 'jwt:unknown'],
  ])('is the same for each session and never a scope, for %s', (_, caller, expected) => {
    expect(lastingName(caller)).toBe(expected);
  });

  it.each([
    ['AROAEXAMPLE:session', 'AROAEXAMPLE'],
    ['AWS:AROAEXAMPLE:session', 'AROAEXAMPLE'],
    ['AWS:AIDAEXAMPLE', 'AIDAEXAMPLE'],
    ['AIDAEXAMPLE', 'AIDAEXAMPLE'],
    ['111122223333', '111122223333'],
    ['arn:aws:iam::111122223333:role/app', 'arn:aws:iam::111122223333:role/app'],
    ['s3.amazonaws.com', 's3.amazonaws.com'],
  ])('is, for the id %s, the id %s', (id, expected) => {
    expect(lastingId(id)).toBe(expected);
  });
});

describe('the principal of an ARN', () => {
  it('is the same for a role with a path and for its sessions', () => {
    const role = principalOf('arn:aws:iam::111122223333:role/apps/blue/app');
    expect(role).toBe('arn:aws:iam::111122223333:role/app');
    expect(principalOf('arn:aws:sts::111122223333:assumed-role/app/session-1')).toBe(role);
  });

  it.each([
    'arn:aws:sts::444455556666:assumed-role/app/s',
    'arn:aws:sts::111122223333:assumed-role/apps/app',
  ])('of %s is another one', (arn) => {
    expect(principalOf(arn)).not.toBe('arn:aws:iam::111122223333:role/app');
  });
});

describe('the setting CALLERS', () => {
  it('gives everything to everybody when it is empty', () => {
    expect(parseCallerRights(' ')).toBeUndefined();
  });

  it('adds up what one role is given by two ARNs, and one table by two spellings', () => {
    const role = 'arn:aws:iam::111122223333:role';
    const setting = {
      [`${role}/app`]: { incident: ['GET'], Incident: ['post'], problem: [] },
      [`${role}/team/app`]: { incident: ['PATCH'], problem: ['*'] },
    };
    const rights = parseCallerRights(JSON.stringify(setting))?.get(`${role}/app`);
    expect(rights?.get('incident')).toEqual(['GET', 'POST', 'PATCH']);
    expect(rights?.get('problem')).toEqual(['*']);
  });

  it.each([
    'no JSON',
    '[]',
    '{"app":{"incident":["GET"]}}',
    '{"*":{"incident":"GET"}}',
    '{"*":["incident"]}',
    '{"arn:aws:sts::111122223333:assumed-role/app/s":{"*":["GET"]}}',
    '{"*":{"bad table":["GET"]}}',
    '{"*":{"incident":["FETCH"]}}',
    '{"*":{"tables":["incident"],"methods":["GET"]}}',
    '{"arn:aws:iam::111122223333:role/*":{"incident":["GET"]}}',
    '{"arn:aws:iam::111122223333:role/team/":{"incident":["GET"]}}',
    '{"arn:aws:iam::111122223333:role/a b":{"incident":["GET"]}}',
    '{"arn:aws:iam::111122223333:root":{"incident":["GET"]}}',
    '{"scope:":{"incident":["GET"]}}',
    '{"scope:read write":{"incident":["GET"]}}',
  ])('is refused as %s, without a part of it in the message', (setting) => {
    expect(() => parseCallerRights(setting)).toThrow(/CALLERS: must be a JSON object of principals/);
    expect(() => parseCallerRights(setting)).not.toThrow(/bad table/);
  });
});
