import { readFileSync } from 'node:fs';

/** A field of a message as it is on the wire and in JSON. */
export interface WireField {
  name: string;
  type: string;
  label: 'single' | 'repeated' | 'map';
  /** Its zero value is kept: a pointer in Kubernetes, or written even when empty. */
  keepZero: boolean;
  /** Its fields stand in the parent's JSON. */
  inline: boolean;
}

/** The fields of a message by their numbers. */
export type WireMessage = Map<number, WireField>;

let table: Map<string, WireMessage> | undefined;

/** A message by its full name (`core.v1.Pod`, `meta.ObjectMeta`); undefined when there is none. */
export function wireMessage(name: string): WireMessage | undefined {
  table ??= parse(readFileSync(new URL('../../../../proto/kubernetes/wire.txt', import.meta.url), 'utf8'));
  return table.get(name);
}

const longGroups: Record<string, string> = {
  'flowcontrol.apiserver.k8s.io': 'flowcontrol',
  'rbac.authorization.k8s.io': 'rbac',
};

/**
 * The package of a group's version: `apps/v1` is `apps.v1`, `networking.k8s.io/v1` is `networking.v1`. What is no
 * group of Kubernetes itself has none that exists: `apps.example.com` is not `apps`.
 */
export function wirePackage(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) {
    return `core.${apiVersion}`;
  }
  const group = apiVersion.slice(0, slash);
  const name = longGroups[group] ?? group.replace(/^([a-z]+)\.k8s\.io$/, '$1');
  return `${name}.${apiVersion.slice(slash + 1)}`;
}

function parse(text: string): Map<string, WireMessage> {
  const messages = new Map<string, WireMessage>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('package ')) {
      current = line.slice('package '.length);
    } else if (line !== '' && !line.startsWith('#')) {
      const colon = line.indexOf(':');
      messages.set(`${current}.${line.slice(0, colon)}`, parseFields(current, line.slice(colon + 1)));
    }
  }
  return messages;
}

const scalars = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'double']);

function parseFields(current: string, text: string): WireMessage {
  const fields: WireMessage = new Map();
  for (const part of text.split(',').filter((piece) => piece.trim() !== '')) {
    const [number, flagged = '', labelled = ''] = part.trim().split(' ');
    const flag = /^[?!~]/.exec(flagged)?.[0];
    const label = labelled.startsWith('*') ? 'repeated' : labelled.startsWith('%') ? 'map' : 'single';
    const type = labelled.replace(/^[*%]/, '');
    fields.set(Number(number), {
      name: flag ? flagged.slice(1) : flagged,
      type: scalars.has(type) || type.includes('.') ? type : `${current}.${type}`,
      label,
      keepZero: flag === '?' || flag === '!',
      inline: flag === '~',
    });
  }
  return fields;
}
