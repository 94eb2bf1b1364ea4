import { resolve } from 'node:path';
import type { Mappings } from './mapping.ts';

/**
 * The mapping files of the deployment. From source they are compiled here; in a bundle this module is replaced by the compiled
 * files (deploy/bundled-mappings.ts), so that no function needs the YAML parser.
 */
export async function loadMappings(): Promise<Mappings> {
  const { compileAll } = await import('./compile.ts');
  return compileAll(resolve(import.meta.dirname, '../../mappings'));
}
