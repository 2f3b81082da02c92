import { CriError } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { inspectRunning } from './inspect.js';

/** Begins a new log file after the client has renamed the old one. */
export async function reopenContainerLog(context: RuntimeContext, id: string): Promise<void> {
  const { info, record } = await inspectRunning(context, id);
  if (record.logPath === '') throw new CriError('FAILED_PRECONDITION', `container ${id} has no log file`);
  if (!(await context.logs.reopen(info.Id))) await context.logs.start(info.Id, record.logPath);
}
