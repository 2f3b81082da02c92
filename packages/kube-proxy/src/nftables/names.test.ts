import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, ServicePort } from '../model/types.js';
import { endpointNames, servicePortChains } from './names.js';

const port = (name: string, portName: string) =>
  ({ namespace: 'shop', name, protocol: 'tcp', portName }) as ServicePort;
const endpoint = (ip: string) => ({ ip, port: 8080 }) as Endpoint;

test('chains of a service port have its name and the hash of it', () => {
  assert.deepEqual(servicePortChains(port('cart', 'http')), {
    service: 'service-242WI43H-shop/cart/tcp/http',
    local: 'local-242WI43H-shop/cart/tcp/http',
    external: 'external-242WI43H-shop/cart/tcp/http',
    firewall: 'firewall-242WI43H-shop/cart/tcp/http',
  });
  assert.match(servicePortChains(port('cart', '')).service, /^service-[A-Z2-7]{8}-shop\/cart\/tcp\/$/);
});

test('names of an endpoint have no colon', () => {
  const { chain, clients } = endpointNames(port('cart', 'http'), endpoint('fd00:10::1:2'));
  assert.match(chain, /^endpoint-[A-Z2-7]{8}-shop\/cart\/tcp\/http__fd00\.10\.\.1\.2\/8080$/);
  assert.equal(clients, chain.replace('endpoint-', 'affinity-'));
});

test('a name that is too long for the kernel is cut, and still its own', () => {
  const long = 'a'.repeat(63);
  const p = { ...port(long, long), namespace: long };
  const [a, b] = ['fd00:1111:2222:3333:4444:5555:6666:7777', 'fd00:1111:2222:3333:4444:5555:6666:7778'].map(
    (ip) => endpointNames(p, endpoint(ip)).clients,
  );
  assert.notEqual(a, b);
  assert.ok((a?.length ?? 0) < 256 && a?.endsWith('...'), a);
});
