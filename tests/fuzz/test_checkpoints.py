"""Damaged and hostile checkpoints: the training begins anew, and ends with the same bits."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
import safetensors.torch
import torch
from checkpoint_support import Memory
from fuzz_support import amounts, damaged

from orchestrator.execution.checkpoint_store import CheckpointStore
from studies.schemas import science
from studies.store import Store
from studies.trial import Trial
from trainers import checkpoints, datasets, engines, methods, networks, packs, runtime
from trainers.batches import Batches
from trainers.checkpoints import Checkpoints
from trainers.loop import train

KINDS = {
    "dense": {"method": "dense"},
    "flipping": {"method": "minimal-flipping"},
    "ticket": {"method": "lottery-ticket(rewind=1)", "density": 0.8, "epochs": 2},
    "norms": {"method": "frozen", "network": "resnet8", "width": 0.1, "affine": True},
}


def trial_of(kind, **values):
    plain = {"network": "lenet-6", "dataset": "digits", "weights": "he-normal", "seed": 1}
    return Trial(**plain | {"epochs": 3, "batch_size": 200} | KINDS[kind] | values)


@pytest.fixture(scope="module")
def digits():
    runtime.settle()
    return datasets.load("digits", datasets.Place("digits", Path()))


def stopped(trial, data, records=3):
    """The checkpoint of a training that was stopped after so many records."""
    keeper = Memory()
    training = train([trial], data, checkpoint_store=keeper)
    for _ in range(records):
        next(training)
    training.close()
    return keeper.content


def figures(records):
    """Everything of a training that must be equal to the bit."""
    epochs = [{k: v for k, v in r.epoch.items() if k in science("epochs")} for r in records]
    return repr((epochs, [list(r.layers) for r in records], [r.final for r in records]))


class Begun:
    """A pack that is ready to be restored, again and again."""

    def __init__(self, trial, data):
        network = networks.build(trial, data.shape, data.classes)
        self.trials, self.method, self.data = [trial], methods.of([trial]), data
        self.pack = packs.assemble(self.trials, network, torch.device("cpu"))
        self.method.begin(self.pack, 0, Batches(data, self.trials, torch.device("cpu")))

    def state(self):
        made = Checkpoints(None, self.pack, self.method)
        return {name: tensor.clone() for name, tensor in made._tensors().items()}

    def restored(self, content):
        """The epoch of a checkpoint, the state of its engine, and its records."""
        keeper = Memory(content)
        about = {"engine": engines.choose(self.pack).name, "device": "cpu"}
        made = Checkpoints(keeper, self.pack, self.method, data=self.data.fingerprint, **about)
        epoch, known = made.restore()
        assert keeper.continued_from == (epoch or None)
        return epoch, known, made.records


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def parts_of(content):
    """The tensors of a checkpoint, and what it says about them."""
    tensors = safetensors.torch.load(content)
    del tensors["digest"]
    return tensors, json.loads(bytes(tensors.pop("about").numpy()))


def as_tensor(content):
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def sealed(tensors, about, digest=None):
    """A checkpoint of these, with a digest that is right unless another one is given."""
    if not isinstance(about, torch.Tensor):
        about = as_tensor(about if isinstance(about, bytes) else json.dumps(about).encode())
    every = tensors | {"about": about}
    return safetensors.torch.save(
        every | {"digest": as_tensor(digest or checkpoints._digest(every))}
    )


@amounts(400, 20_000)
def test_damaged_checkpoints_are_passed_over_and_change_nothing(cases, digits, capsys):
    rng, ends = random.Random(4), Counter()
    begun = {kind: Begun(trial_of(kind), digits) for kind in KINDS}
    content = {kind: stopped(trial_of(kind), digits) for kind in KINDS}
    first = {kind: begun[kind].state() for kind in KINDS}
    for _ in range(cases):
        kind = rng.choice(sorted(KINDS))
        epoch, known, records = begun[kind].restored(damaged(rng, content[kind]))
        assert (epoch, known, records) == (0, {}, [])
        assert same(begun[kind].state(), first[kind])
        ends[kind] += 1
    for kind in KINDS:  # and the whole one is still taken
        epoch, known, records = begun[kind].restored(content[kind])
        assert (epoch, len(records)) == (2, 3)
        tensors, _ = parts_of(content[kind])
        assert known.keys() == {n[7:] for n in tensors if n.startswith("engine.")}
    with capsys.disabled():
        print(f"\n{cases} damaged checkpoints, none taken: {dict(ends)}")


def changes(tensors, about, other):
    """Checkpoints that are whole files and not this trial's, by what is wrong with them."""
    name = next(n for n in sorted(tensors) if n.endswith("trained"))
    moment = next(n for n in sorted(tensors) if n.startswith("engine.0.first"))
    value, knows = tensors[name], tensors[moment]
    records = about["records"]

    def about_with(**values):
        return sealed(tensors, about | values)

    def row(**values):
        return [[0, records[0][1] | values, *records[0][2:]], *records[1:]]

    yield "no tensors", sealed({}, about)
    yield "a tensor less", sealed({k: v for k, v in tensors.items() if k != name}, about)
    yield "no moment", sealed({k: v for k, v in tensors.items() if k != moment}, about)
    yield "a tensor more", sealed(tensors | {"x": value.clone()}, about)
    yield "a layer more", sealed(tensors | {"layer.99.trained": value.clone()}, about)
    yield "a mask for one layer", sealed(tensors | {"layer.0.mask": value[:, :1].clone()}, about)
    yield "half a start", sealed(tensors | {"norms_start.0.0.bias": value.clone()}, about)
    yield "one number", sealed(tensors | {name: torch.ones(1)}, about)
    yield "no dimension", sealed(tensors | {name: torch.tensor(1.0)}, about)
    yield "one number as moment", sealed(tensors | {moment: torch.ones(1)}, about)
    yield "a row of numbers", sealed(tensors | {name: value.flatten()}, about)
    yield "two replicas", sealed(tensors | {name: torch.cat([value, value])}, about)
    yield "nothing in it", sealed(tensors | {name: torch.empty(0)}, about)
    yield "doubles", sealed(tensors | {name: value.double()}, about)
    yield "halves", sealed(tensors | {moment: knows.half()}, about)
    yield "whole numbers", sealed(tensors | {name: value.long()}, about)
    yield "complex numbers", sealed(tensors | {name: value.to(torch.complex64)}, about)
    seal = checkpoints._digest(tensors | {"about": as_tensor(json.dumps(about).encode())})
    yield "other numbers", sealed(tensors | {name: value + 1}, about, seal)
    yield "another trial's numbers", sealed(other, about, seal)
    yield "another accuracy", sealed(tensors, about | {"records": row(test_accuracy=0.5)}, seal)
    yield (
        "no digest",
        safetensors.torch.save(tensors | {"about": as_tensor(json.dumps(about).encode())}),
    )
    yield "many passes", sealed(tensors | {"layer.0.passes": torch.ones(3).long()}, about)
    for key in about:
        yield f"no {key}", sealed(tensors, {k: v for k, v in about.items() if k != key})
    (own,) = about["conditions"]["trials"]
    for trials in ([own.replace('"seed":1', '"seed":2')], [own, own], [], [1], own):
        yield (
            f"the trials {trials}",
            about_with(conditions=about["conditions"] | {"trials": trials}),
        )
    for name in about["conditions"]:
        yield f"another {name}", about_with(conditions=about["conditions"] | {name: None})
    for epoch in (0, 1, 3, -1, 10**30, 2.5, "2", None, [2]):
        yield f"epoch {epoch}", about_with(epoch=epoch)
    yield "no records", about_with(records=[])
    yield "a record less", about_with(records=records[1:])
    yield "a record twice", about_with(records=[records[0], *records])
    yield "records of another replica", about_with(records=[[1, *r[1:]] for r in records])
    yield "records that are none", about_with(records=[1, 2, 3])
    yield "records in a mapping", about_with(records={"a": 1})
    yield "text for an accuracy", about_with(records=row(test_accuracy="1"))
    yield "no accuracy", about_with(records=row(test_accuracy=None))
    yield "a list for an accuracy", about_with(records=row(test_accuracy=[1.0]))
    yield "another epoch", about_with(records=row(epoch=1))
    yield "no layers", about_with(records=[[r, row, [], []] for r, row, _, _ in records])
    yield (
        "layers twice",
        about_with(records=[[r, row, [*la, *la], []] for r, row, la, _ in records]),
    )
    yield (
        "layers of another epoch",
        about_with(
            records=[[r, x, [one | {"epoch": 7} for one in la], []] for r, x, la, _ in records]
        ),
    )
    yield (
        "text for a count",
        about_with(
            records=[
                [r, x, [one | {"mask_zero": "x"} for one in la], []] for r, x, la, _ in records
            ]
        ),
    )
    mask = {"epoch": 0, "layer": 0, "layer_name": "fc1", "shape": [1], "kept": "AA=="}
    for what in (mask, mask | {"kept": "no base 64"}, mask | {"kept": 3}, {}, 3):
        yield f"the mask {what}", about_with(records=[[*r[:3], [what]] for r in records])
    for text in (b" ", b"null", b"[]", b"3", b"\xff", b'"x"', b"{}", b"[" * 100_000, b"{" * 9):
        yield f"{text[:9]!r} about it", sealed(tensors, text)
    for kind in (torch.float32, torch.bool, torch.complex64):
        yield f"{kind} about it", sealed(tensors, torch.ones(3).to(kind))
    for kind in (torch.bfloat16, torch.float8_e5m2):
        digest = {"digest": torch.ones(3).to(kind)}
        yield f"{kind} as digest", safetensors.torch.save(tensors | digest)


