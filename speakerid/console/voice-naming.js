/** What one can do with a voice that has no name, in the inbox and in a recording: hear it, name it, dismiss it. */

import { call, inGallery } from "./api.js";
import { ask, button, field, h, select } from "./dom.js";
import { clock, t } from "./i18n.js";
import { tried } from "./words.js";

/** Clips of a voice that are offered. */
export const CLIPS = 3;
const CLIP_S = 6;

/**
 * Plays the beginning of a turn.
 * @param {{start: number, end: number}} turn
 * @param {(start: number, end: number) => any} listen
 */
export function clip({ start, end }, listen) {
  return button(t("voice.hear_at", { at: clock(start) }), () => listen(start, Math.min(end, start + CLIP_S)));
}

/**
 * @param {(name: string) => any} give
 * @param {string} [hint]
 */
export function nameForm(give, hint = "") {
  const name = h("input", { type: "text", maxLength: 200, required: true, autocomplete: "off", spellcheck: false });
  const form = h(
    "form.row",
    {},
    field(t("voice.name"), name, hint),
    h("button.main", { type: "submit" }, t("voice.name.do")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    give(name.value.trim());
  });
  return form;
}

/**
 * One of these speakers, and the list to choose them from.
 * @param {{id: string, name: string}[]} speakers
 * @param {string} label
 * @param {(speaker: {id: string, name: string}) => any} chosen
 */
export function speakerChoice(speakers, label, chosen) {
  const known = select(speakers.map((one) => [one.id, one.name]));
  const take = button(t("voice.same.do"), () => chosen(speakers.find((one) => one.id === known.value)));
  return { row: h("div.row", {}, field(label, known), take), known };
}

/**
 * The speaker that a kept unknown voice becomes, and what follows for its recordings. Raises Problem.
 * @param {string} gallery
 * @param {string} id
 * @param {{name?: string, speaker?: {id: string}}} to
 * @param {string} accept
 */
export function promote(gallery, id, { name, speaker }, accept) {
  const json = speaker ? { speaker_id: speaker.id } : { name };
  return call("POST", inGallery(gallery, "unknowns", id, "promote"), { json: { ...json, accept } });
}

/**
 * A button that forgets a kept unknown voice, once it was asked whether to.
 * @param {string} gallery
 * @param {string} id
 * @param {Element} problems
 * @param {() => any} done
 */
export function dismissal(gallery, id, problems, done) {
  return button(t("voice.nobody"), async () => {
    const sure = await ask({
      title: t("voice.nobody.title"),
      body: h("p", {}, t("voice.nobody.explained")),
      yes: t("voice.nobody"),
      no: t("cancel"),
      grave: true,
    });
    if (sure && (await tried(problems, () => call("DELETE", inGallery(gallery, "unknowns", id))))) await done();
  });
}
