/** The public API as the console calls it. A key stays in this tab's session and never enters an address. */

/** Rows that a list holds: more make a page slow, and nobody reads them. */
export const MOST = 2000;
const KEY = "speakerid.key";

/** A refusal or failure of the server: its problem document (RFC 9457). */
export class Problem extends Error {
  /** @param {{code?: string, detail?: string, title?: string, status?: number} & Record<string, any>} document */
  constructor(document) {
    super(document.detail || document.title || "");
    this.code = document.code || "internal_error";
    this.status = document.status || 0;
    this.document = document;
  }
}

/** @returns {string} empty where none was given */
export function key() {
  return sessionStorage.getItem(KEY) || "";
}

/** @param {string} secret empty forgets it */
export function keepKey(secret) {
  if (secret) sessionStorage.setItem(KEY, secret);
  else sessionStorage.removeItem(KEY);
}

/**
 * The path of something in a gallery.
 * @param {string} gallery
 * @param {...string} parts
 */
export function inGallery(gallery, ...parts) {
  return ["/v1/galleries", gallery, ...parts].map((part, nth) => (nth ? encodeURIComponent(part) : part)).join("/");
}

/**
 * JSON from the API. Raises Problem.
 * @param {string} method
 * @param {string} path
 * @param {{query?: Record<string, any>, json?: any, audio?: Blob, headers?: Record<string, string>,
 *   signal?: AbortSignal, keepalive?: boolean}} [options] `keepalive`: sent even when the page is closed
 * @returns {Promise<any>}
 */
export async function call(method, path, options = {}) {
  const answer = await asked(method, path, options);
  return answer.status === 204 || answer.headers.get("Content-Length") === "0" ? null : json(answer);
}

/**
 * Every row of a list that comes page by page. Raises Problem.
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {number} [most]
 * @returns {Promise<any[]>}
 */
export async function list(path, query = {}, most = MOST) {
  const found = [];
  let cursor;
  do {
    const page = await call("GET", path, { query: { limit: 200, ...query, cursor } });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && found.length < most);
  return found;
}

/**
 * The bytes of an answer. Raises Problem.
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @returns {Promise<Blob>}
 */
export async function bytes(path, query = {}) {
  return (await asked("GET", path, { query })).blob();
}

/**
 * Send a large file, with news about how much of it is there. Raises Problem.
 * @param {string} path
 * @param {Record<string, any>} query
 * @param {Blob} file
 * @param {(share: number) => void} progress 0 to 1
 * @returns {Promise<any>}
 */
export function upload(path, query, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path, query));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.addEventListener(
      "progress",
      (event) => event.lengthComputable && progress(event.loaded / event.total),
    );
    request.addEventListener("error", () => reject(new Problem({ code: "unreachable" })));
    request.addEventListener("load", () => {
      const answer = parsed(request.responseText);
      if (request.status < 400) resolve(answer);
      else reject(new Problem(answer || { status: request.status }));
    });
    request.send(file);
  });
}

/**
 * Server-sent events, with the key that an EventSource could not send. Ends with the stream. Raises Problem.
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* events(path, signal) {
  const answer = await asked("GET", path, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      yield* blocks.map(eventOf).filter((one) => one.event);
    }
  } finally {
    await reader.cancel().catch(() => {}); // what is not read to its end would keep its connection
  }
}

/** Of the lines of one server-sent event. */
function eventOf(block) {
  const lines = block.split("\n").filter((line) => /^(event|data): /.test(line));
  const { event, data } = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s)));
  return { event, data: event && JSON.parse(data) };
}

/**
 * A live stream (docs/live.md); the key travels as a subprotocol.
 * @param {string} gallery
 * @param {number} rateHz
 * @param {(event: any) => void} told of each event
 * @returns {WebSocket}
 */
export function live(gallery, rateHz, told) {
  const url = new URL(inGallery(gallery, "stream"), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, key() ? ["speakerid", `bearer.${key()}`] : ["speakerid"]);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () =>
    socket.send(JSON.stringify({ type: "config", encoding: "pcm_s16le", sample_rate_hz: rateHz })),
  );
  socket.addEventListener("message", (message) => told(JSON.parse(message.data)));
  return socket;
}

async function asked(method, path, { query = {}, json: body, audio, headers = {}, signal, keepalive } = {}) {
  const sent = {
    ...authorization(),
    ...headers,
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  };
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      headers: sent,
      body: audio || (body === undefined ? undefined : JSON.stringify(body)),
      signal,
      keepalive,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ code: "unreachable" });
  }
  if (!answer.ok) throw new Problem((await json(answer)) || { status: answer.status, title: answer.statusText });
  return answer;
}

function address(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

function authorization() {
  return key() ? { Authorization: `Bearer ${key()}` } : {};
}

async function json(answer) {
  return parsed(await answer.text());
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
