/** The inbox of unknown voices: people in recordings who are not enrolled. */

import { bytes, call, inGallery, list } from "../api.js";
import { play } from "../audio.js";
import { button, fill, h } from "../dom.js";
import { number, seconds, t, when } from "../i18n.js";
import { CLIPS, clip, dismissal, nameForm, promote, speakerChoice } from "../voice-naming.js";
import { note, refusal, tried } from "../words.js";

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export async function show(root, context) {
  const { gallery, link, reload } = context;
  const path = inGallery(gallery.name, "unknowns");
  const said = h("div");
  const keep = async () => {
    if (await tried(said, () => call("PATCH", inGallery(gallery.name), { json: { keep_unknown_voices: true } })))
      await reload();
  };
  const off = gallery.keep_unknown_voices
    ? null
    : h("div.note.warn", {}, h("p", {}, t("inbox.off")), button(t("inbox.switch_on"), keep));
  const voices = await list(path);
  const speakers = voices.length ? await list(inGallery(gallery.name, "speakers")) : [];
  const often = h("input", { type: "checkbox" });
  const rows = h("ul.jobs", { "aria-label": t("inbox.list") });
  const draw = () => {
    const shown = voices.filter((one) => !often.checked || one.recordings > 1);
    fill(
      rows,
      shown.map((one, nth) => voiceRow(one, nth + 1, speakers, context)),
    );
  };
  often.addEventListener("change", draw);
  draw();
  const filter = h("label.check", {}, often, t("inbox.often"));
  const none = h("p", {}, t("inbox.none"), " ", h("a", { href: link("recordings") }, t("nav.recordings")));
  fill(
    root,
    h("h1", {}, t("inbox.title")),
    h("p", {}, t("inbox.about")),
    off,
    said,
    voices.length ? [filter, rows] : none,
  );
}

function voiceRow(voice, nth, speakers, context) {
  const { gallery } = context;
  const path = inGallery(gallery.name, "unknowns", voice.id);
  const said = h("div");
  const row = h("li.card", { "aria-label": t("voice.unknown", { n: nth }) });
  const figures = t("inbox.figures", {
    recordings: number(voice.recordings),
    speech: seconds(voice.speech_seconds),
    first: when(voice.first_heard_at),
    last: when(voice.last_heard_at),
  });
  const heard = h("div.actions");
  const where = button(t("inbox.where"), () =>
    tried(said, async () => {
      const { hearings } = await call("GET", path);
      fill(heard, hearingButtons(hearings, context, said));
    }),
  );
  const become = async (to, accept = "") => {
    said.replaceChildren();
    try {
      const answer = await promote(gallery.name, voice.id, to, accept);
      fill(
        row,
        note(t("inbox.promoted", { name: answer.speaker.name, n: number(answer.recordings.length) })),
        h(
          "a",
          { href: context.link("speakers", answer.speaker.id) },
          t("voice.profile", { name: answer.speaker.name }),
        ),
      );
    } catch (error) {
      said.replaceChildren(refusal(error, (codes) => become(to, codes)));
    }
  };
  const dismiss = dismissal(gallery.name, voice.id, said, () => fill(row, note(t("voice.nobody.done"))));
  fill(
    row,
    h("h2", {}, t("voice.unknown", { n: nth })),
    h("p.hint", {}, figures),
    h("div.actions", {}, gallery.keep_audio ? where : null, dismiss),
    heard,
    said,
    nameForm((name) => become({ name })),
    speakers.length ? speakerChoice(speakers, t("voice.same"), (speaker) => become({ speaker })).row : null,
  );
  return row;
}

/** A clip of each of the first recordings, and a way to all of them. */
function hearingButtons(hearings, { gallery, link }, said) {
  return hearings.slice(0, CLIPS).map((one) => {
    const longest = one.turns.reduce((best, turn) => (turn.end - turn.start > best.end - best.start ? turn : best));
    const path = inGallery(gallery.name, "recordings", one.recording, "audio");
    return [
      clip(longest, (start, end) => tried(said, async () => play(await bytes(path, { start, end })))),
      h("a", { href: link("recordings", one.recording) }, t("inbox.recording", { when: when(one.received_at) })),
    ];
  });
}
