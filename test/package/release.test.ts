import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { checkTemplate } from '../../deploy/check/check-template.ts';
import { checkedAccount, withParameters } from '../../deploy/check/deployed-template.ts';
import { deployments } from '../../deploy/check/deployments.ts';
import { functions } from '../../deploy/functions.ts';
import { packageFunctions } from '../../deploy/package.ts';
import { buildRelease, projectNotice } from '../../deploy/release/release.ts';
import { createResolver } from '../../emulator/aws/template/resolve.ts';
import { readTemplate, type Template } from '../../emulator/aws/template/template.ts';

/** Packaging everything takes seconds on a quiet machine, and minutes on a busy one. */
const packagingMs = 1_800_000;

let folder: string;
let release: string;
let template: Template;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'release-'));
  release = await buildRelease({ folder: join(folder, 'one') });
  template = await readTemplate(join(release, 'template.json'));
}, packagingMs);
afterAll(() => rm(folder, { recursive: true }));

const read = (name: string, from = release) => readFile(join(from, name));
const digest = async (name: string, from = release) =>
  createHash('sha256')
    .update(await read(name, from))
    .digest('hex');

const artifacts = { ArtifactBucket: 'artifacts', ArtifactPrefix: 'servicenow-functions/' };

/** Every resource of a template, resolved for one stack: its stage is dev. */
function resolved(given: Template, parameters: Readonly<Record<string, string>>) {
  const changed = withParameters(given, parameters);
  const { resolve, exists } = createResolver(changed, { region: 'us-east-1', ...checkedAccount });
  const resources = Object.entries(given.Resources).filter(
    ([id, resource]) => !id.startsWith('ServerlessDeploymentBucket') && exists(resource),
  );
  return Object.fromEntries(
    resources.map(([id, { Type, Properties, Condition, DeletionPolicy, UpdateReplacePolicy }]) => {
      // The code is the same zip at another place; its path holds the time at which it was packaged.
      const { Code: _, ...rest } = Properties;
      const properties = resolve(rest);
      return [id, { Type, Condition, DeletionPolicy, UpdateReplacePolicy, properties }] as const;
    }),
  );
}

