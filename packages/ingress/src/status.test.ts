import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Ingress, V1IngressLoadBalancerIngress } from '@kubelab/api';
import { newNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { StatusWriter } from './status.js';

/** An API server that has the Ingresses of the test, and what is written into them. */
class Api {
  readonly written: string[] = [];
  readonly ingresses = new Map<string, V1Ingress>();
  readonly client = {
    resource: () => ({
      namespace: (namespace: string) => ({
        patch: async (name: string, body: { status: V1Ingress['status'] }, options: object) => {
          assert.deepEqual(options, { type: 'merge', subresource: 'status' });
          const ingress = this.ingresses.get(`${namespace}/${name}`);
          if (!ingress) throw newNotFound({ group: 'networking.k8s.io', resource: 'ingresses' }, name);
          ingress.status = body.status;
          this.written.push(`${name} ${body.status?.loadBalancer?.ingress?.map((a) => a.ip)}`);
        },
      }),
    }),
  } as unknown as Client; // The one call that is made of it.

  add(name: string, uid = name): V1Ingress {
    const ingress: V1Ingress = { metadata: { namespace: 'ns', name, uid } };
    this.ingresses.set(`ns/${name}`, ingress);
    return ingress;
  }

  list(): V1Ingress[] {
    return [...this.ingresses.values()];
  }
}

const at = (...ips: string[]): V1IngressLoadBalancerIngress[] => ips.map((ip) => ({ ip }));

test('addresses are written where they are not there, once, and at once when they are others', async () => {
  const api = new Api();
  const writer = new StatusWriter(api.client, () => 0);
  api.add('a');
  api.add('b').status = { loadBalancer: { ingress: [{ ip: '10.0.0.1', ports: [{ port: 80, protocol: 'TCP' }] }] } };
  assert.equal(await writer.write(api.list(), at('10.0.0.1')), 0);
  assert.equal(await writer.write(api.list(), at('10.0.0.1')), 0);
  assert.deepEqual(api.written, ['a 10.0.0.1']);
  assert.equal(await writer.write(api.list(), at('10.0.0.2')), 0);
  assert.deepEqual(api.written.splice(0), ['a 10.0.0.1', 'a 10.0.0.2', 'b 10.0.0.2']);
});

test('what somebody else wrote over it is corrected after a minute', async () => {
  const api = new Api();
  let now = 0;
  const writer = new StatusWriter(api.client, () => now);
  const ingress = api.add('a');
  await writer.write(api.list(), at('10.0.0.1'));
  ingress.status = { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } };
  now = 20_000;
  assert.equal(await writer.write(api.list(), at('10.0.0.1')), 40_000);
  assert.deepEqual(api.written.splice(0), ['a 10.0.0.1']);
  now = 60_000;
  assert.equal(await writer.write(api.list(), at('10.0.0.1')), 0);
  assert.deepEqual(api.written.splice(0), ['a 10.0.0.1']);
});

test('an Ingress of the same name is another one; one that is gone is no error', async () => {
  const api = new Api();
  const writer = new StatusWriter(api.client, () => 0);
  api.add('a', 'first');
  await writer.write(api.list(), at('10.0.0.1'));
  api.add('a', 'second');
  await writer.write(api.list(), at('10.0.0.1'));
  assert.deepEqual(api.written.splice(0), ['a 10.0.0.1', 'a 10.0.0.1']);
  const gone = api.add('a', 'third');
  api.ingresses.clear();
  assert.equal(await writer.write([gone], at('10.0.0.1')), 0);
  assert.deepEqual(api.written, []);
});
