import type { Control } from './control.ts';

/** A request to `/__emulator/…`: its query, and its JSON body or undefined. */
type ControlRequest = { readonly query: URLSearchParams; readonly body: unknown };

/** Does what is asked and returns the JSON to answer. */
export type ControlAction = (request: ControlRequest, control: Control) => unknown | Promise<unknown>;
