/** What a remote command ends with, as sent on the error stream from v4 on (metav1.Status). */
export interface CommandStatus {
  metadata: object;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes: { reason: string; message: string }[] };
}

/** The status for an exit code, or for an error that kept the command from running. */
export function commandStatus(outcome: number | Error): CommandStatus {
  if (outcome === 0) return { metadata: {}, status: 'Success' };
  if (typeof outcome === 'number') {
    return {
      metadata: {},
      status: 'Failure',
      message: `command terminated with non-zero exit code: exit status ${outcome}`,
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: String(outcome) }] },
    };
  }
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${outcome.message}`,
    reason: 'InternalError',
    details: { causes: [{ reason: '', message: outcome.message }] },
  };
}

/** The bytes for the error stream: JSON from v4 on, before that the text of a failure only. */
export function encodeStatus(outcome: number | Error, structured: boolean): Buffer {
  const status = commandStatus(outcome);
  if (structured) return Buffer.from(JSON.stringify(status));
  return Buffer.from(status.status === 'Success' ? '' : (status.message ?? ''));
}

/** The exit code in what a server sent on the error stream. Throws with its message if there is none. */
export function decodeStatus(bytes: Buffer, structured: boolean): number {
  if (bytes.length === 0) return 0;
  if (!structured) throw new Error(`error executing remote command: ${bytes.toString()}`);
  const status = JSON.parse(bytes.toString()) as CommandStatus;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new Error(status.message ?? 'unknown error');
}
