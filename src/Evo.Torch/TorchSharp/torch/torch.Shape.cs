// torch.*: the functions of Tensor.Shape.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Conjugated, last two dimensions exchanged.</summary>
    public static Tensor adjoint(Tensor input) => input.adjoint();

    /// <summary>The same as expand.</summary>
    public static Tensor broadcast_to(Tensor input, params long[] shape) => input.broadcast_to(shape);

    /// <summary>Split into that many parts; the last may be smaller.</summary>
    public static Tensor[] chunk(Tensor input, long chunks, long dim = 0) => input.chunk(chunks, dim);

    /// <summary>A copy that autograd knows about.</summary>
    public static Tensor clone(Tensor input) => input.clone();

    /// <summary>All combinations of r elements.</summary>
    public static Tensor combinations(Tensor input, int r = 2, bool with_replacement = false) => Aten.combinations(input, r, with_replacement);

    /// <summary>A matrix from a diagonal, or the diagonal of a matrix.</summary>
    public static Tensor diag(Tensor input, long diagonal = 0) => input.diag(diagonal);

    /// <summary>The last dimension as the diagonal of new matrices.</summary>
    public static Tensor diag_embed(Tensor input, long offset = 0, long dim1 = -2, long dim2 = -1) => input.diag_embed(offset, dim1, dim2);

    /// <summary>A matrix with the flattened tensor on its diagonal.</summary>
    public static Tensor diagflat(Tensor input, long offset = 0) => input.diagflat(offset);

    /// <summary>A view of a diagonal, as the last dimension.</summary>
    public static Tensor diagonal(Tensor input, long offset = 0, long dim1 = 0, long dim2 = 1) => input.diagonal(offset, dim1, dim2);

    /// <summary>Differences of neighbours, n times.</summary>
    public static Tensor diff(Tensor input, long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) => input.diff(n, dim, prepend, append);

    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, (long, long, long, long) indices_or_sections) => input.dsplit(indices_or_sections);
    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, (long, long, long) indices_or_sections) => input.dsplit(indices_or_sections);
    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, (long, long) indices_or_sections) => input.dsplit(indices_or_sections);
    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, long size) => input.dsplit(size);
    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, long[] indices_or_sections) => input.dsplit(indices_or_sections);
    /// <summary>Split along the third dimension.</summary>
    public static Tensor[] dsplit(Tensor input, Tensor indices_or_sections) => input.dsplit(indices_or_sections);

    /// <summary>The dimensions from start to end made one.</summary>
    public static Tensor flatten(Tensor input, long start_dim = 0, long end_dim = -1) => input.flatten(start_dim, end_dim);

    /// <summary>The order along dimensions turned round.</summary>
    public static Tensor flip(Tensor input, params long[] dims) => input.flip(dims);

    /// <summary>The order of columns turned round.</summary>
    public static Tensor fliplr(Tensor input) => input.fliplr();

    /// <summary>The order of rows turned round.</summary>
    public static Tensor flipud(Tensor input) => input.flipud();

    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, (long, long, long, long) indices_or_sections) => input.hsplit([indices_or_sections.Item1, indices_or_sections.Item2, indices_or_sections.Item3, indices_or_sections.Item4]);
    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, (long, long, long) indices_or_sections) => input.hsplit([indices_or_sections.Item1, indices_or_sections.Item2, indices_or_sections.Item3]);
    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, (long, long) indices_or_sections) => input.hsplit([indices_or_sections.Item1, indices_or_sections.Item2]);
    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, long indices_or_sections) => input.hsplit(indices_or_sections);
    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, long[] indices_or_sections) => input.hsplit(indices_or_sections);
    /// <summary>Split along the columns.</summary>
    public static Tensor[] hsplit(Tensor input, Tensor indices_or_sections) => input.hsplit(indices_or_sections);

    /// <summary>The same as movedim.</summary>
    public static Tensor moveaxis(Tensor input, (long, long, long, long) source, (long, long, long, long) destination) => input.moveaxis([source.Item1, source.Item2, source.Item3, source.Item4], [destination.Item1, destination.Item2, destination.Item3, destination.Item4]);
    /// <summary>The same as movedim.</summary>
    public static Tensor moveaxis(Tensor input, (long, long, long) source, (long, long, long) destination) => input.moveaxis([source.Item1, source.Item2, source.Item3], [destination.Item1, destination.Item2, destination.Item3]);
    /// <summary>The same as movedim.</summary>
    public static Tensor moveaxis(Tensor input, (long, long) source, (long, long) destination) => input.moveaxis([source.Item1, source.Item2], [destination.Item1, destination.Item2]);
    /// <summary>The same as movedim.</summary>
    public static Tensor moveaxis(Tensor input, long source, long destination) => input.moveaxis([source], [destination]);
    /// <summary>The same as movedim.</summary>
    public static Tensor moveaxis(Tensor input, long[] source, long[] destination) => input.moveaxis(source, destination);

    /// <summary>Dimensions moved to other places.</summary>
    public static Tensor movedim(Tensor input, long source, long destination) => input.movedim([source], [destination]);
    /// <summary>Dimensions moved to other places.</summary>
    public static Tensor movedim(Tensor input, long[] source, long[] destination) => input.movedim(source, destination);

    /// <summary>A view of length elements of one dimension.</summary>
    public static Tensor narrow(Tensor input, long dim, long start, long length) => input.narrow(dim, start, length);

    /// <summary>The number of elements.</summary>
    public static long numel(Tensor input) => input.numel();

    /// <summary>The dimensions in another order, as a view.</summary>
    public static Tensor permute(Tensor input, params long[] permutation) => input.permute(permutation);

    /// <summary>The tensor as one dimension.</summary>
    public static Tensor ravel(Tensor input) => input.ravel();

    /// <summary>Each element repeated.</summary>
    public static Tensor repeat_interleave(Tensor input, long repeats, long? dim = null, long? output_size = null) => input.repeat_interleave(repeats, dim, output_size);
    /// <summary>Each element repeated.</summary>
    public static Tensor repeat_interleave(Tensor input, Tensor repeats, long? dim = null, long? output_size = null) => input.repeat_interleave(repeats, dim, output_size);

    /// <summary>A view of another shape where strides allow, else a copy; one size may be -1.</summary>
    public static Tensor reshape(Tensor input, params long[] shape) => input.reshape(shape);

    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => input.roll(shifts, dims);
    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, (long, long, long) shifts, (long, long, long) dims) => input.roll(shifts, dims);
    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, (long, long) shifts, (long, long) dims) => input.roll(shifts, dims);
    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, long shifts, long? dims = null) => input.roll(shifts, dims);
    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, long[] shifts) => input.roll(shifts);
    /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
    public static Tensor roll(Tensor input, long[] shifts, long[] dims) => input.roll(shifts, dims);

    /// <summary>Rotated by k quarter turns in a plane of two dimensions.</summary>
    public static Tensor rot90(Tensor input, long k = 1, (long, long)? dims = null) => input.rot90(k, dims);

    /// <summary>A view at one index of one dimension, which goes away.</summary>
    public static Tensor select(Tensor input, long dim, long index) => input.select(dim, index);

    /// <summary>Split into parts of the given size or sizes.</summary>
    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0) => tensor.split(split_size_or_sections, dim);

    /// <summary>Without the dimensions of size 1, or without the given one if its size is 1.</summary>
    public static Tensor squeeze(Tensor input, long? dim = null) => input.squeeze(dim);
    /// <summary>In place: without the dimensions of size 1, or without the given one if its size is 1.</summary>
    public static Tensor squeeze_(Tensor input, long? dim = null) => input.squeeze_(dim);

    /// <summary>The same as transpose.</summary>
    public static Tensor swapaxes(Tensor input, long axis0, long axis1) => input.swapaxes(axis0, axis1);

    /// <summary>The same as transpose.</summary>
    public static Tensor swapdims(Tensor input, long dim0, long dim1) => input.swapdims(dim0, dim1);

    /// <summary>The transpose of a matrix, as a view.</summary>
    public static Tensor t(Tensor input) => input.t();

    /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
    public static Tensor[] tensor_split(Tensor input, long indices_or_sections, long dim = 0) => input.tensor_split(indices_or_sections, dim);
    /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
    public static Tensor[] tensor_split(Tensor input, long[] indices_or_sections, long dim = 0) => input.tensor_split(indices_or_sections, dim);
    /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
    public static Tensor[] tensor_split(Tensor input, Tensor indices_or_sections, long dim = 0) => input.tensor_split(indices_or_sections, dim);

    /// <summary>Copies along each dimension; missing leading counts are 1.</summary>
    public static Tensor tile(Tensor input, long[] dims) => input.tile(dims);

    /// <summary>Two dimensions exchanged, as a view.</summary>
    public static Tensor transpose(Tensor input, long dim0, long dim1) => input.transpose(dim0, dim1);

    /// <summary>The lower triangle; zero elsewhere.</summary>
    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);
    /// <summary>In place: the lower triangle; zero elsewhere.</summary>
    public static Tensor tril_(Tensor input, long diagonal = 0) => input.tril_(diagonal);

    /// <summary>The upper triangle; zero elsewhere.</summary>
    public static Tensor triu(Tensor input, long diagonal = 0) => input.triu(diagonal);
    /// <summary>In place: the upper triangle; zero elsewhere.</summary>
    public static Tensor triu_(Tensor input, long diagonal = 0) => input.triu_(diagonal);

    /// <summary>The slices along a dimension, which goes away.</summary>
    public static Tensor[] unbind(Tensor input, long dim = 0) => input.unbind(dim);
    /// <summary>The slices along a dimension, which goes away.</summary>
    public static Tensor[] unbind(Tensor tensor, int dim = 0) => tensor.unbind(dim);

    /// <summary>One dimension split into several.</summary>
    public static Tensor unflatten(Tensor input, long dim, params long[] sizes) => input.unflatten(dim, sizes);
    /// <summary>One dimension split into several.</summary>
    public static Tensor unflatten(Tensor input, long dim, Size sizes) => input.unflatten(dim, sizes);

    /// <summary>With a new dimension of size 1.</summary>
    public static Tensor unsqueeze(Tensor input, long dim) => input.unsqueeze(dim);
    /// <summary>In place: with a new dimension of size 1.</summary>
    public static Tensor unsqueeze_(Tensor input, long dim) => input.unsqueeze_(dim);

    /// <summary>Powers of each element as rows.</summary>
    public static Tensor vander(Tensor x, long N = -1, bool increasing = false) => x.vander(N, increasing);

    /// <summary>A complex view of pairs of real numbers in the last dimension.</summary>
    public static Tensor view_as_complex(Tensor input) => input.view_as_complex();

    /// <summary>A real view of a complex tensor; the last dimension has size 2.</summary>
    public static Tensor view_as_real(Tensor input) => input.view_as_real();

    /// <summary>Split along the rows.</summary>
    public static Tensor[] vsplit(Tensor input, long[] indices_or_sections) => input.vsplit(indices_or_sections);
}
