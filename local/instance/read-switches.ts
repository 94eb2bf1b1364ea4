import { defaultSwitches, type Switches } from './switches.ts';

const defaults: ReadonlyMap<string, unknown> = new Map(Object.entries(defaultSwitches));

/**
 * Switches from a command line, each `name=value` with the value in JSON: `shuffleTies=true`.
 * @throws Error for a name that there is not, or a value of another type than the default's.
 */
export function readSwitches(texts: readonly string[]): Partial<Switches> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', ...rest] = text.split('=');
      const value = parse(rest.join('='));
      const usual = defaults.get(name);
      if (usual === undefined)
        throw new Error(`there is no switch ${name}; there are ${[...defaults.keys()].join(', ')}`);
      if (typeof value === typeof usual && Array.isArray(value) === Array.isArray(usual))
        return [name, value];
      throw new Error(`switch ${name} takes a value such as ${JSON.stringify(usual)}, not ${rest.join('=')}`);
    }),
  );
}

function parse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    // Told apart from every default by its type.
    return undefined;
  }
}
