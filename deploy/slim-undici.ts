import { createRequire } from 'node:module';
import { deflateRawSync } from 'node:zlib';
import type { Plugin } from 'esbuild';

/**
 * What `undici` is in a bundle: the pools, the proxy agent, the connector and the error classes. The whole package brings fetch,
 * WebSocket, mocks and caches along, which more than doubles the size and the load time of a function.
 */
const clientOnly = `
  import connect from 'undici/lib/api/api-connect.js';
  import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
  // As undici's own entry does, for the one call that it makes itself: the proxy agent calls connect() on a pool.
  Object.assign(Dispatcher.prototype, { connect });
  export { default as Pool } from 'undici/lib/dispatcher/pool.js';
  export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js';
  export { default as buildConnector } from 'undici/lib/core/connect.js';
  export { default as errors } from 'undici/lib/core/errors.js';
`;

const refuse = (what: string) => `throw new Error('${what}');`;

/**
 * Parts of the client that a Lambda on Node 24 never reaches: the parser for processors without SIMD (arm64 and x86-64 have it), the
 * HTTP/2 client (every pool of ours says `allowH2: false`), SOCKS proxies (`chooseProxy` refuses them) and the bodies of fetch
 * (ours are bytes and streams of Node).
 */
const replaced: readonly { file: RegExp; contents: string }[] = [
  {
    file: /undici[/\\]lib[/\\]llhttp[/\\]llhttp-wasm\.js$/,
    contents: `module.exports = require('./llhttp_simd-wasm.js');`,
  },
  {
    file: /undici[/\\]lib[/\\]dispatcher[/\\]client-h2\.js$/,
    contents: `module.exports = () => { ${refuse('HTTP/2 is not in this bundle: set allowH2 to false')} };`,
  },
  {
    file: /undici[/\\]lib[/\\]dispatcher[/\\]socks5-proxy-agent\.js$/,
    contents: `module.exports = class { constructor() { ${refuse('SOCKS5 is not in this bundle: use an HTTP proxy')} } };`,
  },
  {
    file: /undici[/\\]lib[/\\]web[/\\](fetch[/\\](body|formdata)|webidl[/\\]index)\.js$/,
    contents: refuse('FormData is not in this bundle: send bytes or a stream'),
  },
];

/** As base64 alone, the parser is a third of a function's code. */
function packedParser(wasm: Uint8Array): string {
  const packed = deflateRawSync(wasm, { level: 9 }).toString('base64');
  return `module.exports = require('node:zlib').inflateRawSync(Buffer.from('${packed}', 'base64'));`;
}

/** undici uses its experimental second parser when this name is absent; Node's own build of undici sets it too. */
export const slimUndiciDefine = { esbuildDetection: 'true' };

/** Substitutes `import … from 'undici'` by its client; a name that is not in the client is a build error. */
export const slimUndici: Plugin = {
  name: 'slim-undici',
  setup(build) {
    build.onResolve({ filter: /^undici$/ }, ({ resolveDir }) => ({
      path: 'undici-client',
      namespace: 'slim-undici',
      pluginData: resolveDir,
    }));
    build.onLoad({ filter: /.*/, namespace: 'slim-undici' }, ({ pluginData }) => ({
      contents: clientOnly,
      resolveDir: pluginData,
    }));
    build.onLoad({ filter: /undici[/\\]lib[/\\]llhttp[/\\]llhttp_simd-wasm\.js$/ }, ({ path }) => ({
      contents: packedParser(createRequire(path)(path)),
      loader: 'js',
    }));
    for (const { file, contents } of replaced)
      build.onLoad({ filter: file }, () => ({ contents, loader: 'js' }));
  },
};
