/** Where audio comes from: files that are dropped or chosen, and the microphone. */

import { canRecord, Recorder } from "./audio.js";
import { announce, button, h } from "./dom.js";
import { clock, t } from "./i18n.js";

const TOO_LOUD = 0.99;
const TOO_QUIET = 0.02;

/**
 * A place to drop files on, which is a button to choose them as well.
 * @param {{label: string, multiple?: boolean, take: (files: File[]) => any}} options
 * @returns {HTMLElement}
 */
export function dropZone({ label, multiple = false, take }) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "file", multiple, className: "unseen", tabIndex: -1, "aria-hidden": "true" })
  );
  const give = async (files) => {
    const given = multiple ? [...files] : [...files].slice(0, 1);
    input.value = "";
    if (given.length) await take(given);
  };
  const choose = button(label, () => input.click(), { className: "drop" });
  input.addEventListener("change", () => give([...input.files]));
  const zone = h("div.zone", {}, choose, input, h("p.hint", { "aria-hidden": "true" }, t("drop.hint")));
  const over = (is) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", is);
  };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    give(event.dataTransfer.files);
  });
  return zone;
}

/**
 * Files and the microphone side by side; of several files one is done before the next.
 * @param {{choose: string, begin: string, ended: AbortSignal, take: (title: string, audio: Blob) => any,
 *   stopped?: () => void, started?: (rateHz: number) => void, heard?: (piece: Int16Array) => void,
 *   failed: (error: unknown) => void}} options
 * @returns {HTMLElement}
 */
export function sources({ choose, take, stopped = () => {}, ...options }) {
  const files = async (chosen) => {
    for (const file of chosen) await take(file.name, file);
  };
  const recorded = (audio) => {
    stopped();
    return take(t("identify.recorded"), audio);
  };
  const zone = dropZone({ label: choose, multiple: true, take: files });
  return h("div.sources", {}, zone, microphone({ ...options, take: recorded }).element);
}

/**
 * A button that begins and ends a recording, with time, level and what the level calls for.
 * @param {{begin: string, ended: AbortSignal, take: (wav: Blob) => any, started?: (rateHz: number) => void,
 *   heard?: (piece: Int16Array) => void, failed: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, stop: () => Promise<void>}}
 */
export function microphone({ begin, ended, take, started = () => {}, heard = () => {}, failed }) {
  /** @type {Recorder|null} */
  let recorder = null;
  const meter = h("meter", {
    min: 0,
    max: 1,
    low: TOO_QUIET,
    high: TOO_LOUD,
    value: 0,
    "aria-label": t("mic.level"),
    hidden: true,
  });
  const time = h("span.time", { role: "timer" });
  const word = h("p.hint", { role: "status" }, canRecord() ? "" : t("mic.unavailable"));
  const press = button(begin, () => (recorder ? stop() : start()), { className: "record", disabled: !canRecord() });
  const element = h("div.microphone", {}, press, meter, time, word);
  ended.addEventListener("abort", () => recorder?.stop());

  async function start() {
    const loud = levelWords(word);
    try {
      recorder = await Recorder.start((piece, peak) => {
        meter.value = peak;
        time.textContent = clock(recorder?.seconds ?? 0);
        loud(peak);
        heard(piece);
      });
    } catch (error) {
      return failed(error);
    }
    press.textContent = t("mic.stop");
    press.classList.add("on");
    meter.hidden = false;
    announce(t("mic.on"));
    started(recorder.rateHz);
  }

  async function stop() {
    const mine = recorder;
    if (!mine) return;
    recorder = null;
    const recorded = await mine.stop();
    press.textContent = begin;
    press.classList.remove("on");
    meter.hidden = true;
    time.textContent = "";
    if (!ended.aborted) await take(recorded);
  }

  return { element, stop };
}

/** Says once that it is too loud, or too quiet for two seconds. */
function levelWords(word) {
  let quiet = 0;
  word.textContent = "";
  return (peak) => {
    quiet = peak < TOO_QUIET ? quiet + 1 : 0;
    if (peak >= TOO_LOUD) word.textContent = t("mic.loud");
    else if (quiet === 20) word.textContent = t("mic.quiet");
  };
}
