import type { V1Pod } from '@kubelab/api';
import type { EventRecorder } from '@kubelab/client';

/** Writes events about pods, in the name of the profile that is responsible for them. */
export class PodEvents {
  private readonly recorders = new Map<string, EventRecorder>();

  add(schedulerName: string, recorder: EventRecorder): void {
    this.recorders.set(schedulerName, recorder);
  }

  failed(schedulerName: string, pod: V1Pod, message: string): void {
    this.recorders.get(schedulerName)?.event(reference(pod), 'Warning', 'FailedScheduling', message);
  }

  scheduled(schedulerName: string, pod: V1Pod, message: string): void {
    this.recorders.get(schedulerName)?.event(reference(pod), 'Normal', 'Scheduled', message);
  }

  /** Writes what is still queued. */
  async stop(): Promise<void> {
    await Promise.all([...this.recorders.values()].map((recorder) => recorder.stop()));
  }
}

/** Events name the pod's kind even where a list left it out. */
function reference(pod: V1Pod): V1Pod {
  return pod.kind ? pod : { ...pod, apiVersion: 'v1', kind: 'Pod' };
}
