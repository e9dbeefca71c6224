// Requests to our own server, and what it tells unasked.

export class Refused extends Error {
  constructor(answer, status) {
    super(answer.error ?? `the studio answered ${status}`);
    this.answer = answer;
    this.status = status;
    this.trace = answer.trace ?? "";
  }
}

export async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: method === "GET" ? {} : { "x-hyperfocal": "1", "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused({ error: "the studio does not answer; is it still running?" }, 0);
  }
  const kind = response.headers.get("content-type") ?? "";
  const answer = kind.includes("json") ? await response.json() : { error: await response.text() };
  if (!response.ok) throw new Refused(answer, response.status);
  return answer;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body = {}) => ask("PUT", path, body);
export const remove = (path) => ask("DELETE", path);

const listeners = new Map();

export function on(kind, run) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(run);
  return () => listeners.get(kind).delete(run);
}

function heard(event) {
  for (const run of listeners.get(event.kind) ?? []) run(event);
}

// Listens for ever; after a break it asks for the state, because something may have been missed.
export function listen() {
  let pause = 250;
  const connect = () => {
    const socket = new WebSocket(`ws://${location.host}/api/events`);
    socket.onopen = () => { pause = 250; heard({ kind: "connected" }); };
    socket.onmessage = (message) => heard(JSON.parse(message.data));
    socket.onclose = () => {
      heard({ kind: "disconnected" });
      setTimeout(connect, pause);
      pause = Math.min(5000, pause * 2);
    };
  };
  connect();
}
