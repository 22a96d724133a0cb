"""Trained networks in file formats that do not need this project."""

import io
import warnings
from collections.abc import Callable

import safetensors.torch
import torch
from torch import Tensor

from studies.errors import UserError
from trainers.network_files.module import PlainNetwork

#: Other programs have known this opset since 2022.
_OPSET = 18


def state_dict(network: PlainNetwork) -> bytes:
    """Return the weights and buffers by name, as safetensors."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    return safetensors.torch.save(tensors)


def program(network: PlainNetwork) -> bytes:
    """Return an ExportedProgram for `torch.export.load`: PyTorch alone runs it, on any batch."""
    buffer = io.BytesIO()
    torch.export.save(_exported(network), buffer)
    return buffer.getvalue()


def onnx(network: PlainNetwork) -> bytes:
    """Return ONNX, from images [B, channels, height, width], uint8, to logits [B, classes].

    Raises:
        UserError: the packages that write ONNX are not installed.
    """
    try:
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise UserError("ONNX needs onnxscript: pip install 'untuned[onnx]' brings it") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own code
        exported = torch.onnx.export(
            _exported(network),
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            verbose=False,
        )
    assert exported is not None  # noqa: S101  (None only if a file is named)
    content: bytes = exported.model_proto.SerializeToString()
    return content


def _exported(network: PlainNetwork) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1)
    images: Tensor = torch.zeros(2, *network.about["shape"], dtype=torch.uint8)
    return torch.export.export(network, (images,), dynamic_shapes={"images": {0: batch}})


#: The export function by the file's suffix.
FORMS: dict[str, Callable[[PlainNetwork], bytes]] = {".pt2": program, ".onnx": onnx}
