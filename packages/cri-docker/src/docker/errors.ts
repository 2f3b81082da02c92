import { CriError, type StatusName } from '@kubelab/cri';

/** The HTTP status of a Docker API error, or undefined when the daemon gave no answer. */
export function dockerStatus(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
}

export function isMissing(error: unknown): boolean {
  return dockerStatus(error) === 404;
}

export function isConflict(error: unknown): boolean {
  return dockerStatus(error) === 409;
}

/** 304: already started, or already stopped. */
export function isNotModified(error: unknown): boolean {
  return dockerStatus(error) === 304;
}

/** Docker's own text of an error, without the client's prefix. */
export function dockerMessage(error: unknown): string {
  if (error instanceof Error && 'json' in error && error.json !== null && typeof error.json === 'object') {
    const { message } = error.json as { message?: unknown };
    if (typeof message === 'string') return message;
  }
  // For streams the client has the text only in its own words.
  return error instanceof Error ? error.message.replace(/^\(HTTP code \d+\) [a-z ]+ - /, '').trim() : String(error);
}

const unreachable = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'];

/** A Docker error as the gRPC status it means to a CRI client, saying what was being done. */
export function toCriError(error: unknown, doing: string): CriError {
  if (error instanceof CriError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  if (unreachable.includes(code) && ['connect', 'read', 'write'].includes(syscall)) {
    return new CriError('UNAVAILABLE', `${doing}: Docker is not reachable: ${dockerMessage(error)}`, { cause: error });
  }
  const byStatus: Record<number, StatusName> = {
    400: 'INVALID_ARGUMENT',
    404: 'NOT_FOUND',
    409: 'FAILED_PRECONDITION',
  };
  const status = byStatus[dockerStatus(error) ?? 0] ?? 'UNKNOWN';
  return new CriError(status, `${doing}: ${dockerMessage(error)}`, { cause: error });
}
