import type { ContainerStateOutput } from '@kubelab/cri';
import type { ContainerInspectInfo } from 'dockerode';
import { toNanos } from '../time.js';

/** The state in Docker's list. */
export function listState(state: string): ContainerStateOutput {
  switch (state) {
    case 'created':
      return 'CONTAINER_CREATED';
    case 'running':
    case 'paused':
    case 'restarting':
      return 'CONTAINER_RUNNING';
    case 'exited':
    case 'dead':
    case 'removing':
      return 'CONTAINER_EXITED';
    default:
      return 'CONTAINER_UNKNOWN';
  }
}

export interface DetailedState {
  state: ContainerStateOutput;
  startedAt: string;
  finishedAt: string;
  exitCode: number;
  reason: string;
  message: string;
}

/** The state and its story in Docker's inspection of one container. */
export function detailedState(state: ContainerInspectInfo['State'], createdAt: string): DetailedState {
  const startedAt = toNanos(state.StartedAt);
  const finishedAt = toNanos(state.FinishedAt);
  const base = { startedAt, finishedAt: '0', exitCode: 0, reason: '', message: '' };
  if (state.Running || state.Paused || state.Restarting) return { ...base, state: 'CONTAINER_RUNNING' };
  if (startedAt !== '0' && finishedAt !== '0') {
    const reason = state.OOMKilled ? 'OOMKilled' : state.ExitCode === 0 ? 'Completed' : 'Error';
    // Docker notes the start after the fact: what ends at once has ended before it.
    const started = BigInt(finishedAt) < BigInt(startedAt) ? finishedAt : startedAt;
    return {
      ...base,
      state: 'CONTAINER_EXITED',
      startedAt: started,
      finishedAt,
      exitCode: state.ExitCode,
      reason,
      message: state.Error,
    };
  }
  if (state.ExitCode !== 0 || state.Error) {
    // It was never started because it could not be: 128 and StartError is what containerd says then.
    return {
      state: 'CONTAINER_EXITED',
      startedAt: '0',
      finishedAt: createdAt,
      exitCode: 128,
      reason: 'StartError',
      message: state.Error,
    };
  }
  return { ...base, state: 'CONTAINER_CREATED' };
}
