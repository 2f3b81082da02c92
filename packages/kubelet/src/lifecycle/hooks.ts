import { connect } from 'node:net';
import type { V1Container, V1LifecycleHandler } from '@kubelab/api';
import type { CriClient } from '@kubelab/cri';
import { httpGet, resolvePort } from './http-request.js';

/** An HTTP hook has no timeout of its own in the API; the pod's grace period bounds preStop. */
const httpHookTimeoutMs = 30_000;

/** Runs a postStart or preStop handler. Rejects when it fails; aborts with the signal. */
export async function runHook(
  cri: CriClient,
  handler: V1LifecycleHandler,
  container: V1Container,
  containerId: string,
  podIp: string,
  signal?: AbortSignal,
): Promise<void> {
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const result = await cri.execSync(
      { container_id: containerId, cmd: command, timeout: 0 },
      { signal, timeoutMs: 0 },
    );
    if (result.exit_code !== 0) {
      const output = Buffer.concat([Buffer.from(result.stdout), Buffer.from(result.stderr)]).toString();
      const text = `command '${command.join(' ')}' exited with ${result.exit_code}`;
      throw new Error(output ? `${text}: ${output}` : text);
    }
  } else if (handler.httpGet) {
    const options = { timeoutMs: httpHookTimeoutMs, userAgent: 'kube-lifecycle/1.33', signal };
    // Any answer will do: a hook tells, it does not ask.
    await httpGet(handler.httpGet, container, podIp, options);
  } else if (handler.sleep) {
    await sleep(handler.sleep.seconds * 1000, signal);
  } else if (handler.tcpSocket) {
    await tcpConnect(
      handler.tcpSocket.host || podIp,
      resolvePort(handler.tcpSocket.port, container),
      httpHookTimeoutMs,
    );
  } else {
    throw new Error('invalid handler: no action');
  }
}

/** Waits; ends early, without an error, when the signal aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Opens a TCP connection and closes it. Rejects with Go's words. */
export function tcpConnect(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const socket = connect({ host, port });
    const fail = (text: string) => {
      socket.destroy();
      reject(new Error(`dial tcp ${where}: ${text}`));
    };
    socket.setTimeout(timeoutMs, () => fail('i/o timeout'));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message);
    });
  });
}
