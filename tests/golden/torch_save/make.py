"""Writes the files of this folder: python3 make.py SUFFIX, where SUFFIX names the version of PyTorch."""
import collections, io, json, sys, torch

suffix = sys.argv[1]
base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8
state = collections.OrderedDict()
state["plain"] = base
state["transposed"] = base.t()
state["columns"] = base[:, 1:4]
state["every_second"] = base[::2, ::3]
state["shared"] = base.view(-1)
state["offset"] = base[2]
state["half"] = (base * 3).to(torch.float16)
state["bfloat16"] = (base - 7).to(torch.bfloat16)
state["double"] = torch.tensor([[1e300, -0.0], [float("inf"), 2.0 ** -1074]], dtype=torch.float64)
state["long"] = torch.tensor([-1, 2 ** 40])
state["bool"] = torch.tensor([True, False, True])
state["byte"] = torch.arange(5, dtype=torch.uint8)
state["scalar"] = torch.tensor(2.5)
state["empty"] = torch.zeros(0, 3)
state["parameter"] = torch.nn.Parameter(torch.ones(2, 2))
state._metadata = collections.OrderedDict([("", {"version": 1})])

torch.save(state, f"state-{suffix}.bin")
torch.save(state, f"state-{suffix}-protocol4.bin", pickle_protocol=4)
torch.save({"weight": torch.ones(3)}, f"legacy-{suffix}.bin", _use_new_zipfile_serialization=False)

expected = {}
for name, tensor in state.items():
    flat = tensor.detach().contiguous()
    bits = flat.view(torch.int16) if flat.dtype in (torch.float16, torch.bfloat16) else flat
    expected[name] = [str(tensor.dtype)[6:], list(tensor.shape), bits.numpy().tobytes().hex()]
with open("expected.json", "w") as out:
    json.dump(expected, out, indent=1)
    out.write("\n")
