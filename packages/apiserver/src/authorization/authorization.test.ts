import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isForbidden, type KubeObject } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import { MemoryObjects } from '../test-objects.js';
import type { AuthorizationAttributes } from './authorizer.js';
import { createAuthorization } from './build.js';
import { forbiddenMessage } from './forbidden.js';
import { uncoveredRules } from './rule-match.js';

const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] });

function can(
  u: UserInfo,
  verb: string,
  resource: string,
  o: Partial<AuthorizationAttributes> = {},
): AuthorizationAttributes {
  const [res = '', sub = ''] = resource.split('/');
  return {
    user: u,
    verb,
    resourceRequest: true,
    apiGroup: '',
    apiVersion: 'v1',
    resource: res,
    subresource: sub,
    namespace: '',
    name: '',
    path: '',
    ...o,
  };
}

async function cluster() {
  const objects = new MemoryObjects();
  const authz = createAuthorization(['Node', 'RBAC'], objects);
  await authz.start();
  await authz.bootstrap();
  const allowed = async (a: AuthorizationAttributes) => (await authz.authorizer.authorize(a)).decision === 'allow';
  return { objects, authz, allowed };
}

const rbac = (resource: string) => ({ group: 'rbac.authorization.k8s.io', resource });

describe('RBAC with the default policy', () => {
  it('decides as a stock cluster', async () => {
    const { allowed } = await cluster();
    const admin = user('kubernetes-admin', 'system:masters');
    const scheduler = user('system:kube-scheduler');
    const manager = user('system:kube-controller-manager');
    const replicaset = user('system:serviceaccount:kube-system:replicaset-controller');
    const nobody = user('bob');
    const cases: [AuthorizationAttributes, boolean][] = [
      [can(admin, 'delete', 'nodes'), true],
      [can(scheduler, 'list', 'pods'), true],
      [can(scheduler, 'create', 'pods/binding', { namespace: 'default' }), true],
      [
        can(scheduler, 'update', 'leases', {
          apiGroup: 'coordination.k8s.io',
          namespace: 'kube-system',
          name: 'kube-scheduler',
        }),
        true,
      ],
      [
        can(scheduler, 'update', 'leases', {
          apiGroup: 'coordination.k8s.io',
          namespace: 'kube-system',
          name: 'other',
        }),
        false,
      ],
      [can(scheduler, 'delete', 'deployments', { apiGroup: 'apps' }), false],
      [can(manager, 'watch', 'widgets', { apiGroup: 'example.com' }), true],
      [
        can(manager, 'update', 'leases', { apiGroup: 'coordination.k8s.io', namespace: 'kube-system', name: 'x' }),
        true,
      ],
      [can(replicaset, 'create', 'pods', { namespace: 'x' }), true],
      [can(replicaset, 'create', 'secrets', { namespace: 'x' }), false],
      [can(nobody, 'list', 'pods', { namespace: 'default' }), false],
      [can(nobody, 'create', 'selfsubjectaccessreviews', { apiGroup: 'authorization.k8s.io' }), true],
      [{ ...can(nobody, 'get', ''), resourceRequest: false, path: '/apis/apps/v1' }, true],
      [
        {
          ...can({ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'get', ''),
          resourceRequest: false,
          path: '/version',
        },
        true,
      ],
      [
        {
          ...can({ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'get', ''),
          resourceRequest: false,
          path: '/api',
        },
        false,
      ],
    ];
    for (const [a, expected] of cases) assert.equal(await allowed(a), expected, forbiddenMessage(a));
  });

  it('follows roles and bindings', async () => {
    const { objects, allowed } = await cluster();
    const bob = user('bob');
    const ask = () => allowed(can(bob, 'get', 'pods', { namespace: 'dev', name: 'a' }));
    assert.equal(await ask(), false);
    objects.put(rbac('roles'), {
      kind: 'Role',
      metadata: { name: 'r', namespace: 'dev' },
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }],
    });
    const binding = {
      kind: 'RoleBinding',
      metadata: { name: 'b', namespace: 'dev' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', name: 'bob' }],
    };
    objects.put(rbac('rolebindings'), binding);
    assert.equal(await ask(), true);
    assert.equal(await allowed(can(bob, 'get', 'pods', { namespace: 'dev', name: 'b' })), false);
    assert.equal(await allowed(can(bob, 'get', 'pods', { namespace: 'prod', name: 'a' })), false);
    objects.put(rbac('rolebindings'), { ...binding, subjects: [] });
    assert.equal(await ask(), false);
    objects.put(rbac('rolebindings'), binding);
    await objects.delete(rbac('roles'), 'dev', 'r');
    assert.equal(await ask(), false);
  });

  it('says what is forbidden in the words of Kubernetes', () => {
    assert.equal(
      forbiddenMessage(can(user('x'), 'list', 'pods', { namespace: 'default' })),
      'User "x" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    assert.equal(
      forbiddenMessage(can(user('x'), 'get', 'pods/log', { apiGroup: '' })),
      'User "x" cannot get resource "pods/log" in API group "" at the cluster scope',
    );
  });

  it('mends what an administrator broke, and keeps what they added', async () => {
    const { objects, authz } = await cluster();
    const name = 'system:node-proxier';
    const role = (await objects.get(rbac('clusterroles'), '', name)) as KubeObject;
    objects.put(rbac('clusterroles'), { ...role, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['extra'] }] });
    await authz.bootstrap();
    const now = (await objects.get(rbac('clusterroles'), '', name)) as KubeObject & {
      rules: { resources: string[] }[];
    };
    assert.ok(now.rules.some((r) => r.resources.includes('extra')));
    assert.ok(now.rules.some((r) => r.resources.includes('services')));
  });
});

