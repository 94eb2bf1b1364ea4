import type { CallContext } from '../call.ts';

/** What a call carries to prove who we are: headers with lower-case names. */
export type Proof = { readonly headers: Readonly<Record<string, string>> };

/** Gives proofs out of one secret. */
export type Authorizer = {
  /** The proof to use now; fetched when there is none yet. @throws ServiceNowError with `sent: false` */
  prove(context: CallContext): Promise<Proof>;
  /**
   * A proof other than the one that was just refused, or undefined when this secret yields no other.
   * ServiceNow hands out the same token until it expires, so the same one again is no other.
   */
  renew(refused: Proof, context: CallContext): Promise<Proof | undefined>;
};

/** Proofs that never change: user and password, an API key, or a client certificate alone. */
export function fixedProof(headers: Readonly<Record<string, string>>): Authorizer {
  const proof: Proof = { headers };
  return { prove: async () => proof, renew: async () => undefined };
}
