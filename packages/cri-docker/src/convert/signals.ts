import type { SignalOutput } from '@kubelab/cri';

/** Docker's name of a CRI stop signal: the names agree but for real-time signals (SIGRTMIN+1). */
export function dockerSignal(signal: SignalOutput): string {
  if (signal === 'RUNTIME_DEFAULT') return '';
  return signal.replace('MINPLUS', 'MIN+').replace('MAXMINUS', 'MAX-');
}

/** The CRI stop signal Docker's name stands for; what an image wrote as a number or in another way is the default. */
export function criSignal(name: string | undefined): SignalOutput {
  if (!name) return 'SIGTERM';
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  const known = full.replace('MIN+', 'MINPLUS').replace('MAX-', 'MAXMINUS');
  return /^SIG[A-Z][A-Z0-9]*$/.test(known) ? (known as SignalOutput) : 'RUNTIME_DEFAULT';
}
