// torch.Tensor: picking, writing and sorting by index. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The indices that would sort along a dimension.</summary>
        public Tensor argsort(long dim = -1, bool descending = false) => Aten.argsort(this, dim, descending);

        /// <summary>The same as nonzero.</summary>
        public Tensor argwhere() => Aten.argwhere(this);

        /// <summary>For each element, the index of its bucket between the boundaries.</summary>
        public Tensor bucketize(Tensor boundaries, bool outInt32 = false, bool right = false) => Aten.bucketize_Tensor(this, boundaries, outInt32, right);

        /// <summary>Fills this with the values of source, converted and broadcast.</summary>
        public Tensor copy_(Tensor source, bool nonBlocking = false) => Aten.copy_(this, source, nonBlocking);

        /// <summary>A copy with src on a diagonal.</summary>
        public Tensor diagonal_scatter(Tensor src, long offset = 0, long dim1 = 0, long dim2 = 1) => Aten.diagonal_scatter(this, src, offset, dim1, dim2);

        /// <summary>Fills with one value.</summary>
        public Tensor fill_(Scalar value) => Aten.fill__Scalar(this, value);

        /// <summary>Along dim, the element at index for each place.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.gather(this, dim, index);

        /// <summary>A copy with alpha · source added to the slices at index.</summary>
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.index_add(this, dim, index, source, alpha);
        /// <summary>In place: a copy with alpha · source added to the slices at index.</summary>
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.index_add_(this, dim, index, source, alpha);

        /// <summary>A copy with the slices at index replaced by source.</summary>
        public Tensor index_copy(long dim, Tensor index, Tensor source) => Aten.index_copy(this, dim, index, source);
        /// <summary>In place: a copy with the slices at index replaced by source.</summary>
        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Aten.index_copy_(this, dim, index, source);

        /// <summary>A copy with the slices at index filled.</summary>
        public Tensor index_fill(long dim, Tensor index, Scalar value) => Aten.index_fill_int_Scalar(this, dim, index, value);
        /// <summary>In place: a copy with the slices at index filled.</summary>
        public Tensor index_fill_(long dim, Tensor index, Scalar value) => Aten.index_fill__int_Scalar(this, dim, index, value);

        /// <summary>The slices at the given indices of a dimension.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.index_select(this, dim, index);

        /// <summary>A copy with value where the mask is true.</summary>
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill_Scalar(this, mask, value);
        /// <summary>In place: a copy with value where the mask is true.</summary>
        public Tensor masked_fill_(Tensor mask, Scalar value) => Aten.masked_fill__Scalar(this, mask, value);

        /// <summary>A copy with successive elements of value where the mask is true.</summary>
        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.masked_scatter(this, mask, value);
        /// <summary>In place: a copy with successive elements of value where the mask is true.</summary>
        public Tensor masked_scatter_(Tensor mask, Tensor value) => Aten.masked_scatter_(this, mask, value);

        /// <summary>The elements where the mask is true, as one dimension.</summary>
        public Tensor masked_select(Tensor mask) => Aten.masked_select(this, mask);

        /// <summary>Sorted along the first dimension.</summary>
        public Tensor msort() => Aten.msort(this);

        /// <summary>The indices of the elements that are not zero, one a row.</summary>
        public Tensor nonzero() => Aten.nonzero(this);

        /// <summary>Slices along dim with norm above maxnorm scaled down to it.</summary>
        public Tensor renorm(float p, long dim, float maxnorm) => Aten.renorm(this, p, dim, maxnorm);

        /// <summary>A copy with src written along dim at index.</summary>
        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.scatter_src(this, dim, index, src);
        /// <summary>In place: a copy with src written along dim at index.</summary>
        public Tensor scatter_(long dim, Tensor index, Tensor src) => Aten.scatter__src(this, dim, index, src);

        /// <summary>A copy with src added along dim at index.</summary>
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.scatter_add(this, dim, index, src);
        /// <summary>In place: a copy with src added along dim at index.</summary>
        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Aten.scatter_add_(this, dim, index, src);

        /// <summary>A copy with src at one index of dim.</summary>
        public Tensor select_scatter(Tensor src, long dim, long index) => Aten.select_scatter(this, src, dim, index);

        /// <summary>A copy with src on a slice of dim.</summary>
        public Tensor slice_scatter(Tensor src, long dim = 0, long? start = null, long? end = null, long step = 1) => Aten.slice_scatter(this, src, dim, start, end, step);

        /// <summary>Sorted along a dimension, and where each came from.</summary>
        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) => Aten.sort_stable(this, stable, dim, descending);

        /// <summary>The elements at indices of the flattened tensor.</summary>
        public Tensor take(Tensor index) => Aten.take(this, index);

        /// <summary>Along dim, the elements at the indices, with broadcasting.</summary>
        public Tensor take_along_dim(IEnumerable<long> indices) => Aten.take_along_dim(this, torch.tensor(indices.ToArray(), device: device), null);
        /// <summary>Along dim, the elements at the indices, with broadcasting.</summary>
        public Tensor take_along_dim(IEnumerable<long> indices, long dim) => Aten.take_along_dim(this, torch.tensor(indices.ToArray(), device: device), dim);
        /// <summary>Along dim, the elements at the indices, with broadcasting.</summary>
        public Tensor take_along_dim(Tensor indices) => Aten.take_along_dim(this, indices);
        /// <summary>Along dim, the elements at the indices, with broadcasting.</summary>
        public Tensor take_along_dim(Tensor indices, long dim) => Aten.take_along_dim(this, indices, dim);

        /// <summary>The k largest (or smallest) along a dimension, and where they stand.</summary>
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) => Aten.topk(this, k, dim, largest, sorted);

        /// <summary>This where the condition is true, y elsewhere.</summary>
        public Tensor where(Tensor condition, Tensor y) => Aten.where_self(condition, this, y);

        /// <summary>Fills with zeros.</summary>
        public Tensor zero_() => Aten.zero_(this);
    }
}
