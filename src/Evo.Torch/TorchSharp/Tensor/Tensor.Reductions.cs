// torch.Tensor: reductions and running reductions. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Largest element along dimensions.</summary>
        public Tensor amax(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amax(this, dims.ToArray(), keepdim));
        /// <summary>Largest element along dimensions.</summary>
        public Tensor amax(params long[] dims) => Aten.amax(this, dims);
        /// <summary>Largest element along dimensions.</summary>
        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amax(this, dims, keepdim));

        /// <summary>Smallest element along dimensions.</summary>
        public Tensor amin(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amin(this, dims.ToArray(), keepdim));
        /// <summary>Smallest element along dimensions.</summary>
        public Tensor amin(params long[] dims) => Aten.amin(this, dims);
        /// <summary>Smallest element along dimensions.</summary>
        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amin(this, dims, keepdim));

        /// <summary>Smallest and largest element.</summary>
        public (Tensor min, Tensor max) aminmax(long? dim = null, bool keepdim = false) => Aten.aminmax(this, dim, keepdim);

        /// <summary>Index of the largest element, of the flattened tensor or along a dimension.</summary>
        public Tensor argmax() => Aten.argmax(this);
        /// <summary>Index of the largest element, of the flattened tensor or along a dimension.</summary>
        public Tensor argmax(long dim, bool keepdim = false) => Aten.argmax(this, dim, keepdim);

        /// <summary>Index of the smallest element, of the flattened tensor or along a dimension.</summary>
        public Tensor argmin() => Aten.argmin(this);
        /// <summary>Index of the smallest element, of the flattened tensor or along a dimension.</summary>
        public Tensor argmin(long dim, bool keepdim = false) => Aten.argmin(this, dim, keepdim);

        /// <summary>How often each non-negative integer occurs.</summary>
        public Tensor bincount(Tensor weights, long minlength = 0) => Aten.bincount(this, weights, minlength);

        /// <summary>Correlation of the variables in the rows.</summary>
        public Tensor corrcoef() => Aten.corrcoef(this);

        /// <summary>How many elements are not zero.</summary>
        public Tensor count_nonzero(long[]? dims = null) => Aten.count_nonzero_dim_IntList(this, dims);

        /// <summary>Covariance of the variables in the rows.</summary>
        public Tensor cov(long correction = 1, Tensor? fweights = null, Tensor? aweights = null) => Aten.cov(this, correction, fweights, aweights);

        /// <summary>Running maximum along a dimension, and where it stands.</summary>
        public (Tensor values, Tensor indexes) cummax(long dim) => Aten.cummax(this, dim);

        /// <summary>Running minimum along a dimension, and where it stands.</summary>
        public (Tensor values, Tensor indexes) cummin(long dim) => Aten.cummin(this, dim);

        /// <summary>Running product along a dimension.</summary>
        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.cumprod(this, dim, type);

        /// <summary>Running sum along a dimension.</summary>
        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.cumsum(this, dim, type);

        /// <summary>Running integral by the trapezoid rule.</summary>
        public Tensor cumulative_trapezoid(double dx = 1, long dim = -1) => Aten.cumulative_trapezoid_dx(this, dx, dim);
        /// <summary>Running integral by the trapezoid rule.</summary>
        public Tensor cumulative_trapezoid(Tensor x, long dim = -1) => Aten.cumulative_trapezoid_x(this, x, dim);

        /// <summary>Norm of degree p of the difference.</summary>
        public Tensor dist(Tensor other, float p = 2) => Aten.dist(this, other, p);

        /// <summary>Histogram of equal bins between min and max (both 0: the range of the data).</summary>
        public Tensor histc(long bins = 100, long min = 0, long max = 0) => Aten.histc(this, bins, min, max);

        /// <summary>The k-th smallest value along a dimension (counted from 1), and where it stands.</summary>
        public (Tensor values, Tensor indices) kthvalue(long k, long? dim, bool keepdim = false) => Aten.kthvalue(this, k, dim ?? -1, keepdim);

        /// <summary>Running logsumexp along a dimension.</summary>
        public Tensor logcumsumexp(long dim) => Aten.logcumsumexp(this, dim);

        /// <summary>log of the sum of exp along a dimension, without overflow.</summary>
        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.logsumexp(this, [dim], keepdim);

        /// <summary>Largest element; along a dimension also where it stands; with another tensor, the larger at each place.</summary>
        public Tensor max() => Aten.max(this);
        /// <summary>Largest element; along a dimension also where it stands; with another tensor, the larger at each place.</summary>
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.max_dim(this, dim, keepdim);
        /// <summary>Largest element; along a dimension also where it stands; with another tensor, the larger at each place.</summary>
        public Tensor max(Tensor other) => Aten.max_other(this, other);

        /// <summary>Mean of all elements, or along dimensions.</summary>
        public Tensor mean() => Aten.mean(this);
        /// <summary>Mean of all elements, or along dimensions.</summary>
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) => Aten.mean_dim(this, dimensions, keepdim, type);

        /// <summary>Median; of an even number of elements the lower one.</summary>
        public Tensor median() => Aten.median(this);

        /// <summary>Smallest element; along a dimension also where it stands; with another tensor, the smaller at each place.</summary>
        public Tensor min() => Aten.min(this);
        /// <summary>Smallest element; along a dimension also where it stands; with another tensor, the smaller at each place.</summary>
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.min_dim(this, dim, keepdim);
        /// <summary>Smallest element; along a dimension also where it stands; with another tensor, the smaller at each place.</summary>
        public Tensor min(Tensor other) => Aten.min_other(this, other);

        /// <summary>Most frequent value along a dimension, and where it stands.</summary>
        public (Tensor values, Tensor indices) mode(long dim = -1, bool keepdim = false) => Aten.mode(this, dim, keepdim);

        /// <summary>Mean of the elements that are not NaN.</summary>
        public Tensor nanmean(int? dim = null, bool keepdim = false, ScalarType? dtype = null) => Aten.nanmean(this, dim is { } d ? [d] : null, keepdim, dtype);

        /// <summary>Median of the elements that are not NaN.</summary>
        public Tensor nanmedian() => Aten.nanmedian(this);

        /// <summary>Quantiles q along a dimension, of the elements that are not NaN.</summary>
        public Tensor nanquantile(Tensor q, long dim = -1, bool keepdim = false) => Aten.nanquantile(this, q, dim, keepdim);

        /// <summary>Sum of the elements that are not NaN.</summary>
        public Tensor nansum() => Aten.nansum(this);

        /// <summary>Norm of degree p, of all elements or along a dimension.</summary>
        public Tensor norm(float p = 2) => Aten.norm_Scalar(this, p);
        /// <summary>Norm of degree p, of all elements or along a dimension.</summary>
        public Tensor norm(int dim, bool keepdim = false, float p = 2) => Aten.norm_ScalarOpt_dim(this, p, [dim], keepdim);

        /// <summary>Product of all elements, or along a dimension.</summary>
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Aten.prod_dim_int(this, dim, keepdim, type);
        /// <summary>Product of all elements, or along a dimension.</summary>
        public Tensor prod(ScalarType? type = null) => Aten.prod(this, type);

        /// <summary>Quantiles q along a dimension.</summary>
        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) => Aten.quantile(this, q, dim, keepdim);

        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_dim(this, dimensions.ToArray(), unbiased, keepdim), type);
        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_dim(this, [dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim), type);
        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_dim(this, [dim.Item1, dim.Item2], unbiased, keepdim), type);
        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std(bool unbiased = true) => Aten.std(this, unbiased);
        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_dim(this, [dim], unbiased, keepdim), type);
        /// <summary>Standard deviation; unbiased divides by n - 1.</summary>
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_dim(this, dimensions, unbiased, keepdim), type);

        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_mean_dim(this, dimensions.ToArray(), unbiased, keepdim), type);
        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_mean_dim(this, [dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim), type);
        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_mean_dim(this, [dim.Item1, dim.Item2], unbiased, keepdim), type);
        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean(bool unbiased = true) => Aten.std_mean(this, unbiased);
        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_mean_dim(this, [dim], unbiased, keepdim), type);
        /// <summary>Standard deviation and mean.</summary>
        public (Tensor std, Tensor mean) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.std_mean_dim(this, dimensions, unbiased, keepdim), type);

        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList(this, dim.ToArray(), keepdim, type);
        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList(this, [dim], keepdim, type);
        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList(this, [dim0, dim1], keepdim, type);
        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList(this, [dim0, dim1, dim2], keepdim, type);
        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList(this, dim, keepdim, type);
        /// <summary>Sum of all elements, or along dimensions.</summary>
        public Tensor sum(ScalarType? type = null) => Aten.sum(this, type);

        /// <summary>Integral by the trapezoid rule.</summary>
        public Tensor trapezoid(double dx = 1, long dim = -1) => Aten.trapezoid_dx(this, dx, dim);
        /// <summary>Integral by the trapezoid rule.</summary>
        public Tensor trapezoid(Tensor x, long dim = -1) => Aten.trapezoid_x(this, x, dim);

        /// <summary>The distinct elements; the index of each element among them; how often each occurs.</summary>
        public (Tensor output, Tensor inverse_indices, Tensor counts) unique(bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) => dim is { } d ? Aten.unique_dim(this, d, sorted, return_inverse, return_counts) : Aten._unique2(this, sorted, return_inverse, return_counts);

        /// <summary>The distinct elements of each run of equal ones; the index of each element among them; the lengths of the runs.</summary>
        public (Tensor output, Tensor inverse_indices, Tensor counts) unique_consecutive(bool return_inverse = false, bool return_counts = false, int? dim = null) => Aten.unique_consecutive(this, return_inverse, return_counts, dim);

        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_dim(this, dimensions.ToArray(), unbiased, keepdim), type);
        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_dim(this, [dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim), type);
        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_dim(this, [dim.Item1, dim.Item2], unbiased, keepdim), type);
        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var(bool unbiased = true) => Aten.var(this, unbiased);
        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_dim(this, [dim], unbiased, keepdim), type);
        /// <summary>Variance; unbiased divides by n - 1.</summary>
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_dim(this, dimensions, unbiased, keepdim), type);

        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_mean_dim(this, dimensions.ToArray(), unbiased, keepdim), type);
        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_mean_dim(this, [dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim), type);
        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_mean_dim(this, [dim.Item1, dim.Item2], unbiased, keepdim), type);
        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean(bool unbiased = true) => Aten.var_mean(this, unbiased);
        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_mean_dim(this, [dim], unbiased, keepdim), type);
        /// <summary>Variance and mean.</summary>
        public (Tensor var, Tensor mean) var_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Cast(Aten.var_mean_dim(this, dimensions, unbiased, keepdim), type);
    }
}
