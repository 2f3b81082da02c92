import type { Duplex } from 'node:stream';
import { CriError, type PortForwardRequestOutput, type PortForwardResponse } from '@kubelab/cri';
import { servePortForward } from '@kubelab/streaming';
import type { RuntimeContext } from '../context.js';
import { netnsPath, usesHostNetwork } from '../sandbox/network.js';
import { inspectSandbox } from '../sandbox/status.js';
import { join } from './join.js';
import { NetnsDialer } from './netns-dialer.js';

/** Prepares connections to ports of a sandbox. */
export async function portForward(
  context: RuntimeContext,
  request: PortForwardRequestOutput,
): Promise<PortForwardResponse> {
  const { info, record } = await inspectSandbox(context, request.pod_sandbox_id);
  if (!info.State.Running) {
    throw new CriError('FAILED_PRECONDITION', `sandbox ${request.pod_sandbox_id} is not running`);
  }
  const netns = usesHostNetwork(record) ? '' : netnsPath(info.State.Pid);
  const url = context.streaming.prepare('portforward', async (req, socket, head) => {
    const dialer = new NetnsDialer(netns);
    try {
      const connect = async (port: number, stream: Duplex) => join(await dialer.dial(port), stream);
      await servePortForward(req, socket, head, connect, request.port.length > 0 ? request.port : undefined);
    } finally {
      dialer.close();
    }
  });
  return { url };
}
