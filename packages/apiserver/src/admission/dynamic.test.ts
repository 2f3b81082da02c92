import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import { createCa, signCertificate } from '@kubelab/pki';
import { MemoryObjects } from '../test-objects.js';
import { createAdmission } from './build.js';
import type { AdmissionAttributes } from './plugin.js';

const registration = (resource: string) => ({ group: 'admissionregistration.k8s.io', resource });
const core = (resource: string) => ({ group: '', resource });

interface Review {
  request: { uid: string; object: KubeObject; operation: string; userInfo: { username: string } };
}

async function setup() {
  const objects = new MemoryObjects();
  objects.put(core('namespaces'), { metadata: { name: 'dev', labels: { team: 'a' } } });
  const authorizer = {
    authorize: (a: { verb: string }) => ({ decision: a.verb === 'good' ? ('allow' as const) : ('noOpinion' as const) }),
  };
  const kindLookup = (apiVersion: string, kind: string) =>
    apiVersion === 'v1' && kind === 'ConfigMap'
      ? { group: '', version: 'v1', resource: 'configmaps', namespaced: true }
      : undefined;
  const chain = createAdmission({ enable: [], disable: ['ServiceAccount'], objects, authorizer, kindLookup });
  const stop = await chain.start();
  const admit = async (object: KubeObject, o: Partial<AdmissionAttributes> = {}) => {
    const warnings: string[] = [];
    const a: AdmissionAttributes = {
      operation: 'CREATE',
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      subresource: '',
      namespace: 'dev',
      name: object.metadata.name ?? '',
      object,
      dryRun: false,
      user: { name: 'bob', groups: [] },
      addWarning: (w) => warnings.push(w),
      addAuditAnnotation: () => undefined,
      ...o,
    };
    await chain.mutate(a);
    await chain.validate(a);
    return { object: a.object as KubeObject & { data: Record<string, string> }, warnings };
  };
  return { objects, admit, stop };
}

const configMap = (data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', namespace: 'dev' },
  data,
});
const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];

describe('webhooks', () => {
  let server: Server;
  let url: string;
  let caBundle: string;
  before(async () => {
    const ca = await createCa('webhook-ca');
    const cert = await signCertificate(ca, { commonName: 'hook', ipAddresses: ['127.0.0.1'], usages: ['server'] });
    caBundle = Buffer.from(ca.certPem).toString('base64');
    server = createServer({ key: cert.keyPem, cert: cert.certPem }, (req, res) => {
      let body = '';
      req.on('data', (c) => {
        body += c;
      });
      req.on('end', () => {
        const { request } = JSON.parse(body) as Review;
        const path = (req.url ?? '').split('?')[0];
        const response: Record<string, unknown> = { uid: request.uid, allowed: true };
        if (path === '/patch') {
          response.patchType = 'JSONPatch';
          response.patch = Buffer.from(
            JSON.stringify([{ op: 'add', path: '/data/by', value: request.userInfo.username }]),
          ).toString('base64');
          response.warnings = ['patched'];
        } else if (path === '/deny') {
          response.allowed = false;
          response.status = { message: 'no way', code: 403, reason: 'Forbidden' };
        } else if (path === '/broken') response.uid = 'x';
        if (path === '/hang') return;
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
      });
    });
    await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const webhook = (path: string, o: object = {}) => ({
    name: 'hook.example.com',
    clientConfig: { url: `${url}${path}`, caBundle },
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...o,
  });

  it('mutate', async () => {
    const { objects, admit, stop } = await setup();
    objects.put(registration('mutatingwebhookconfigurations'), {
      metadata: { name: 'm' },
      webhooks: [webhook('/patch')],
    });
    const { object, warnings } = await admit(configMap({ a: '1' }));
    assert.deepEqual(object.data, { a: '1', by: 'bob' });
    assert.deepEqual(warnings, ['patched']);
    stop();
  });
  it('validate, by rules, selectors, conditions and failure policy', async () => {
    const { objects, admit, stop } = await setup();
    const put = (w: object) =>
      objects.put(registration('validatingwebhookconfigurations'), { metadata: { name: 'v' }, webhooks: [w] });
    put(webhook('/deny'));
    await assert.rejects(admit(configMap()), {
      message: 'admission webhook "hook.example.com" denied the request: no way',
    });
    await admit(configMap(), { operation: 'UPDATE' });
    put(webhook('/deny', { namespaceSelector: { matchLabels: { team: 'b' } } }));
    await admit(configMap());
    put(webhook('/deny', { objectSelector: { matchLabels: { x: 'y' } } }));
    await admit(configMap());
    put(webhook('/deny', { matchConditions: [{ name: 'not-bob', expression: 'request.userInfo.username != "bob"' }] }));
    await admit(configMap());
    put(webhook('/broken'));
    await assert.rejects(
      admit(configMap()),
      /Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: expected response.uid=/,
    );
    put(webhook('/broken', { failurePolicy: 'Ignore' }));
    await admit(configMap());
    put(webhook('/hang', { timeoutSeconds: 0.05 }));
    await assert.rejects(admit(configMap()), /failed to call webhook: Post "https:.*context deadline exceeded/);
    put(webhook('/deny', { sideEffects: 'Some' }));
    await assert.rejects(admit(configMap(), { dryRun: true }), /does not support dry run/);
    stop();
  });
});

describe('ValidatingAdmissionPolicy', () => {
  it('denies and warns by CEL over the object, parameters and the authorizer', async () => {
    const { objects, admit, stop } = await setup();
    objects.put(registration('validatingadmissionpolicies'), {
      metadata: { name: 'p' },
      spec: {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        matchConstraints: { resourceRules: rules },
        variables: [{ name: 'count', expression: 'size(object.data)' }],
        validations: [
          { expression: 'variables.count <= int(params.data.max)', messageExpression: '"at most " + params.data.max' },
          { expression: 'authorizer.group("").resource("x").check("good").allowed()' },
          { expression: 'namespaceObject.metadata.labels.team == "a"', message: 'wrong team' },
        ],
      },
    });
    const bind = (spec: object) =>
      objects.put(registration('validatingadmissionpolicybindings'), {
        metadata: { name: 'b' },
        spec: { policyName: 'p', ...spec },
      });
    bind({
      validationActions: ['Deny'],
      paramRef: { name: 'limits', namespace: 'dev', parameterNotFoundAction: 'Deny' },
    });
    await assert.rejects(admit(configMap()), /no params found/);
    objects.put(core('configmaps'), { metadata: { name: 'limits', namespace: 'dev' }, data: { max: '1' } });
    await admit(configMap({ a: '1' }));
    await assert.rejects(admit(configMap({ a: '1', b: '2' })), {
      message: `configmaps "c" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: at most 1`,
    });
    bind({ validationActions: ['Warn'], paramRef: { name: 'limits', namespace: 'dev' } });
    const { warnings } = await admit(configMap({ a: '1', b: '2' }));
    assert.deepEqual(warnings, ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': at most 1"]);
    stop();
  });
});
