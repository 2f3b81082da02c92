import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { CniError, type CniErrorContext, cniErrorCode } from './errors.js';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'VERSION';

export interface Invocation {
  command: CniCommand;
  plugin: string;
  /** Name of the network, for errors. */
  network: string;
  containerId?: string;
  netns?: string;
  ifName?: string;
  args?: Record<string, string>;
  /** The execution configuration written to the plugin's stdin. */
  config: unknown;
  binDirs: string[];
  timeoutMs: number;
}

/** Finds a plugin's executable. Throws a CniError that lists where it was looked for. */
export async function findPlugin(type: string, binDirs: string[]): Promise<string> {
  for (const dir of binDirs) {
    const path = join(dir, type);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next directory, or the error below.
    }
  }
  throw new CniError(cniErrorCode.invalidEnvironment, `failed to find plugin "${type}" in path [${binDirs.join(' ')}]`);
}

/** CNI_ARGS: `K=V;K=V`. The format has no quoting, so a separator inside is refused. */
export function formatArgs(args: Record<string, string>): string {
  return Object.entries(args)
    .map(([k, v]) => {
      if (/[;=]/.test(k) || v.includes(';')) {
        throw new CniError(cniErrorCode.invalidEnvironment, `CNI_ARGS cannot carry ${k}=${v}`);
      }
      return `${k}=${v}`;
    })
    .join(';');
}

function decodeFailure(stdout: string, stderr: string, exit: string, context: CniErrorContext): CniError {
  try {
    const e = JSON.parse(stdout) as { code?: number; msg?: string; details?: string };
    if (typeof e.msg === 'string' || typeof e.code === 'number') {
      const details = e.details ? { details: e.details } : {};
      return new CniError(e.code ?? cniErrorCode.internal, e.msg ?? '', { ...details, context });
    }
  } catch {
    // No error object: the plugin broke the protocol; say what it did print.
  }
  const said = stderr.trim() || stdout.trim();
  return new CniError(
    cniErrorCode.internal,
    said ? `netplugin failed: ${said.slice(0, 2000)}` : `netplugin failed with no error message: ${exit}`,
    { context },
  );
}

/**
 * Runs one plugin once: parameters in CNI_* variables, configuration on stdin, result on stdout. Returns the parsed
 * output, or undefined if there was none (DEL, CHECK). Throws CniError with the plugin's code, message and details.
 */
export async function invoke(i: Invocation): Promise<unknown> {
  const path = await findPlugin(i.plugin, i.binDirs);
  const context = { plugin: i.plugin, command: i.command, network: i.network };
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    CNI_COMMAND: i.command,
    CNI_CONTAINERID: i.containerId ?? '',
    CNI_NETNS: i.netns ?? '',
    CNI_IFNAME: i.ifName ?? '',
    CNI_ARGS: formatArgs(i.args ?? {}),
    CNI_PATH: i.binDirs.join(delimiter),
  };
  const { stdout, stderr, exit } = await new Promise<{ stdout: string; stderr: string; exit: number | string }>(
    (resolve, reject) => {
      const child = spawn(path, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: i.timeoutMs, killSignal: 'SIGKILL' });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (b: Buffer) => out.push(b));
      child.stderr.on('data', (b: Buffer) => err.push(b));
      child.on('error', (cause) =>
        reject(new CniError(cniErrorCode.ioFailure, `cannot execute ${path}: ${cause.message}`, { context, cause })),
      );
      child.on('close', (code, signal) =>
        resolve({
          stdout: Buffer.concat(out).toString('utf8'),
          stderr: Buffer.concat(err).toString('utf8'),
          exit: code ?? (signal === 'SIGKILL' ? `killed after ${i.timeoutMs} ms` : `signal ${signal}`),
        }),
      );
      // A plugin may exit without reading its input; its exit code says more than the broken pipe.
      child.stdin.on('error', () => undefined);
      child.stdin.end(JSON.stringify(i.config));
    },
  );
  if (exit !== 0) throw decodeFailure(stdout, stderr, typeof exit === 'number' ? `exit status ${exit}` : exit, context);
  if (stdout.trim() === '') return undefined;
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    throw new CniError(cniErrorCode.failedToDecode, `cannot parse its output: ${stdout.slice(0, 500)}`, {
      context,
      cause,
    });
  }
}
