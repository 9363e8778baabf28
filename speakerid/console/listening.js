/** What the server hears while the microphone is on: seconds of speech, how many voices, and whose they are. */

import { live, Problem } from "./api.js";

const VOICE_S = 1.5; // less of another voice may be a slip

/**
 * Listen along by a live stream. Where it is refused, `failed` is told and recording goes on without.
 * @param {string} gallery
 * @param {number} rateHz
 * @param {{heard: (found: {speech: number, voices: number, names: {id: string, name: string}[]}) => void,
 *   failed: (error: Problem) => void}} told
 * @returns {{send: (piece: Int16Array) => void, end: () => void}}
 */
export function listen(gallery, rateHz, { heard, failed }) {
  const turns = new Map();
  const names = new Map();
  let waiting = [];
  let ready = false;
  const socket = live(gallery, rateHz, (event) => {
    if (event.type === "ready") {
      ready = true;
      for (const piece of waiting.splice(0)) socket.send(piece);
    } else if (event.type === "error") failed(new Problem(event.problem));
    if (event.speaker && event.decision === "accept") names.set(event.speaker.id, event.speaker);
    if (event.type !== "turn") return;
    turns.set(event.turn, { voice: event.voice, seconds: event.end - event.start });
    heard({ speech: sum(turns.values()), voices: voices(turns), names: [...names.values()] });
  });
  socket.addEventListener("close", () => (waiting = []));
  socket.addEventListener("error", () => failed(new Problem({ code: "unreachable" })));
  return {
    send: (piece) => {
      if (socket.readyState > WebSocket.OPEN) return;
      if (ready) socket.send(piece);
      else waiting.push(piece);
    },
    end: () => socket.close(),
  };
}

function sum(turns) {
  return [...turns].reduce((all, one) => all + one.seconds, 0);
}

function voices(turns) {
  const by = new Map();
  for (const { voice, seconds } of turns.values()) by.set(voice, (by.get(voice) ?? 0) + seconds);
  return [...by.values()].filter((one) => one >= VOICE_S).length;
}
