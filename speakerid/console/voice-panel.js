/** One voice of a recording: hear it, say who it is, enroll it from its turns, or that it is nobody. */

import { bytes, call, inGallery, list } from "./api.js";
import { ask, button, h } from "./dom.js";
import { enrollInto, enrollNew } from "./enrolling.js";
import { seconds, t } from "./i18n.js";
import { CLIPS, clip, dismissal, nameForm, promote, speakerChoice } from "./voice-naming.js";
import { candidateBars, decision, note, refusal, tried } from "./words.js";

const ENROLL_S = 60; // of the longest turns

/**
 * @typedef {{about: any, voices: any[], path: string, heard: boolean, context: import("./main.js").Context,
 *   listen: (start: number, end: number) => void, changed: (text: string, voice?: string) => Promise<void>}} Panel
 * @param {Panel} panel
 * @returns {any[]}
 */
export function voicePanel(panel) {
  const { about, heard } = panel;
  const said = h("div");
  return [
    h("h2", {}, about.name),
    h("p", {}, `${decision(about)} ${t("speech.seconds", { n: seconds(about.speech.seconds) })}`),
    heard ? clips(panel) : null,
    about.candidates.length ? candidateBars(about) : null,
    said,
    about.speaker ? namedActions(panel, said) : unnamedActions(panel, said),
  ];
}

/** The longest turns where nobody else speaks. */
function clips({ about, listen }) {
  const alone = about.turns.filter((turn) => !turn.overlap);
  const longest = [...(alone.length ? alone : about.turns)]
    .sort((a, b) => b.end - b.start - (a.end - a.start))
    .slice(0, CLIPS);
  const buttons = longest.map((turn) => clip(turn, listen));
  return h("div.actions", { role: "group", "aria-label": t("voice.clips", { name: about.name }) }, buttons);
}

function unnamedActions(panel, said) {
  const { about, heard, context, changed } = panel;
  if (!about.unknown_id && !heard) return h("p.hint", {}, t("voice.cannot_name"));
  const hint = t(about.unknown_id ? "voice.name.promotes" : "voice.name.enrolls");
  const form = nameForm((name) => give(panel, said, { name }), hint);
  const dismissed = () => changed(t("voice.nobody.done"), about.voice);
  const dismiss = about.unknown_id ? dismissal(context.gallery.name, about.unknown_id, said, dismissed) : null;
  return [form, sameAs(panel, said, (speaker) => give(panel, said, { speaker })), dismiss];
}

function namedActions(panel, said) {
  const more = panel.heard
    ? button(t("voice.enroll_turns", { name: panel.about.speaker.name }), () =>
        give(panel, said, { speaker: panel.about.speaker }),
      )
    : null;
  const profile = h(
    "a",
    { href: panel.context.link("speakers", panel.about.speaker.id) },
    t("voice.profile", { name: panel.about.speaker.name }),
  );
  return [h("div.actions", {}, more, profile), sameAs(panel, said, (speaker) => mergeInto(panel, said, speaker))];
}

/** A choice of the speakers there are, the other voices of the recording first. */
function sameAs({ about, voices, context }, said, chosen) {
  const place = h("div");
  const open = button(t("voice.same"), () =>
    tried(said, async () => {
      const here = voices
        .filter((one) => one.speaker && one.speaker.id !== about.speaker?.id)
        .map((one) => one.speaker);
      const all = await list(inGallery(context.gallery.name, "speakers"));
      const others = all.filter((one) => one.id !== about.speaker?.id && !here.some((near) => near.id === one.id));
      const options = [...here, ...others];
      if (!options.length) return place.replaceChildren(note(t("voice.same.none"), "plain"));
      const { row, known } = speakerChoice(options, t("voice.same.whom"), chosen);
      place.replaceChildren(row);
      known.focus();
    }),
  );
  return [h("div.actions", {}, open), place];
}

/** A kept unknown voice is promoted, so past recordings follow; else its turns are enrolled as one recording. */
async function give(panel, said, to, accept = "") {
  const { about, changed, context } = panel;
  said.replaceChildren();
  try {
    const { speaker } = about.unknown_id
      ? await promote(context.gallery.name, about.unknown_id, to, accept)
      : await enrollTurns(panel, to, accept);
    const text = about.unknown_id ? "voice.named" : "voice.enrolled";
    await changed(t(text, { name: speaker.name }), about.unknown_id ? speaker.id : about.voice);
  } catch (error) {
    said.replaceChildren(refusal(error, (codes) => give(panel, said, to, codes)));
  }
}

async function enrollTurns({ about, path, context }, { name, speaker }, accept) {
  const audio = await bytes(`${path}/audio`, { voice: about.voice, seconds: ENROLL_S });
  const gallery = context.gallery.name;
  return speaker ? enrollInto(gallery, speaker.id, audio, accept) : enrollNew(gallery, name, audio, accept);
}

async function mergeInto({ about, context, changed }, said, into) {
  const { name } = about.speaker;
  const sure = await ask({
    title: t("merge.title", { name, into: into.name }),
    body: h("p", {}, t("merge.explained", { name, into: into.name })),
    yes: t("merge.do"),
    no: t("cancel"),
  });
  if (!sure) return;
  const path = inGallery(context.gallery.name, "speakers", about.speaker.id, "merge");
  if (await tried(said, () => call("POST", path, { json: { into: into.id } })))
    await changed(t("merge.done", { name, into: into.name }), into.id);
}
