import type { ControllerDescriptor } from '../framework/controller.js';

/**
 * The controllers that `--controllers` selects: `*` is all that are on by default, `foo` turns one on, `-foo` off; the
 * first item that names a controller wins over `*`. Throws for a name that no controller has.
 */
export function selectControllers(table: ControllerDescriptor[], list: string[]): ControllerDescriptor[] {
  const names = new Map<string, ControllerDescriptor>();
  for (const descriptor of table) {
    for (const name of [descriptor.name, ...descriptor.aliases]) names.set(name, descriptor);
  }
  const chosen = new Map<ControllerDescriptor, boolean>();
  for (const item of list) {
    if (item === '*') continue;
    const off = item.startsWith('-');
    const descriptor = names.get(off ? item.slice(1) : item);
    if (!descriptor) throw new Error(`"${off ? item.slice(1) : item}" is not in the list of known controllers`);
    if (!chosen.has(descriptor)) chosen.set(descriptor, !off);
  }
  const all = list.includes('*');
  return table.filter((descriptor) => chosen.get(descriptor) ?? (all && !descriptor.disabledByDefault));
}
