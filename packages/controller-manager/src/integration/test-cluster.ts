import { after, before } from 'node:test';
import type { V1Pod, V1PodTemplateSpec } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { type ApiObject, type Client, type Gvr, gvr, waitFor } from '@kubelab/client';
import { type Environment, startEnvironment } from './environment.js';
import { exitCodeAnnotation, FakeNodes } from './fake-nodes.js';

/** A killed controller manager is followed by another one only when its lease of 15 s has run out. */
const timeoutMs = 180_000;
/** Where the tests' objects are. */
export const namespace = 'default';

/** An object of whatever kind. */
export type Any = ApiObject & {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
};

/** A control plane with three nodes that only say they run pods, from the beginning of a test file to its end. */
export class TestCluster {
  private env: Environment | undefined;
  private fakes: FakeNodes | undefined;
  private readonly stopNodes = new AbortController();

  constructor() {
    before(async () => {
      this.env = await startEnvironment(['--node-monitor-grace-period=6s', '--node-monitor-period=500ms']);
      this.fakes = new FakeNodes(this.env.client, ['node-a', 'node-b', 'node-c']);
      await this.fakes.start(this.stopNodes.signal);
      // Without it no pod is let in.
      await eventually('the default service account', () => this.find(gvr.serviceaccounts, 'default'));
    });
    after(async () => {
      this.stopNodes.abort();
      await this.env?.stop();
    });
  }

  get client(): Client {
    return this.running.client;
  }

  get nodes(): FakeNodes {
    if (!this.fakes) throw new Error('the nodes do not run yet');
    return this.fakes;
  }

  restart(process: Parameters<Environment['restart']>[0]): Promise<void> {
    return this.running.restart(process);
  }

  /** A resource, in the tests' namespace unless another one is named; of no namespace: ''. */
  readonly api = (resource: Gvr, ns = namespace) => {
    const all = this.client.resource<Any>(resource);
    return ns === '' ? all : all.namespace(ns);
  };

  readonly find = async (resource: Gvr, name: string, ns?: string): Promise<Any | undefined> => {
    try {
      return await this.api(resource, ns).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  readonly gone = (resource: Gvr, name: string, ns?: string): Promise<void> =>
    eventually(
      `${resource.resource} ${name} to be gone`,
      async () => (await this.find(resource, name, ns)) === undefined,
    );

  readonly podsOf = async (app: string): Promise<V1Pod[]> => {
    const pods = this.client.resource<V1Pod>(gvr.pods).namespace(namespace);
    return (await pods.list({ labelSelector: `app=${app}` })).items;
  };

  /** Nothing while its controller has not seen the object as it is: what the status says is of before the last change. */
  readonly statusOf = async (resource: Gvr, name: string): Promise<Record<string, unknown>> => {
    const { metadata, status = {} } = (await this.find(resource, name)) ?? {};
    const observed = status.observedGeneration as number | undefined;
    return observed !== undefined && observed < (metadata?.generation ?? 0) ? {} : status;
  };

  private get running(): Environment {
    if (!this.env) throw new Error('the control plane does not run yet');
    return this.env;
  }
}

/** Waits until a condition holds. */
export async function eventually(what: string, condition: () => Promise<unknown>): Promise<void> {
  await waitFor(what, async () => Boolean(await condition()), { timeoutMs });
}

/** A pod template that `FakeNodes` understand. */
export function template(
  app: string,
  extra: { exitCode?: number; version?: string; restartPolicy?: string } = {},
): V1PodTemplateSpec {
  return {
    metadata: {
      labels: { app },
      annotations: extra.exitCode === undefined ? {} : { [exitCodeAnnotation]: String(extra.exitCode) },
    },
    spec: {
      restartPolicy: extra.restartPolicy,
      containers: [{ name: 'main', image: `test:${extra.version ?? '1'}` }],
      terminationGracePeriodSeconds: 1,
    },
  };
}

/** A workload whose pods have its name as label `app`. */
export function workload(apiVersion: string, kind: string, name: string, spec: Record<string, unknown>): Any {
  const selector = { matchLabels: { app: name } };
  return { apiVersion, kind, metadata: { name }, spec: { selector, template: template(name), ...spec } };
}
