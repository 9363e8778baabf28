/** One recording: who speaks when, to be seen, heard and put right; corrections show in every export. */

import { bytes, call, inGallery, Problem } from "../api.js";
import { play, stopPlaying } from "../audio.js";
import { Clips } from "../clips.js";
import { announce, button, fill, h } from "../dom.js";
import { number, seconds, t } from "../i18n.js";
import { timeline } from "../timeline.js";
import { voicePanel } from "../voice-panel.js";
import { note, problemBox, tried } from "../words.js";

const PEAKS = 2000;
const FORMATS = ["rttm", "srt", "vtt", "csv", "json"];

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 * @param {string} [chosen] the voice to show first
 */
export async function showRecording(root, context, chosen = "") {
  const { gallery, id, link, ended } = context;
  const path = inGallery(gallery.name, "recordings", id);
  const job = await call("GET", path);
  const back = h("p", {}, h("a", { href: link("recordings") }, `← ${t("recordings.title")}`));
  if (!job.result)
    return fill(
      root,
      back,
      h("h1", {}, job.name ?? job.id),
      h("p", {}, t(`job.${job.state}`)),
      job.error ? problemBox(new Problem(job.error)) : null,
    );
  const { result } = job;
  const [drawn, said] = [h("div.place"), h("div")];
  const panel = h("section.card.panel", { tabIndex: -1, "aria-label": t("recording.voice") });
  const voices = named(result);
  fill(
    root,
    back,
    h("h1", {}, job.name ?? job.id),
    h("p", {}, summary(result)),
    drawn,
    said,
    panel,
    exports(path, job, said),
  );
  const clips = new Clips(path, result.seconds);
  const heard = await clips.there();
  if (ended.aborted) return;
  const view = timeline({ seconds: result.seconds, voices, heard, pick, listen });
  fill(drawn, view.element, heard ? hearing() : h("p.hint", {}, t("recording.not_kept")));
  if (heard) drawWave(path, view, said, ended);

  function listen(start, end) {
    if (!heard) return null;
    return tried(said, async () => {
      fill(said, h("p.hint", {}, t("recording.fetching")));
      const clip = await clips.get(start, end);
      fill(said);
      if (ended.aborted) return;
      await play(clip, { at: (second) => view.at(start + second), end: () => view.at(null) });
    });
  }

  function pick(voice) {
    view.chosen(voice);
    const about = voices.find((one) => one.voice === voice);
    const changed = async (text, next) => {
      await showRecording(root, context, next);
      root.querySelector(".panel").prepend(note(text));
    };
    fill(panel, voicePanel({ about, voices, path, heard, context, listen, changed }));
    announce(t("recording.chosen", { name: about.name }));
  }

  const first = voices.find((one) => one.voice === chosen) ?? voices[0];
  if (first) pick(first.voice);
  else fill(panel, h("p", {}, t("recording.nobody")));
}

function hearing() {
  return h("div.actions", {}, h("p.hint", {}, t("recording.hear")), button(t("stop"), stopPlaying));
}

/** Of a long recording the waveform takes a while, and nothing waits for it. */
function drawWave(path, view, said, signal) {
  return tried(said, async () => {
    const { peaks } = await call("GET", `${path}/peaks`, { query: { points: PEAKS }, signal });
    view.wave(peaks);
  });
}

/** The voices with what they are called and their turns. */
function named(result) {
  return result.voices.map((one) => {
    const unknown = t("voice.unknown", { n: one.voice.replace("unknown_", "") });
    return {
      ...one,
      name: one.speaker?.name ?? unknown,
      turns: result.turns.filter((turn) => turn.voice === one.voice),
    };
  });
}

function summary(result) {
  const known = result.voices.filter((one) => one.speaker).length;
  return t("recording.summary", {
    length: seconds(result.seconds),
    voices: number(result.voices.length),
    known: number(known),
    speech: seconds(result.speech_seconds),
  });
}

function exports(path, job, said) {
  const save = (format) =>
    tried(said, async () => {
      const url = URL.createObjectURL(await bytes(path, { format }));
      h("a", { href: url, download: `${fileName(job.name ?? job.id)}.${format}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    });
  const buttons = FORMATS.map((format) =>
    button(format.toUpperCase(), () => save(format), {
      "aria-label": t("recording.save_as", { format: format.toUpperCase() }),
    }),
  );
  return h(
    "section",
    {},
    h("h2", {}, t("recording.export")),
    h("p.hint", {}, t("recording.export.hint")),
    h("div.actions", {}, buttons),
  );
}

/** What every system takes as the name of a file. */
function fileName(name) {
  return (
    name
      .replace(/[\\/:*?"<>|\p{Cc}]/gu, "_")
      .replace(/^\.+/, "_")
      .slice(0, 100) || "recording"
  );
}
