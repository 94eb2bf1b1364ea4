/**
 * Loaded before aws-lambda-ric: what it calls its native client is a small HTTP client to the Runtime API. Built from C++ by an
 * install script, the native one needs cmake and a compiler, and does not exist for macOS. Plain JavaScript, so that the start of a
 * runtime process is not burdened with type stripping.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
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
