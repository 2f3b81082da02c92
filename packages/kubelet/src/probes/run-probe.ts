import type { V1Container, V1Probe } from '@kubelab/api';
import { type CriClient, CriError } from '@kubelab/cri';
import { tcpConnect } from '../lifecycle/hooks.js';
import { httpGet, resolvePort, urlHost } from '../lifecycle/http-request.js';
import { checkGrpc } from './grpc-health.js';

export interface ProbeOutcome {
  result: 'success' | 'failure' | 'warning';
  output: string;
}

const maxOutput = 10 * 1024;

/** Runs one probe once. Never rejects for what the probe finds; rejects when the runtime can't be asked. */
export async function runProbe(
  cri: CriClient,
  probe: V1Probe,
  container: V1Container,
  containerId: string,
  podIp: string,
): Promise<ProbeOutcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec) return execProbe(cri, probe.exec.command ?? [], containerId, timeoutMs);
  try {
    if (probe.httpGet) {
      const answer = await httpGet(probe.httpGet, container, podIp, { timeoutMs, userAgent: 'kube-probe/1.33' });
      const { status, body } = answer;
      if (status >= 200 && status < 300) return { result: 'success', output: body };
      if (status < 400) return { result: 'warning', output: redirectText(answer.location, body) };
      return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
    }
    if (probe.tcpSocket) {
      const host = probe.tcpSocket.host || podIp;
      await tcpConnect(host, resolvePort(probe.tcpSocket.port, container), timeoutMs);
      return { result: 'success', output: '' };
    }
    if (probe.grpc) {
      return await checkGrpc(`${urlHost(podIp)}:${probe.grpc.port}`, probe.grpc.service ?? '', timeoutMs);
    }
  } catch (error) {
    return { result: 'failure', output: (error as Error).message };
  }
  return { result: 'failure', output: 'missing probe handler' };
}

const redirectText = (location: string | undefined, body: string) =>
  location ? `Probe terminated redirects, Response body: ${body}` : body;

async function execProbe(cri: CriClient, cmd: string[], containerId: string, timeoutMs: number): Promise<ProbeOutcome> {
  try {
    const answer = await cri.execSync(
      { container_id: containerId, cmd, timeout: Math.ceil(timeoutMs / 1000) },
      { timeoutMs: timeoutMs + 5_000 },
    );
    const text = Buffer.concat([Buffer.from(answer.stdout), Buffer.from(answer.stderr)]).toString('utf8', 0, maxOutput);
    return { result: answer.exit_code === 0 ? 'success' : 'failure', output: text };
  } catch (error) {
    if (error instanceof CriError && error.code === 'DEADLINE_EXCEEDED') {
      return {
        result: 'failure',
        output: `command timed out: ${JSON.stringify(cmd.join(' '))} timed out after ${timeoutMs / 1000}s`,
      };
    }
    throw error;
  }
}
