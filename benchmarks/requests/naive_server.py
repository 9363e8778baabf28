"""The server that one writes in half an hour: FastAPI, SpeechBrain and soundfile on the same weights, to compare with.

    python -m benchmarks.requests.naive_server STORE

No voice activity, no quality, no store that is asked, no keys, no limits; 10,000 vectors in an array.
"""

from __future__ import annotations

import sys
import threading
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
import torch
import uvicorn
from fastapi import FastAPI, Request

from benchmarks.requests.material import SPEAKERS
from benchmarks.requests.served import answer_spent
from speakerid.cli.server.child_server import ANNOUNCEMENT
from speakerid.cli.server.uvicorn_server import bind
from speakerid.encoders.registry import BUNDLED
from speakerid.encoders.speechbrain import SpeechBrainEncoder

SAMPLE_RATE_HZ = 16_000


def create_app() -> FastAPI:
    torch.set_num_threads(1)
    classifier = SpeechBrainEncoder.load(str(BUNDLED.parent)).classifier
    gallery = np.random.default_rng(0).standard_normal((SPEAKERS, 256)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    app = FastAPI()

    @app.post("/v1/galleries/default/identify")
    async def identify(request: Request) -> dict[str, Any]:
        samples, rate_hz = soundfile.read(BytesIO(await request.body()), dtype="float32", always_2d=True)
        assert rate_hz == SAMPLE_RATE_HZ
        with torch.inference_mode():
            embedding = classifier.encode_batch(torch.from_numpy(samples.mean(axis=1))[None]).numpy().reshape(-1)
        scores = gallery @ (embedding / np.linalg.norm(embedding))
        best = int(scores.argmax())
        return {"speaker": best, "score": float(scores[best])}

    return app


def main() -> None:
    app = create_app()
    with bind("127.0.0.1", 0) as listener:
        sys.stdout.write(f"{ANNOUNCEMENT}{listener.url}\n")
        sys.stdout.flush()
        threading.Thread(target=answer_spent, daemon=True).start()
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
        server.run(sockets=[listener.socket])


if __name__ == "__main__":
    main()
