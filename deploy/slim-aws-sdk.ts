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
    build.onLoad({ filter: /.*/, namespace: 'slim-aws-sdk' }, ({ path }) => ({
      contents: `export const ${providers[path]} = () => async () => {
        throw Object.assign(new Error('${path} is not in this bundle'), { tryNextLink: true });
      };`,
    }));
  },
};
