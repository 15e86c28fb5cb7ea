using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>The functions without parameters that a forward may call (<c>using static Evo.Models.Functions</c>).</summary>
public static class Functions
{
    /// <summary>The activation of that Hugging Face name, element by element.</summary>
    public static Tensor Activate(string name, Tensor x) => Ops.Activation(name, x);

    /// <summary>activation(gate) × up: the inside of a gated MLP.</summary>
    public static Tensor Gated(string name, Tensor gate, Tensor up) => Ops.Gated(name, gate, up);

    /// <summary>1 / (1 + e⁻ˣ), element by element.</summary>
    public static Tensor Sigmoid(Tensor x) => x.sigmoid();

    /// <summary>Softmax over the last dimension, in float32 (float64 for float64), in x's type.</summary>
    public static Tensor Softmax(Tensor x)
    {
        if (x.dtype is ScalarType.Float64 or ScalarType.Float32)
            return x.softmax(-1);
        using var wide = x.softmax(-1, float32);
        return wide.to_type(x.dtype);
    }

    /// <summary>
    /// The value itself. In parallel modes it is brought together first, where its features are spread over the ranks or it is a
    /// sum of parts: what follows may look at all of it.
    /// </summary>
    public static Tensor Whole(Tensor x) => x;
}
