// torch.Tensor: views, shapes, and taking apart. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Conjugated, last two dimensions exchanged.</summary>
        public Tensor adjoint() => Aten.adjoint(this);

        /// <summary>A view with sizes and strides given outright.</summary>
        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0) => Aten.as_strided(this, size, strides, storageOffset);

        /// <summary>With one dimension at the least.</summary>
        public Tensor atleast_1d() => Aten.atleast_1d(this);

        /// <summary>With two dimensions at the least.</summary>
        public Tensor atleast_2d() => Aten.atleast_2d(this);

        /// <summary>With three dimensions at the least.</summary>
        public Tensor atleast_3d() => Aten.atleast_3d(this);

        /// <summary>The same as expand.</summary>
        public Tensor broadcast_to(params long[] shape) => Aten.broadcast_to(this, shape);

        /// <summary>Channels of dimension 1 shuffled between groups.</summary>
        public Tensor channel_shuffle(long groups) => Aten.channel_shuffle(this, groups);

        /// <summary>Split into that many parts; the last may be smaller.</summary>
        public Tensor[] chunk(long chunks, long dim = 0) => Aten.chunk(this, chunks, dim);

        /// <summary>A copy that autograd knows about.</summary>
        public Tensor clone() => Aten.clone(this);

        /// <summary>The tensor itself if its memory is in order, else a copy that is.</summary>
        public Tensor contiguous() => Aten.contiguous(this);

        /// <summary>A matrix from a diagonal, or the diagonal of a matrix.</summary>
        public Tensor diag(long diagonal = 0) => Aten.diag(this, diagonal);

        /// <summary>The last dimension as the diagonal of new matrices.</summary>
        public Tensor diag_embed(long offset = 0, long dim1 = -2, long dim2 = -1) => Aten.diag_embed(this, offset, dim1, dim2);

        /// <summary>A matrix with the flattened tensor on its diagonal.</summary>
        public Tensor diagflat(long offset = 0) => Aten.diagflat(this, offset);

        /// <summary>A view of a diagonal, as the last dimension.</summary>
        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Aten.diagonal(this, offset, dim1, dim2);

        /// <summary>Differences of neighbours, n times.</summary>
        public Tensor diff(long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) => Aten.diff(this, n, dim, prepend, append);

        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit((long, long, long, long) indices_or_sections) => Aten.dsplit_array(this, [indices_or_sections.Item1, indices_or_sections.Item2, indices_or_sections.Item3, indices_or_sections.Item4]);
        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit((long, long, long) indices_or_sections) => Aten.dsplit_array(this, [indices_or_sections.Item1, indices_or_sections.Item2, indices_or_sections.Item3]);
        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit((long, long) indices_or_sections) => Aten.dsplit_array(this, [indices_or_sections.Item1, indices_or_sections.Item2]);
        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit(long size) => Aten.dsplit_int(this, size);
        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit(params long[] sizes) => Aten.dsplit_array(this, sizes);
        /// <summary>Split along the third dimension.</summary>
        public Tensor[] dsplit(Tensor indices) => Aten.dsplit_array(this, Whole(indices));

        /// <summary>Dimensions of size 1 (and new leading ones) repeated without memory; -1 keeps a size.</summary>
        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => Aten.expand(this, sizes, isImplicit);
        /// <summary>Dimensions of size 1 (and new leading ones) repeated without memory; -1 keeps a size.</summary>
        public Tensor expand(params long[] sizes) => Aten.expand(this, sizes);
        /// <summary>Dimensions of size 1 (and new leading ones) repeated without memory; -1 keeps a size.</summary>
        public Tensor expand(long[] sizes, bool isImplicit = false) => Aten.expand(this, sizes, isImplicit);
        /// <summary>Dimensions of size 1 (and new leading ones) repeated without memory; -1 keeps a size.</summary>
        public Tensor expand(Size sizes, bool isImplicit = false) => Aten.expand(this, sizes.Shape, isImplicit);

        /// <summary>Expanded to the shape of another tensor.</summary>
        public Tensor expand_as(Tensor other) => Aten.expand_as(this, other);

        /// <summary>The dimensions from start to end made one.</summary>
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.flatten_using_ints(this, start_dim, end_dim);

        /// <summary>The order along dimensions turned round.</summary>
        public Tensor flip(params long[] dims) => Aten.flip(this, dims);

        /// <summary>The order of columns turned round.</summary>
        public Tensor fliplr() => Aten.fliplr(this);

        /// <summary>The order of rows turned round.</summary>
        public Tensor flipud() => Aten.flipud(this);

        /// <summary>Split along the columns.</summary>
        public Tensor[] hsplit(long size) => Aten.hsplit_int(this, size);
        /// <summary>Split along the columns.</summary>
        public Tensor[] hsplit(params long[] sizes) => Aten.hsplit_array(this, sizes);
        /// <summary>Split along the columns.</summary>
        public Tensor[] hsplit(Tensor indices) => Aten.hsplit_array(this, Whole(indices));

        /// <summary>The same as movedim.</summary>
        public Tensor moveaxis(long[] source, long[] destination) => Aten.moveaxis_intlist(this, source, destination);

        /// <summary>Dimensions moved to other places.</summary>
        public Tensor movedim(long[] source, long[] destination) => Aten.movedim_intlist(this, source, destination);

        /// <summary>A view of length elements of one dimension.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.narrow(this, dim, start, length);

        /// <summary>The dimensions in another order, as a view.</summary>
        public Tensor permute(IEnumerable<long> permutation) => Aten.permute(this, permutation.ToArray());
        /// <summary>The dimensions in another order, as a view.</summary>
        public Tensor permute(params long[] permutation) => Aten.permute(this, permutation);

        /// <summary>The tensor as one dimension.</summary>
        public Tensor ravel() => Aten.ravel(this);

        /// <summary>Copies along each dimension.</summary>
        public Tensor repeat(params long[] sizes) => Aten.repeat(this, sizes);

        /// <summary>Each element repeated.</summary>
        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) => Aten.repeat_interleave_self_int(this, repeats, dim, output_size);
        /// <summary>Each element repeated.</summary>
        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) => Aten.repeat_interleave_self_Tensor(this, repeats, dim, output_size);

        /// <summary>A view of another shape where strides allow, else a copy; one size may be -1.</summary>
        public Tensor reshape(params long[] shape) => Aten.reshape(this, shape);

        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll(ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => Aten.roll(this, shifts, dims.ToArray());
        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll((long, long, long) shifts, (long, long, long) dims) => Aten.roll(this, [shifts.Item1, shifts.Item2, shifts.Item3], [dims.Item1, dims.Item2, dims.Item3]);
        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll((long, long) shifts, (long, long) dims) => Aten.roll(this, [shifts.Item1, shifts.Item2], [dims.Item1, dims.Item2]);
        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll(long shifts, long? dims = null) => Aten.roll(this, [shifts], dims is { } d ? [d] : []);
        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll(long[] shifts) => Aten.roll(this, shifts);
        /// <summary>Elements moved along dimensions; what leaves at the end comes in at the start.</summary>
        public Tensor roll(long[] shifts, long[] dims) => Aten.roll(this, shifts, dims);

        /// <summary>Rotated by k quarter turns in a plane of two dimensions.</summary>
        public Tensor rot90(long k = 1, (long, long)? dims = null) => Aten.rot90(this, k, dims is { } d ? [d.Item1, d.Item2] : [0, 1]);

        /// <summary>A view at one index of one dimension, which goes away.</summary>
        public Tensor select(long dim, long index) => Aten.select_int(this, dim, index);

        /// <summary>A view of every step-th element of one dimension from start up to, not including, finish.</summary>
        public Tensor slice(long dim, long start, long finish, long step) => Aten.slice_Tensor(this, dim, start, finish, step);

        /// <summary>Split into parts of the given size or sizes.</summary>
        public Tensor[] split(ReadOnlySpan<long> sizes, long dim = 0) => Aten.split_with_sizes(this, sizes, dim);
        /// <summary>Split into parts of the given size or sizes.</summary>
        public Tensor[] split(long size, int dim = 0) => Aten.split_Tensor(this, size, dim);
        /// <summary>Split into parts of the given size or sizes.</summary>
        public Tensor[] split(params long[] sizes) => Aten.split_with_sizes(this, sizes, 0);
        /// <summary>Split into parts of the given size or sizes.</summary>
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.split_with_sizes(this, sizes, dim);

        /// <summary>Without the dimensions of size 1, or without the given one if its size is 1.</summary>
        public Tensor squeeze(long? dim = null) => dim is { } d ? Aten.squeeze_dim(this, d) : Aten.squeeze(this);
        /// <summary>In place: without the dimensions of size 1, or without the given one if its size is 1.</summary>
        public Tensor squeeze_(long? dim = null) => dim is { } d ? Aten.squeeze__dim(this, d) : Aten.squeeze_(this);

        /// <summary>The same as transpose.</summary>
        public Tensor swapaxes(long dim0, long dim1) => Aten.swapaxes(this, dim0, dim1);

        /// <summary>The same as transpose.</summary>
        public Tensor swapdims(long dim0, long dim1) => Aten.swapdims(this, dim0, dim1);

        /// <summary>The transpose of a matrix, as a view.</summary>
        public Tensor t() => Aten.t(this);

        /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
        public Tensor[] tensor_split(long size, long dim = 0) => Aten.tensor_split_sections(this, size, dim);
        /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
        public Tensor[] tensor_split(long[] sizes, long dim = 0) => Aten.tensor_split_indices(this, sizes, dim);
        /// <summary>Split into that many almost equal parts, or before the given indices.</summary>
        public Tensor[] tensor_split(Tensor indices, long dim = 0) => Aten.tensor_split_tensor_indices_or_sections(this, indices, dim);

        /// <summary>Copies along each dimension; missing leading counts are 1.</summary>
        public Tensor tile(long[] reps) => Aten.tile(this, reps);

        /// <summary>Two dimensions exchanged, as a view.</summary>
        public Tensor transpose(long dim0, long dim1) => Aten.transpose_int(this, dim0, dim1);
        /// <summary>In place: two dimensions exchanged, as a view.</summary>
        public Tensor transpose_(long dim0, long dim1) => Aten.transpose_(this, dim0, dim1);

        /// <summary>The lower triangle; zero elsewhere.</summary>
        public Tensor tril(long diagonal = 0) => Aten.tril(this, diagonal);
        /// <summary>In place: the lower triangle; zero elsewhere.</summary>
        public Tensor tril_(long diagonal = 0) => Aten.tril_(this, diagonal);

        /// <summary>The upper triangle; zero elsewhere.</summary>
        public Tensor triu(long diagonal = 0) => Aten.triu(this, diagonal);
        /// <summary>In place: the upper triangle; zero elsewhere.</summary>
        public Tensor triu_(long diagonal = 0) => Aten.triu_(this, diagonal);

        /// <summary>The slices along a dimension, which goes away.</summary>
        public Tensor[] unbind(long dimension = 0) => Aten.unbind_int(this, dimension);

        /// <summary>One dimension split into several.</summary>
        public Tensor unflatten(long dim, params long[] sizes) => Unflatten(dim, sizes);
        /// <summary>One dimension split into several.</summary>
        public Tensor unflatten(long dim, Size sizes) => unflatten(dim, sizes.Shape);

        /// <summary>A view of all windows of size along a dimension, step apart, as a new last dimension.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.unfold(this, dimension, size, step);

        /// <summary>With a new dimension of size 1.</summary>
        public Tensor unsqueeze(long dim) => Aten.unsqueeze(this, dim);
        /// <summary>In place: with a new dimension of size 1.</summary>
        public Tensor unsqueeze_(long dim) => Aten.unsqueeze_(this, dim);

        /// <summary>Powers of each element as rows.</summary>
        public Tensor vander(long N = -1, bool increasing = false) => Aten.vander(this, N < 0 ? null : N, increasing);

        /// <summary>A view of another shape; one size may be -1.</summary>
        public Tensor view(params long[] shape) => Aten.view(this, shape);

        /// <summary>A view in the shape of another tensor.</summary>
        public Tensor view_as(Tensor other) => Aten.view_as(this, other);

        /// <summary>A complex view of pairs of real numbers in the last dimension.</summary>
        public Tensor view_as_complex() => Aten.view_as_complex(this);

        /// <summary>A real view of a complex tensor; the last dimension has size 2.</summary>
        public Tensor view_as_real() => Aten.view_as_real(this);

        /// <summary>Split along the rows.</summary>
        public Tensor[] vsplit(long size) => Aten.vsplit_int(this, size);
        /// <summary>Split along the rows.</summary>
        public Tensor[] vsplit(params long[] sizes) => Aten.vsplit_array(this, sizes);
        /// <summary>Split along the rows.</summary>
        public Tensor[] vsplit(Tensor indices) => Aten.vsplit_array(this, Whole(indices));
    }
}
