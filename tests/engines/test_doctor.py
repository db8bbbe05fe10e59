"""The doctor names what is broken on a machine, and the remedy."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from detailer.engines.catalog import EngineCard
from detailer.engines.health import builds, doctor, finding, machine, room
from detailer.engines.health.builds import look_at_torch, torch_builds
from detailer.engines.health.doctor import checkup
from detailer.engines.health.finding import Finding
from detailer.engines.health.room import memory_for
from detailer.errors import DetailerError

GIB = 1 << 30


def named(findings, name):
    return next(each for each in findings if each.name == name)


@pytest.fixture
def versions(monkeypatch):
    """Installed packages, as a test says."""
    there: dict[str, str] = {}
    for module in (builds, doctor, finding):
        monkeypatch.setattr(module, "version_of", lambda name: there.get(name, ""))
    return there


@pytest.fixture
def torch_there(monkeypatch, versions):
    """A torch of a test's making, with the packages that stand on it."""

    def put(cuda=None, gpus=0, driver="", broken=""):
        fake = SimpleNamespace(
            __version__="2.15.0+cu132" if cuda else "2.15.0+cpu",
            version=SimpleNamespace(cuda=cuda),
            cuda=SimpleNamespace(
                is_available=lambda: gpus > 0,
                device_count=lambda: gpus,
                get_device_name=lambda index: f"Card {index}",
            ),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
        )
        versions.update(torch="2.15.0", transformers="5.0")
        monkeypatch.setitem(sys.modules, "torch", fake)
        monkeypatch.setattr(builds, "nvidia_driver", lambda: driver)

        def imported(name):
            if name == broken:
                raise RuntimeError("Could not\nimport module 'CLIPTextModel'")
            return SimpleNamespace(CLIPTextModel=None)

        monkeypatch.setattr(builds, "import_module", imported)

    return put


def test_a_checkup_looks_at_python_and_the_disk():
    names = [each.name for each in checkup()]
    assert names[0] == "Python"
    assert names[-1] == "disk"


def test_every_finding_that_is_not_fine_has_a_remedy(monkeypatch, versions, torch_there):
    monkeypatch.setattr(doctor, "installed", list)
    torch_there(driver="Card, 550", broken="transformers")
    versions.update({"opencv-python": "5.0", "opencv-python-headless": "4.9"})
    bad = [each for each in checkup() if not each.fine]
    assert {"OpenCV", "GPU", "transformers"} <= {each.name for each in bad}
    assert all(each.remedy for each in bad)


def test_two_packages_in_one_anothers_place_are_named(versions):
    versions.update({"onnxruntime": "1.2", "onnxruntime-gpu": "1.3"})
    found = named(checkup(), "ONNX Runtime")
    assert not found.fine
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in found.remedy


@pytest.mark.parametrize(
    ("torch", "others", "fine"),
    [
        ("2.15.0+cu132", {"torchvision": "0.29.2+cu132"}, True),
        ("2.15.0+cu132", {"torchvision": "0.29.2"}, True),
        ("2.15.0", {"torchaudio": "2.11.0+cpu"}, True),
        ("2.15.0+cu132", {}, True),
        ("2.15.0+cu132", {"torchaudio": "2.15.0+cu126"}, False),
        ("2.15.0+cpu", {"torchvision": "0.29.2+cu132"}, False),
    ],
)
def test_builds_for_another_cuda_do_not_match(torch, others, fine):
    found = torch_builds(torch, others)
    assert found.fine == fine
    for name in others if not fine else ():
        assert name in found.found
        assert f"pip install {name} --index-url" in found.remedy


def test_a_torch_for_the_cpu_beside_an_nvidia_driver_is_named(torch_there):
    torch_there(driver="RTX 4090, 550.1")
    found = named(look_at_torch(), "GPU")
    assert not found.fine
    assert "RTX 4090" in found.found
    assert "install the CUDA build" in found.remedy


def test_a_driver_too_old_for_torch_is_named(torch_there):
    torch_there(cuda="13.2", driver="RTX 4090, 450.1")
    assert "update the NVIDIA driver" in named(look_at_torch(), "GPU").remedy


def test_a_machine_without_a_gpu_is_fine(torch_there):
    torch_there()
    assert named(look_at_torch(), "GPU").fine


def test_gpus_are_named(torch_there):
    torch_there(cuda="13.2", gpus=2)
    assert named(look_at_torch(), "GPU").found == "Card 0, Card 1"


