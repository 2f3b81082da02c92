/** A container could not be started: becomes the reason and message of its waiting state. */
export class StartError extends Error {
  override readonly name = 'StartError';

  /**
   * @param retryAfterMs when another attempt makes sense; undefined leaves it to the worker's own back-off
   * @param pod who it was for, for the log
   */
  constructor(
    readonly reason: string,
    message: string,
    readonly retryAfterMs?: number,
    readonly pod?: string,
  ) {
    super(message);
  }
}
