import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * Where the AWS SDK looks for credentials on a developer's machine or in a container of one's own. Lambda gives a function its role's
 * credentials in the environment, or with SnapStart over HTTP, which both stay.
 */
const providers: Readonly<Record<string, string>> = {
  '@aws-sdk/credential-provider-sso': 'fromSSO',
  '@aws-sdk/credential-provider-ini': 'fromIni',
  '@aws-sdk/credential-provider-process': 'fromProcess',
  '@aws-sdk/credential-provider-web-identity': 'fromTokenFile',
};

/** The SDK loads these only for operations that send or answer with a stream of events. None of ours does. */
const eventStreams = '@smithy/core/event-streams';

/**
 * The files `~/.aws/config` and `~/.aws/credentials`, which no function has. The SDK looks for both when a client is used first, and
 * what it needs of Node to read them takes longer to load than the SDK's own half of the request.
 */
const noSharedFiles = `
  export const filePromises = {};
  export const fileIntercept = {};
  export const readFile = async () => { throw new Error('shared configuration files are not in this bundle'); };
`;

/** What the SDK says of a module of Node at a cost, and what is said instead. */
type Rewrite = { readonly file: RegExp; readonly from: string; readonly to: string };

const rewrites: readonly Rewrite[] = [
  // An `import()` reads each name of a module: two of these are Node's own copy of undici, with HTTP/2, workers and web streams.
  {
    file: /@smithy[/\\]\S+[/\\](node-http-handler|getInstanceMetadataRegion)\.js$/,
    from: 'await import("node:http")',
    to: `process.getBuiltinModule('node:http')`,
  },
  // The class brings file streams, promises of files and line readers along. Bodies are text or bytes.
  {
    file: /util-body-length[/\\]calculateBodyLength\.js$/,
    from: 'import { ReadStream, fstatSync, lstatSync } from "node:fs";',
    to: `import * as fs from 'node:fs';
      const fstatSync = (file) => fs.fstatSync(file);
      const lstatSync = (path) => fs.lstatSync(path);
      const ReadStream = { [Symbol.hasInstance]: (body) => body instanceof process.getBuiltinModule('node:fs').ReadStream };`,
  },
];

/**
 * Leaves out the first, with the clients of STS, SSO and sign-in that they bring along, a sixth of a function's code, and what is
 * loaded of the second when it is needed.
 */
export const slimAwsSdk: Plugin = {
  name: 'slim-aws-sdk',
  setup(build) {
    const filter = new RegExp(`^(${Object.keys(providers).join('|')})$`);
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'slim-aws-sdk', sideEffects: false }));
    build.onResolve({ filter: new RegExp(`^${eventStreams}$`) }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'slim-event-streams', sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'slim-event-streams' }, () => ({
      contents: `const refuse = () => { throw new Error('event streams are not in this bundle'); };
        export const eventStreamSerdeProvider = refuse;
        export class EventStreamSerde { constructor() { refuse(); } }`,
    }));
    build.onLoad({ filter: /shared-ini-file-loader[/\\]readFile\.js$/ }, () => ({ contents: noSharedFiles }));
    for (const { file, from, to } of rewrites)
      build.onLoad({ filter: file }, async ({ path }) => {
        const code = await readFile(path, 'utf8');
        if (!code.includes(from)) return { errors: [{ text: `${path} no longer says: ${from}` }] };
        return { contents: code.replaceAll(from, to) };
      });
    build.onLoad({ filter: /.*/, namespace: 'slim-aws-sdk' }, ({ path }) => ({
      contents: `export const ${providers[path]} = () => async () => {
        throw Object.assign(new Error('${path} is not in this bundle'), { tryNextLink: true });
      };`,
    }));
  },
};