def test_a_package_that_cannot_be_imported_is_told_in_one_line(torch_there):
    torch_there(broken="transformers")
    found = named(look_at_torch(), "transformers")
    assert not found.fine
    assert "Could not import module 'CLIPTextModel'" in found.found


def test_a_torch_that_cannot_be_imported_is_told(monkeypatch, versions):
    versions["torch"] = "2.15.0"
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = look_at_torch()
    assert (found.name, found.fine) == ("torch", False)


@pytest.mark.usefixtures("versions")
def test_without_torch_there_is_nothing_to_say_of_it():
    assert list(look_at_torch()) == []


def test_an_engine_that_lacks_something_is_told_with_its_extra(monkeypatch):
    card = EngineCard("x", "painter", "", "", available=False, reason="no y", remedy="pip y")
    monkeypatch.setattr(doctor, "installed", lambda: [card])
    assert Finding("painter x", False, "no y", "pip y") in checkup()


@pytest.mark.parametrize(
    ("needed", "free", "place", "fine", "remedy"),
    [
        (2 * GIB, 8 * GIB, "memory", True, ""),
        (8 * GIB, 8 * GIB, "memory", False, "smaller model"),
        (12 * GIB, 8 * GIB, "GPU memory", False, "memory=model"),
    ],
)
def test_a_model_fits_if_a_fifth_is_left(needed, free, place, fine, remedy):
    found = memory_for(needed, free, place)
    assert found.fine == fine
    assert remedy in found.remedy
    assert f"{needed / GIB:.1f} GiB for the model" in found.found


def test_a_full_disk_is_named(monkeypatch):
    usage = SimpleNamespace(free=GIB)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    found = named(checkup(), "disk")
    assert (found.fine, "DETAILER_CACHE" in found.remedy) == (False, True)


def test_a_machine_tells_its_memory():
    assert machine.memory_bytes() > GIB // 4


def test_a_system_that_does_not_tell_has_no_finding(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "_room", lambda flow: (2, 0, "memory"))
    np = pytest.importorskip("numpy")
    save_file = pytest.importorskip("safetensors.numpy").save_file
    names = ("input_blocks.0.0.weight", "input_blocks.1.1.attn2.to_k.weight")
    shapes = ((8, 4, 3, 3), (8, 768))
    tensors = {
        f"model.diffusion_model.{name}": np.zeros(shape, np.float16)
        for name, shape in zip(names, shapes, strict=True)
    }
    save_file(tensors, tmp_path / "a.safetensors")
    (found,) = room.look_at_model(f"diffusion:{tmp_path / 'a.safetensors'}")
    assert found.found.startswith("sd15")


def test_a_model_that_is_not_there_is_an_error():
    with pytest.raises(DetailerError, match="nothing is at"):
        checkup("diffusion:no-such.safetensors")


@pytest.mark.parametrize(
    ("answer", "told"), [("RTX 4090, 550.1\nRTX 3060, 550.1\n", "RTX 4090, 550.1"), ("", "")]
)
def test_the_drivers_own_tool_names_the_card(monkeypatch, answer, told):
    monkeypatch.setattr(machine.shutil, "which", lambda _: "nvidia-smi")
    done = SimpleNamespace(stdout=answer)
    monkeypatch.setattr(machine.subprocess, "run", lambda *_, **__: done)
    assert machine.nvidia_driver() == told


@pytest.mark.parametrize("failure", [OSError(), subprocess.TimeoutExpired("nvidia-smi", 1)])
def test_a_driver_that_does_not_answer_is_none(monkeypatch, failure):
    def fails(*_, **__):
        raise failure

    monkeypatch.setattr(machine.shutil, "which", lambda _: "nvidia-smi")
    monkeypatch.setattr(machine.subprocess, "run", fails)
    assert machine.nvidia_driver() == ""


def test_the_doctor_is_imported_without_any_model_library():
    code = (
        "import sys, detailer.engines.health.doctor;"
        "print({'torch', 'transformers', 'diffusers', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_engine_that_nobody_needs_is_not_missed(monkeypatch):
    card = EngineCard("x", "painter", "", "", available=False, reason="no y", optional=True)
    monkeypatch.setattr(doctor, "installed", lambda: [card])
    assert "painter x" not in [finding.name for finding in checkup()]
