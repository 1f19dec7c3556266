"""The training of ResShift (section 2 of the paper, and of the journal version), as a recipe for the loop."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from restobench.checkpoint import load_strictly
from restobench.degradations.generators import Generators
from restobench.degradations.training import PairBatch
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise
from restobench.train.average import Average
from restobench.train.clean import CleanPictures, held_out_crops, shuffled
from restobench.train.perceptual import PerceptualLoss
from restobench.train.recipe import Weights
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.diffusion import Diffusion
from restobench_methods.resshift.network import UNet
from restobench_methods.resshift.pairs import PairMaker
from restobench_methods.resshift.pipeline import Pipeline, enlarge
from restobench_methods.resshift.schedule import learning_rate
from restobench_methods.resshift.training_settings import ResShiftTraining, check

if TYPE_CHECKING:
    from accelerate import Accelerator


class Drawn(NamedTuple):
    """A batch with all that is drawn for it; pictures in [-1, 1]."""

    lq: Tensor
    """(B, 3, h, w)."""
    gt: Tensor
    """(B, 3, H, W)."""
    mask: Tensor | None
    """(B, 1, h, w), 1 = hole, in [-1, 1]."""
    y: Tensor
    """(B, C, h', w'), what the chain starts from."""
    x_start: Tensor
    """The same of the clean picture."""
    steps: Tensor
    """(B,), of the chain."""
    noise: Tensor
    """Standard-normal, of the shape of y."""

    def part(self, begin: int, end: int) -> Drawn:
        """Some of it."""
        mask = None if self.mask is None else self.mask[begin:end]
        own = {name: getattr(self, name)[begin:end] for name in ("lq", "gt", "y", "x_start", "steps", "noise")}
        return Drawn(mask=mask, **own)


class Losses(NamedTuple):
    """Of a batch, each (B,)."""

    squared_error: Tensor
    perceptual: Tensor | None


class ResShiftRecipe:
    """One U-Net learns to predict at every step of the chain; the autoencoder stands still."""

    settings = ResShiftTraining
    best_by = "psnr_sample"
    remarks = ()

    def __init__(self, configuration: ResShiftTraining, accelerator: Accelerator) -> None:
        """Build the U-Net anew and the frozen autoencoder from its file.

        Raises:
            RestobenchError: The autoencoder, the VGG or the pictures are not there or do not fit.
        """
        check(configuration)
        self.told, self.accelerator = configuration, accelerator
        self.network = configuration.network.configuration()
        self.clean = CleanPictures(configuration.data, "training")
        self.pairs = PairMaker(configuration.pairs, configuration.crop)
        try:
            unet = UNet(**self.network.unet)
        except TypeError as error:
            raise RestobenchError(f"The U-Net cannot be built as [network.unet] says: {error}.") from None
        self.average = Average(unet.to(accelerator.device), configuration.average)
        optimiser = torch.optim.AdamW(
            unet.parameters(), lr=configuration.rate.highest, weight_decay=configuration.weight_decay
        )
        self.unet, self.optimiser = accelerator.prepare(unet, optimiser)
        diffusion = Diffusion(
            steps=self.network.steps,
            kappa=self.network.kappa,
            power=self.network.power,
            min_noise_level=self.network.min_noise_level,
            prediction=self.network.prediction,
            latent=self.network.autoencoder is not None,
            weighted=configuration.loss.weighted,
        )
        self.pipeline = Pipeline(
            self.average.network,
            self._autoencoder(),
            diffusion,
            scale=self.network.scale,
            multiple=self.network.multiple,
        )
        self.perceptual = None
        if configuration.loss.perceptual and configuration.files.vgg16:
            self.perceptual = PerceptualLoss(configuration.files.vgg16).to(accelerator.device)

    def _autoencoder(self) -> VQAutoencoder | None:
        if self.network.autoencoder is None:
            return None
        variant = self.told.network.variant
        file = self.told.files.autoencoder or choose_method(f"resshift@{variant}").weights.get("autoencoder")
        if file is None:
            raise RestobenchError(
                f"'resshift@{variant}' is trained in the latents of its autoencoder, which is not here: "
                f"run 'restobench weights fetch resshift@{variant} autoencoder', or --set files.autoencoder=FILE."
            )
        autoencoder = VQAutoencoder(**self.network.autoencoder)
        load_strictly(autoencoder, file)
        return autoencoder.eval().requires_grad_(False).to(self.accelerator.device)

    def example(self, number: int) -> Mapping[str, Any]:
        """The clean picture of this number with what is drawn for it alone."""
        seed = self.told.training.seed
        picture = self.clean[shuffled(number, len(self.clean), seed)]
        return self.pairs.example(picture, Generators.of_sample(seed, f"example {number}"))

    def step(self, batch: Mapping[str, Any], iteration: int, generators: Generators) -> Mapping[str, float]:
        """The loss of the paper over the batch, one update, one move of the average."""
        rate = learning_rate(self.told.rate, iteration, self.told.training.iterations)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        drawn = self.drawn(self.pairs.on_device(batch, generators))
        count, share = len(drawn.gt), self.told.training.micro_batch or len(drawn.gt)
        sums: dict[str, float] = {}
        for begin in range(0, count, share):
            # Several devices add up their gradients once, at the last part.
            alone = nullcontext() if begin + share >= count else self.accelerator.no_sync(self.unet)
            part = drawn.part(begin, begin + share)
            with alone:
                values = self.backward(part, weight=len(part.gt) / count)
            sums = {name: sums.get(name, 0.0) + value for name, value in values.items()}
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update(self.accelerator.unwrap_model(self.unet))
        return sums | {"rate": rate}

    @torch.no_grad()
    def drawn(self, pair: PairBatch) -> Drawn:
        """Both pictures as the chain sees them, a step and noise for each: the same however the batch is shared out."""
        lq, gt = 2 * pair.lq - 1, 2 * pair.gt - 1
        share = self.told.training.micro_batch or len(gt)
        y = torch.cat([self.pipeline.encode(some) for some in lq.split(share)])
        x_start = torch.cat([self.pipeline.to_latent(some) for some in gt.split(share)])
        steps = torch.randint(len(self.pipeline.diffusion), (len(gt),))
        mask = None if pair.mask is None else 2 * pair.mask - 1
        return Drawn(lq, gt, mask, y, x_start, steps, torch.randn_like(y))

    def backward(self, drawn: Drawn, *, weight: float) -> dict[str, float]:
        """Add the gradients of a part of the batch, of this weight in it; its losses, weighted alike."""
        loss = self.told.loss
        squared_error, perceptual = self.losses(drawn)
        total = loss.squared_error * squared_error.mean()
        # As in the released program, LPIPS that is no number costs a part its perceptual term.
        if perceptual is not None and not perceptual.isnan().any():
            total = total + loss.perceptual * perceptual.mean()
        self.accelerator.backward(total * weight)
        values = {"loss": total, "squared_error": squared_error.mean()}
        if perceptual is not None:
            values["perceptual"] = perceptual.nan_to_num().mean()
        return {name: value.item() * weight for name, value in values.items()}

    def losses(self, drawn: Drawn) -> Losses:
        """The objective (Eq. 8) at each picture's step, and the journal's LPIPS of the x_0 that it leads to."""
        pipeline, diffusion, (lq, gt, mask, y, x_start, steps, noise) = self.pipeline, self.pipeline.diffusion, drawn
        condition = enlarge(lq, self.network.scale) if self.network.autoencoder is None else lq

        def predict(x: Tensor, original: Tensor) -> Tensor:
            output: Tensor = self.unet(x, original, condition, mask)
            return output

        x = diffusion.diffuse(x_start, y, steps, noise)
        output, predicted = diffusion.predict(predict, x, y, steps)
        squared_error = diffusion.squared_error(output, diffusion.target(x_start, y, steps, noise), steps)
        if self.perceptual is None:
            return Losses(squared_error, None)
        # With gradients through the decoder, and straight through its quantiser.
        return Losses(squared_error, self.perceptual(pipeline.decode(predicted).clamp(-1, 1), gt))

    def state(self) -> dict[str, Any]:
        """The U-Net, its average and the optimiser."""
        return {
            "unet": self.accelerator.unwrap_model(self.unet).state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def rank_state(self) -> dict[str, Any]:
        """The pool of earlier pairs."""
        return self.pairs.state()

    def resume(self, state: Mapping[str, Any], rank_state: Mapping[str, Any]) -> None:
        """Go on from them."""
        self.accelerator.unwrap_model(self.unet).load_state_dict(state["unet"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        device = self.accelerator.device
        self.pairs.resume({n: v.to(device) if isinstance(v, Tensor) else v for n, v in rank_state.items()})

    def weights(self) -> Weights:
        """The average's, and how its network is built."""
        return Weights(self.average.network.state_dict(), asdict(self.network))

    def _held_out(self) -> PairBatch:
        """Held-out pairs, always the same."""
        told = self.told
        crops = held_out_crops(CleanPictures(told.data, "held-out"), told.crop, told.held_out_crops)
        examples = [
            self.pairs.example(crop, Generators.of_sample(0, f"held out {number}")) for number, crop in enumerate(crops)
        ]
        batch = torch.utils.data.default_collate(examples)
        fresh = PairMaker(told.pairs, told.crop)  # so that no pool is disturbed
        on_device = {name: value.to(self.accelerator.device) for name, value in batch.items()}
        return fresh.on_device(on_device, Generators.of_seed(0))

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Held-out PSNR (dB, RGB) of the start of the chain, of its first prediction and of its sample,
        and the root mean squared error of the predicted x_0 at every step beside the start's.
        """
        pair, pipeline = self._held_out(), self.pipeline
        lq, gt = 2 * pair.lq - 1, 2 * pair.gt - 1
        y, x_start = pipeline.encode(lq), pipeline.to_latent(gt)
        features = pipeline.condition(lq, None if pair.mask is None else 2 * pair.mask - 1)
        values = {"error_start": _root_mean_square(y - x_start)}
        for number in range(len(pipeline.diffusion)):
            noise = _noise(y, f"validation {number}")
            steps = torch.full((len(y),), number)
            x = pipeline.diffusion.diffuse(x_start, y, steps, noise)
            predicted = pipeline.diffusion.predict(_knowing(self.average.network, features), x, y, steps)[1]
            values[f"error_{number}"] = _root_mean_square(predicted - x_start)
        first = pipeline.diffusion.prior(y, _noise(y, "first"))
        last = torch.full((len(y),), len(pipeline.diffusion) - 1)
        predicted = pipeline.diffusion.predict(_knowing(self.average.network, features), first, y, last)[1]
        return values | {
            "psnr_start": _psnr(pipeline.decode(y), gt),
            "psnr_first": _psnr(pipeline.decode(predicted), gt),
            "psnr_sample": _psnr(2 * self._restored(pair) - 1, gt),
        }

    def _restored(self, pair: PairBatch) -> Tensor:
        lq = pair.lq if pair.mask is None else torch.cat([pair.lq, pair.mask], dim=1)
        return self.pipeline.restore(lq, Noise.of_seed(0, [f"held out {number}" for number in range(len(lq))]))

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Of up to four held-out pictures: the enlarged input, the restored picture, the clean one."""
        pair = self._held_out()
        pair = PairBatch(pair.lq[:4], pair.gt[:4], None if pair.mask is None else pair.mask[:4])
        start = enlarge(pair.lq, self.network.scale).clamp(0, 1)
        return torch.stack([start, self._restored(pair), pair.gt], dim=1)


def _knowing(unet: UNet, features: Tensor) -> Any:
    """The U-Net as the chain calls it, told the low-quality picture once."""
    return lambda x, steps: unet.predict(x, steps, features)


def _noise(like: Tensor, name: str) -> Tensor:
    """Standard-normal, the same at every validation."""
    return Noise.of_seed(0, [f"{name} {number}" for number in range(len(like))]).draw(
        like.shape[1:], device=like.device
    )


def _root_mean_square(difference: Tensor) -> float:
    return float(difference.square().mean().sqrt())


def _psnr(restored: Tensor, gt: Tensor) -> float:
    """The mean of the pictures' PSNRs, both in [-1, 1]."""
    mse = (restored.clamp(-1, 1) - gt).div(2).square().flatten(1).mean(dim=1)
    return float((-10 * mse.log10()).mean())
