import { newBadRequest } from '@kubelab/apimachinery';

/** Where a list goes on: the state it shows and the first key of the next page. Opaque to clients. */
export interface ContinueToken {
  /** -1: the newest state, for a list whose own state was compacted. */
  revision: number;
  from: string;
}

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.from })).toString(
    'base64url',
  );
}

/** @throws StatusError BadRequest for a text that no list made */
export function decodeContinue(text: string): ContinueToken {
  try {
    const raw = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>;
    if (raw.v === 'meta.k8s.io/v1' && Number.isSafeInteger(raw.rv) && typeof raw.start === 'string') {
      return { revision: raw.rv as number, from: raw.start };
    }
  } catch {
    // Not JSON: answered as any other text that is no token.
  }
  throw newBadRequest('continue key is not valid: the token was not made by this server');
}
