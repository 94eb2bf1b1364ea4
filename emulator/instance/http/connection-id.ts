import type { Socket } from 'node:net';

const ids = new WeakMap<Socket, number>();
let last = 0;

/** One number per TCP connection of the process, from 1. */
export function connectionIdOf(socket: Socket): number {
  const known = ids.get(socket);
  if (known !== undefined) return known;
  last += 1;
  ids.set(socket, last);
  return last;
}
