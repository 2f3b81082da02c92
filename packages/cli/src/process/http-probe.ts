import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/**
 * GETs a health URL once and says whether it answered 200. Certificates are not verified: the probe asks this machine's
 * own processes, some with self-signed certificates, and sends nothing secret.
 */
export function httpOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const req = send(url, { rejectUnauthorized: false, timeout: 2000, agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(false));
    req.end();
  });
}
