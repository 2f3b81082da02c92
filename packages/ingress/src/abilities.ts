import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LuaSettings } from './nginx-config.js';

const exec = promisify(execFile);
const balancer = '/usr/share/lua/5.1/ngx/balancer.lua';

/** How Lua is loaded, if the module and the library that it needs are there. */
export function findLua(modulesDir: string): LuaSettings | undefined {
  if (!existsSync(`${modulesDir}/ngx_http_lua_module.so`) || !existsSync(balancer)) return undefined;
  return { modulesDir, luaDir: fileURLToPath(new URL('../lua', import.meta.url)) };
}

/** Whether this nginx has `ssl_reject_handshake`. Rejects if it can't be run. */
export async function rejectsHandshakes(binary: string): Promise<boolean> {
  const { stderr } = await exec(binary, ['-v']);
  const [, major = 0, minor = 0, patch = 0] = (/nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr) ?? []).map(Number);
  return major > 1 || minor > 19 || (minor === 19 && patch >= 4);
}
