/** Enroll a speaker, by files or by microphone: one request for each recording, so nothing is ever half written. */

import { call, inGallery, list, Problem } from "../api.js";
import { play } from "../audio.js";
import { announce, button, field, fill, h } from "../dom.js";
import { enrollInto, enrollNew } from "../enrolling.js";
import { seconds, t } from "../i18n.js";
import { listen } from "../listening.js";
import { ring } from "../ring.js";
import { sources } from "../source.js";
import { coachWords, problemBox, refusal, speechFigures } from "../words.js";

const SUGGESTED = 500;

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export async function show(root, { gallery, id, ended }) {
  const speakers = await list(inGallery(gallery.name, "speakers"), {}, SUGGESTED);
  const known = id ? await call("GET", inGallery(gallery.name, "speakers", id)) : null;
  const names = h(
    "datalist",
    { id: "names" },
    [...new Set(speakers.map((one) => one.name))].map((value) => h("option", { value })),
  );
  const name = h("input", {
    type: "text",
    maxLength: 200,
    autocomplete: "off",
    spellcheck: false,
    list: names.id,
    required: true,
  });
  const who = known
    ? h("p", {}, t("enroll.for", { name: known.name }))
    : [field(t("enroll.name"), name, t("enroll.name.hint")), names];
  const progress = ring(gallery.enroll_speech_seconds);
  const words = h("p.words", { role: "status" });
  const done = h("div");
  const enrolling = new Enrolling(gallery.name, known, () => name.value.trim());
  if (known) progress.set(known.speech_seconds);

  let along = null;
  const from = sources({
    choose: t("enroll.choose"),
    begin: t("enroll.record"),
    ended,
    take: (title, audio) => enrollOne({ enrolling, progress, done, title, audio }),
    failed: (error) => done.prepend(problemBox(error)),
    stopped: () => {
      along?.end();
      enrolling.busy -= 1;
      words.textContent = "";
    },
    started: (rateHz) => {
      enrolling.busy += 1;
      along = listen(gallery.name, rateHz, {
        heard: (found) => {
          progress.set(enrolling.speech, found.speech);
          words.textContent = liveWords(found, enrolling, gallery);
        },
        failed: (error) => (words.textContent = t("enroll.not_measured", { why: error.message })),
      });
    },
    heard: (piece) => along?.send(piece),
  });
  ended.addEventListener("abort", () => along?.end());
  warnWhileBusy(enrolling, ended);

  name.addEventListener("change", async () => {
    await enrolling.meet().catch(() => {});
    progress.set(enrolling.speech);
  });
  fill(
    root,
    h("h1", {}, t("enroll.title")),
    h("p", {}, t("enroll.about")),
    h("div.enrolling", {}, h("div", {}, who, h("p.hint", {}, t("enroll.advice")), words), progress.element),
    from,
    done,
  );
}

/** Whom the recordings are for; looked up, or made together with the first recording that is good. */
class Enrolling {
  constructor(gallery, speaker, typed) {
    this.gallery = gallery;
    this.speaker = speaker;
    this.busy = 0;
    this.fixed = Boolean(speaker);
    this.typed = typed;
  }

  /** @returns {number} seconds of speech that are enrolled */
  get speech() {
    return this.speaker?.speech_seconds ?? 0;
  }

  /** The speaker of the name that was typed, null where there is none. Raises Problem. */
  async meet() {
    if (this.fixed) return this.speaker;
    const name = this.typed();
    if (!name) throw new Problem({ code: "name_missing", detail: "" });
    const { items } = await call("GET", inGallery(this.gallery, "speakers"), { query: { name } });
    if (items.length > 1) throw new Problem({ code: "ambiguous_name", detail: "" });
    this.speaker = items[0] ?? null;
    return this.speaker;
  }

  /** Raises Problem. */
  async enroll(audio, accept) {
    const there = await this.meet();
    const answer = there
      ? await enrollInto(this.gallery, there.id, audio, accept)
      : await enrollNew(this.gallery, this.typed(), audio, accept);
    this.speaker = answer.speaker;
    return answer;
  }

  async remove(utterance) {
    const path = inGallery(this.gallery, "speakers", this.speaker.id, "utterances", utterance);
    this.speaker = await call("DELETE", path);
  }
}

async function enrollOne({ enrolling, progress, done, title, audio, accept = "", card = h("section.card") }) {
  const heading = h("h2", {}, title);
  const hear = button(t("play"), () => play(audio));
  fill(card, heading, h("p.hint", {}, t("enroll.sending")));
  if (!card.isConnected) done.prepend(card);
  enrolling.busy += 1;
  try {
    const answer = await enrolling.enroll(audio, accept);
    fill(card, heading, enrolled(answer), h("div.actions", {}, hear, removal(enrolling, answer, card, progress)));
    announce(t("enroll.done", { name: answer.speaker.name, n: seconds(answer.utterance.speech.seconds) }));
  } catch (error) {
    const again = (codes) => enrollOne({ enrolling, progress, done, title, audio, accept: codes, card });
    fill(card, heading, refusal(error, again), h("div.actions", {}, hear));
  }
  enrolling.busy -= 1;
  progress.set(enrolling.speech);
}

function enrolled({ speaker, utterance, already_enrolled: already, warnings }) {
  const values = {
    name: speaker.name,
    n: seconds(utterance.speech.seconds),
    left: seconds(speaker.remaining_speech_seconds),
  };
  const state = speaker.status === "enrolled" ? t("enroll.complete", values) : t("enroll.left", values);
  return [
    h(`p.decision${already ? "" : ".accept"}`, {}, t(already ? "enroll.already" : "enroll.done", values)),
    h("p", {}, state),
    coachWords(warnings),
    h("p.hint", {}, speechFigures(utterance.speech)),
  ];
}

function removal(enrolling, answer, card, progress) {
  if (answer.already_enrolled) return null;
  return button(t("enroll.take_back"), async () => {
    await enrolling.remove(answer.utterance.id);
    card.remove();
    progress.set(enrolling.speech);
    announce(t("enroll.taken_back"));
  });
}

/** What the coach would say of what was heard by now, the gravest first. */
function liveWords({ speech, voices, names }, enrolling, gallery) {
  const other = names.find((one) => one.id !== enrolling.speaker?.id);
  if (voices > 1) return t("coach.more_than_one_voice");
  if (other) return t("enroll.sounds_like", { name: other.name });
  const left = gallery.enroll_speech_seconds - enrolling.speech - speech;
  if (left > 0) return t("enroll.go_on", { n: seconds(left) });
  return t("enroll.enough");
}

function warnWhileBusy(enrolling, ended) {
  const warn = (event) => enrolling.busy && event.preventDefault();
  window.addEventListener("beforeunload", warn, { signal: ended });
}
