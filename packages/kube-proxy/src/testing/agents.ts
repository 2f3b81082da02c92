import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { methods } from './talk.js';

const program = fileURLToPath(new URL('./agent.js', import.meta.url));

/** Does what it is told somewhere (./talk). */
export interface Agent {
  ask(method: keyof typeof methods, ...args: (string | number)[]): Promise<string>;
  end(): void;
}

/** In this very process. */
export const ownAgent: Agent = {
  ask: (method, ...args) => (methods[method] as (...a: unknown[]) => Promise<string>)(...args),
  end: () => undefined,
};

interface Waiting {
  resolve(answer: string): void;
  reject(error: Error): void;
}

/** A process in a network namespace. */
export class NamespaceAgent implements Agent {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(private readonly namespace: string) {
    this.child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, program], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child.on('message', (m: { id: number; answer?: string; error?: string }) => {
      const w = this.waiting.get(m.id);
      this.waiting.delete(m.id);
      if (m.error === undefined) w?.resolve(m.answer ?? '');
      else w?.reject(new Error(m.error));
    });
    this.child.once('error', (error) => this.fail(error));
    this.child.once('exit', (code, signal) => this.fail(new Error(`it ended: ${code ?? signal}`)));
  }

  ask(method: keyof typeof methods, ...args: (string | number)[]): Promise<string> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, method, args }, (error) => error && this.fail(error));
    });
  }

  end(): void {
    if (this.child.connected) this.child.disconnect();
  }

  private fail(cause: Error): void {
    for (const w of this.waiting.values())
      w.reject(new Error(`the agent of ${this.namespace}: ${cause.message}`, { cause }));
    this.waiting.clear();
  }
}
