// node audio_classification.mjs URL FILE: what @huggingface/inference answers, or the error that it throws, as JSON.
import { readFileSync } from "node:fs";
import { InferenceClient } from "@huggingface/inference";

const [url, file] = process.argv.slice(2);
const client = new InferenceClient("sid_none");
try {
  const found = await client.audioClassification({ data: new Blob([readFileSync(file)]), endpointUrl: url });
  console.log(JSON.stringify({ found }));
} catch (error) {
  console.log(JSON.stringify({ name: error.name, message: error.message, status: error.httpResponse?.status }));
}
