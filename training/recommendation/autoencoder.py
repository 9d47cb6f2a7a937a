"""A denoising autoencoder of histories: one hidden layer, a softmax over all courses, fitted by hiding part of each.

People are rows, courses are columns. Item–item weights add up what each course of a history says on its own; a hidden
layer lets courses say together what none of them says alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.records.encoder import fast_precision

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)

WIDTH, NARROW, MANY_PEOPLE = 256, 64, 10_000
SCALE = 0.05  # of what weights start from
WARM_UP = 0.1  # share of the steps in which the rate rises
FEW_STEPS, LEAST_BATCH = 32, 64  # of fewer people than fill so many batches each batch is smaller
SHOWN_LOGIT = -30.0  # of courses that were shown: they are not to be found


@dataclass(frozen=True)
class AutoencoderSettings:
    """How an autoencoder is fitted.

    Parameters
    ----------
    width : int
        Of the hidden layer: `WIDTH` of many people, `NARROW` of few.
    dropout : float
        Share of the hidden layer left out of each step.
    most_hidden : float
        At most this share of a history is hidden and to be found; one course at least.
    rate : float
        Highest rate of Adam.
    passes : float
        Times that everybody is seen, where people are many.
    least_steps, most_steps : int
        Steps at least, where people are few, and at most, where they are very many: everybody is seen less often then.
    batch : int
        People a step; fewer where people are few.
    """

    width: int = WIDTH
    dropout: float = 0.2
    most_hidden: float = 0.3
    rate: float = 0.004
    passes: float = 6.0
    least_steps: int = 600
    most_steps: int = 1_500
    batch: int = 512

    @classmethod
    def of_people(cls, n_people: int) -> AutoencoderSettings:
        """Return the settings for histories of so many people."""
        return cls(width=WIDTH if n_people >= MANY_PEOPLE else NARROW)

    def batch_of(self, n_people: int) -> int:
        """Return how many people a step takes."""
        return min(self.batch, max(n_people // FEW_STEPS, LEAST_BATCH))

    def steps_of(self, n_people: int) -> int:
        """Return how many steps are made.

        Examples
        --------
        >>> [AutoencoderSettings().steps_of(people) for people in (900, 102_400, 1_000_000)]
        [600, 1200, 1500]
        """
        return min(max(int(self.passes * n_people / self.batch), self.least_steps), self.most_steps)


@dataclass(frozen=True)
class Autoencoder:
    """What was fitted: ``tanh(x @ inwards / |x|) @ outwards.T + level`` scores every course for a history x.

    Parameters
    ----------
    inwards, outwards : (n_courses, width) float32
        Of each course in a history, and as one to be found.
    level : (n_courses,) float32
        Logit of each course for a person of whom nothing is known.
    """

    inwards: Floats
    outwards: Floats
    level: Floats

    def arrays(self) -> dict[str, Floats]:
        """Return the arrays as a payload holds them."""
        return {"coded_in": self.inwards, "coded_out": self.outwards, "coded_level": self.level}


@dataclass(frozen=True)
class Hidden:
    """Histories of which a part is hidden: what is shown of them, and what is to be found.

    Parameters
    ----------
    shown, sought : (n_people, n_courses) sparse
        Disjoint; the values of `sought` are 1 / how many are to be found of that person.
    """

    shown: Matrix
    sought: Matrix


def fitted_autoencoder(
    history: Matrix,
    settings: AutoencoderSettings,
    rng: np.random.Generator,
    start: Autoencoder | None = None,
) -> Autoencoder:
    """Return an autoencoder of histories of two courses or more.

    Each step hides a random share of some people's histories and raises the log-likelihood of finding it; everybody
    counts alike, however long the history.

    Parameters
    ----------
    history : (n_people, n_courses) sparse float
        How much each person had to do with each course, 0–1.
    settings : AutoencoderSettings
        How.
    rng : numpy.random.Generator
        Of the start, the order of people and what is hidden.
    start : Autoencoder, optional
        One fitted to nearly the same histories: half the steps do then.

    References
    ----------
    Liang et al., "Variational autoencoders for collaborative filtering", WWW 2018, doi:10.1145/3178876.3186150
    (its Mult-DAE).
    """
    import torch

    rows = sp.csr_matrix(history, dtype=np.float32)
    people = np.flatnonzero(np.diff(rows.indptr) > 1)
    torch.manual_seed(int(rng.integers(2**31)))
    made = started(rows, settings, rng) if start is None else start
    weights = [torch.tensor(part, requires_grad=True) for part in (made.inwards, made.outwards, made.level)]
    steps = settings.steps_of(people.size) // (1 if start is None else 2)
    adam = torch.optim.Adam(weights, lr=settings.rate)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, settings.rate, total_steps=steps + 1, pct_start=WARM_UP)
    is_half = fast_precision() == "bf16"
    for chosen in batches(people, settings.batch_of(people.size), steps, rng):
        hidden = hide(rows[chosen], settings.most_hidden, rng)
        loss = loss_of(weights, hidden, settings.dropout, is_half=is_half)
        adam.zero_grad()
        loss.backward()
        adam.step()
        rates.step()
    return Autoencoder(*(part.detach().numpy() for part in weights))


def started(rows: Matrix, settings: AutoencoderSettings, rng: np.random.Generator) -> Autoencoder:
    """Return small random weights, and each course's log share of the people."""
    n_people, n = rows.shape
    inwards, outwards = (rng.normal(0.0, SCALE, (n, settings.width)).astype(np.float32) for _ in range(2))
    share = (np.bincount(rows.indices, minlength=n) + 1.0) / max(n_people, 1)
    return Autoencoder(inwards, outwards, np.log(share).astype(np.float32))


