import type { Pod } from '../pod/types.js';
import type { PodRuntimeState } from './types.js';

export interface SandboxDecision {
  create: boolean;
  attempt: number;
  /** The sandbox to go on with, or the one to be replaced. */
  id: string | undefined;
}

/** Whether the pod needs a new sandbox: none yet, not ready, two at once, another network mode, or no address. */
export function sandboxChanged(pod: Pod, state: PodRuntimeState): SandboxDecision {
  const newest = state.sandboxes[0];
  if (!newest) return { create: true, attempt: 0, id: undefined };
  const replace: SandboxDecision = { create: true, attempt: newest.attempt + 1, id: newest.id };
  if (state.sandboxes.filter((sandbox) => sandbox.ready).length > 1) return replace;
  if (!newest.ready) return replace;
  if (newest.hostNetwork !== (pod.spec.hostNetwork === true)) return { ...replace, id: undefined };
  if (!pod.spec.hostNetwork && newest.ips.length === 0) return replace;
  return { create: false, attempt: newest.attempt, id: newest.id };
}
