"""Makes the graph of a BERT model whose weights stay in its safetensors file.

The result holds no weights: each of them is named by its place in `model.safetensors` (external data of ONNX), so that the file
that the model's authors published is used as it is. Only the operators are ours.

    python3 -m venv graphs && graphs/bin/pip install onnx
    graphs/bin/python src/embedding/graphs/export.py DIRECTORY src/embedding/graphs/NAME.onnx

DIRECTORY holds `config.json` and `model.safetensors`. Inputs are `input_ids`, `attention_mask` and `token_type_ids`, output is
`last_hidden_state`. The same input gives the same file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from onnx import TensorProto, helper

WEIGHTS = "model.safetensors"


class Graph:
    """Nodes and constants as they are added; each is known by the name of what it gives."""

    def __init__(self, directory: Path) -> None:
        """Reads where in the file each weight lies."""
        with (directory / WEIGHTS).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            self.table = json.loads(file.read(length))
        self.start = 8 + length
        self.nodes: list = []
        self.constants: list = []
        self.known: set[str] = set()

    def node(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        """An operator."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str) -> str:
        """A weight of the file."""
        if name not in self.known:
            self.known.add(name)
            entry = self.table[name]
            if entry["dtype"] != "F32":
                raise ValueError(f"{name} is {entry['dtype']} and not F32")
            start, end = entry["data_offsets"]
            tensor = TensorProto(
                name=name, data_type=TensorProto.FLOAT, dims=entry["shape"], data_location=TensorProto.EXTERNAL
            )
            for key, value in (("location", WEIGHTS), ("offset", self.start + start), ("length", end - start)):
                tensor.external_data.add(key=key, value=str(value))
            self.constants.append(tensor)
        return name

    def number(self, name: str, value: float) -> str:
        """A number."""
        self.constants.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def places(self, name: str, *values: int) -> str:
        """Whole numbers, for shapes."""
        self.constants.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def linear(self, value: str, weights: str, name: str) -> str:
        """`value · weightsᵀ + bias`; the transposition is done once, when the graph is loaded."""
        turned = self.node("Transpose", [self.weight(weights + ".weight")], name + "/turned", perm=[1, 0])
        product = self.node("MatMul", [value, turned], name + "/product")
        return self.node("Add", [product, self.weight(weights + ".bias")], name)

    def norm(self, value: str, weights: str, name: str, epsilon: float) -> str:
        """Layer normalisation."""
        inputs = [value, self.weight(weights + ".weight"), self.weight(weights + ".bias")]
        return self.node("LayerNormalization", inputs, name, axis=-1, epsilon=epsilon)

    def gelu(self, value: str, name: str) -> str:
        """`value/2 · (1 + erf(value/√2))`."""
        error = self.node("Erf", [self.node("Div", [value, "root"], name + "/scaled")], name + "/error")
        sum_ = self.node("Add", [error, "one"], name + "/sum")
        return self.node("Mul", [self.node("Mul", [value, sum_], name + "/product"), "half"], name)


def build(directory: Path) -> bytes:
    """The graph of the model in a directory."""
    config = json.loads((directory / "config.json").read_text())
    if (config["model_type"], config["hidden_act"], config["position_embedding_type"]) != ("bert", "gelu", "absolute"):
        raise ValueError("this is no BERT with gelu and absolute positions")
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon = float(config["layer_norm_eps"])
    graph = Graph(directory)
    graph.number("one", 1.0)
    graph.number("half", 0.5)
    graph.number("root", 2.0**0.5)
    graph.number("scale", (hidden // heads) ** 0.5)
    graph.places("split", 0, 0, heads, hidden // heads)
    graph.places("joined", 0, 0, hidden)

    words = graph.node("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    kinds = graph.node("Gather", [graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"], "kinds")
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    rows = [graph.weight("embeddings.position_embeddings.weight"), graph.places("zero", 0), length]
    positions = graph.node("Slice", [*rows, graph.places("first", 0)], "positions")
    value = graph.node("Add", [graph.node("Add", [words, kinds], "words+kinds"), positions], "embedded")
    value = graph.norm(value, "embeddings.LayerNorm", "embedded/normal", epsilon)

    # What is not to be seen gets so small a weight that it is none; a finite number, because infinities become NaN.
    mask = graph.node("Unsqueeze", ["attention_mask", graph.places("axes", 1, 2)], "mask/wide")
    mask = graph.node("Cast", [mask], "mask/float", to=TensorProto.FLOAT)
    hole = graph.node("Sub", ["one", mask], "mask/hole")
    mask = graph.node("Mul", [hole, graph.number("hidden", -10000.0)], "mask")

    for layer in range(config["num_hidden_layers"]):
        prefix, name = f"encoder.layer.{layer}.", f"layer{layer}/"

        def part(which: str, order: list[int], value: str = value, prefix: str = prefix, name: str = name) -> str:
            whole = graph.linear(value, f"{prefix}attention.self.{which}", name + which)
            split = graph.node("Reshape", [whole, "split"], f"{name}{which}/split")
            return graph.node("Transpose", [split], f"{name}{which}/heads", perm=order)

        query, key, content = part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1]), part("value", [0, 2, 1, 3])
        scores = graph.node("Div", [graph.node("MatMul", [query, key], name + "scores"), "scale"], name + "scaled")
        shares = graph.node("Softmax", [graph.node("Add", [scores, mask], name + "masked")], name + "shares", axis=-1)
        seen = graph.node("MatMul", [shares, content], name + "seen")
        seen = graph.node("Transpose", [seen], name + "seen/turned", perm=[0, 2, 1, 3])
        seen = graph.node("Reshape", [seen, "joined"], name + "seen/joined")
        seen = graph.linear(seen, prefix + "attention.output.dense", name + "attention")
        seen = graph.node("Add", [seen, value], name + "attention+value")
        seen = graph.norm(seen, prefix + "attention.output.LayerNorm", name + "attention/normal", epsilon)
        wide = graph.gelu(graph.linear(seen, prefix + "intermediate.dense", name + "wide"), name + "gelu")
        narrow = graph.linear(wide, prefix + "output.dense", name + "narrow")
        last = "last_hidden_state" if layer == config["num_hidden_layers"] - 1 else name + "normal"
        both = graph.node("Add", [narrow, seen], name + "both")
        value = graph.norm(both, prefix + "output.LayerNorm", last, epsilon)

    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", hidden])
    made = helper.make_graph(graph.nodes, "bert", inputs, [output], graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    content = build(source)
    target.write_bytes(content)
    print(f"{target}: {len(content)} bytes")
