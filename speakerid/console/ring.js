/** A ring that fills with net speech. */

import { h, svg } from "./dom.js";
import { number, seconds, t } from "./i18n.js";

const AROUND = 2 * Math.PI * 52;

/**
 * @param {number} wanted seconds of speech that complete an enrollment
 * @returns {{element: HTMLElement, set: (kept: number, coming?: number) => void}}
 */
export function ring(wanted) {
  const circle = (kind) => svg("circle", { class: kind, cx: 60, cy: 60, r: 52, pathLength: AROUND });
  const [coming, kept] = [circle("coming"), circle("kept")];
  const drawn = svg("svg", { viewBox: "0 0 120 120", "aria-hidden": "true" }, circle("track"), coming, kept);
  const text = h("span.figure");
  const element = h(
    "div.ring",
    { role: "progressbar", "aria-label": t("ring.label"), "aria-valuemin": 0, "aria-valuemax": 100 },
    drawn,
    text,
  );
  const set = (keptS, comingS = 0) => {
    arc(kept, keptS / wanted);
    arc(coming, (keptS + comingS) / wanted);
    const share = Math.min(1, (keptS + comingS) / wanted || 0);
    text.replaceChildren(
      h("strong", {}, seconds(keptS + comingS)),
      h("small", {}, t("ring.of", { n: number(wanted) })),
    );
    element.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    element.setAttribute("aria-valuetext", t("ring.text", { n: seconds(keptS + comingS), wanted: seconds(wanted) }));
    element.classList.toggle("full", share >= 1);
  };
  set(0);
  return { element, set };
}

function arc(circle, share) {
  const length = AROUND * Math.max(0, Math.min(1, share || 0));
  circle.style.strokeDasharray = `${length} ${AROUND}`;
}
