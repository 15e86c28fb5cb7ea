// torch.*: the functions of Tensor.Activations.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>1 / (1 + exp(-x)).</summary>
    public static Tensor sigmoid(Tensor input) => input.sigmoid();
    /// <summary>In place: 1 / (1 + exp(-x)).</summary>
    public static Tensor sigmoid_(Tensor input) => input.sigmoid_();

    /// <summary>exp(x) over its sum along a dimension.</summary>
    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
}
