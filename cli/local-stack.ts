import { packageFunctions } from '../deploy/package.ts';
import { type Stack, type StackOptions, startStack } from '../emulator/stack/stack.ts';

export type LocalStackOptions = Omit<StackOptions, 'packaged'> & {
  /** A package made before. @default one is made, with serverless.yml's own params */
  readonly packaged?: StackOptions['packaged'];
  /** Breaks the start off while the functions are packaged, which is what takes time. */
  readonly signal?: AbortSignal;
};

/**
 * Packages the functions and runs them with everything around them on this machine.
 * @throws Error when packaging fails, or the signal's reason when it was broken off
 * @throws PortUnavailableError, FolderUnavailableError
 */
export function startLocalStack({ signal, packaged, ...options }: LocalStackOptions): Promise<Stack> {
  return startStack({ ...options, packaged: packaged ?? packageFunctions({}, signal) });
}
