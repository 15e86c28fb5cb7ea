// Tensors in the shape of another one. Dtype and device default to the other's.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Whatever the memory held, in the shape of another tensor.</summary>
    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.empty_like(input, dtype, null, device), requires_grad, names);

    /// <summary>All zeros, in the shape of another tensor.</summary>
    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.zeros_like(input, dtype, null, device), requires_grad, names);

    /// <summary>All ones, in the shape of another tensor.</summary>
    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.ones_like(input, dtype, null, device), requires_grad, names);

    /// <summary>All equal to one value, in the shape of another tensor.</summary>
    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.full_like(input, value, dtype, null, device), requires_grad, names);

    /// <summary>Uniform in [0, 1), in the shape of another tensor.</summary>
    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.rand_like(input, dtype, null, device), requires_grad, null);

    /// <summary>Normal with mean 0 and standard deviation 1, in the shape of another tensor.</summary>
    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.randn_like(input, dtype, null, device), requires_grad, null);

    /// <summary>Integers from low up to, not including, high, in the shape of another tensor.</summary>
    public static Tensor randint_like(Tensor input, long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.randint_like_low_dtype(input, low, high, dtype, null, device), requires_grad, null);

    public partial class Tensor
    {
        /// <summary>Whatever the memory held, in the shape of this tensor.</summary>
        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.empty_like(this, dtype, device, requires_grad);

        /// <summary>All zeros, in the shape of this tensor.</summary>
        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.zeros_like(this, dtype, device, requires_grad);

        /// <summary>All ones, in the shape of this tensor.</summary>
        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.ones_like(this, dtype, device, requires_grad);

        /// <summary>All equal to one value, in the shape of this tensor.</summary>
        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.full_like(this, value, dtype, device, requires_grad);

        /// <summary>Uniform in [0, 1), in the shape of this tensor.</summary>
        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.rand_like(this, dtype, device, requires_grad);

        /// <summary>Normal with mean 0 and standard deviation 1, in the shape of this tensor.</summary>
        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.randn_like(this, dtype, device, requires_grad);

        /// <summary>Integers from low up to, not including, high, in the shape of this tensor.</summary>
        public Tensor randint_like(long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            torch.randint_like(this, low, high, dtype, device, requires_grad);
    }
}
