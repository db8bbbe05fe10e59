"""Models in Hugging Face's format: where they are, what they are, and that nothing is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from detailer.engines.files.hub import HubName
from detailer.engines.files.pretrained import Pretrained, loaded, pretrained
from detailer.errors import EngineError, InputError, MissingEngineError


def folder_of(place, config, *files):
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for file in files:
        (place / file).touch()
    return place


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub that holds what a test puts into it, and notes what is asked of it."""
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="detailer[transformers]")
    asked = []

    def snapshot_download(name, **how):
        asked.append({"name": name, **how})
        place = tmp_path / "hub" / "5f3a9c"
        if not place.is_dir():
            raise OSError("404 Client Error: Repository Not Found\nfor url")
        return str(place)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.delenv("DETAILER_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    return asked


def test_a_folder_is_read_as_far_as_its_configuration(tmp_path):
    folder = folder_of(tmp_path / "model", {"model_type": "sam2", "x": 1}, "model.safetensors")
    model = pretrained(f" {folder} ")
    assert model == Pretrained(str(folder), folder, {"model_type": "sam2", "x": 1})
    assert model.kind == "sam2"
    assert model.has("gone.json", "config.json")
    assert not model.has("tokenizer.json")


def test_a_path_and_the_home_folder_do_as_well(tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "model", {"model_type": "sam2"}, "model.safetensors.index.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert pretrained(folder).folder == pretrained("~/model").folder == folder


def test_a_folder_is_meant_before_a_name_on_the_hub(hub, tmp_path):
    folder_of(tmp_path / "owner" / "name", {"model_type": "sam2"}, "model.safetensors")
    assert pretrained("owner/name").hub is None
    assert hub == []


def test_of_a_name_on_the_hub_only_the_configuration_is_fetched_to_tell_its_kind(hub, tmp_path):
    place = folder_of(tmp_path / "hub" / "5f3a9c", {"model_type": "llama"})
    model = pretrained("owner/name@v1")
    assert (model.text, model.folder, model.hub) == (
        "owner/name@v1", place, HubName("owner/name", "v1")
    )  # fmt: skip
    [asked] = hub
    assert asked == {
        "name": "owner/name",
        "revision": "v1",
        "allow_patterns": ["*.json", "*.txt", "*.model"],
        "ignore_patterns": ["*/*"],
        "local_files_only": False,
    }


def test_its_weights_are_fetched_when_it_is_loaded_from_the_very_same_revision(hub, tmp_path):
    pytest.importorskip("torch", reason="needs detailer[transformers]")
    folder_of(tmp_path / "hub" / "5f3a9c", {"model_type": "sam2"})
    model = pretrained("owner/name")
    with pytest.raises(InputError, match=r"owner/name has no model\.safetensors.*no pickles"):
        loaded(model, object, "cpu")
    assert [asked["revision"] for asked in hub] == [None, "5f3a9c"]
    weights = hub[1]["allow_patterns"]
    assert {"model.safetensors", "model-*.safetensors"} < set(weights)
    assert not [pattern for pattern in weights if pattern.endswith((".bin", ".pt", ".py", "*"))]


@pytest.mark.parametrize(("offline", "told"), [("1", "DETAILER_OFFLINE"), ("", "404 Client")])
def test_a_name_that_cannot_be_had_is_missing(hub, monkeypatch, offline, told):
    monkeypatch.setenv("DETAILER_OFFLINE", offline)
    with pytest.raises(MissingEngineError, match=f"no folder owner/name is here.*{told}"):
        pretrained("owner/name")
    assert hub[0]["local_files_only"] is bool(offline)


@pytest.mark.parametrize("text", ["gone", "./gone", "a/b/c", "/nowhere/at/all", "owner/name@"])
def test_what_can_only_be_a_path_is_missing_where_nothing_is(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingEngineError, match=r"nothing is at .*config\.json"):
        pretrained(text)


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_no_model(text):
    with pytest.raises(InputError, match="no model is given"):
        pretrained(text)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("face.onnx", r"yolo:.*face\.onnx"),
        ("model.safetensors", "give its folder"),
        ("config.json", "give its folder"),
        ("face.pt", "pickle"),
        ("sam.pth", "pickle"),
        ("photo.jpg", r"a folder with config\.json"),
        ("other.safetensors", r"a folder with config\.json"),
    ],
)
def test_a_file_is_refused_with_what_to_give_instead(tmp_path, name, told):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"is a file; .*{told}"):
        pretrained(tmp_path / name)


def test_a_diffusion_model_is_refused_by_that_name(tmp_path):
    folder = folder_of(tmp_path, {"model_type": "x"}, "model_index.json")
    with pytest.raises(InputError, match=f"{folder} is a diffusion model .*diffusion:{folder}"):
        pretrained(folder)


