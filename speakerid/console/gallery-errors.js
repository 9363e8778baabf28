/** What one `target_fpir` comes to in this gallery: a slider over measured points, misses against false alarms. */

import { call, inGallery } from "./api.js";
import { announce, button, field, fill, h } from "./dom.js";
import { number, percent, t } from "./i18n.js";
import { tried } from "./words.js";

const PLACES = 100; // speakers or strangers, to be thought of

/**
 * @param {import("./main.js").Context} context
 * @returns {HTMLElement}
 */
export function errorsSection(context) {
  const { gallery } = context;
  const [said, drawn] = [h("div"), h("div")];
  const measure = () =>
    tried(said, async () => {
      const report = await call("POST", inGallery(gallery.name, "calibrate"), { query: { dry_run: true } });
      fill(drawn, tradeOff(report, context, said), calibrating(report, context, said));
    });
  const heading = h("h2", { id: "errors" }, t("errors.title"));
  const now = t("errors.now", { n: percent(gallery.target_fpir, 2) });
  return h(
    "section.card",
    { "aria-labelledby": heading.id },
    heading,
    h("p.hint", {}, t("errors.about")),
    h("p", {}, now),
    h("div.actions", {}, button(t("errors.measure"), measure, { className: "main" })),
    said,
    drawn,
  );
}

function tradeOff(report, context, said) {
  const { gallery, reload } = context;
  const own = gallery.calibration.source === "gallery";
  const { points } = own ? report.fitted : report.default;
  const at = Math.max(
    0,
    points.findIndex((one) => one.target_fpir === gallery.target_fpir),
  );
  const slider = h("input", { type: "range", min: 0, max: points.length - 1, step: 1, value: at });
  const shown = h("div", { "aria-live": "polite" });
  const keep = button(t("errors.keep"), async () => {
    const { target_fpir } = points[Number(slider.value)];
    if (
      !(await tried(said, () =>
        call("PATCH", inGallery(gallery.name), { json: { target_fpir }, headers: { "If-Match": gallery.etag } }),
      ))
    )
      return;
    await reload();
    announce(t("saved"));
  });
  const draw = () => {
    const point = points[Number(slider.value)];
    slider.setAttribute("aria-valuetext", percent(point.target_fpir, 2));
    keep.disabled = point.target_fpir === gallery.target_fpir;
    fill(
      shown,
      h(
        "p",
        {},
        h("strong", {}, percent(point.target_fpir, 2)),
        " ",
        h("small", {}, t("errors.threshold", { llr: number(point.threshold_llr, 1) })),
      ),
      errorBar("misses", point.fnir),
      errorBar("false_alarms", point.fpir),
    );
  };
  slider.addEventListener("input", draw);
  draw();
  const measured = t("errors.measured", { speakers: number(report.speakers), utterances: number(report.utterances) });
  return [field(t("errors.slider"), slider), shown, h("p.hint", {}, measured), h("div.actions", {}, keep)];
}

function errorBar(kind, { value, low, high }) {
  const words = t(`errors.${kind}`, { n: number(value * PLACES, value * PLACES < 10 ? 1 : 0) });
  const range = t("errors.interval", { low: percent(low, 1), high: percent(high, 1) });
  const bar = h("span.bar", { "aria-hidden": "true" }, h("span", { style: { width: `${100 * value}%` } }));
  return h(`div.error-bar.${kind}`, {}, h("p", {}, words, " ", h("small", {}, range)), bar);
}

/** What scores mean here, by the default and as fitted on the gallery itself. */
function calibrating(report, { gallery, reload }, said) {
  const own = gallery.calibration.source === "gallery";
  const cost = (one) => number(one.cllr.value, 3);
  const apply = (method, path, query) => async () => {
    if (await tried(said, () => call(method, path, { query }))) await reload();
  };
  const keep = button(t("calibrate.keep"), apply("POST", inGallery(gallery.name, "calibrate")));
  const reset = own ? button(t("calibrate.reset"), apply("DELETE", inGallery(gallery.name, "calibration"))) : null;
  return [
    h("h3", {}, t("calibrate.title")),
    h("p", {}, t("calibrate.costs", { default: cost(report.default), fitted: cost(report.fitted) })),
    h("p.hint", { lang: "en" }, report.reason),
    h("div.actions", {}, keep, reset),
  ];
}
