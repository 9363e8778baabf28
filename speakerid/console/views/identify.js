/** Who speaks? A file or the microphone; the candidates as bars, the decision and why in words. */

import { call, inGallery } from "../api.js";
import { play } from "../audio.js";
import { announce, button, fill, h } from "../dom.js";
import { number, seconds, t } from "../i18n.js";
import { sources } from "../source.js";
import { candidateBars, decision, problemBox, reason, speechFigures } from "../words.js";

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export function show(root, { gallery, link, ended }) {
  const answers = h("div");
  const identify = async (name, audio) => {
    const card = h(
      "section.card",
      { "aria-busy": "true" },
      h("h2", {}, name),
      h("p.hint", {}, t("identify.listening")),
    );
    answers.prepend(card);
    try {
      const answer = await call("POST", inGallery(gallery.name, "identify"), { audio });
      fill(
        card,
        h("h2", {}, name),
        verdict(answer),
        button(t("play"), () => play(audio)),
      );
      announce(decision(answer));
    } catch (error) {
      fill(card, h("h2", {}, name), problemBox(error));
    }
    card.removeAttribute("aria-busy");
  };
  const nobody = gallery.speakers
    ? null
    : h("p.note.warn", {}, t("identify.nobody"), " ", h("a", { href: link("enroll") }, t("nav.enroll")));
  const from = sources({
    choose: t("identify.choose"),
    begin: t("mic.start"),
    ended,
    take: identify,
    failed: (error) => answers.prepend(problemBox(error)),
  });
  fill(
    root,
    h("h1", {}, t("identify.title")),
    h("p", {}, t("identify.about", { n: number(gallery.speakers) })),
    nobody,
    from,
    answers,
  );
}

/** @param {any} answer of identify */
function verdict(answer) {
  const lost = answer.lost_seconds ? h("p.note.warn", {}, t("audio_lost", { n: seconds(answer.lost_seconds) })) : null;
  return [
    h(`p.decision.${answer.decision}`, {}, decision(answer)),
    h("p", {}, reason(answer)),
    answer.candidates.length ? candidateBars(answer) : null,
    lost,
    h("p.hint", {}, `${speechFigures(answer.speech)} · ${answer.encoder}`),
  ];
}