def header(about, data=b""):
    """A safetensors file by hand: its length, a header in JSON, the data."""
    text = about if isinstance(about, bytes) else json.dumps(about).encode()
    return len(text).to_bytes(8, "little") + text + data


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
FILES = {
    "empty": b"",
    "short": b"\0" * 7,
    "no header": b"\0" * 8,
    "a header of 2^63 bytes": (2**63).to_bytes(8, "little") + b"{}",
    "a header of 2^64 - 1 bytes": (2**64 - 1).to_bytes(8, "little") + b"{}",
    "a header that is too long": (10**6).to_bytes(8, "little") + b"{}",
    "no JSON": header(b"hello"),
    "a list": header([]),
    "no UTF-8": header(b'{"\xff": 1}'),
    "deep": header(b"[" * 10_000),
    "nothing": header({}),
    "overlapping": header({"a": ONE, "about": ONE}, b"\0" * 4),
    "with a hole": header({"about": ONE | {"data_offsets": [4, 8]}}, b"\0" * 8),
    "backwards": header({"about": ONE | {"data_offsets": [4, 0]}}, b"\0" * 4),
    "beyond the end": header({"about": ONE | {"data_offsets": [0, 2**62]}}, b"\0" * 4),
    "negative": header({"about": ONE | {"data_offsets": [-4, 0]}}, b"\0" * 4),
    "a huge shape": header({"about": ONE | {"shape": [2**62, 2**62]}}, b"\0" * 4),
    "a shape that comes to nothing": header({"about": ONE | {"shape": [2**40, 0]}}, b"\0" * 4),
    "another shape": header({"about": ONE | {"shape": [7]}}, b"\0" * 4),
    "an unknown type": header({"about": ONE | {"dtype": "F99"}}, b"\0" * 4),
    "a small type": header({"about": ONE | {"dtype": "F4", "shape": [8]}}, b"\0" * 4),
    "a name twice": header(
        b'{"about": %b, "about": %b}' % ((json.dumps(ONE).encode(),) * 2), b"\0" * 4
    ),
    "a pickle": b"\x80\x04cposix\nsystem\n(S'touch /tmp/no'\ntR.",
    "a zip": b"PK\x03\x04" + b"\0" * 100,
}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_checkpoints_are_passed_over_and_change_nothing(kind, digits):
    begun, content = Begun(trial_of(kind), digits), stopped(trial_of(kind), digits)
    other, _ = parts_of(stopped(trial_of(kind, seed=2), digits))
    first = begun.state()
    for what, hostile in [*FILES.items(), *changes(*parts_of(content), other)]:
        epoch, known, records = begun.restored(hostile)
        assert (epoch, known, records) == (0, {}, []), what
        assert same(begun.state(), first), what
    assert begun.restored(sealed(*parts_of(content)))[0] == 2  # as it was, it is taken


