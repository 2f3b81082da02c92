import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HttpError, type Route } from './server.js';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => escapes[char] ?? char);

/** /logs: the files of the node's log folder, and an index of each folder in it. */
export function nodeLogsRoute(logDir: string): Route {
  return {
    prefix: '/logs',
    methods: ['GET', 'HEAD'],
    handle: async ({ req, url, parts, signal }, res) => {
      const path = await resolveInside(logDir, parts);
      const found = await stat(path);
      if (found.isDirectory()) {
        // The index names its entries relative to itself.
        if (!url.pathname.endsWith('/')) {
          res.writeHead(301, { Location: `${url.pathname.split('/').pop()}/${url.search}` }).end();
          return;
        }
        res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
        res.end(req.method === 'HEAD' ? undefined : await index(path));
        return;
      }
      if (!found.isFile()) throw new HttpError(404, '404 page not found');
      res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': found.size });
      if (req.method === 'HEAD' || found.size === 0) res.end();
      // A file that grows meanwhile is sent as long as it was.
      else await pipeline(createReadStream(path, { end: found.size - 1 }), res, { signal });
    },
  };
}

/** The file behind a path, links followed; nothing outside of the folder. */
async function resolveInside(root: string, parts: string[]): Promise<string> {
  try {
    const [base, path] = await Promise.all([realpath(root), realpath(join(root, ...parts))]);
    if (path === base || path.startsWith(base + sep)) return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
  }
  throw new HttpError(404, '404 page not found');
}

async function index(dir: string): Promise<string> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const links = names.map((name) => `<a href="${encodeURI(name)}">${escapeHtml(name)}</a>\n`);
  return `<pre>\n${links.join('')}</pre>\n`;
}
