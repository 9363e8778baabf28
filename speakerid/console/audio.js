/** The microphone as samples, samples as a WAV file, and one player for every clip of the page. */

const FULL = 0x7fff;
/** The browser's own clean-up would make every voice sound alike; the server removes rumble itself. */
const AS_IT_IS = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @returns {boolean} browsers give the microphone only to pages of this machine or over https */
export function canRecord() {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia) && "AudioWorkletNode" in window;
}

/** A recording from the microphone. */
export class Recorder {
  /** @type {Int16Array[]} */
  #pieces = [];
  #samples = 0;

  /**
   * Begin. Raises DOMException where the microphone is refused or missing.
   * @param {(piece: Int16Array, peak: number) => void} heard each tenth of a second; `peak` is 0 to 1
   * @returns {Promise<Recorder>}
   */
  static async start(heard) {
    const made = new Recorder();
    made.stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
    made.context = new AudioContext();
    try {
      await made.context.audioWorklet.addModule("/console/pcm-worklet.js");
    } catch (error) {
      await made.#close();
      throw error;
    }
    made.rateHz = made.context.sampleRate;
    made.node = new AudioWorkletNode(made.context, "pcm", { numberOfOutputs: 0 });
    made.node.port.onmessage = ({ data }) => made.#keep(data, heard);
    made.context.createMediaStreamSource(made.stream).connect(made.node);
    return made;
  }

  /** @returns {number} */
  get seconds() {
    return this.#samples / this.rateHz;
  }

  /** End, and give the microphone back. @returns {Promise<Blob>} a WAV file */
  async stop() {
    await new Promise((resolve) => {
      this.ended = resolve;
      this.node.port.postMessage("end");
    });
    await this.#close();
    return wavOf(this.#pieces, this.rateHz);
  }

  async #close() {
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }

  #keep(samples, heard) {
    if (samples === null) return this.ended();
    const piece = new Int16Array(samples.length);
    let peak = 0;
    for (let nth = 0; nth < samples.length; nth += 1) {
      const value = Math.max(-1, Math.min(1, samples[nth]));
      piece[nth] = value * FULL;
      peak = Math.max(peak, Math.abs(value));
    }
    this.#pieces.push(piece);
    this.#samples += piece.length;
    heard(piece, peak);
  }
}

/**
 * A mono WAV file of 16 bits.
 * @param {Array<Int16Array|Blob>} pieces samples without a header
 * @param {number} rateHz
 * @returns {Blob}
 */
export function wavOf(pieces, rateHz) {
  const size = pieces.reduce((sum, one) => sum + (one.byteLength ?? one.size), 0);
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((one, nth) => head.setUint8(at + nth, one.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rateHz, true);
  head.setUint32(28, rateHz * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, size, true);
  return new Blob([head, ...pieces], { type: "audio/wav" });
}

const player = new Audio();
let release = () => {};

/**
 * Play a clip instead of whatever plays now.
 * @param {Blob} clip
 * @param {{at?: (second: number) => void, end?: () => void}} [told] `end` also when another clip takes its place
 */
export async function play(clip, { at = () => {}, end = () => {} } = {}) {
  stopPlaying();
  const url = URL.createObjectURL(clip);
  let over = false;
  release = () => {
    if (over) return;
    over = true;
    player.pause();
    URL.revokeObjectURL(url);
    player.ontimeupdate = player.onended = null;
    end();
  };
  const mine = release;
  player.ontimeupdate = () => at(player.currentTime);
  player.onended = mine;
  player.src = url;
  try {
    await player.play();
  } catch (error) {
    mine();
    if (error.name !== "AbortError") throw error; // another clip was begun meanwhile
  }
}

export function stopPlaying() {
  release();
}
