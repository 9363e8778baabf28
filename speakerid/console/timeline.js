/** A recording drawn over time: the waveform, and a lane for each voice with its turns as buttons. */

import { fill, h, svg } from "./dom.js";
import { clock, t } from "./i18n.js";

const ZOOMS = [1, 2, 4, 8, 16, 32];
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]; // seconds between marks
const MARKS = 12; // at most, in what is seen at once

/**
 * `voices` have a voice, a name and turns; `pick` is told the voice that was chosen, `listen` what is to be played.
 * @param {{seconds: number, voices: {voice: string, name: string, turns: any[]}[], heard: boolean,
 *   pick: (voice: string) => void, listen: (start: number, end: number) => void}} options
 * @returns {{element: HTMLElement, at: (second: number|null) => void, chosen: (voice: string) => void,
 *   wave: (peaks: number[]) => void}}
 */
export function timeline({ seconds, voices, heard, pick, listen }) {
  const share = (second) => `${(100 * second) / seconds}%`;
  const head = h("div.playhead", { hidden: true });
  const marks = h("div.marks", { "aria-hidden": "true" });
  const wave = heard ? waveform((at) => listen(at * seconds, Math.min(seconds, at * seconds + 20))) : null;
  const lanes = voices.map((one, nth) => lane(one, nth, { share, listen }));
  const inner = h("div.inner", {}, marks, wave, lanes, head);
  const scroller = h("div.scroller", { role: "region", "aria-label": t("timeline.label"), tabIndex: 0 }, inner);
  const names = voices.map((one, nth) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          className: `voice v${nth % 8}`,
          "aria-pressed": "false",
          on: { click: () => pick(one.voice) },
        },
        one.name,
      ),
    ),
  );
  const zoom = h("input", { type: "range", min: 0, max: ZOOMS.length - 1, step: 1, value: 0 });
  const draw = () => {
    const factor = ZOOMS[Number(zoom.value)];
    inner.style.width = `${100 * factor}%`;
    const step = STEPS.find((one) => seconds / factor / one <= MARKS) ?? STEPS.at(-1);
    const places = Array.from({ length: Math.ceil((0.97 * seconds) / step) }, (_, nth) => nth * step);
    fill(
      marks,
      places.map((at) => h("span", { style: { left: share(at) } }, clock(at))),
    );
  };
  zoom.addEventListener("input", draw);
  draw();
  const element = h(
    "div.timeline",
    {},
    h("ul.names", { className: `names${heard ? " waved" : ""}`, "aria-label": t("timeline.voices") }, names),
    scroller,
    h("label.zoom", {}, t("timeline.zoom"), zoom),
  );
  return {
    element,
    wave: (peaks) => fill(wave, drawnWave(peaks)),
    at: (second) => {
      head.hidden = second === null;
      if (second !== null) head.style.left = share(second);
    },
    chosen: (voice) => {
      voices.forEach((one, nth) => names[nth].firstChild.setAttribute("aria-pressed", String(one.voice === voice)));
    },
  };
}

/** Turns of one voice; the arrow keys go from one to the next, so that tab goes from voice to voice. */
function lane({ name, turns }, nth, { share, listen }) {
  const buttons = turns.map((turn, place) => {
    const label = t("timeline.turn", { name, start: clock(turn.start), end: clock(turn.end) });
    const style = { left: share(turn.start), width: share(turn.end - turn.start) };
    const properties = {
      type: "button",
      className: `turn v${nth % 8}${turn.overlap ? " overlap" : ""}`,
      "aria-label": label,
      title: label,
      tabIndex: place ? -1 : 0,
      style,
    };
    return h("button", { ...properties, on: { click: () => listen(turn.start, turn.end) } });
  });
  const made = h("div.lane", { role: "group", "aria-label": t("timeline.lane", { name, n: turns.length }) }, buttons);
  made.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = buttons[buttons.indexOf(event.target) + by];
    if (!by || !next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return made;
}

/** Empty until there are peaks to draw. */
function waveform(listenAt) {
  const element = h("div.wave", { title: t("timeline.wave") });
  element.addEventListener("click", (event) => listenAt(event.offsetX / element.clientWidth));
  return element;
}

function drawnWave(peaks) {
  const points = peaks.map((one, nth) => `M${nth + 0.5} ${50 - 48 * one}V${50.4 + 48 * one}`).join("");
  const box = { viewBox: `0 0 ${peaks.length} 100`, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", box, svg("path", { d: points }));
}