describe('a release', () => {
  it('has a zip for every function and what a reviewer asks for', async () => {
    const zips = functions.map(({ key }) => `${key}.zip`);
    const others = ['LICENSE', 'NOTICE', 'SHA256SUMS', 'sbom.cdx.json', 'template.json'];
    expect(await readdir(release)).toEqual([...zips, ...others].sort());
  });

  it(
    'is the same byte by byte when it is built again elsewhere',
    async () => {
      const again = await buildRelease({
        folder: join(folder, 'two'),
        packageFolder: join(folder, 'another-package'),
        bundlesAgain: true,
      });
      for (const name of await readdir(release))
        expect([name, await digest(name, again)]).toEqual([name, await digest(name)]);
    },
    packagingMs,
  );

  it('has checksums of everything', async () => {
    const lines = (await read('SHA256SUMS')).toString().trim().split('\n');
    const names = lines.map((line) => line.slice(66));
    expect(names).toEqual((await readdir(release)).filter((name) => name !== 'SHA256SUMS'));
    for (const [index, name] of names.entries()) expect(lines[index]).toBe(`${await digest(name)}  ${name}`);
  });

  it.each([{}, { RecordsFifo: 'true', KmsKeyArn: 'arn:aws:kms:us-east-1:1:key/k', Imports: 'false' }])(
    'makes the resources and policies that serverless deploys, with %j',
    async (parameters) => {
      const packaged = await readTemplate((await packageFunctions()).templateFile);
      const { Revision: { Default: Revision = '' } = {} } = packaged.Parameters;
      const one = resolved(template, {
        Stage: 'dev',
        SecretId: 'servicenow-functions/dev',
        Revision,
        ...artifacts,
        ...parameters,
      });
      const other = resolved(packaged, parameters);
      expect(Object.keys(one).filter(isNoVersion)).toEqual(Object.keys(other).filter(isNoVersion));
      for (const id of Object.keys(one).filter(isNoVersion)) expect([id, one[id]]).toEqual([id, other[id]]);
    },
  );

  it('names nothing of the stage and the region that it was packaged in', async () => {
    const text = (await read('template.json')).toString();
    expect(text).not.toMatch(/zzrelease|us-east-1|us-isob|ServerlessDeployment/);
    expect(text).not.toMatch(/servicenow-functions\/(dev|prod)/);
    expect(text).not.toContain('"Export"');
  });

  it.each([
    [{}, 'servicenow-functions/dev'],
    [{ SecretId: 'ours' }, 'ours'],
  ])('reads the secret of its stage unless it is given another one: %j', (given, secret) => {
    const resources = resolved(template, { ...artifacts, Stage: 'dev', ...given });
    const properties = JSON.stringify(resources['WriteRecordsLambdaFunction']?.properties);
    expect(properties).toContain(`"SERVICENOW_SECRET_ID":"${secret}"`);
    const policies = JSON.stringify(resources['WriteRecordsIamRoleLambdaExecution']?.properties);
    expect(policies).toContain(`:secret:${secret}-??????"`);
  });

  const map = { SecretId: '{"prod":"prod","dev":"dev"}' };
  const ofMap = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:prod-AbCdEf';

  it.each<[Readonly<Record<string, string>>, boolean]>([
    [map, true],
    [{ ...map, SecretArns: ofMap }, false],
    [{}, false],
    [{ SecretId: 'ours' }, false],
    [{ SecretId: ofMap }, false],
  ])('has what can never be made where a map of secrets comes without their ARNs: %j', (given, isRefused) => {
    const resources = resolved(template, { ...artifacts, Stage: 'dev', ...given });
    const made = resources['SecretIdIsAMapButSecretArnsIsEmpty'];
    expect(made !== undefined).toBe(isRefused);
    if (!isRefused) return;
    const { Value, AllowedPattern } = z
      .object({ Value: z.string(), AllowedPattern: z.string() })
      .parse(made?.properties);
    expect(Value).not.toMatch(new RegExp(AllowedPattern));
    expect(AllowedPattern).toContain('SecretArns must have the ARN of each');
  });

  it.each([
    [{}, 'artifacts'],
    [{ ArtifactBucketByRegion: 'true' }, 'artifacts-eu-west-1'],
  ])('reads each zip from the bucket that the user names: %j', (more, bucket) => {
    const { resolve } = createResolver(withParameters(template, { ...artifacts, ...more }), {
      region: 'eu-west-1',
      ...checkedAccount,
    });
    expect(resolve(template.Resources['GetRecordsLambdaFunction']?.Properties['Code'])).toEqual({
      S3Bucket: bucket,
      S3Key: 'servicenow-functions/getRecords.zip',
    });
  });

  it.each(['as it comes', 'everything at once', 'partition aws-cn'])(
    'passes every check: %s',
    async (name) => {
      const { region, parameters } = deployments[name] ?? {};
      const stack = { ...artifacts, Stage: 'prod', ...parameters };
      const found = await checkTemplate(join(release, 'template.json'), {
        ...(region && { region }),
        parameters: stack,
      });
      expect(found).toEqual([]);
    },
  );

  it('has a bill of materials in CycloneDX with every bundled package and its licence', async () => {
    const bill = billSchema.parse(JSON.parse((await read('sbom.cdx.json')).toString()));
    const names = bill.components.map(({ name }) => name);
    for (const name of ['undici', '@middy/core', '@aws-sdk/client-s3', '@aws-lambda-powertools/logger'])
      expect(names).toContain(name);
    for (const name of ['typescript', 'vitest', 'esbuild']) expect(names).not.toContain(name);
    expect(bill.components.every(({ purl }) => /^pkg:npm\/.+@\d/.test(purl))).toBe(true);
  });

  it('names every bundled package with its licence in its NOTICE', async () => {
    const notice = (await read('NOTICE')).toString();
    const bill = billSchema.parse(JSON.parse((await read('sbom.cdx.json')).toString()));
    for (const { name, version } of bill.components) expect(notice).toContain(`${name} ${version} (`);
    expect(notice).toMatch(/Permission is hereby granted/);
  });
});

it('the NOTICE of the project is that of its bundles (npm run release -- --notice writes it)', async () => {
  expect(await readFile('NOTICE', 'utf8')).toBe(await projectNotice());
});

/** Its id is made of the code and the settings, which are another stage's. */
const isNoVersion = (id: string) => !id.startsWith('ImportCsvLambdaVersion');

const billSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.6'),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      purl: z.string(),
      licenses: z
        .array(
          z.union([
            z.object({ expression: z.string() }),
            z.object({ license: z.object({ id: z.string() }) }),
          ]),
        )
        .min(1),
    }),
  ),
});
