from __future__ import annotations

from tests.cli.command import Command, Served


def test_create_set_list_delete(speakerid: Command) -> None:
    made = speakerid("galleries", "create", "team", "--target-fpir", "0.05", "--keep-audio", "--json").json
    assert (made["name"], made["target_fpir"], made["keep_audio"]) == ("team", 0.05, True)
    changed = speakerid(
        "galleries", "set", "team", "--min-speech-seconds", "2", "--enroll-speech-seconds", "20", "--no-keep-audio",
        "--combining", "weighted", "--json",
    ).json  # fmt: skip
    assert (changed["min_speech_seconds"], changed["enroll_speech_seconds"], changed["keep_audio"]) == (2, 20, False)
    assert (made["combining"], changed["combining"]) == ("mean", "weighted")
    assert [one["name"] for one in speakerid("galleries", "list", "--json").json["items"]] == ["default", "team"]
    assert "team" in speakerid("galleries", "list").out
    assert speakerid("galleries", "delete", "team").out == "Erased gallery team.\n"


def test_refusals(speakerid: Command) -> None:
    assert speakerid("galleries", "create", "default", "--json").problem["code"] == "gallery_exists"
    assert speakerid("galleries", "delete", "default", "--json").problem["code"] == "default_gallery"
    assert speakerid("galleries", "set", "default", "--target-fpir", "2").code == 1
    assert speakerid("galleries", "set", "default").code == 2


def test_a_server_answers_the_same(served: Served) -> None:
    local, remote = (served("galleries", "list", "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local
