"""Trained networks in forms that need nothing of this project."""

import io
import warnings
from collections.abc import Callable

import safetensors.torch
import torch
from torch import Tensor

from studies.errors import UserError
from trainers.network_files.module import PlainNetwork

#: The opset that other programs know since 2022.
_OPSET = 18


def state_dict(network: PlainNetwork) -> bytes:
    """The weights and buffers by name, as safetensors."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    return safetensors.torch.save(tensors)


def program(network: PlainNetwork) -> bytes:
    """An ExportedProgram for `torch.export.load`: PyTorch alone runs it, on any batch."""
    buffer = io.BytesIO()
    torch.export.save(_exported(network), buffer)
    return buffer.getvalue()


def onnx(network: PlainNetwork) -> bytes:
    """ONNX, from images [B, channels, height, width], uint8, to logits [B, classes].

    Raises:
        UserError: the packages that write it are not installed.
    """
    try:
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise UserError("ONNX needs onnxscript: pip install 'untuned[onnx]' brings it") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making
        made = torch.onnx.export(
            _exported(network),
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            verbose=False,
        )
    assert made is not None  # noqa: S101  (it is where no file is named)
    content: bytes = made.model_proto.SerializeToString()
    return content


def _exported(network: PlainNetwork) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1)
    images: Tensor = torch.zeros(2, *network.about["shape"], dtype=torch.uint8)
    return torch.export.export(network, (images,), dynamic_shapes={"images": {0: batch}})


#: By the suffix of the file.
FORMS: dict[str, Callable[[PlainNetwork], bytes]] = {".pt2": program, ".onnx": onnx}
