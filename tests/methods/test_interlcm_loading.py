import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModel

from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench_methods.interlcm.discriminator import PatchDiscriminator
from restobench_methods.interlcm.loading import (
    build_spatial_encoder,
    load_networks,
    load_spatial_encoder,
    load_text_module,
    load_unet,
    load_vae,
    load_visual_module,
)
from restobench_methods.interlcm.method import InterLCM
from restobench_methods.interlcm.pipeline import VisualModule
from restobench_methods.interlcm.visual_encoder import VisualEncoder
from tests.methods.interlcm_files import VISION, write_full_size_configurations

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS: dict[str, dict[str, list[int]]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "interlcm_keys.json").read_text(encoding="utf-8")
)


def shapes(state: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in state.items()}


def equal(state: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return state.keys() == other.keys() and all(torch.equal(state[name], other[name]) for name in state)


def test_the_networks_are_the_official_ones_name_by_name() -> None:
    """The released files hold these names and shapes, and nothing else loads them."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, time_cond_proj_dim=256)
        encoder, discriminator = VisualEncoder(), PatchDiscriminator()

    assert shapes(unet.state_dict()) == KEYS["unet"]
    assert shapes(build_spatial_encoder(unet.config).state_dict()) == KEYS["spatial_encoder"]
    assert shapes(encoder.state_dict()) == KEYS["visual_encoder"]
    assert shapes(discriminator.state_dict()) == KEYS["discriminator"]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 12_960_845


def test_the_spatial_encoder_of_a_consistency_model_is_that_of_stable_diffusion() -> None:
    """Not names alone: heads, norms and frequencies too."""
    with torch.device("meta"):
        stable_diffusion = ControlNetModel.from_unet(UNet2DConditionModel(cross_attention_dim=768))
        unet = UNet2DConditionModel(cross_attention_dim=768, time_cond_proj_dim=256)

    assert dict(build_spatial_encoder(unet.config).config) == dict(stable_diffusion.config)


def test_files_with_exactly_the_official_keys_load(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """At full size, through the whole of the method; one stored number a tensor keeps files and memory small."""
    lcm = tmp_path / "lcm"
    shutil.copytree(interlcm_files["lcm"], lcm, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copytree(interlcm_files["lcm"] / "text_encoder", lcm / "text_encoder", dirs_exist_ok=True)
    write_full_size_configurations(lcm)
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(lcm / "vae"))
    encoder = shapes(VisualEncoder(5).state_dict())
    contents = {
        lcm / "unet" / "diffusion_pytorch_model.bin": KEYS["unet"],
        lcm / "vae" / "diffusion_pytorch_model.bin": shapes(vae.state_dict()),
        tmp_path / "visual_encoder.pth": encoder,
        tmp_path / "spatial_encoder.pth": KEYS["spatial_encoder"],
    }
    for path, keys in contents.items():
        state = {name: torch.zeros(()).expand(shape) for name, shape in keys.items()}
        torch.save(state if path.suffix == ".bin" else {"params": state, "params_ema": state}, path)
    parts = {part: tmp_path / f"{part}.pth" for part in ("visual_encoder", "spatial_encoder")}

    built = choose_method("interlcm", weights={"lcm": lcm, "clip": interlcm_files["clip"], **parts}).build()

    assert isinstance(built.method, InterLCM)
    counts = {part: audit["loaded"] for part, audit in built.setup.audit.items()}
    assert counts == {"unet": 687, "vae": 248, "clip": 23, "visual_encoder": 110, "spatial_encoder": 340}
    assert all(audit["missing"] == audit["unexpected"] == [] for audit in built.setup.audit.values())
    networks = (built.method.pipeline.unet, built.method.pipeline.vae, built.method.pipeline.spatial_encoder)
    parameters = [sum(tensor.numel() for tensor in network.parameters()) for network in networks if network]
    assert parameters == [859_602_884, 83_653_863, 361_279_120]


def test_every_network_comes_out_of_its_file(interlcm_files: Mapping[str, Path]) -> None:
    """Tensor by tensor, and nothing is left without one."""
    audit: dict[str, Any] = {}

    loaded = load_networks(interlcm_files, audit, visual_encoder=True, spatial_encoder=True, text="")

    assert isinstance(loaded.conditioner, VisualModule)
    assert loaded.spatial_encoder is not None
    assert equal(
        loaded.unet.state_dict(), load_file(interlcm_files["lcm"] / "unet" / "diffusion_pytorch_model.safetensors")
    )
    assert equal(
        loaded.vae.state_dict(), load_file(interlcm_files["lcm"] / "vae" / "diffusion_pytorch_model.safetensors")
    )
    for part, network in (("visual_encoder", loaded.conditioner.encoder), ("spatial_encoder", loaded.spatial_encoder)):
        assert equal(network.state_dict(), torch.load(interlcm_files[part])["params_ema"])
    clip = torch.load(interlcm_files["clip"] / "pytorch_model.bin")
    assert all(
        torch.equal(tensor, clip[f"vision_model.{name}"])
        for name, tensor in loaded.conditioner.tower.state_dict().items()
    )
    assert list(audit) == ["unet", "vae", "clip", "visual_encoder", "spatial_encoder"]
    assert not any(
        tensor.is_meta for network in loaded if network for tensor in [*network.parameters(), *network.buffers()]
    )


@pytest.mark.parametrize(
    ("wrap", "read"),
    [
        (lambda ema, last: {"params": last, "params_ema": ema}, "ema"),
        (lambda ema, last: {"params": last}, "last"),
        (lambda ema, last: {"params_ema": {f"module.{name}": tensor for name, tensor in ema.items()}}, "ema"),
        (lambda ema, last: ema, "ema"),
    ],
)
def test_the_averaged_weights_are_read_where_there_are_some(
    tmp_path: Path, interlcm_files: Mapping[str, Path], wrap: Any, read: str
) -> None:
    """As the released files have them; a trainer's own file may have the last ones alone."""
    keys = shapes(VisualEncoder(5).state_dict())
    states = {
        kind: {name: torch.full((), value).expand(shape) for name, shape in keys.items()}
        for kind, value in (("ema", 1.0), ("last", 2.0))
    }
    torch.save(wrap(states["ema"], states["last"]), tmp_path / "own.pth")

    module = load_visual_module(interlcm_files["clip"], tmp_path / "own.pth", {})

    assert equal(module.encoder.state_dict(), states[read])


def test_clip_may_lie_there_as_the_image_tower_alone(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """As transformers saves it, under whatever names its release gives."""
    whole = load_visual_module(interlcm_files["clip"], interlcm_files["visual_encoder"], {})
    alone = CLIPVisionModel(VISION)
    tower = getattr(alone, "vision_model", alone)
    tower.load_state_dict(whole.tower.state_dict())
    alone.save_pretrained(tmp_path)

    again = load_visual_module(tmp_path, interlcm_files["visual_encoder"], {})

    assert equal(again.tower.state_dict(), whole.tower.state_dict())
    assert again.side == 32


def test_an_autoencoder_of_2022_is_the_same_autoencoder(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """Then the parts of its attention had other names and were 1 x 1 convolutions."""
    shutil.copytree(interlcm_files["lcm"] / "vae", tmp_path / "vae")
    path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    old = {}
    for name, tensor in load_file(path).items():
        for ours, theirs in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
            if f".attentions.0.{ours}." in name:
                name = name.replace(ours, theirs)
                tensor = tensor[..., None, None].contiguous() if name.endswith("weight") else tensor
        old[name] = tensor
    assert sum("query" in name for name in old) == 4
    save_file(old, path)

    vae = load_vae(tmp_path, {})

    assert equal(vae.state_dict(), load_vae(interlcm_files["lcm"], {}).state_dict())


@pytest.mark.parametrize("text", ["", "a face image"])
def test_a_text_is_embedded_as_the_pipeline_does(interlcm_files: Mapping[str, Path], text: str) -> None:
    """Padded to 77 tokens, through the last norm."""
    lcm = interlcm_files["lcm"]
    tokens = CLIPTokenizer.from_pretrained(lcm / "tokenizer")(text, padding="max_length", return_tensors="pt")
    with torch.no_grad():
        expected = CLIPTextModel.from_pretrained(lcm / "text_encoder")(tokens.input_ids).last_hidden_state

    module = load_text_module(lcm, text, {})

    torch.testing.assert_close(module(torch.zeros(2, 3, 64, 64)), expected.expand(2, 77, 768))


def test_a_tokenizer_of_today_s_form_gives_the_same(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """transformers 5 saves one file in the place of two."""
    shutil.copytree(interlcm_files["lcm"] / "text_encoder", tmp_path / "text_encoder")
    CLIPTokenizer.from_pretrained(interlcm_files["lcm"] / "tokenizer").save_pretrained(tmp_path / "tokenizer")
    assert not (tmp_path / "tokenizer" / "merges.txt").exists()

    again = load_text_module(tmp_path, "a face", {})

    assert torch.equal(again.embedding, load_text_module(interlcm_files["lcm"], "a face", {}).embedding)


def test_a_text_that_is_too_long_is_not_cut(interlcm_files: Mapping[str, Path]) -> None:
    """Half of what was asked for is something else."""
    with pytest.raises(RestobenchError, match=r"The text makes 82 tokens, and there is room for 77; shorten it\."):
        load_text_module(interlcm_files["lcm"], "a" * 80, {})


def changed(folder: Path, path: Sequence[str], **changes: Any) -> Path:
    """A folder whose config.json says something else."""
    file = folder.joinpath(*path)
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return folder


def test_a_u_net_without_guidance_is_no_consistency_model(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """Stable Diffusion's would load, and make noise."""
    folder = shutil.copytree(interlcm_files["lcm"], tmp_path / "lcm")
    changed(folder, ["unet", "config.json"], time_cond_proj_dim=None)
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if "cond_proj" not in name}, path)

    with pytest.raises(RestobenchError, match=r"config\.json has no time_cond_proj_dim"):
        load_unet(folder, {})


def test_another_clip_is_refused(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """A ViT-L has 1024 features."""
    folder = shutil.copytree(interlcm_files["clip"], tmp_path / "clip")
    vision = json.loads((folder / "config.json").read_text())["vision_config"] | {
        "hidden_size": 1024,
        "num_attention_heads": 16,
    }
    changed(folder, ["config.json"], vision_config=vision)

    with pytest.raises(
        RestobenchError, match=r"has 1024 features and the visual encoder takes 768; give the folder of"
    ):
        load_visual_module(folder, interlcm_files["visual_encoder"], {})


def test_a_configuration_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    """A download that was broken off, or a page of the hub's."""
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text("<html>")

    with pytest.raises(
        RestobenchError, match=r"config\.json cannot be read \(Expecting value.*\); get the folder again"
    ):
        load_unet(tmp_path, {})


def test_a_file_of_the_other_encoder_is_refused(interlcm_files: Mapping[str, Path]) -> None:
    """The two are easily mixed up; every wrong key is named."""
    unet = load_unet(interlcm_files["lcm"], {})

    with pytest.raises(RestobenchError, match=r"visual_encoder\.pth does not fit ControlNetModel.*110 unexpected: blo"):
        load_spatial_encoder(interlcm_files["visual_encoder"], unet.config, {})


def test_a_key_too_few_is_refused(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """Of the base model as well, where the libraries would warn and draw the rest at random."""
    folder = shutil.copytree(interlcm_files["lcm"], tmp_path / "lcm")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    del state["conv_in.bias"]
    save_file(state, path)

    with pytest.raises(RestobenchError, match=r"1 missing: conv_in\.bias"):
        load_unet(folder, {})


def test_weights_in_half_precision_are_taken_as_they_are(tmp_path: Path, interlcm_files: Mapping[str, Path]) -> None:
    """The method casts them to what is asked for."""
    folder = shutil.copytree(interlcm_files["lcm"], tmp_path / "lcm")
    for part in ("unet", "vae"):
        path = folder / part / "diffusion_pytorch_model.safetensors"
        save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path)

    method = choose_method("interlcm", weights={**interlcm_files, "lcm": folder}).build().method

    assert isinstance(method, InterLCM)
    assert {tensor.dtype for tensor in method.pipeline.unet.parameters()} == {torch.float32}
    assert {tensor.dtype for tensor in method.pipeline.vae.parameters()} == {torch.float32}
