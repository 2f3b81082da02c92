import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  caCertHash,
  createCa,
  createCsr,
  parseCsr,
  readKeyPair,
  signCertificate,
  signCsr,
  writeKeyPair,
} from './index.js';

test('a signed certificate carries subject, names and usages and verifies against its authority', async () => {
  const ca = await createCa('kubernetes');
  const pair = await signCertificate(ca, {
    commonName: 'kube-apiserver',
    organizations: ['system:masters', 'x'],
    dnsNames: ['kubernetes', 'localhost'],
    ipAddresses: ['10.96.0.1', '::1'],
    usages: ['server', 'client'],
  });
  const cert = new X509Certificate(pair.certPem);
  assert.ok(cert.verify(new X509Certificate(ca.certPem).publicKey));
  assert.match(cert.subject, /O=system:masters\nO=x\nCN=kube-apiserver/);
  assert.match(cert.subjectAltName ?? '', /DNS:kubernetes, DNS:localhost, IP Address:10.96.0.1/);
  assert.ok(cert.checkIP('10.96.0.1'));
  assert.deepEqual(cert.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.match(caCertHash(ca.certPem), /^sha256:[0-9a-f]{64}$/);
});

test('a request keeps its subject and names when signed, and the lifetime is the one asked for', async () => {
  const ca = await createCa('kubernetes');
  const { csrPem } = await createCsr({
    commonName: 'system:node:node1',
    organizations: ['system:nodes'],
    ipAddresses: ['172.30.0.11'],
  });
  const parsed = await parseCsr(csrPem);
  assert.equal(parsed.commonName, 'system:node:node1');
  assert.deepEqual(parsed.organizations, ['system:nodes']);
  assert.deepEqual(parsed.ipAddresses, ['172.30.0.11']);
  const cert = new X509Certificate(
    await signCsr(ca, csrPem, { usages: ['digital signature', 'client auth'], expirationSeconds: 3600 }),
  );
  assert.match(cert.subject, /CN=system:node:node1/);
  assert.deepEqual(cert.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  const lifetimeMs = Date.parse(cert.validTo) - Date.now();
  assert.ok(lifetimeMs > 3_500_000 && lifetimeMs <= 3_600_000, String(lifetimeMs));
  await assert.rejects(signCsr(ca, csrPem, { usages: ['nonsense'], expirationSeconds: 60 }), /unrecognized key usage/);
  await assert.rejects(parseCsr('rubbish'));
});

test('keys on disk are readable by their owner only', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-pki-'));
  try {
    const ca = await createCa('x');
    writeKeyPair(dir, 'ca', ca);
    assert.equal(statSync(join(dir, 'ca.key')).mode & 0o777, 0o600);
    assert.equal(statSync(join(dir, 'ca.crt')).mode & 0o777, 0o644);
    assert.deepEqual(readKeyPair(dir, 'ca'), ca);
    assert.equal(readKeyPair(dir, 'other'), undefined);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
