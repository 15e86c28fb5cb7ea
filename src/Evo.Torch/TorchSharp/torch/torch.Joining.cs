// torch.*: joining tensors.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Each tensor with one dimension at the least.</summary>
    public static IEnumerable<Tensor> atleast_1d(params Tensor[] input) => input.Select(t => t.atleast_1d());

    /// <summary>Each tensor with two dimensions at the least.</summary>
    public static IEnumerable<Tensor> atleast_2d(params Tensor[] input) => input.Select(t => t.atleast_2d());

    /// <summary>Each tensor with three dimensions at the least.</summary>
    public static IEnumerable<Tensor> atleast_3d(params Tensor[] input) => input.Select(t => t.atleast_3d());

    /// <summary>A block-diagonal matrix of the given ones.</summary>
    public static Tensor block_diag(params Tensor[] tensors) => Aten.block_diag(tensors);

    /// <summary>The tensors expanded to their common shape.</summary>
    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Aten.broadcast_tensors(tensors);

    /// <summary>All combinations of the elements of vectors, one a row.</summary>
    public static Tensor cartesian_prod(IList<Tensor> tensors) => Aten.cartesian_prod(tensors.ToArray());
    /// <summary>All combinations of the elements of vectors, one a row.</summary>
    public static Tensor cartesian_prod(ReadOnlySpan<Tensor> tensors) => Aten.cartesian_prod(tensors.ToArray());
    /// <summary>All combinations of the elements of vectors, one a row.</summary>
    public static Tensor cartesian_prod(params Tensor[] tensors) => Aten.cartesian_prod(tensors);

    /// <summary>The tensors one after another along an existing dimension.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Aten.cat(tensors.ToArray(), dim);
    /// <summary>The tensors one after another along an existing dimension.</summary>
    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Aten.cat(tensors.ToArray(), dim);
    /// <summary>The tensors one after another along an existing dimension.</summary>
    public static Tensor cat(Tensor[] tensors, long dim = 0) => Aten.cat(tensors, dim);

    /// <summary>The tensors as columns of a matrix.</summary>
    public static Tensor column_stack(IList<Tensor> tensors) => Aten.column_stack(tensors.ToArray());
    /// <summary>The tensors as columns of a matrix.</summary>
    public static Tensor column_stack(ReadOnlySpan<Tensor> tensors) => Aten.column_stack(tensors.ToArray());
    /// <summary>The tensors as columns of a matrix.</summary>
    public static Tensor column_stack(params Tensor[] tensors) => Aten.column_stack(tensors);

    /// <summary>The same as cat.</summary>
    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => Aten.cat(tensors.ToArray(), dim);
    /// <summary>The same as cat.</summary>
    public static Tensor concat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Aten.cat(tensors.ToArray(), dim);
    /// <summary>The same as cat.</summary>
    public static Tensor concat(Tensor[] tensors, long dim = 0) => Aten.cat(tensors, dim);

    /// <summary>The same as cat.</summary>
    public static Tensor concatenate(IList<Tensor> tensors, long axis = 0) => Aten.cat(tensors.ToArray(), axis);
    /// <summary>The same as cat.</summary>
    public static Tensor concatenate(ReadOnlySpan<Tensor> tensors, long axis = 0) => Aten.cat(tensors.ToArray(), axis);
    /// <summary>The same as cat.</summary>
    public static Tensor concatenate(Tensor[] tensors, long axis = 0) => Aten.cat(tensors, axis);

    /// <summary>The tensors along the third dimension.</summary>
    public static Tensor dstack(IEnumerable<Tensor> tensors) => Aten.dstack(tensors.ToArray());
    /// <summary>The tensors along the third dimension.</summary>
    public static Tensor dstack(IList<Tensor> tensors) => Aten.dstack(tensors.ToArray());
    /// <summary>The tensors along the third dimension.</summary>
    public static Tensor dstack(ReadOnlySpan<Tensor> tensors) => Aten.dstack(tensors.ToArray());
    /// <summary>The tensors along the third dimension.</summary>
    public static Tensor dstack(params Tensor[] tensors) => Aten.dstack(tensors);

    /// <summary>The tensors side by side along dimension 1 (of vectors, 0).</summary>
    public static Tensor hstack(IEnumerable<Tensor> tensors) => Aten.hstack(tensors.ToArray());
    /// <summary>The tensors side by side along dimension 1 (of vectors, 0).</summary>
    public static Tensor hstack(IList<Tensor> tensors) => Aten.hstack(tensors.ToArray());
    /// <summary>The tensors side by side along dimension 1 (of vectors, 0).</summary>
    public static Tensor hstack(ReadOnlySpan<Tensor> tensors) => Aten.hstack(tensors.ToArray());
    /// <summary>The tensors side by side along dimension 1 (of vectors, 0).</summary>
    public static Tensor hstack(params Tensor[] tensors) => Aten.hstack(tensors);

    /// <summary>Coordinates of the grid of the given vectors.</summary>
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") => Aten.meshgrid_indexing(tensors.ToArray(), indexing);

    /// <summary>The tensors one below the other.</summary>
    public static Tensor row_stack(IList<Tensor> tensors) => Aten.vstack(tensors.ToArray());
    /// <summary>The tensors one below the other.</summary>
    public static Tensor row_stack(ReadOnlySpan<Tensor> tensors) => Aten.vstack(tensors.ToArray());
    /// <summary>The tensors one below the other.</summary>
    public static Tensor row_stack(params Tensor[] tensors) => Aten.vstack(tensors);

    /// <summary>The tensors side by side along a new dimension.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.stack(tensors.ToArray(), dim);

    /// <summary>The indices of the lower triangle of a row × col matrix, as a 2 × n tensor.</summary>
    public static Tensor tril_indices(long row, long col, long offset = 0, ScalarType dtype = ScalarType.Int64, Device? device = null) => Aten.tril_indices(row, col, offset, dtype, device: device);

    /// <summary>The indices of the upper triangle of a row × col matrix, as a 2 × n tensor.</summary>
    public static Tensor triu_indices(long row, long col, long offset = 0, ScalarType dtype = ScalarType.Int64, Device? device = null) => Aten.triu_indices(row, col, offset, dtype, device: device);

    /// <summary>The tensors one below the other.</summary>
    public static Tensor vstack(IList<Tensor> tensors) => Aten.vstack(tensors.ToArray());
    /// <summary>The tensors one below the other.</summary>
    public static Tensor vstack(ReadOnlySpan<Tensor> tensors) => Aten.vstack(tensors.ToArray());
    /// <summary>The tensors one below the other.</summary>
    public static Tensor vstack(Tensor[] tensors) => Aten.vstack(tensors);
}
