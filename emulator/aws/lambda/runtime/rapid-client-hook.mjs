/**
 * Loaded before aws-lambda-ric: what it calls its native client is a small HTTP client to the Runtime API. Built from C++ by an
 * install script, the native one needs cmake and a compiler, and does not exist for macOS. Plain JavaScript, so that the start of a
 * runtime process is not burdened with type stripping.
 */
import { registerHooks } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

registerHooks({
  resolve(specifier, context, nextResolve) {
    // It imports handlers by their paths, in which Node takes `#`, `?` and `%` for parts of a URL.
    if (isAbsolute(specifier) && context.parentURL?.endsWith('/aws-lambda-ric/index.mjs'))
      return nextResolve(pathToFileURL(specifier).href, context);
    if (specifier !== './rapid-client.node') return nextResolve(specifier, context);
    return {
      url: new URL('./rapid-client.cjs', import.meta.url).href,
      format: 'commonjs',
      shortCircuit: true,
    };
  },
});

process.once('disconnect', () => process.exit(1));
process.channel?.unref();
