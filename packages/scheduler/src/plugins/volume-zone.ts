import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1StorageClass } from '@kubelab/api';
import { deepEqual } from '@kubelab/apimachinery';
import { claimsOf, storageClassOf } from '../framework/claims.js';
import { ConstantState } from '../framework/cycle-state.js';
import type { Handle } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import { Status, unresolvable } from '../framework/status.js';

const name = 'VolumeZone';

/** Topology labels; old names with what they are called now. */
const stableName: Record<string, string> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};

interface Topology {
  key: string;
  values: ReadonlySet<string>;
}

class State extends ConstantState {
  constructor(readonly topologies: readonly Topology[]) {
    super();
  }
}

/** A volume's zones; a label may name several, `a__b`. */
function topologiesOf(volume: V1PersistentVolume): Topology[] {
  const labels = volume.metadata?.labels ?? {};
  return Object.keys(stableName).flatMap((key) => {
    const values = labels[key]?.split('__').map((v) => v.trim());
    return values?.every((v) => v !== '') ? [{ key, values: new Set(values) }] : [];
  });
}

/** Nodes must be in the zone and region that the labels of the pod's bound volumes name. */
export const volumeZone = (handle: Handle): Plugin => {
  const { claims, volumes, storageClasses } = handle.informers;

  /** The claim's volume; nothing for one that waits for its first consumer; or why there is none. */
  function volumeOf(key: string, claimName: string): V1PersistentVolume | Status | undefined {
    const claim = claims.lister.getByKey(key);
    if (!claim) return unresolvable(`persistentvolumeclaim "${claimName}" not found`);
    const { volumeName } = claim.spec ?? {};
    if (volumeName) {
      const volume = volumes.lister.get(undefined, volumeName);
      return volume ?? unresolvable(`persistentvolume "${volumeName}" not found`);
    }
    const className = storageClassOf(claim);
    if (!className) return unresolvable('PersistentVolumeClaim had no pv name and storageClass name');
    const storageClass = storageClasses.lister.get(undefined, className);
    if (!storageClass) return unresolvable(`storageclass.storage.k8s.io "${className}" not found`);
    if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') return undefined;
    return unresolvable('PersistentVolume had no name');
  }

  return {
    name,
    events: () => [
      {
        resource: 'StorageClass',
        actions: ['Add'],
        hint: (_pod, e) => (e.now as V1StorageClass).volumeBindingMode === 'WaitForFirstConsumer',
      },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        hint: (pod: V1Pod, e) => {
          const { namespace, name: claim } = (e.now as V1PersistentVolumeClaim).metadata ?? {};
          return claimsOf(pod).some((c) => c.key === `${namespace}/${claim}`);
        },
      },
      {
        resource: 'PersistentVolume',
        actions: ['Add', 'Update'],
        hint: (_pod, e) =>
          !e.old ||
          !deepEqual(
            topologiesOf(e.old as V1PersistentVolume).map((t) => [t.key, ...t.values]),
            topologiesOf(e.now as V1PersistentVolume).map((t) => [t.key, ...t.values]),
          ),
      },
    ],
    preFilter(state, pod) {
      const topologies: Topology[] = [];
      for (const use of claimsOf(pod.pod)) {
        if (use.ephemeral) continue;
        const volume = volumeOf(use.key, use.name);
        if (volume instanceof Status) return { status: volume };
        if (volume) topologies.push(...topologiesOf(volume));
      }
      if (topologies.length === 0) return { status: Status.skip };
      state.write(name, new State(topologies));
      return undefined;
    },
    filter(state, _pod, node) {
      const { labels } = node;
      // Nodes without any topology are those of clusters that don't use zones.
      if (!Object.keys(stableName).some((key) => labels[key] !== undefined)) return undefined;
      for (const { key, values } of state.read<State>(name)?.topologies ?? []) {
        const zone = labels[key] ?? labels[stableName[key] ?? key];
        if (zone === undefined || !values.has(zone)) return unresolvable('node(s) had no available volume zone');
      }
      return undefined;
    },
  };
};
