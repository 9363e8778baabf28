/** What the server answers, in the reader's words. Its own sentences are English and say so to screen readers. */

import { Problem } from "./api.js";
import { announce, button, h } from "./dom.js";
import { known, number, percent, seconds, t } from "./i18n.js";

/**
 * What went wrong, as a box that is read out at once.
 * @param {unknown} error
 * @returns {HTMLElement}
 */
export function problemBox(error) {
  if (!(error instanceof Problem)) {
    const name = error instanceof Error ? error.name : "";
    return box(
      known(`error.${name}`, t("error.internal_error")),
      error instanceof Error ? error.message : String(error),
    );
  }
  const title = known(`error.${error.code}`, t(error.status >= 500 ? "error.internal_error" : "failed"));
  return box(title, error.message, error.status >= 500 ? error.document.request_id : "");
}

/**
 * What the enrollment coach refused, in its words; the problem as it is where another refused.
 * @param {unknown} error
 * @param {((accept: string) => any)|null} again does the same with these refusals overridden
 * @returns {HTMLElement}
 */
export function refusal(error, again) {
  const codes = error instanceof Problem ? (error.document.review?.refusals ?? []) : [];
  if (!codes.length) return problemBox(error);
  const other = error.document.speaker_name;
  const overridden = again && !codes.includes("too_little_speech");
  return h(
    "div.problem",
    { role: "alert" },
    h("strong", {}, known(`error.${error.code}`, t("failed"))),
    coachWords(codes),
    other ? h("p", {}, t("coach.it_is", { name: other })) : null,
    h("p", {}, t("enroll.nothing_kept")),
    overridden ? button(t("enroll.all_the_same"), () => again(codes.join(","))) : null,
  );
}

/**
 * Run `work`; what it raises is shown in `into` in place of what was there.
 * @param {Element} into
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>} whether it went well
 */
export async function tried(into, work) {
  into.replaceChildren();
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return false;
    into.replaceChildren(problemBox(error));
    return false;
  }
}

/**
 * A note that something was done, read out as well.
 * @param {string} text
 * @param {"good"|"warn"|"plain"} [kind]
 * @returns {HTMLElement}
 */
export function note(text, kind = "good") {
  announce(text);
  return h(`p.note.${kind}`, {}, text);
}

/**
 * A decision in one sentence.
 * @param {{decision: string, speaker: {name: string}|null}} answer
 * @returns {string}
 */
export function decision(answer) {
  return t(`decision.${answer.decision}`, { name: answer.speaker?.name ?? "" });
}

/**
 * Why, in numbers that the sentence explains.
 * @param {{decision: string, candidates: any[], threshold: any, margin: number|null, speech: any}} answer
 * @returns {string}
 */
export function reason(answer) {
  const best = answer.candidates[0];
  const values = {
    best: best ? number(best.llr, 1) : "",
    name: best?.speaker.name ?? "",
    second: answer.candidates[1]?.speaker.name ?? "",
    threshold: answer.threshold ? number(answer.threshold.llr, 1) : "",
    margin: answer.margin === null ? "" : number(answer.margin, 1),
    seconds: seconds(answer.speech.seconds),
  };
  return t(`reason.${answer.decision}`, values);
}

/**
 * Candidates as bars, the best first; the mark is the threshold.
 * @param {{candidates: any[], speaker: {id: string}|null}} answer
 * @returns {HTMLElement}
 */
export function candidateBars(answer) {
  const rows = answer.candidates.map((one) => {
    const chosen = one.speaker.id === answer.speaker?.id;
    const bar = h("span.bar", { "aria-hidden": "true" }, h("span", { style: { width: `${100 * one.probability}%` } }));
    const share = h("span.share", {}, percent(one.probability));
    const figures = h("small", {}, t("candidate.figures", { llr: number(one.llr, 1), score: number(one.score, 2) }));
    return h(chosen ? "li.chosen" : "li", {}, h("span.who", {}, one.speaker.name), bar, share, figures);
  });
  return h("ol.candidates", { "aria-label": t("candidates") }, rows);
}

/**
 * What was measured of the speech in a recording.
 * @param {{seconds: number, snr_db: number|null, clipping_ratio: number, bandwidth_hz: number}} speech
 * @returns {string}
 */
export function speechFigures(speech) {
  const parts = [t("speech.seconds", { n: seconds(speech.seconds) })];
  if (speech.snr_db !== null) parts.push(t("speech.snr", { n: number(speech.snr_db) }));
  if (speech.clipping_ratio > 0.001) parts.push(t("speech.clipped", { n: percent(speech.clipping_ratio, 1) }));
  parts.push(t("speech.bandwidth", { n: number(speech.bandwidth_hz / 1000, 1) }));
  return parts.join(" · ");
}

/**
 * The coach's words for its codes.
 * @param {string[]} codes
 * @returns {HTMLElement|null}
 */
export function coachWords(codes) {
  return codes.length
    ? h(
        "ul.coach",
        {},
        codes.map((one) => h("li", {}, known(`coach.${one}`, one))),
      )
    : null;
}

function box(title, detail, requestId = "") {
  const more = requestId ? h("small", {}, t("error.request", { id: requestId })) : null;
  return h(
    "div.problem",
    { role: "alert" },
    h("strong", {}, title),
    detail ? h("p", { lang: "en" }, detail) : null,
    more,
  );
}
