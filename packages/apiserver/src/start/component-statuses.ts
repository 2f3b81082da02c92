import { request } from 'node:https';
import type { V1ComponentStatus } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';

/** A part of the control plane and how to ask whether it is well. */
export interface ComponentProbe {
  name: string;
  /** Resolves to what it says when it is well. Rejects when it is not. */
  check(): Promise<string>;
}

const timeoutMs = 20_000;

/**
 * Asks /healthz of a component on this machine. It is not authenticated, as in Kubernetes: its certificate is one of
 * its own making and the answer carries no secret.
 */
export function localProbe(name: string, port: number): ComponentProbe {
  const url = `https://127.0.0.1:${port}/healthz`;
  const check = () =>
    new Promise<string>((resolve, reject) => {
      const req = request(url, { rejectUnauthorized: false, timeout: timeoutMs, agent: false }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, 4096);
        });
        res.on('error', reject);
        res.on('end', () => {
          if (res.statusCode === 200) resolve(text);
          else reject(new Error(text || `HTTP ${res.statusCode}`));
        });
      });
      req.on('timeout', () => req.destroy(new Error('timed out')));
      req.on('error', (error) => reject(new Error(`Get ${JSON.stringify(url)}: ${error.message}`)));
      req.end();
    });
  return { name, check };
}

/** The objects of `kubectl get componentstatuses`, made by asking every component. */
export async function componentStatuses(probes: ComponentProbe[]): Promise<KubeObject[]> {
  return Promise.all(
    probes.map(async ({ name, check }): Promise<KubeObject> => {
      const status: V1ComponentStatus = {
        apiVersion: 'v1',
        kind: 'ComponentStatus',
        metadata: { name },
        conditions: [
          await check().then(
            (message) => ({ type: 'Healthy', status: 'True', message }),
            (error: Error) => ({ type: 'Healthy', status: 'False', message: error.message }),
          ),
        ],
      };
      return status as KubeObject;
    }),
  );
}
