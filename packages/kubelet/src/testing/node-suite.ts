import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { V1ContainerStatus } from '@kubelab/api';
import { eventually, startTestNode, type TestNode, testImage, until } from './test-node.js';

/** A container of a shell script, with the name `c`. */
export const sh = (script: string, extra: object = {}) => ({
  name: 'c',
  image: testImage,
  command: ['/bin/sh', '-c', script],
  ...extra,
});
/** A probe a second, each with time to be made on a busy machine too: one that runs out would count as failed. */
export const often = { periodSeconds: 1, timeoutSeconds: 60 };
/** Ends at once on SIGTERM, which a shell as process 1 would not. */
export const forever = 'trap "exit 0" TERM; sleep 1000 & wait';

/** A node with an agent, from the beginning of a suite (in which it is made) to its end, and questions about its pods. */
export class NodeSuite {
  private started: TestNode | undefined;

  constructor() {
    before(async () => {
      this.started = await startTestNode();
      await this.started.startAgent();
    });
    after(async () => {
      if (process.env.SHOW_LOG) console.error(this.started?.agentLog());
      await this.started?.close();
    });
  }

  get node(): TestNode {
    if (!this.started) throw new Error('the node does not run yet');
    return this.started;
  }

  readonly status = (name: string, container = 'c'): V1ContainerStatus | undefined => {
    const pod = this.node.pod(name)?.status;
    const all = [
      ...(pod?.initContainerStatuses ?? []),
      ...(pod?.containerStatuses ?? []),
      ...(pod?.ephemeralContainerStatuses ?? []),
    ];
    return all.find((candidate) => candidate.name === container);
  };

  readonly condition = (name: string, type: string) =>
    this.node.pod(name)?.status?.conditions?.find((candidate) => candidate.type === type);

  readonly ready = (name: string) =>
    until(
      () => this.condition(name, 'Ready')?.status === 'True',
      `${name} to be ready: ${JSON.stringify(this.node.pod(name)?.status)}`,
    );

  readonly phase = (name: string, wanted: string) =>
    until(() => this.node.pod(name)?.status?.phase === wanted, `${name} to be ${wanted}`);

  readonly gone = async (name: string, grace?: number) => {
    this.node.api.deletePod('default', name, grace);
    await until(() => !this.node.pod(name), `${name} to be gone`);
  };

  readonly events = (name: string) =>
    this.node.api
      .list('events')
      .filter((event) => (event.involvedObject as { name: string }).name === name)
      .map((event) => `${event.reason}: ${event.message}`);

  readonly eventOf = (name: string, text: string) =>
    until(() => this.events(name).some((line) => line.includes(text)), `event ${text}`);

  readonly get = (
    path: string,
    token = 'good',
    onData: () => void = () => undefined,
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const req = request(
        {
          host: this.node.nodeIp,
          port: 10250,
          path,
          rejectUnauthorized: false,
          headers: { authorization: `Bearer ${token}` },
        },
        (res) => {
          let body = '';
          res.on('data', (chunk) => {
            body += chunk;
            onData();
          });
          res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
        },
      );
      req.on('error', reject);
      req.end();
    });

  readonly logs = async (name: string, query = '') => (await this.get(`/containerLogs/default/${name}/c${query}`)).body;

  /** The last test of a suite: what its pods had is gone with them. */
  leavesNothingBehind(): void {
    it('leaves nothing behind', async () => {
      const { api, cri, dir } = this.node;
      await until(() => api.list('pods').length === 0, 'no pods');
      const folders = join(dir, 'kubelet/pods');
      await until(() => !existsSync(folders) || readdirSync(folders).length === 0, 'no pod folders');
      await eventually(async () => assert.equal((await cri.listPodSandbox({})).items.length, 0));
    });
  }
}
