/** Clips of one recording. The server decodes from the beginning, so what came once is kept for the next clip. */

import { bytes, Problem } from "./api.js";
import { wavOf } from "./audio.js";

const BLOCK_S = 120;
const OVERHANG_S = 30; // so that a turn at the end of a block is in it
const KEPT = 5; // blocks of 5 MB
const RATE_HZ = 16_000; // what the server sends: mono, 16 bits
const HEAD_BYTES = 44;
const NOT_FOR_US = [403, 404]; // the key may not listen, or nothing was kept

export class Clips {
  /** @type {Map<number, Promise<Blob>>} */
  #blocks = new Map();

  /**
   * @param {string} path of the recording
   * @param {number} seconds that it lasts
   */
  constructor(path, seconds) {
    this.path = `${path}/audio`;
    this.seconds = seconds;
  }

  /** Whether there is anything to hear. Raises Problem. */
  async there() {
    try {
      await bytes(this.path, { start: 0, end: 0.1 });
      return true;
    } catch (error) {
      if (error instanceof Problem && NOT_FOR_US.includes(error.status)) return false;
      throw error;
    }
  }

  /**
   * Raises Problem.
   * @param {number} start in seconds
   * @param {number} end
   * @returns {Promise<Blob>} a WAV file
   */
  async get(start, end) {
    const nth = Math.floor(start / BLOCK_S);
    const from = nth * BLOCK_S;
    if (end > from + BLOCK_S + OVERHANG_S) return bytes(this.path, { start, end });
    const at = (second) => HEAD_BYTES + 2 * Math.round((second - from) * RATE_HZ);
    const block = await this.#block(nth, from);
    return wavOf([block.slice(at(start), at(end))], RATE_HZ);
  }

  #block(nth, from) {
    if (!this.#blocks.has(nth)) {
      const end = Math.min(from + BLOCK_S + OVERHANG_S, this.seconds);
      const coming = bytes(this.path, { start: from, end });
      this.#blocks.set(nth, coming);
      coming.catch(() => this.#blocks.delete(nth));
      if (this.#blocks.size > KEPT) this.#blocks.delete(this.#blocks.keys().next().value);
    }
    return this.#blocks.get(nth);
  }
}
