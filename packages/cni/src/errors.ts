/** Well-known error codes of the CNI specification 1.0, section "Error". 100 and up belong to the plugins. */
export const cniErrorCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  failedToDecode: 6,
  invalidNetworkConfig: 7,
  tryAgainLater: 11,
  internal: 999,
} as const;

/** What failed: the command, the plugin and its network. All are absent for errors found before a plugin ran. */
export interface CniErrorContext {
  plugin?: string;
  command?: string;
  network?: string;
}

/** An error that a plugin returned (its code, message and details), or one this library found by itself. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string | undefined;
  readonly context: CniErrorContext;

  constructor(code: number, msg: string, o: { details?: string; context?: CniErrorContext; cause?: unknown } = {}) {
    const { plugin, command } = o.context ?? {};
    const where = plugin ? `plugin type="${plugin}" failed${command ? ` (${command.toLowerCase()})` : ''}: ` : '';
    super(`${where}${msg}${o.details ? `: ${o.details}` : ''}`, { cause: o.cause });
    this.name = 'CniError';
    this.code = code;
    this.details = o.details;
    this.context = o.context ?? {};
  }

  /** True when the plugin asked to be called again later (code 11). */
  get retryable(): boolean {
    return this.code === cniErrorCode.tryAgainLater;
  }
}

/** No usable network configuration: the node's network is not ready (kubelet's NetworkReady=false). */
export class NoNetworkConfigError extends CniError {
  constructor(msg: string) {
    super(cniErrorCode.invalidNetworkConfig, msg);
    this.name = 'NoNetworkConfigError';
  }
}
