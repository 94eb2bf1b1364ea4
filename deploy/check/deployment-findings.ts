import * as z from 'zod';
import type { StackResources } from '../../emulator/aws/template/stack-resources.ts';
import type { Template } from '../../emulator/aws/template/template.ts';
import { deliveryFindings } from './delivery-findings.ts';
import type { Finding } from './finding.ts';

/** What every deployment of ours promises, beyond what CloudFormation would refuse. */
export function deploymentFindings(template: Template, stack: StackResources): Finding[] {
  return [
    ...openRoutes(stack),
    ...unthrottledStages(template),
    ...deliveryFindings(stack),
    ...sharedRoles(template),
    ...unboundedLogs(template, stack),
    ...unprotectedQueues(template),
    ...unboundSenders(template),
    ...unprotectedBuckets(template),
  ];
}

function openRoutes({ routes }: StackResources): Finding[] {
  return routes
    .filter(({ authorizationType }) => authorizationType === 'NONE')
    .map(({ method, path }) => ({
      rule: 'authorized-routes',
      where: `${method} ${path}`,
      message: 'anyone may call it',
    }));
}

function unthrottledStages({ Resources }: Template): Finding[] {
  return ofType(Resources, 'AWS::ApiGatewayV2::Stage').flatMap(([where, properties]) => {
    const isThrottled = throttlingSchema.safeParse(properties['DefaultRouteSettings']).success;
    return missing(isThrottled, 'throttling', where, 'takes as many requests as the whole account may');
  });
}

const throttlingSchema = z.object({
  ThrottlingRateLimit: z.coerce.number().check(z.positive()),
  ThrottlingBurstLimit: z.coerce.number().check(z.positive()),
});

function sharedRoles({ Resources }: Template): Finding[] {
  const users = new Map<string, string[]>();
  for (const [logicalId, { Type, Properties }] of Object.entries(Resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const role = JSON.stringify(Properties['Role']);
    users.set(role, [...(users.get(role) ?? []), logicalId]);
  }
  return [...users.values()]
    .filter(({ length }) => length > 1)
    .map((shared) => ({ rule: 'own-role', where: shared.join(', '), message: 'share one role' }));
}

/** A log group that Lambda makes by itself, for a function that the template gives none, has no retention either. */
function unboundedLogs({ Resources }: Template, { functions }: StackResources): Finding[] {
  const groups = ofType(Resources, 'AWS::Logs::LogGroup');
  const bounded = groups.filter(([, properties]) => properties['RetentionInDays'] !== undefined);
  const names = new Set(bounded.map(([, properties]) => properties['LogGroupName']));
  return functions
    .filter(({ functionName }) => !names.has(`/aws/lambda/${functionName}`))
    .map(({ key }) => ({ rule: 'log-retention', where: key, message: 'keeps its logs for ever' }));
}

function unprotectedQueues({ Resources }: Template): Finding[] {
  const tlsOnly = tlsOnlyReferences(Resources, 'AWS::SQS::QueuePolicy', 'Queues');
  return ofType(Resources, 'AWS::SQS::Queue').flatMap(([where, properties]) => [
    ...missing(
      properties['SqsManagedSseEnabled'] === true || typeof properties['KmsMasterKeyId'] === 'string',
      'encryption',
      where,
      'is not encrypted at rest',
    ),
    ...missing(tlsOnly.has(where), 'tls-only', where, 'has no policy that refuses calls without TLS'),
  ]);
}

/** A service, or everybody, that a queue or topic lets in has to be bound to what it sends for, or to its account. */
function unboundSenders({ Resources }: Template): Finding[] {
  const policies = ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy'].flatMap((type) =>
    ofType(Resources, type),
  );
  return policies.flatMap(([where, { PolicyDocument }]) => {
    const { Statement } = policySchema.parse(PolicyDocument);
    const isBound = Statement.every(
      ({ Effect, Condition }) =>
        Effect === 'Deny' ||
        /"aws:(SourceArn|SourceAccount|PrincipalAccount)"/.test(JSON.stringify(Condition ?? {})),
    );
    return missing(isBound, 'bound-senders', where, 'lets a sender in whatever it sends for');
  });
}

const policySchema = z.object({
  Statement: z.array(z.looseObject({ Effect: z.string(), Condition: z.unknown().optional() })),
});

const publicAccessSchema = z.object({
  BlockPublicAcls: z.literal(true),
  BlockPublicPolicy: z.literal(true),
  IgnorePublicAcls: z.literal(true),
  RestrictPublicBuckets: z.literal(true),
});

function unprotectedBuckets({ Resources }: Template): Finding[] {
  const tlsOnly = tlsOnlyReferences(Resources, 'AWS::S3::BucketPolicy', 'Bucket');
  return ofType(Resources, 'AWS::S3::Bucket').flatMap(([where, properties]) => {
    const isPrivate = publicAccessSchema.safeParse(properties['PublicAccessBlockConfiguration']).success;
    return [
      ...missing(isPrivate, 'public-access', where, 'does not block public access'),
      ...missing(
        properties['BucketEncryption'] !== undefined,
        'encryption',
        where,
        'is not encrypted at rest',
      ),
      ...missing(tlsOnly.has(where), 'tls-only', where, 'has no policy that refuses calls without TLS'),
    ];
  });
}

function missing(there: boolean, rule: string, where: string, message: string): Finding[] {
  return there ? [] : [{ rule, where, message }];
}

const refsSchema = z.union([z.object({ Ref: z.string() }), z.array(z.object({ Ref: z.string() }))]);

/** Logical ids named in `property` by policies that refuse every call without TLS. */
function tlsOnlyReferences(resources: Template['Resources'], type: string, property: string): Set<string> {
  const ids = ofType(resources, type)
    .filter(([, { PolicyDocument }]) =>
      /"Deny".*"aws:SecureTransport":"?false/.test(JSON.stringify(PolicyDocument)),
    )
    .flatMap(([, properties]) => [refsSchema.parse(properties[property])].flat().map(({ Ref }) => Ref));
  return new Set(ids);
}

function ofType(resources: Template['Resources'], type: string): [string, Record<string, unknown>][] {
  return Object.entries(resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([logicalId, { Properties }]) => [logicalId, Properties]);
}
