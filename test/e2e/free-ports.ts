import { defaultPorts } from '../../cli/start/ports.ts';

const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** Options of `start` by which everything listens on a port that is free. */
export const freePorts = Object.keys(defaultPorts).flatMap((name) => [`--${kebabCase(name)}`, '0']);