def test_a_folder_of_something_else_is_refused_with_what_it_holds(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(InputError, match=r"has no config\.json.*it holds photo\.jpg"):
        pretrained(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "\0", '{"model_type": "sam', "[" * 100_000])
def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path, content):
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(EngineError, match=r"config\.json cannot be read.*fetch it again"):
        pretrained(tmp_path)


@pytest.mark.parametrize("config", [[], 7, {}, {"model_type": None}, {"model_type": ""}])
def test_a_configuration_that_does_not_say_what_it_is_is_refused(tmp_path, config):
    with pytest.raises(InputError, match="does not say what it is"):
        pretrained(folder_of(tmp_path, config))


def test_code_that_a_configuration_brings_instead_is_named_and_not_run(tmp_path):
    with pytest.raises(InputError, match="code of its own is not run"):
        pretrained(folder_of(tmp_path, {"auto_map": {"AutoModel": "a.B"}}))


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("pytorch_model.bin", r"in a pickle \(pytorch_model\.bin\)"),
        ("sam3.pt", r"in a pickle \(sam3\.pt\)"),
        ("weights.safetensors", r"weights are read from model\.safetensors"),
        ("tf_model.h5", r"has no model\.safetensors"),
    ],
)
def test_weights_of_another_sort_are_refused(tmp_path, file, told):
    with pytest.raises(InputError, match=told):
        pretrained(folder_of(tmp_path, {"model_type": "sam2"}, file))


def test_a_kind_that_is_not_known_is_told_with_those_that_are(tmp_path):
    model = Pretrained("here", tmp_path, {"model_type": "llama"})
    with pytest.raises(
        InputError, match="'llama', which the sieve cannot use; it knows: sam, detr"
    ):
        model.check_kind(("sam", "detr"), "the sieve")
    model.check_kind(("llama",), "the sieve")


def test_a_model_is_told_apart_without_torch(tmp_path):
    folder_of(tmp_path, {"model_type": "sam2"}, "model.safetensors")
    script = (
        "import sys\n"
        "from detailer.engines.files.pretrained import pretrained\n"
        f"print(pretrained({str(tmp_path)!r}).kind)\n"
        "print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))\n"
    )
    run = subprocess.run(  # our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["sam2", "set()"]


# With torch.


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The folder of a tiny model that needs no backbone."""
    pytest.importorskip("torch", reason="needs detailer[transformers]")
    import transformers

    from detailer.engines.quiet import quiet

    config = transformers.YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=[32, 32], num_detection_tokens=5,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("yolos")
    with quiet():
        transformers.YolosForObjectDetection(config).save_pretrained(place)
    return place


def yolos():
    import transformers

    return transformers.YolosForObjectDetection


def test_what_is_loaded_is_ready_to_run_and_says_nothing(tiny, capfd):
    import torch

    network = loaded(pretrained(tiny), yolos(), "cpu")
    assert not network.training
    assert {parameter.requires_grad for parameter in network.parameters()} == {False}
    assert {(one.dtype, one.device.type) for one in network.parameters()} == {
        (torch.float32, "cpu")
    }
    narrow = loaded(pretrained(tiny), yolos(), "cpu", torch.bfloat16)
    assert next(narrow.parameters()).dtype == torch.bfloat16
    assert capfd.readouterr() == ("", "")


def test_a_class_that_the_weights_do_not_fit_is_an_error_that_names_some(tiny):
    import transformers

    with pytest.raises(EngineError, match=r"does not fit DetrForObject\w+: it lacks .* more"):
        loaded(pretrained(tiny), transformers.DetrForObjectDetection, "cpu")


def test_a_library_that_a_model_needs_and_is_not_installed_is_missing(tiny, monkeypatch):
    def lacking(*given, **more):
        raise ImportError("TimmBackbone requires the timm library")

    monkeypatch.setattr(yolos(), "from_pretrained", lacking)
    with pytest.raises(MissingEngineError, match=r"not installed: .* timm"):
        loaded(pretrained(tiny), yolos(), "cpu")


def test_a_device_that_is_not_known_is_refused_before_anything_is_loaded(tiny):
    with pytest.raises(InputError, match="device='gpu'"):
        loaded(pretrained(tiny), object, "gpu")


def test_what_the_hub_gives_is_loaded_from_the_cache(hub, tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "hub" / "5f3a9c")
    model = pretrained("owner/name")
    assert type(loaded(model, yolos(), "cpu")) is yolos()
    assert model.folder == tmp_path / "hub" / "5f3a9c"
