/** One thing to write, and the service port it is for. */
export interface Suspect {
  owner: string;
}

/**
 * After a batch was refused: by halves of the owners, the one whose things are refused, with the error. Undefined if
 * all can be written now. `attempt` writes some and returns the error if it can't; what it could write stays written,
 * so that it must work from what is there.
 */
export async function isolate<S extends Suspect, E>(
  all: readonly S[],
  attempt: (some: readonly S[]) => Promise<E | undefined>,
): Promise<{ owner: string; error: E } | undefined> {
  let error = await attempt(all);
  if (error === undefined) return undefined;
  let suspects = all;
  for (;;) {
    const owners = [...new Set(suspects.map((s) => s.owner))];
    const [owner = ''] = owners;
    if (owners.length <= 1) {
      error ??= await attempt(suspects);
      return error === undefined ? undefined : { owner, error };
    }
    const half = new Set(owners.slice(0, owners.length >> 1));
    const first = suspects.filter((s) => half.has(s.owner));
    error = await attempt(first);
    // If this half could be written it is in the other.
    suspects = error !== undefined ? first : suspects.filter((s) => !half.has(s.owner));
  }
}
