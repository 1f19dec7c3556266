"""The training of UFR-GAN, as a recipe for the loop: two generators, two discriminators, no pairs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from restobench.degradations.generators import Generators
from restobench.train.average import Average
from restobench.train.recipe import Weights
from restobench_methods.ufrgan.adversarial import accuracy, discriminator_loss, generator_loss
from restobench_methods.ufrgan.balance import Balance
from restobench_methods.ufrgan.configuration import Optimiser, UFRGANTraining
from restobench_methods.ufrgan.contrast import ContrastiveTerm
from restobench_methods.ufrgan.discriminator import Discriminator
from restobench_methods.ufrgan.domains import Domains, held_out_pairs
from restobench_methods.ufrgan.generator import UFRGANCheckpoint, build_generator
from restobench_methods.ufrgan.image_pool import ImagePool
from restobench_methods.ufrgan.restoration_loss import RestorationLoss, one_minus_ssim
from restobench_methods.ufrgan.vgg19 import FILE, find_vgg19

if TYPE_CHECKING:
    from accelerate import Accelerator


class Fakes(NamedTuple):
    """What the generators make of a batch, float32, not clamped; (B, 3, H, W) each."""

    high: Tensor
    """G_L2H(L): the restored pictures."""
    low_again: Tensor
    """G_H2L of them."""
    low: Tensor
    """G_H2L(H)."""
    high_again: Tensor
    """G_L2H of them."""


class UFRGANRecipe:
    """Section 7 of the paper's parts put together: cycle, identity, adversarial and frequency-contrastive terms."""

    settings = UFRGANTraining
    best_by = "psnr"

    def __init__(self, configuration: UFRGANTraining, accelerator: Accelerator) -> None:
        """Build the four networks and their optimisers.

        Raises:
            RestobenchError: Pictures or the VGG19 are not there or do not fit.
        """
        told = self.told = configuration
        self.accelerator, self.domains = accelerator, Domains(configuration)
        vgg19 = _vgg19(told)
        self.remarks = [] if vgg19 or told.perceptual == "none" else [_WITHOUT_VGG19]
        self.theta = RestorationLoss(told.restoration, vgg19).to(accelerator.device)
        scale = told.initial.output_scale
        restorer, degrader = (build_generator(told.generator, scale) for _ in range(2))
        judges = [Discriminator(told.discriminator) for _ in range(2)]
        for judge in judges:
            judge.initialise(told.initial.deviation)
        self.average = Average(restorer.to(accelerator.device), told.average)
        generators = itertools.chain(restorer.parameters(), degrader.parameters())
        discriminators = itertools.chain(judges[0].parameters(), judges[1].parameters())
        self.networks: dict[str, nn.Module] = {
            name: accelerator.prepare(network)
            for name, network in (
                ("restorer", restorer), ("degrader", degrader), ("judge_high", judges[0]), ("judge_low", judges[1]),
            )
        }  # fmt: skip
        betas = told.optimiser.betas
        self.optimisers: dict[str, Any] = {
            name: accelerator.prepare(torch.optim.Adam(parameters, lr=told.optimiser.rate, betas=betas))
            for name, parameters in (("generators", generators), ("discriminators", discriminators))
        }
        self.contrasts = {name: ContrastiveTerm(told.contrast) for name in ("high", "low")}
        self.pools = {name: ImagePool(told.pool) for name in ("high", "low")}
        self.balance = Balance(told.balance)

    def example(self, number: int) -> Mapping[str, Any]:
        """A picture of each domain, which have nothing to do with each other."""
        return self.domains.example(number)

    def step(self, batch: Mapping[str, Any], iteration: int, generators: Generators) -> Mapping[str, float]:
        """The generators' step, the average, the banks; then the discriminators', unless they are frozen."""
        rate = learning_rate(self.told.optimiser, iteration, self.told.training.iterations)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        low, high = batch["low"], batch["high"]
        frozen = self.balance.decide()
        fakes, values = self._generators_step(low, high)
        values |= self._discriminators_step(low, high, fakes, generators.torch, frozen=frozen)
        return values | {"frozen": float(frozen), "rate": rate}

    def _generators_step(self, low: Tensor, high: Tensor) -> tuple[Fakes, dict[str, float]]:
        told = self.told
        with _standing_still(self.networks["judge_high"], self.networks["judge_low"]):
            fakes = self.fakes(low, high)
            terms = self.terms(fakes, low, high)
            weights = told.weights.model_dump()
            loss = torch.stack([weights[name] * term for name, term in terms.items() if weights[name]]).sum()
            self.accelerator.backward(loss)
        optimiser = self.optimisers["generators"]
        parameters = [weight for group in optimiser.param_groups for weight in group["params"]]
        bound = told.optimiser.clip_norm or float("inf")
        norm = self.accelerator.clip_grad_norm_(parameters, bound)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        self.average.update(self.accelerator.unwrap_model(self.networks["restorer"]))
        if told.contrast.form != "none":
            with torch.no_grad():
                self.contrasts["high"].push(self.contrasts["high"].features(low))
                self.contrasts["low"].push(self.contrasts["low"].features(high))
        values = {"loss": loss.item(), **{name: term.item() for name, term in terms.items()}}
        return Fakes(*(fake.detach() for fake in fakes)), values | {"gradient_norm": float(norm)}

    def fakes(self, low: Tensor, high: Tensor) -> Fakes:
        """Both cycles, of L and of H."""
        restored, degraded = self._made("restorer", low), self._made("degrader", high)
        return Fakes(restored, self._made("degrader", restored), degraded, self._made("restorer", degraded))

    def terms(self, fakes: Fakes, low: Tensor, high: Tensor) -> dict[str, Tensor]:
        """The terms of the generators' loss, without their weights."""
        form = self.told.adversarial
        adversarial = generator_loss(self.networks["judge_high"](fakes.high), form) + generator_loss(
            self.networks["judge_low"](fakes.low), form
        )
        cycle = self.theta(fakes.low_again, low) + self.theta(fakes.high_again, high)
        identity = self.theta(self._made("restorer", high), high) + self.theta(self._made("degrader", low), low)
        terms = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
        if self.told.contrast.form != "none":
            terms["contrast"] = self._contrast("high", fakes.high, high, low) + self._contrast(
                "low", fakes.low, low, high
            )
        return terms

    def _contrast(self, domain: str, fake: Tensor, wanted: Tensor, source: Tensor) -> Tensor:
        contrast = self.contrasts[domain]
        with torch.no_grad():
            positive, negative = contrast.features(wanted), contrast.features(source)
        return contrast(contrast.features(fake), positive, negative)

    def _made(self, name: str, pictures: Tensor) -> Tensor:
        made: Tensor = self.networks[name](pictures)
        return made.float()

    def _discriminators_step(
        self, low: Tensor, high: Tensor, fakes: Fakes, chance: torch.Generator, *, frozen: bool
    ) -> dict[str, float]:
        """On real pictures, and on fakes from before the generators' step, older ones among them."""
        form = self.told.adversarial
        losses, right = [], []
        for domain, real, fake in (("high", high, fakes.high), ("low", low, fakes.low)):
            judge = self.networks[f"judge_{domain}"]
            of_real, of_fake = judge(real), judge(self.pools[domain].exchange(fake, chance))
            losses.append(discriminator_loss(of_real, of_fake, form))
            right.append(accuracy(of_real, of_fake, form))
        loss = torch.stack(losses).sum()
        # All devices decide alike: one that froze while others wait for its gradients would hang them.
        shown = torch.stack([torch.stack(right).mean(), loss.detach() / 2])
        shares = self.accelerator.reduce(shown, reduction="mean") if self.accelerator.num_processes > 1 else shown
        self.balance.observe(*shares.tolist())
        if not frozen:
            self.accelerator.backward(loss)
            self.optimisers["discriminators"].step()
        self.optimisers["discriminators"].zero_grad(set_to_none=True)
        return {"judges": loss.item(), "judged_right": shares[0].item()}

    def state(self) -> dict[str, Any]:
        """Networks, average, optimisers and the balance."""
        return {
            "networks": {
                n: self.accelerator.unwrap_model(network).state_dict() for n, network in self.networks.items()
            },
            "average": self.average.network.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "balance": self.balance.state_dict(),
        }

    def rank_state(self) -> dict[str, Any]:
        """Pools and banks: each device's own."""
        return {
            "pools": {name: pool.state_dict() for name, pool in self.pools.items()},
            "banks": {name: contrast.bank.state_dict() for name, contrast in self.contrasts.items()},
        }

    def resume(self, state: Mapping[str, Any], rank_state: Mapping[str, Any]) -> None:
        """Go on from them."""
        for name, network in self.networks.items():
            self.accelerator.unwrap_model(network).load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average.network.load_state_dict(state["average"])
        self.balance.load_state_dict(state["balance"])
        for name in ("high", "low"):
            self.pools[name].load_state_dict(rank_state["pools"][name])
            self.contrasts[name].bank.load_state_dict(rank_state["banks"][name])

    def weights(self) -> Weights:
        """The averaged generator that restores, and its sizes."""
        checkpoint = UFRGANCheckpoint(self.average.network)
        return Weights(checkpoint.state_dict(), self.told.generator.model_dump(mode="json"))

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR (dB) and SSIM on held-out pairs, of what is restored and of the input; PSNR for each kind too."""
        pairs = held_out_pairs(self.told)
        restored = self.restored(pairs.lq)
        values: dict[str, float] = {}
        for name, pictures in (("", restored), ("_input", pairs.lq)):
            psnrs = psnr(pictures, pairs.gt)
            values[f"psnr{name}"] = float(psnrs.mean())
            values[f"ssim{name}"] = 1 - float(one_minus_ssim(pictures, pairs.gt))
            for kind in dict.fromkeys(sorted(pairs.kinds)):
                of_kind = torch.tensor([kind == other for other in pairs.kinds])
                values[f"psnr{name}_{kind}"] = float(psnrs[of_kind].mean())
        return values

    @torch.no_grad()
    def restored(self, lq: Tensor) -> Tensor:
        """By the average, clamped, (N, 3, H, W), on the CPU."""
        device = self.accelerator.device
        made = [self.average.network(picture[None].to(device)).float().clamp(0, 1).cpu() for picture in lq]
        return torch.cat(made)

    def samples(self) -> Tensor:
        """Of up to eight held-out pictures: the input, the restored picture, the clean one."""
        pairs = held_out_pairs(self.told)
        return torch.stack([pairs.lq[:8], self.restored(pairs.lq[:8]), pairs.gt[:8]], dim=1)


_WITHOUT_VGG19 = (
    f"The perceptual term is left out: torchvision's {FILE} is not where torchvision puts it. "
    "Give it (--set perceptual=FILE), or say that it is meant: --set perceptual=none."
)


def _vgg19(told: UFRGANTraining) -> Path | None:
    if isinstance(told.perceptual, Path):
        return told.perceptual
    return find_vgg19() if told.perceptual == "imagenet" else None


def learning_rate(told: Optimiser, iteration: int, iterations: int) -> float:
    """The rate in an iteration, counted from 1: times the factor after each milestone."""
    passed = sum(iteration > int(share * iterations) for share in told.milestones)
    return told.rate * told.factor**passed


def psnr(restored: Tensor, gt: Tensor) -> Tensor:
    """Of each picture, rounded to 8 bits as it would be saved; (N, 3, H, W) in [0, 1] twice -> (N,), dB."""
    saved = (restored * 255).round() / 255
    return -10 * (saved - gt).square().flatten(1).mean(dim=1).log10()


@contextmanager
def _standing_still(*networks: nn.Module) -> Iterator[None]:
    """Networks that gradients go through and do not stay in."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
