/**
 * The way into a version for what isn't a request of a client: a batch of a queue, a cron firing.
 * It calls the Worker's handlers and answers with what they decided. It is the version's tail
 * Worker as well: while somebody watches, it passes on what the runtime tells of an invocation.
 * And it keeps the clock that the service `local-clock` tells.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

/** Whether somebody watches the Worker. */
let watched = false;

/** Milliseconds beyond the real time; the host tells them before the first request. */
let offsetMs = 0;

/** The service `local-clock`, whatever path is asked for. */
export class Clock extends WorkerEntrypoint {
  fetch() {
    return Response.json({ now_ms: Date.now() + offsetMs });
  }
}

const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

const BODIES = {
  json: (body) => ({ body: JSON.parse(new TextDecoder().decode(bytes(body))) }),
  text: (body) => ({ body: new TextDecoder().decode(bytes(body)) }),
  bytes: (body) => ({ body: bytes(body) }),
  v8: (body) => ({ serializedBody: bytes(body) }),
};

const EVENTS = {
  async "/queue"({ queue, messages }, worker) {
    const batch = messages.map(({ id, timestampMs, attempts, contentType, body }) => ({
      id,
      timestamp: new Date(timestampMs),
      attempts,
      ...BODIES[contentType](body),
    }));
    const { outcome, ackAll, retryBatch, explicitAcks, retryMessages } = await worker.queue(
      queue,
      batch,
    );
    return { outcome, ackAll, retryBatch, explicitAcks, retryMessages };
  },

  async "/scheduled"({ cron, scheduledTimeMs }, worker) {
    const { outcome } = await worker.scheduled({ cron, scheduledTime: new Date(scheduledTimeMs) });
    return { outcome };
  },
};

export default {
  async fetch(request, env) {
    // A page in a browser on this machine could reach the port, too.
    if (request.headers.get("X-Door-Token") !== env.TOKEN) return new Response(null, { status: 403 });
    const { pathname } = new URL(request.url);
    if (request.method === "GET") return new Response(null, { status: 204 });
    if (pathname === "/watched") {
      ({ watched } = await request.json());
      return new Response(null, { status: 204 });
    }
    if (pathname === "/clock") {
      ({ offsetMs } = await request.json());
      return new Response(null, { status: 204 });
    }
    const handle = EVENTS[pathname];
    if (handle === undefined) return new Response(null, { status: 404 });
    return Response.json(await handle(await request.json(), env.WORKER));
  },

  async tail(traces, env) {
    if (!watched) return;
    await env.TRACES.fetch("http://host/", { method: "POST", body: JSON.stringify(traces) });
  },
};
