import { newAlreadyExists, newConflict, newNotFound } from '@kubelab/apimachinery';
import { ScriptedServer, sendJson } from './scripted-server.js';

interface Stored {
  metadata: { name: string; resourceVersion: string };
  spec: { holderIdentity?: string; leaseTransitions?: number };
}

const leases = { group: 'coordination.k8s.io', resource: 'leases' };

/** Keeps one Lease as an API server does: creates it once, and updates only its current version. */
export class LeaseServer extends ScriptedServer {
  lease: Stored | undefined;
  private version = 0;

  constructor() {
    super((req, res) => {
      const body = this.requests[this.requests.length - 1]?.body ?? '';
      if (req.method === 'GET') {
        if (this.lease) sendJson(res, 200, this.lease);
        else sendJson(res, 404, newNotFound(leases, 'l').status);
        return;
      }
      const given = JSON.parse(body) as Stored;
      if (req.method === 'POST' && this.lease) sendJson(res, 409, newAlreadyExists(leases, 'l').status);
      else if (req.method === 'PUT' && given.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
        sendJson(res, 409, newConflict(leases, 'l', 'the object has been modified').status);
      } else {
        this.version++;
        this.lease = { ...given, metadata: { ...given.metadata, resourceVersion: String(this.version) } };
        sendJson(res, 200, this.lease);
      }
    });
  }
}
