/** A recording for a speaker who is made for it: both are there afterwards, or neither. */

import { call, inGallery } from "./api.js";

/**
 * The answer of the enrollment. Raises Problem; the speaker is gone again then.
 *
 * Where the page is closed meanwhile they are erased as well, unless the recording was enrolled by then.
 * @param {string} gallery
 * @param {string} name
 * @param {Blob} audio
 * @param {string} accept
 */
export async function enrollNew(gallery, name, audio, accept) {
  const made = await call("POST", inGallery(gallery, "speakers"), { json: { name } });
  const unchanged = { headers: { "If-Match": made.etag }, keepalive: true };
  const undo = () => call("DELETE", inGallery(gallery, "speakers", made.id), unchanged).catch(() => {});
  window.addEventListener("pagehide", undo);
  try {
    return await enrollInto(gallery, made.id, audio, accept);
  } catch (error) {
    await undo(); // what came before says more than why this failed
    throw error;
  } finally {
    window.removeEventListener("pagehide", undo);
  }
}

/**
 * The same for a speaker who is there. Raises Problem.
 * @param {string} gallery
 * @param {string} id
 * @param {Blob} audio
 * @param {string} accept
 */
export function enrollInto(gallery, id, audio, accept) {
  return call("POST", inGallery(gallery, "speakers", id, "utterances"), { audio, query: { accept } });
}
