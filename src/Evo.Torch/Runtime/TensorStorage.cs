// Which memory a tensor stands in.
using Evo.Torch.Native;
using TorchSharp;

namespace Evo.Torch;

/// <summary>Changes the memory under a tensor that keeps its identity.</summary>
public static class TensorStorage
{
    /// <summary>
    /// Makes <paramref name="tensor"/> stand in the memory of <paramref name="view"/>, without copying. It stays the
    /// same tensor for everybody who holds it: requires_grad, its gradient and its hooks are kept.
    /// </summary>
    /// <exception cref="ArgumentException">The shape or the dtype is another.</exception>
    public static void Rebase(torch.Tensor tensor, torch.Tensor view)
    {
        if (!tensor.shape.AsSpan().SequenceEqual(view.shape) || tensor.dtype != view.dtype)
        {
            throw new ArgumentException(
                $"a tensor of {tensor.dtype} [{string.Join(", ", tensor.shape)}] cannot stand in a view of {view.dtype} [{string.Join(", ", view.shape)}]",
                nameof(view));
        }

        using var still = torch.no_grad();
        Aten.set_data(tensor, view);
    }
}
