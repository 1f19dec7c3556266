"""The training of InterLCM (section 3.3), as a recipe for the loop: gradients through all the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench.degradations.generators import Generators
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise
from restobench.train.average import Average
from restobench.train.clean import CleanPictures, held_out_crops, random_crop, shuffled
from restobench.train.perceptual import PerceptualLoss
from restobench.train.recipe import Weights
from restobench_methods.interlcm import tiny
from restobench_methods.interlcm.discriminator import PatchDiscriminator
from restobench_methods.interlcm.gradients import compute_activations_again, freeze
from restobench_methods.interlcm.loading import Networks, new_networks
from restobench_methods.interlcm.losses import (
    absolute_difference,
    adversarial_loss,
    discriminator_loss,
    normalised_again,
)
from restobench_methods.interlcm.pairs import face_pair
from restobench_methods.interlcm.pipeline import Pipeline, VisualModule
from restobench_methods.interlcm.sampler import TRAINING_STEPS, Sampler
from restobench_methods.interlcm.schedule import learning_rate
from restobench_methods.interlcm.training_settings import InterLCMTraining, check

if TYPE_CHECKING:
    from accelerate import Accelerator


class Encoders(nn.Module):
    """The two networks that are trained, with the whole way through the frozen ones as their forward pass.

    One forward pass for one backward pass is what training on several devices wants.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Of a pipeline whose other networks are frozen."""
        super().__init__()
        assert isinstance(pipeline.conditioner, VisualModule)
        assert pipeline.spatial_encoder is not None
        self.visual_encoder = pipeline.conditioner.encoder
        self.spatial_encoder = pipeline.spatial_encoder
        # In a tuple, so that the frozen networks are none of this module's.
        self._pipeline = (pipeline,)

    def forward(self, lq: Tensor, start: Tensor, noises: Tensor) -> Tensor:
        """The restored pictures, not clamped.

        Args:
            lq: (B, 3, H, W) in [-1, 1].
            start: (B, 4, H/8, W/8), its latent.
            noises: (draws, B, 4, H/8, W/8), standard-normal.
        """
        (pipeline,), draws = self._pipeline, iter(noises)
        *_, last = pipeline.steps(lq, pipeline.embed(lq), start, lambda: next(draws))
        return pipeline.decode(last.denoised)


class NoisePredictor(Encoders):
    """The same networks as a plain ControlNet: the noise in latents, at one time step for all (table 4)."""

    def forward(self, lq: Tensor, latent: Tensor, timestep: Tensor) -> Tensor:
        """(B, 3, H, W), (B, 4, H/8, W/8) and a whole number -> (B, 4, H/8, W/8)."""
        (pipeline,) = self._pipeline
        return pipeline.predictor(lq, pipeline.embed(lq))(latent, int(timestep))


class InterLCMRecipe:
    """The visual and the spatial encoder learn what faces they lead to; everything else stands still."""

    settings = InterLCMTraining
    best_by = "psnr"

    def __init__(self, configuration: InterLCMTraining, accelerator: Accelerator) -> None:
        """Load what stands still, and build or load what is trained.

        Raises:
            RestobenchError: A file or the pictures are not there or do not fit.
        """
        check(configuration)
        told = self.told = configuration
        self.accelerator, self.clean = accelerator, CleanPictures(told.data, "training")
        self.remarks = [_TINY] if told.networks == "tiny" else []
        networks = _networks(told)
        for network in (networks.unet, networks.vae, networks.conditioner, networks.spatial_encoder):
            assert network is not None
            nn.Module.to(network.eval(), accelerator.device)
        self.pipeline = Pipeline(
            *networks, Sampler(told.steps, told.start_step), told.guidance_scale, colour_fix="none"
        )
        freeze(self.pipeline)
        if told.checkpointing:
            compute_activations_again(self.pipeline)
        encoders = (Encoders if told.objective == "picture" else NoisePredictor)(self.pipeline)
        self.visual_average = Average(encoders.visual_encoder, told.average)
        self.spatial_average = Average(encoders.spatial_encoder, told.average)
        self.averages: dict[str, Average[Any]] = {
            "visual_encoder": self.visual_average,
            "spatial_encoder": self.spatial_average,
        }
        judge = PatchDiscriminator(width=told.discriminator.width, halvings=told.discriminator.halvings).train()
        betas = (0.9, 0.99)
        optimiser = torch.optim.Adam(encoders.parameters(), lr=told.rate.highest, betas=betas)
        judging = torch.optim.Adam(judge.parameters(), lr=told.rate.highest, betas=betas)
        self.encoders, self.optimiser = accelerator.prepare(encoders, optimiser)
        self.judge, self.judging = accelerator.prepare(judge, judging)
        self.perceptual = None
        if told.objective == "picture" and told.loss.perceptual and told.files.vgg16:
            self.perceptual = PerceptualLoss(told.files.vgg16).to(accelerator.device)

    def example(self, number: int) -> Mapping[str, Any]:
        """A face and what is to be restored from it."""
        seed = self.told.training.seed
        generators = Generators.of_sample(seed, f"example {number}")
        assert isinstance(generators.numpy, np.random.Generator)
        picture = self.clean[shuffled(number, len(self.clean), seed)]
        return face_pair(random_crop(picture, self.told.crop, generators.numpy), self.told.task, generators)

    def step(self, batch: Mapping[str, Any], iteration: int, generators: Generators) -> Mapping[str, float]:
        """The encoders' step, their averages, then the discriminator's where it has joined."""
        rate = learning_rate(iteration, self.told.rate)
        for optimiser in (self.optimiser, self.judging):
            for group in optimiser.param_groups:
                group["lr"] = rate
        judged = self.told.objective == "picture" and iteration >= self.told.loss.adversarial_from
        count, share = len(batch["gt"]), self.told.training.micro_batch or len(batch["gt"])
        sums: dict[str, float] = {}
        fakes = []
        for begin in range(0, count, share):
            lq, gt = (batch[name][begin : begin + share] for name in ("lq", "gt"))
            alone = nullcontext() if begin + share >= count else self.accelerator.no_sync(self.encoders)
            with alone:
                fake, values = self._backward(lq, gt, weight=len(gt) / count, judged=judged)
            sums = {name: sums.get(name, 0.0) + value for name, value in values.items()}
            fakes.append(fake)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        encoders = self.accelerator.unwrap_model(self.encoders)
        for name, average in self.averages.items():
            average.update(getattr(encoders, name))
        hinge = self._judge_step(batch["gt"], torch.cat(fakes)) if judged else 0.0
        return sums | {"judge": hinge, "rate": rate}

    def _backward(self, lq: Tensor, gt: Tensor, *, weight: float, judged: bool) -> tuple[Tensor, dict[str, float]]:
        """Add the gradients of a part of the batch, of this weight in it; what was restored, and the losses."""
        if self.told.objective == "diffusion":
            loss = self.noise_error(lq, gt)
            self.accelerator.backward(loss * weight)
            return gt, {"loss": loss.item() * weight}
        restored = self.restored(lq)
        terms = self.terms(restored, gt, judged=judged)
        told = self.told.loss.model_dump()
        loss = torch.stack([told[name] * term for name, term in terms.items()]).sum()
        # Its own step is another one: the discriminator passes gradients on and keeps none.
        self.judge.requires_grad_(False)
        self.accelerator.backward(loss * weight)
        self.judge.requires_grad_(True)
        values = {"loss": loss, **terms}
        return restored.detach(), {name: value.item() * weight for name, value in values.items()}

    def restored(self, lq: Tensor) -> Tensor:
        """What the method makes of faces in [-1, 1], with gradients, by fresh noise."""
        start = self.pipeline.encode(lq)
        draws = self.told.steps - max(1, self.told.start_step - 1)
        noises = torch.randn((max(draws, 0), *start.shape), device=start.device)
        restored: Tensor = self.encoders(lq, start, noises)
        return restored.float()

    def terms(self, restored: Tensor, gt: Tensor, *, judged: bool) -> dict[str, Tensor]:
        """The terms of the loss, without their weights; a term that is not there yet counts 0."""
        terms = {"absolute": absolute_difference(restored, gt)}
        if self.perceptual is not None:
            twice = self.told.loss.normalised_twice
            pair = (normalised_again(restored), normalised_again(gt)) if twice else (restored, gt)
            terms["perceptual"] = self.perceptual(*pair).mean()
        terms["adversarial"] = adversarial_loss(self.judge(restored)) if judged else restored.new_zeros(())
        return terms

    def noise_error(self, lq: Tensor, gt: Tensor) -> Tensor:
        """The error of the predicted noise in the clean faces' latents, at a random time step for all of them."""
        latent = self.pipeline.encode(gt)
        noise, timestep = torch.randn_like(latent), torch.randint(TRAINING_STEPS, ())
        mixed = self.pipeline.sampler.diffuse(latent, noise, int(timestep))
        return F.mse_loss(self.encoders(lq, mixed, timestep).float(), noise)

    def _judge_step(self, gt: Tensor, fakes: Tensor) -> float:
        loss = discriminator_loss(self.judge(gt), self.judge(fakes))
        self.accelerator.backward(loss)
        self.judging.step()
        self.judging.zero_grad(set_to_none=True)
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Both encoders and their averages, the discriminator, both optimisers."""
        return {
            "encoders": self.accelerator.unwrap_model(self.encoders).state_dict(),
            "averages": {name: average.network.state_dict() for name, average in self.averages.items()},
            "judge": self.accelerator.unwrap_model(self.judge).state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "judging": self.judging.state_dict(),
        }

    def rank_state(self) -> dict[str, Any]:
        """Nothing is a device's own."""
        return {}

    def resume(self, state: Mapping[str, Any], rank_state: Mapping[str, Any]) -> None:
        """Go on from it."""
        self.accelerator.unwrap_model(self.encoders).load_state_dict(state["encoders"])
        self.accelerator.unwrap_model(self.judge).load_state_dict(state["judge"])
        for name, average in self.averages.items():
            average.network.load_state_dict(state["averages"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.judging.load_state_dict(state["judging"])

    def weights(self) -> Weights:
        """Both averages, `visual_encoder.` and `spatial_encoder.` before their names."""
        tensors = {
            f"{part}.{name}": tensor
            for part, average in self.averages.items()
            for name, tensor in average.network.state_dict().items()
        }
        told = self.told
        return Weights(tensors, {"steps": told.steps, "start_step": told.start_step, "networks": told.networks})

    def _held_out(self) -> dict[str, Tensor]:
        faces = held_out_crops(CleanPictures(self.told.data, "held-out"), self.told.crop, self.told.held_out_faces)
        pairs = [
            face_pair(face, self.told.task, Generators.of_sample(0, f"held out {number}"))
            for number, face in enumerate(faces)
        ]
        batch: dict[str, Tensor] = torch.utils.data.default_collate(pairs)
        return {name: pictures.to(self.accelerator.device) for name, pictures in batch.items()}

    @torch.no_grad()
    def _stages(self, lq: Tensor) -> Iterator[Tensor]:
        """What every step finds, by the averages; the last is the result. One face at a time: they are large."""
        assert isinstance(self.pipeline.conditioner, VisualModule)
        pipeline = replace(
            self.pipeline,
            conditioner=VisualModule(
                self.pipeline.conditioner.tower, self.visual_average.network, self.pipeline.conditioner.side
            ),
            spatial_encoder=self.spatial_average.network,
        )
        for number, face in enumerate(lq):
            found: list[Tensor] = []

            def keep(_: int, stage: Tensor, found: list[Tensor] = found) -> None:
                found.append(stage[0])

            pipeline.restore(face[None], Noise.of_seed(0, [f"held out {number}"]), keep)
            yield torch.stack(found).clamp(-1, 1)

    def validate(self) -> Mapping[str, float]:
        """PSNR (dB) on held-out faces, of what is restored and of the input."""
        pairs = self._held_out()
        restored = torch.stack([stages[-1] for stages in self._stages(pairs["lq"])])
        return {"psnr": _psnr(restored, pairs["gt"]), "psnr_input": _psnr(pairs["lq"], pairs["gt"])}

    def samples(self) -> Tensor:
        """Of up to four held-out faces: the input, what every step finds, the clean one."""
        pairs = {name: pictures[:4] for name, pictures in self._held_out().items()}
        rows = zip(pairs["lq"], self._stages(pairs["lq"]), pairs["gt"], strict=True)
        return torch.stack([torch.stack([lq, *stages, gt]) for lq, stages, gt in rows]) / 2 + 0.5


_TINY = "These are small networks of random weights: a training to try, whose checkpoints restore nothing."


def _networks(told: InterLCMTraining) -> Networks:
    if told.networks == "tiny":
        return tiny.tiny_networks()
    found = choose_method("interlcm").weights
    given = {"lcm": told.files.lcm or found.get("lcm"), "clip": told.files.clip or found.get("clip")}
    if missing := [part for part, path in given.items() if path is None]:
        raise RestobenchError(
            f"The training of InterLCM needs {' and '.join(missing)}: run 'restobench weights fetch interlcm "
            f"{' '.join(missing)}', or name the folders: " + " ".join(f"--set files.{part}=FOLDER" for part in missing)
        )
    folders = {part: path for part, path in given.items() if path is not None}
    return new_networks(folders, visual_encoder=told.files.visual_encoder, spatial_encoder=told.files.spatial_encoder)


def _psnr(restored: Tensor, gt: Tensor) -> float:
    """The mean over pictures, (N, 3, H, W) in [-1, 1] twice."""
    mse = (restored - gt).div(2).square().flatten(1).mean(dim=1)
    return float((-10 * mse.log10()).mean())
