/** A gallery in order: what is wrong in it and was repaired, what its errors are at which target, its settings. */

import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { auditSection } from "../gallery-audit.js";
import { errorsSection } from "../gallery-errors.js";
import { newGallerySection, settingsSection } from "../gallery-settings.js";

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export function show(root, context) {
  const { gallery } = context;
  fill(
    root,
    h("h1", {}, t("health.title", { name: gallery.name })),
    h(
      "p",
      {},
      t("health.about", {
        n: number(gallery.speakers),
        encoder: gallery.encoder,
        calibration: t(`calibration.${gallery.calibration.source}`),
      }),
    ),
    auditSection(context),
    errorsSection(context),
    settingsSection(context),
    newGallerySection(context),
  );
}
