import type { V1Container, V1PodSpec, V1Volume } from '@kubelab/api';
import { type KubeObject, randomSuffix } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { allContainers, isCore, isMirrorPod, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

export const tokenMountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const tokenExpirationSeconds = 3607;

interface ServiceAccount extends KubeObject {
  secrets?: { name?: string }[];
  imagePullSecrets?: { name?: string }[];
  automountServiceAccountToken?: boolean;
}

/** Gives a pod the service account `default` when it names none, and mounts a projected token for it. */
export class ServiceAccountPlugin implements AdmissionPlugin {
  readonly name = 'ServiceAccount';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    const pod = a.object;
    if (!pod || a.operation !== 'CREATE' || !isCore(a, 'pods') || isMirrorPod(pod)) return;
    const spec = podSpec(pod);
    if (!spec.serviceAccountName) {
      spec.serviceAccountName = 'default';
      spec.serviceAccount = 'default';
    }
    const account = await this.account(a, spec.serviceAccountName);
    if (shouldMount(account, spec)) mountToken(spec);
    if ((spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = account.imagePullSecrets.map((s) => ({ ...s }));
    }
  }

  async validate(a: AdmissionAttributes): Promise<void> {
    const pod = a.object;
    if (!pod || a.resource.group !== '' || a.resource.resource !== 'pods') return;
    if (a.operation === 'UPDATE' && a.subresource === 'ephemeralcontainers') return;
    if (a.operation !== 'CREATE' || a.subresource !== '') return;
    const spec = podSpec(pod);
    if (isMirrorPod(pod)) {
      checkMirrorPod(a, spec);
      return;
    }
    if (!spec.serviceAccountName) throw admissionForbidden(a, 'no service account specified for pod');
    const account = await this.account(a, spec.serviceAccountName);
    if (account.metadata.annotations?.['kubernetes.io/enforce-mountable-secrets'] === 'true')
      limitSecrets(a, account, spec);
  }

  private async account(a: AdmissionAttributes, name: string): Promise<ServiceAccount> {
    const gr = { group: '', resource: 'serviceaccounts' };
    const found =
      (await this.objects.get(gr, a.namespace, name)) ??
      (await this.objects.get(gr, a.namespace, name, { consistent: true }));
    if (!found) {
      throw admissionForbidden(
        a,
        `error looking up service account ${a.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      );
    }
    return found as ServiceAccount;
  }
}

function checkMirrorPod(a: AdmissionAttributes, spec: V1PodSpec): void {
  if (spec.serviceAccountName) throw admissionForbidden(a, 'a mirror pod may not reference service accounts');
  const volumes = spec.volumes ?? [];
  if (volumes.some((v) => v.secret)) throw admissionForbidden(a, 'a mirror pod may not reference secrets');
  if (volumes.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken))) {
    throw admissionForbidden(a, 'a mirror pod may not use ServiceAccountToken volume projections');
  }
}

function shouldMount(account: ServiceAccount, spec: V1PodSpec): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

/** The three sources that make up /var/run/secrets/kubernetes.io/serviceaccount. */
function tokenVolume(name: string): V1Volume {
  return {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenExpirationSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
}

function mountToken(spec: V1PodSpec): void {
  const volumes = spec.volumes ?? [];
  const known = volumes.find((v) => v.name?.startsWith(volumePrefix) && v.projected);
  const name = known?.name ?? freeName(volumes);
  let used = false;
  const mount = (c: V1Container) => {
    if ((c.volumeMounts ?? []).some((m) => m.mountPath === tokenMountPath)) return;
    c.volumeMounts = [...(c.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenMountPath }];
    used = true;
  };
  for (const c of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) mount(c);
  if (!known && used) spec.volumes = [...volumes, tokenVolume(name)];
}

function freeName(volumes: V1Volume[]): string {
  for (;;) {
    const name = `${volumePrefix}${randomSuffix(5)}`;
    if (!volumes.some((v) => v.name === name)) return name;
  }
}

function limitSecrets(a: AdmissionAttributes, account: ServiceAccount, spec: V1PodSpec): void {
  const mountable = new Set((account.secrets ?? []).map((s) => s.name));
  const pullable = new Set((account.imagePullSecrets ?? []).map((s) => s.name));
  const accountName = account.metadata.name;
  for (const v of spec.volumes ?? []) {
    const secret = v.secret?.secretName;
    if (secret && !mountable.has(secret)) {
      throw admissionForbidden(
        a,
        `volume with secret.secretName=${JSON.stringify(secret)} is not allowed because service account ${accountName} does not reference that secret`,
      );
    }
  }
  for (const c of allContainers(spec)) {
    for (const e of c.env ?? []) {
      const secret = e.valueFrom?.secretKeyRef?.name;
      if (secret && !mountable.has(secret)) {
        throw admissionForbidden(
          a,
          `container ${c.name} with envVar ${e.name} referencing secret.secretName=${JSON.stringify(secret)} is not allowed because service account ${accountName} does not reference that secret`,
        );
      }
    }
  }
  (spec.imagePullSecrets ?? []).forEach((s, i) => {
    if (s.name && !pullable.has(s.name)) {
      throw admissionForbidden(
        a,
        `imagePullSecrets[${i}].name=${JSON.stringify(s.name)} is not allowed because service account ${accountName} does not reference that imagePullSecret`,
      );
    }
  });
}