describe('escalation', () => {
  it('refuses to give away more than one has', async () => {
    const { objects, authz } = await cluster();
    const escalation = authz.escalation;
    assert.ok(escalation);
    const grant = (name: string) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: `${name}-binding`, namespace: 'dev' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', name: 'eve' }],
    });
    const eve = user('eve');
    await assert.rejects(escalation.check(eve, grant('cluster-admin')), (e) => {
      assert.ok(isForbidden(e));
      assert.match(
        (e as Error).message,
        /user "eve" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}/,
      );
      return true;
    });
    await assert.rejects(
      escalation.check(eve, grant('missing')),
      /clusterroles\.rbac\.authorization\.k8s\.io "missing" not found/,
    );
    objects.put(rbac('rolebindings'), grant('system:kube-dns'));
    await escalation.check(eve, grant('system:kube-dns'));
    await escalation.check(user('root', 'system:masters'), grant('cluster-admin'));
  });
  it('knows which rules cover which', () => {
    const pods = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };
    assert.deepEqual(uncoveredRules([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], [pods]), []);
    assert.equal(uncoveredRules([{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], [pods]).length, 1);
    assert.equal(uncoveredRules([{ ...pods, resourceNames: ['a'] }], [pods]).length, 2);
    assert.deepEqual(uncoveredRules([pods], [{ ...pods, resourceNames: ['a'] }]), []);
  });
});

describe('Node authorizer', () => {
  it('keeps a node to itself and its pods', async () => {
    const { objects, allowed } = await cluster();
    const node = user('system:node:n1', 'system:nodes');
    const ask = (name: string, resource = 'secrets') =>
      allowed(can(node, 'get', resource, { namespace: 'default', name }));
    assert.equal(await ask('s1'), false);
    objects.put(
      { group: '', resource: 'pods' },
      {
        metadata: { name: 'p', namespace: 'default' },
        spec: {
          nodeName: 'n1',
          serviceAccountName: 'default',
          containers: [{ name: 'c', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's1', key: 'k' } } }] }],
          volumes: [
            { name: 'v', configMap: { name: 'cm' } },
            { name: 'w', persistentVolumeClaim: { claimName: 'claim' } },
          ],
        },
      },
    );
    objects.put(
      { group: '', resource: 'persistentvolumes' },
      {
        metadata: { name: 'pv' },
        spec: { claimRef: { namespace: 'default', name: 'claim' } },
      },
    );
    assert.equal(await ask('s1'), true);
    assert.equal(await ask('s2'), false);
    assert.equal(await ask('cm', 'configmaps'), true);
    assert.equal(await ask('claim', 'persistentvolumeclaims'), true);
    assert.equal(await allowed(can(node, 'get', 'persistentvolumes', { name: 'pv' })), true);
    assert.equal(
      await allowed(can(node, 'create', 'serviceaccounts/token', { namespace: 'default', name: 'default' })),
      true,
    );
    assert.equal(
      await allowed(can(node, 'create', 'serviceaccounts/token', { namespace: 'default', name: 'other' })),
      false,
    );
    assert.equal(
      await allowed(
        can(user('system:node:n2', 'system:nodes'), 'get', 'secrets', { namespace: 'default', name: 's1' }),
      ),
      false,
    );
    assert.equal(await allowed(can(node, 'patch', 'nodes/status', { name: 'n1' })), true);
    assert.equal(await allowed(can(node, 'patch', 'nodes/status', { name: 'n2' })), false);
    const lease = { apiGroup: 'coordination.k8s.io', namespace: 'kube-node-lease', name: 'n1' };
    assert.equal(await allowed(can(node, 'update', 'leases', lease)), true);
    assert.equal(await allowed(can(node, 'update', 'leases', { ...lease, name: 'n2' })), false);
    assert.equal(await allowed(can(node, 'list', 'secrets', { namespace: 'default' })), false);
    await objects.delete({ group: '', resource: 'pods' }, 'default', 'p');
    assert.equal(await ask('s1'), false);
  });
});

describe('reviews', () => {
  it('answer SelfSubjectAccessReview and rules', async () => {
    const { authz } = await cluster();
    const admin = user('a', 'system:masters');
    const ssar = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: {},
      spec: { resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } },
    };
    const ctx = { user: admin, namespace: '' };
    const answer = await authz.reviews.selfsubjectaccessreviews?.(ssar, ctx);
    assert.equal((answer?.status as { allowed: boolean } | undefined)?.allowed, true);
    const denied = await authz.reviews.selfsubjectaccessreviews?.(ssar, { user: user('b'), namespace: '' });
    assert.equal((denied?.status as { allowed: boolean } | undefined)?.allowed, false);
    await assert.rejects(
      async () => authz.reviews.subjectaccessreviews?.(ssar, ctx),
      /at least one of user or group must be specified/,
    );
    const rules = await authz.reviews.selfsubjectrulesreviews?.(
      { ...ssar, kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } },
      ctx,
    );
    const status = rules?.status as { resourceRules: unknown[]; incomplete: boolean } | undefined;
    assert.ok((status?.resourceRules.length ?? 0) > 0);
    assert.equal(status?.incomplete, false);
  });
});
