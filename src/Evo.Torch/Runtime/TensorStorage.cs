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

    /// <summary>
    /// Gives back the memory under <paramref name="tensor"/> and under every view of it; all of them stay, with their shapes
    /// and their places in graphs, but nobody may read or write them until <see cref="Restore"/>.
    /// </summary>
    public static void Free(torch.Tensor tensor) => Resize(tensor, 0);

    /// <summary>Takes memory again, not initialised, for a tensor that spans its memory and is contiguous.</summary>
    /// <exception cref="ArgumentException">The tensor is a view of a part.</exception>
    public static void Restore(torch.Tensor tensor)
    {
        if (tensor.storage_offset() != 0 || !tensor.is_contiguous())
        {
            throw new ArgumentException(
                $"a tensor [{string.Join(", ", tensor.shape)}] that begins at element {tensor.storage_offset()} of its memory does not say how much there was; restore the tensor that spans it",
                nameof(tensor));
        }

        Resize(tensor, tensor.numel() * tensor.element_size());
    }

    /// <summary>
    /// A tensor over the same memory with a version of its own: what is written through it does not make autograd refuse
    /// graphs that saved the other. It is for memory that is filled again with what a graph saw.
    /// </summary>
    public static unsafe torch.Tensor Untracked(torch.Tensor tensor)
    {
        nint handle;
        NativeFailure.Check(NativeMethods.evo_tensor_untracked(tensor.Handle, &handle), "untracked");
        GC.KeepAlive(tensor);
        return new(handle);
    }

    private static void Resize(torch.Tensor tensor, long bytes)
    {
        NativeFailure.Check(NativeMethods.evo_storage_resize(tensor.Handle, bytes), "storage resize");
        GC.KeepAlive(tensor);
    }
}
