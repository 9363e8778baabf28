/** The settings of a gallery that decide what is kept and how much speech is asked for, and how to make another one. */

import { call, inGallery } from "./api.js";
import { announce, ask, field, h } from "./dom.js";
import { t } from "./i18n.js";
import { tried } from "./words.js";

/**
 * @param {import("./main.js").Context} context
 * @returns {HTMLElement}
 */
export function settingsSection({ gallery, reload }) {
  const said = h("div");
  const audio = h("input", { type: "checkbox", checked: gallery.keep_audio });
  const unknown = h("input", { type: "checkbox", checked: gallery.keep_unknown_voices });
  const least = h("input", {
    type: "number",
    min: 0,
    max: 600,
    step: "any",
    required: true,
    value: gallery.min_speech_seconds,
  });
  const whole = h("input", {
    type: "number",
    min: 0,
    max: 600,
    step: "any",
    required: true,
    value: gallery.enroll_speech_seconds,
  });
  const heading = h("h2", { id: "settings" }, t("settings.title"));
  const form = h(
    "form.card",
    { "aria-labelledby": heading.id },
    heading,
    h("label.check", {}, audio, t("settings.keep_audio")),
    h("p.hint", {}, t("settings.keep_audio.hint")),
    h("label.check", {}, unknown, t("settings.keep_unknown")),
    h("p.hint", {}, t("settings.keep_unknown.hint")),
    field(t("settings.least"), least),
    field(t("settings.whole"), whole),
    said,
    h("button.main", { type: "submit" }, t("save")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (gallery.unknown_voices && !unknown.checked && !(await forgetting())) return;
    const json = {
      keep_audio: audio.checked,
      keep_unknown_voices: unknown.checked,
      min_speech_seconds: least.valueAsNumber,
      enroll_speech_seconds: whole.valueAsNumber,
    };
    const path = inGallery(gallery.name);
    if (!(await tried(said, () => call("PATCH", path, { json, headers: { "If-Match": gallery.etag } })))) return;
    await reload();
    announce(t("saved"));
  });
  return form;
}

function forgetting() {
  return ask({
    title: t("settings.forget.title"),
    body: h("p", {}, t("settings.forget.explained")),
    yes: t("settings.forget"),
    no: t("cancel"),
    grave: true,
  });
}

/**
 * @param {import("./main.js").Context} context
 * @returns {HTMLElement}
 */
export function newGallerySection({ reload }) {
  const said = h("div");
  const name = h("input", { type: "text", maxLength: 64, required: true, autocomplete: "off", spellcheck: false });
  const submit = h("button", { type: "submit" }, t("galleries.make"));
  const heading = h("h2", { id: "new-gallery" }, t("galleries.title"));
  const asked = h("div.row", {}, field(t("galleries.name"), name, t("galleries.hint")), submit);
  const about = h("p.hint", {}, t("galleries.about"));
  const form = h("form.card", { "aria-labelledby": heading.id }, heading, about, asked, said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const made = name.value.trim();
    if (!(await tried(said, () => call("POST", "/v1/galleries", { json: { name: made } })))) return;
    history.replaceState(null, "", `#/${encodeURIComponent(made)}/health`);
    await reload();
    announce(t("galleries.made", { name: made }));
  });
  return form;
}
