import type { V1PersistentVolumeClaim, V1Pod, V1Volume } from '@kubelab/api';
import { claimsOf } from '../framework/claims.js';
import type { CycleState, StateData } from '../framework/cycle-state.js';
import type { Handle } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Status, unresolvable, unschedulable } from '../framework/status.js';

const name = 'VolumeRestrictions';

/** Numbers of uses, anywhere, of the pod's claims that only one pod may use. */
class State implements StateData {
  constructor(
    readonly exclusive: ReadonlySet<string>,
    public conflicts: number,
  ) {}
  clone(): State {
    return new State(this.exclusive, this.conflicts);
  }
}

const shares = (a: readonly string[], b: readonly string[]): boolean => a.some((x) => b.includes(x));

/** Whether two pods' volumes are the same disk in a way that can't be mounted twice on a node. */
function conflicts(a: V1Volume, b: V1Volume): boolean {
  const { gcePersistentDisk: gce, awsElasticBlockStore: ebs, iscsi, rbd } = a;
  if (gce && b.gcePersistentDisk?.pdName === gce.pdName) return !(gce.readOnly && b.gcePersistentDisk.readOnly);
  if (ebs && b.awsElasticBlockStore?.volumeID === ebs.volumeID) return true;
  if (iscsi && b.iscsi?.iqn === iscsi.iqn) return !(iscsi.readOnly && b.iscsi.readOnly);
  const other = b.rbd;
  if (!rbd || !other || !shares(rbd.monitors, other.monitors)) return false;
  if ((rbd.pool ?? 'rbd') !== (other.pool ?? 'rbd') || rbd.image !== other.image) return false;
  return !(rbd.readOnly && other.readOnly);
}

const isDisk = (v: V1Volume): boolean => Boolean(v.gcePersistentDisk ?? v.awsElasticBlockStore ?? v.iscsi ?? v.rbd);

/** Disks that only one pod of a node may write, and claims that only one pod of the cluster may use (KEP-2485). */
export const volumeRestrictions = (handle: Handle): Plugin => {
  const disksOf = (pod: V1Pod): V1Volume[] => (pod.spec?.volumes ?? []).filter(isDisk);

  function uses(s: State, other: PodInfo): number {
    let n = 0;
    for (const { key } of claimsOf(other.pod)) if (s.exclusive.has(key)) n++;
    return n;
  }

  function shift(state: CycleState, other: PodInfo, sign: 1 | -1): void {
    const s = state.read<State>(name);
    if (s) s.conflicts += sign * uses(s, other);
  }

  return {
    name,
    events: () => [
      {
        resource: 'AssignedPod',
        actions: ['Delete'],
        hint: (pod, e) => {
          const gone = e.old as V1Pod;
          const keys = new Set(claimsOf(gone).map((c) => c.key));
          if (claimsOf(pod).some((c) => keys.has(c.key))) return true;
          return disksOf(pod).some((v) => disksOf(gone).some((g) => conflicts(v, g)));
        },
      },
      { resource: 'Node', actions: ['Add'] },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add'],
        hint: (pod, e) => {
          const { namespace, name: claim } = (e.now as V1PersistentVolumeClaim).metadata ?? {};
          return claimsOf(pod).some((c) => c.key === `${namespace}/${claim}`);
        },
      },
    ],
    preFilter(state, pod, snapshot) {
      const exclusive = new Set<string>();
      for (const use of claimsOf(pod.pod)) {
        if (use.ephemeral) continue;
        const claim = handle.informers.claims.lister.getByKey(use.key);
        if (!claim) return { status: unresolvable(`persistentvolumeclaim "${use.name}" not found`) };
        if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(use.key);
      }
      if (exclusive.size === 0 && disksOf(pod.pod).length === 0) return { status: Status.skip };
      const s = new State(exclusive, 0);
      if (exclusive.size > 0) {
        for (const node of snapshot.nodes) for (const key of exclusive) s.conflicts += node.claims.get(key) ?? 0;
      }
      state.write(name, s);
      return undefined;
    },
    addPod: (state, _pod, added) => shift(state, added, 1),
    removePod: (state, _pod, removed) => shift(state, removed, -1),
    filter(state, pod, node) {
      for (const volume of disksOf(pod.pod)) {
        for (const other of node.pods.values()) {
          if (disksOf(other.pod).some((v) => conflicts(volume, v))) {
            return unschedulable('node(s) had no available disk');
          }
        }
      }
      if ((state.read<State>(name)?.conflicts ?? 0) === 0) return undefined;
      return unschedulable(
        'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
      );
    },
  };
};
