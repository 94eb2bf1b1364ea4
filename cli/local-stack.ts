import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '../emulator/stack/stack.ts';

export type LocalStackOptions = Omit<StackOptions, 'packaged'> & {
  /** A package made before. @default that of the installed program; in the project one is made, with serverless.yml's own params */
  readonly packaged?: StackOptions['packaged'];
  /** Aborts the start while the functions are being packaged, its longest part. */
  readonly signal?: AbortSignal;
};

/**
 * Packages the functions and runs them with everything around them on this machine.
 * @throws Error when packaging fails, or the signal's reason when it was aborted
 * @throws PortUnavailableError, FolderUnavailableError
 */
export function startLocalStack({ signal, packaged, ...options }: LocalStackOptions): Promise<Stack> {
  return startStack({ ...options, packaged: packaged ?? findPackage() ?? makePackage(signal) });
}

/** The functions that the installed program brings along. */
function findPackage(): StackOptions['packaged'] | undefined {
  const folder = join(import.meta.dirname, 'functions');
  const templateFile = join(folder, 'template.json');
  return existsSync(templateFile) ? { folder, templateFile } : undefined;
}

async function makePackage(signal: AbortSignal | undefined) {
  const { packageFunctions } = await import('../deploy/package.ts');
  return packageFunctions({}, signal);
}
