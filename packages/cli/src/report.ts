/** Prints what a command is doing: a line a step, with the time it took. */
export class Report {
  private readonly startedAt = Date.now();

  constructor(
    private readonly write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
    private readonly prefix = '',
  ) {}

  /** Runs a step and prints a line with its time when it is done. A string it returns replaces the step's name. */
  async step(name: string, work: () => Promise<string | void>): Promise<void> {
    const began = Date.now();
    try {
      const said = await work();
      this.line(`  ${seconds(Date.now() - began)}  ${this.prefix}${said ?? name}`);
    } catch (error) {
      this.line(`  failed   ${this.prefix}${name}`);
      throw error;
    }
  }

  line(text: string): void {
    this.write(text);
  }

  elapsedSeconds(): string {
    return ((Date.now() - this.startedAt) / 1000).toFixed(1);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2).padStart(6)} s`;
}
