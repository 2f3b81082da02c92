import type { FlowcontrolV1Subject, V1PolicyRulesWithSubjects, V1ResourcePolicyRule } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';

/** Keeps the spec of a default object as this server has it, unless an admin sets it to "false". */
export const autoUpdateAnnotation = 'apf.kubernetes.io/autoupdate-spec';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';

interface Queues {
  queues: number;
  handSize: number;
  queueLengthLimit: number;
}

function priorityLevel(name: string, spec: object): KubeObject {
  return {
    apiVersion,
    kind: 'PriorityLevelConfiguration',
    metadata: { name, annotations: { [autoUpdateAnnotation]: 'true' } },
    spec,
  };
}

function limited(name: string, shares: number, lendablePercent: number, queuing?: Queues): KubeObject {
  return priorityLevel(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: queuing ? { type: 'Queue', queuing } : { type: 'Reject' },
    },
  });
}

const queues = (n: number, handSize = 6): Queues => ({ queues: n, handSize, queueLengthLimit: 50 });

/** The priority levels of a stock cluster (k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap). */
export const defaultPriorityLevels: KubeObject[] = [
  priorityLevel('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  limited('catch-all', 5, 0),
  limited('system', 30, 33, queues(64)),
  limited('node-high', 40, 25, queues(64)),
  limited('leader-election', 10, 0, queues(16, 4)),
  limited('workload-high', 40, 50, queues(128)),
  limited('workload-low', 100, 90, queues(128)),
  limited('global-default', 20, 50, queues(128)),
];

const user = (name: string): FlowcontrolV1Subject => ({ kind: 'User', user: { name } });
const group = (name: string): FlowcontrolV1Subject => ({ kind: 'Group', group: { name } });
const systemAccount = (name: string): FlowcontrolV1Subject => ({
  kind: 'ServiceAccount',
  serviceAccount: { name, namespace: 'kube-system' },
});

const everyResource: V1ResourcePolicyRule = {
  verbs: ['*'],
  apiGroups: ['*'],
  resources: ['*'],
  clusterScope: true,
  namespaces: ['*'],
};
const everyPath = { verbs: ['*'], nonResourceURLs: ['*'] };
const everything = { resourceRules: [everyResource], nonResourceRules: [everyPath] };

const namespaced = (verbs: string[], apiGroup: string, resources: string[]): V1ResourcePolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
  namespaces: ['*'],
});
const locking = ['get', 'create', 'update'];

function flowSchema(
  name: string,
  level: string,
  precedence: number,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  rules: V1PolicyRulesWithSubjects[],
): KubeObject {
  return {
    apiVersion,
    kind: 'FlowSchema',
    metadata: { name, annotations: { [autoUpdateAnnotation]: 'true' } },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules,
    },
  };
}

const everybody = [group('system:unauthenticated'), group('system:authenticated')];
const controllerManager = user('system:kube-controller-manager');
const scheduler = user('system:kube-scheduler');

/** The flow schemas of a stock cluster. */
export const defaultFlowSchemas: KubeObject[] = [
  flowSchema('exempt', 'exempt', 1, undefined, [{ subjects: [group('system:masters')], ...everything }]),
  flowSchema('probes', 'exempt', 2, undefined, [
    { subjects: everybody, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] },
  ]),
  flowSchema('system-leader-election', 'leader-election', 100, 'ByUser', [
    {
      subjects: [controllerManager, scheduler, systemAccount('*')],
      resourceRules: [namespaced(locking, 'coordination.k8s.io', ['leases'])],
    },
  ]),
  flowSchema('endpoint-controller', 'workload-high', 150, 'ByUser', [
    {
      subjects: [
        controllerManager,
        systemAccount('endpoint-controller'),
        systemAccount('endpointslicemirroring-controller'),
      ],
      resourceRules: [namespaced(locking, '', ['endpoints'])],
    },
  ]),
  flowSchema('workload-leader-election', 'leader-election', 200, 'ByUser', [
    {
      subjects: [systemAccount('*')],
      resourceRules: [
        namespaced(locking, '', ['endpoints', 'configmaps']),
        namespaced(locking, 'coordination.k8s.io', ['leases']),
      ],
    },
  ]),
  flowSchema('system-node-high', 'node-high', 400, 'ByUser', [
    {
      subjects: [group('system:nodes')],
      resourceRules: [
        { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
        namespaced(['*'], 'coordination.k8s.io', ['leases']),
      ],
    },
  ]),
  flowSchema('system-nodes', 'system', 500, 'ByUser', [{ subjects: [group('system:nodes')], ...everything }]),
  flowSchema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', [
    { subjects: [controllerManager], ...everything },
  ]),
  flowSchema('kube-scheduler', 'workload-high', 800, 'ByNamespace', [{ subjects: [scheduler], ...everything }]),
  flowSchema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', [
    { subjects: [systemAccount('*')], ...everything },
  ]),
  flowSchema('service-accounts', 'workload-low', 9000, 'ByUser', [
    { subjects: [group('system:serviceaccounts')], ...everything },
  ]),
  flowSchema('global-default', 'global-default', 9900, 'ByUser', [{ subjects: everybody, ...everything }]),
  flowSchema('catch-all', 'catch-all', 10000, 'ByUser', [{ subjects: everybody, ...everything }]),
];
