import { deepEqual } from '@kubelab/apimachinery';
import type { PodManager } from '../pod/manager.js';
import { configSeenAnnotation, type Pod } from '../pod/types.js';

/** Turns a source's list of pods into additions and removals. */
export class StaticPods {
  private readonly current = new Map<string, Pod>();

  constructor(private readonly manager: PodManager) {}

  replace(pods: Pod[]): void {
    const wanted = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
    for (const [uid, pod] of this.current) {
      if (wanted.has(uid)) continue;
      this.current.delete(uid);
      this.manager.removeStaticPod(pod);
    }
    for (const [uid, pod] of wanted) {
      const known = this.current.get(uid);
      if (known && sameButSeen(known, pod)) continue;
      this.current.set(uid, pod);
      this.manager.setStaticPod(pod);
    }
  }
}

/** When a file was seen does not make it another pod. */
function sameButSeen(a: Pod, b: Pod): boolean {
  const seen = a.metadata.annotations?.[configSeenAnnotation];
  const renamed = {
    ...b,
    metadata: { ...b.metadata, annotations: { ...b.metadata.annotations, [configSeenAnnotation]: seen ?? '' } },
  };
  return deepEqual(a, renamed);
}