def batches(people: Integers, size: int, steps: int, rng: np.random.Generator) -> Iterator[Integers]:
    """Yield so many batches, everybody as often as anybody else but for one; none of nobody."""
    waiting = people[:0]
    for _ in range(steps if people.size else 0):
        while waiting.size < min(size, people.size):
            waiting = np.concatenate([waiting, rng.permutation(people)])
        yield np.sort(waiting[:size])
        waiting = waiting[size:]


def hide(rows: Matrix, most: float, rng: np.random.Generator) -> Hidden:
    """Return histories of which a random share, up to `most` and one course at least, is to be found."""
    counts = np.diff(rows.indptr)
    owner = np.repeat(np.arange(counts.size), counts)
    order = np.lexsort((rng.random(rows.nnz), owner))
    place = np.empty(rows.nnz, dtype=np.int64)
    place[order] = np.arange(rows.nnz) - rows.indptr[owner]
    wanted = np.maximum((counts * rng.uniform(0.0, most, counts.size)).astype(np.int64), 1)
    is_sought = place < wanted[owner]
    sought = part_of(rows, owner, is_sought)
    sought.data = (1.0 / wanted[owner[is_sought]]).astype(np.float32)
    return Hidden(part_of(rows, owner, ~is_sought), sought)


def part_of(rows: Matrix, owner: Integers, kept: NDArray[np.bool_]) -> Matrix:
    """Return rows with some of their entries, in the order they stand in."""
    counts = np.bincount(owner[kept], minlength=rows.shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return sp.csr_matrix((rows.data[kept], rows.indices[kept], indptr), shape=rows.shape)


def loss_of(weights: list[Any], hidden: Hidden, dropout: float, *, is_half: bool) -> Any:
    """Return the mean negative log-likelihood of what is to be found, a torch scalar; logits in bf16 where asked."""
    import torch
    from torch.nn import functional

    inwards, outwards, level = weights
    shown, sought = hidden.shown, hidden.sought
    n_people = shown.shape[0]
    summed = functional.embedding_bag(
        torch.from_numpy(shown.indices.astype(np.int64)),
        inwards,
        torch.from_numpy(shown.indptr[:-1].astype(np.int64)),
        mode="sum",
        per_sample_weights=torch.from_numpy(shown.data),
    )
    code = functional.dropout(torch.tanh(summed / torch.from_numpy(lengths(shown))), dropout)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
        logits = functional.linear(code, outwards, level)
    logits = logits.float()
    logits[owners(shown), torch.from_numpy(shown.indices.astype(np.int64))] = SHOWN_LOGIT
    likely = functional.log_softmax(logits, dim=1)
    found = likely[owners(sought), torch.from_numpy(sought.indices.astype(np.int64))]
    return -(torch.from_numpy(sought.data) * found).sum() / n_people


def owners(rows: Matrix) -> Any:
    """Return the row of each entry, as a torch tensor."""
    import torch

    return torch.from_numpy(np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)))


def lengths(rows: Matrix) -> Floats:
    """Return the length of each row as a vector, (n, 1) float32; 1 of an empty one."""
    squares = np.bincount(
        np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)),
        rows.data.astype(np.float64) ** 2,
        minlength=rows.shape[0],
    )
    return np.sqrt(np.where(squares > 0, squares, 1.0)).astype(np.float32)[:, None]
