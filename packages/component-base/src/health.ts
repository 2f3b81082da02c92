import type { IncomingMessage, ServerResponse } from 'node:http';

export type HealthKind = 'healthz' | 'livez' | 'readyz';

/** Throws (or rejects) when unhealthy; the message is shown only in the process's log, as in Kubernetes. */
export type HealthCheck = () => void | Promise<void>;

interface Entry {
  name: string;
  check: HealthCheck;
  kinds: ReadonlySet<HealthKind>;
}

/**
 * The checks behind /healthz, /livez and /readyz, in Kubernetes' form: `?verbose` lists each check, `/readyz/NAME`
 * runs one, `?exclude=NAME` leaves one out. A `ping` check is always there.
 */
export class HealthRegistry {
  private readonly entries: Entry[] = [];
  onFailure: (kind: HealthKind, name: string, error: unknown) => void = () => undefined;

  constructor() {
    this.addCheck('ping', () => undefined);
  }

  addCheck(name: string, check: HealthCheck, kinds: HealthKind[] = ['healthz', 'livez', 'readyz']): void {
    this.entries.push({ name, check, kinds: new Set(kinds) });
  }

  /** Serves a health path and returns true, or returns false if the path is another's. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    // Not the URL class: it throws for targets such as `//`.
    const [pathname = '/', query = ''] = (req.url ?? '/').split('?', 2);
    const match = /^\/(healthz|livez|readyz)(?:\/(.+))?\/?$/.exec(pathname);
    if (!match) {
      return false;
    }
    const kind = match[1] as HealthKind;
    const entries = this.entries.filter((entry) => entry.kinds.has(kind));
    if (match[2] !== undefined) {
      await this.serveOne(res, kind, entries, match[2]);
    } else {
      await this.serveAll(res, kind, entries, new URLSearchParams(query));
    }
    return true;
  }

  private async serveOne(res: ServerResponse, kind: HealthKind, entries: Entry[], name: string): Promise<void> {
    const entry = entries.find((candidate) => candidate.name === name);
    if (!entry) {
      return reply(res, 404, '404 page not found\n');
    }
    const ok = await this.run(kind, entry);
    return ok ? reply(res, 200, 'ok') : reply(res, 500, 'internal server error: reason withheld\n');
  }

  private async serveAll(
    res: ServerResponse,
    kind: HealthKind,
    entries: Entry[],
    query: URLSearchParams,
  ): Promise<void> {
    const excluded = new Set(query.getAll('exclude'));
    const results = await Promise.all(
      entries.map(async (entry) => {
        if (excluded.has(entry.name)) {
          return { ok: true, line: `[+]${entry.name} excluded: ok` };
        }
        const ok = await this.run(kind, entry);
        return { ok, line: ok ? `[+]${entry.name} ok` : `[-]${entry.name} failed: reason withheld` };
      }),
    );
    const lines = results.map((result) => result.line).join('\n');
    if (!results.every((result) => result.ok)) {
      return reply(res, 500, `${lines}\n${kind} check failed\n`);
    }
    return reply(res, 200, query.has('verbose') ? `${lines}\n${kind} check passed\n` : 'ok');
  }

  private async run(kind: HealthKind, entry: Entry): Promise<boolean> {
    try {
      await entry.check();
      return true;
    } catch (error) {
      this.onFailure(kind, entry.name, error);
      return false;
    }
  }
}

function reply(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache, private',
    'Content-Length': Buffer.byteLength(body),
  });
  res.end(body);
}
