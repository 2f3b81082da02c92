import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A property of a unit, with the D-Bus type of its value: t a 64-bit number, b a boolean, s a text, as texts. */
export type UnitProperty =
  | { name: string; type: 't'; value: bigint }
  | { name: string; type: 'b'; value: boolean }
  | { name: string; type: 's'; value: string }
  | { name: string; type: 'as'; value: string[] };

/** What the cgroup driver asks of systemd. */
export interface SystemdManager {
  /** Starts a transient slice and waits until it is there. Of a slice that is there already sets `limits` only. */
  startSlice(unit: string, properties: UnitProperty[], limits: UnitProperty[]): Promise<void>;
  /** Sets properties of a unit until the next boot. */
  setProperties(unit: string, properties: UnitProperty[]): Promise<void>;
  /** Stops a unit, and with a slice all units in it, and waits for that. One that is not there is no error. */
  stop(unit: string): Promise<void>;
}

/** Whether systemd runs this machine: sd_booted(3). */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system');
}

const timeoutMs = 30_000;
const managerObject = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];

type Run = (file: string, args: string[], options: { timeout: number }) => Promise<unknown>;

/** systemd by its own command-line tools, which are wherever it is; one call takes some milliseconds. */
export class SystemdTools implements SystemdManager {
  constructor(private readonly run: Run = exec) {}

  async startSlice(unit: string, properties: UnitProperty[], limits: UnitProperty[]): Promise<void> {
    try {
      // A unit that is there is replaced by nothing: the call fails. Its state is told apart below.
      await this.call('StartTransientUnit', 'ssa(sv)a(sa(sv))', unit, 'replace', ...encode(properties), '0');
    } catch (error) {
      if (!isUnitThere(error)) throw error;
      await this.setProperties(unit, limits);
    }
    // Waits for the job that the call only queued, and starts a slice that was known but not active.
    await this.run('systemctl', ['start', '--quiet', unit], { timeout: timeoutMs });
  }

  async setProperties(unit: string, properties: UnitProperty[]): Promise<void> {
    if (properties.length === 0) return;
    await this.call('SetUnitProperties', 'sba(sv)', unit, 'true', ...encode(properties));
  }

  async stop(unit: string): Promise<void> {
    try {
      await this.run('systemctl', ['stop', '--quiet', unit], { timeout: timeoutMs });
    } catch (error) {
      if (!/not loaded/.test(text(error))) throw error;
    }
  }

  private async call(method: string, signature: string, ...args: string[]): Promise<void> {
    await this.run('busctl', ['call', '--quiet', ...managerObject, method, signature, ...args], { timeout: timeoutMs });
  }
}

/** Properties as busctl's arguments: how many, then name, type and value of each. */
export function encode(properties: UnitProperty[]): string[] {
  return [
    String(properties.length),
    ...properties.flatMap((property) => [property.name, property.type, ...encodeValue(property)]),
  ];
}

function encodeValue(property: UnitProperty): string[] {
  if (property.type === 'as') return [String(property.value.length), ...property.value];
  return [String(property.value)];
}

const text = (error: unknown) => (error as { stderr?: string }).stderr ?? '';

/** systemd's answer UnitExists; busctl prints its words only. */
function isUnitThere(error: unknown): boolean {
  return /was already loaded|already exists/.test(text(error));
}
