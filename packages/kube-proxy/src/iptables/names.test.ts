import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointChain, isProxyChain, serviceChains } from './names.js';

// Names seen on real clusters: every cluster has the first, and kubeadm's DNS the others.
test('chain names are those of kube-proxy', () => {
  assert.equal(serviceChains('default/kubernetes:https', 'tcp').svc, 'KUBE-SVC-NPX46M4PTMTKRN6Y');
  assert.equal(serviceChains('kube-system/kube-dns:dns', 'udp').svc, 'KUBE-SVC-TCOU7JCQXEZGVUNU');
  assert.equal(serviceChains('kube-system/kube-dns:dns-tcp', 'tcp').svc, 'KUBE-SVC-ERIFXISQEP7F7OF4');
  assert.equal(serviceChains('kube-system/kube-dns:metrics', 'tcp').svc, 'KUBE-SVC-JD5MR3NA4I4DYORP');
});

test('chains of one port share their hash', () => {
  const c = serviceChains('ns1/svc1:p80', 'tcp');
  assert.equal(c.svc, 'KUBE-SVC-XPGD46QRK7WJZT7O');
  assert.equal(c.ext, 'KUBE-EXT-XPGD46QRK7WJZT7O');
  // From kube-proxy's own unit tests.
  assert.equal(endpointChain('ns1/svc1:p80', 'tcp', '10.180.0.1:80'), 'KUBE-SEP-SXIVWICOYRO3J4NJ');
});

test('only chains of the proxy are its own', () => {
  for (const name of ['KUBE-SVC-NPX46M4PTMTKRN6Y', 'KUBE-SERVICES', 'KUBE-MARK-MASQ'])
    assert.ok(isProxyChain('nat', name));
  for (const name of ['DOCKER', 'PREROUTING', 'KUBE-PROXY-CANARY', 'KUBE-SVC-short', 'KUBE-FORWARD']) {
    assert.ok(!isProxyChain('nat', name), name);
  }
  assert.ok(isProxyChain('filter', 'KUBE-FORWARD'));
  assert.ok(!isProxyChain('mangle', 'KUBE-SERVICES'));
});
