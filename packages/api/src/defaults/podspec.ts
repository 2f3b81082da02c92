import { Quantity } from '@kubelab/apimachinery';
import type {
  V1Container,
  V1ContainerPort,
  V1EnvVar,
  V1EphemeralContainer,
  V1LifecycleHandler,
  V1Pod,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
} from '../generated/types.js';
import { setVolumeDefaults } from './volumes.js';

/** The pull policy that an image's tag implies: Always for `latest` or none, IfNotPresent for others and digests. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (name.includes('@')) return 'IfNotPresent';
  const colon = name.lastIndexOf(':');
  return colon < 0 || name.slice(colon + 1) === 'latest' ? 'Always' : 'IfNotPresent';
}

/** Rounds a resource list up to thousandths, the finest that compute resources have. */
export function roundResources(list: { [name: string]: string } | undefined): void {
  if (!list) return;
  for (const name of Object.keys(list)) {
    const text = list[name];
    if (!text || !/[nu.eE]/.test(text)) continue;
    const quantity = Quantity.tryParse(text);
    if (quantity && (text.endsWith('n') || text.endsWith('u'))) {
      list[name] = Quantity.fromMilli(quantity.milliValue()).toString();
    }
  }
}

function setHttpDefaults(action: { httpGet?: { path?: string; scheme?: string } } | undefined): void {
  if (!action?.httpGet) return;
  action.httpGet.path ||= '/';
  action.httpGet.scheme ||= 'HTTP';
}

function setProbeDefaults(probe: V1Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHttpDefaults(probe);
  if (probe.grpc) probe.grpc.service ??= '';
}

function setEnvDefaults(env: V1EnvVar[] | undefined): void {
  for (const { valueFrom } of env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= '0';
  }
}

function setPortDefaults(ports: V1ContainerPort[] | undefined): void {
  for (const port of ports ?? []) port.protocol ||= 'TCP';
}

const handlerDefaults = (handler: V1LifecycleHandler | undefined): void => setHttpDefaults(handler);

function setContainerDefaults(c: V1Container | V1EphemeralContainer): void {
  c.imagePullPolicy ||= pullPolicyOf(c.image ?? '');
  c.terminationMessagePath ||= '/dev/termination-log';
  c.terminationMessagePolicy ||= 'File';
  c.resources ??= {};
  roundResources(c.resources.limits);
  roundResources(c.resources.requests);
  setPortDefaults(c.ports);
  setEnvDefaults(c.env);
  setProbeDefaults(c.livenessProbe);
  setProbeDefaults(c.readinessProbe);
  setProbeDefaults(c.startupProbe);
  handlerDefaults(c.lifecycle?.postStart);
  handlerDefaults(c.lifecycle?.preStop);
}

/** Defaults of a pod spec, in a pod and in a template. */
export function setPodSpecDefaults(spec: V1PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // serviceAccount is the old name of serviceAccountName; both are kept alike.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const c of spec.initContainers ?? []) setContainerDefaults(c);
  for (const c of spec.containers ?? []) setContainerDefaults(c);
  for (const c of spec.ephemeralContainers ?? []) setContainerDefaults(c);
  roundResources(spec.overhead);
}

/** Defaults of a pod template; without a spec it gets an empty one. */
export function setPodTemplateDefaults(template: V1PodTemplateSpec): void {
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  setPodSpecDefaults(template.spec);
}

function requestsFromLimits(c: V1Container): void {
  const limits = c.resources?.limits;
  if (!c.resources || !limits) return;
  c.resources.requests ??= {};
  for (const [name, value] of Object.entries(limits)) c.resources.requests[name] ??= value;
}

function hostPortsOfHostNetwork(c: V1Container): void {
  for (const port of c.ports ?? []) port.hostPort ||= port.containerPort;
}

/** Defaults of a pod: those of its spec, requests from limits, service links, host ports with host networking. */
export function setPodDefaults(pod: V1Pod): void {
  pod.spec ??= { containers: [] };
  const spec = pod.spec;
  setPodSpecDefaults(spec);
  for (const c of spec.containers ?? []) requestsFromLimits(c);
  for (const c of spec.initContainers ?? []) requestsFromLimits(c);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) hostPortsOfHostNetwork(c);
  }
}