@amounts(2, 300)
def test_a_training_with_a_bad_checkpoint_ends_with_the_same_bits(cases, digits, tmp_path, capsys):
    """Through the results' store, with the hash in its name right (hostile) and wrong (damaged)."""
    rng, ends = random.Random(5), Counter()
    for case in range(cases):
        kind = sorted(KINDS)[case % len(KINDS)]
        trial = trial_of(kind)
        whole = figures(train([trial], digits))
        content = stopped(trial, digits)
        other, _ = parts_of(stopped(trial_of(kind, seed=2), digits))
        bad = [damaged(rng, content), rng.choice([*changes(*parts_of(content), other)])[1]]
        for right in (True, False):
            store = Store(str(tmp_path / f"{case}{right}"), "own")
            store.checkpoints.save(trial.trial_id, content if not right else rng.choice(bad))
            if not right:
                (path,) = (store.local_path / "_checkpoints").iterdir()
                path.write_bytes(bad[0])
                assert store.checkpoints.load(trial.trial_id) is None
            keeper = CheckpointStore(store, [trial], 1000.0, store.checkpoints.keys())
            assert figures(train([trial], digits, checkpoint_store=keeper)) == whole
            assert keeper.continued_from is None
            ends["right hash" if right else "wrong hash"] += 1
    with capsys.disabled():
        print(
            f"\n{2 * cases} trainings with bad checkpoints ended with the same bits: {dict(ends)}"
        )
