// torch.tensor of one number.

using System.Numerics;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(BFloat16 scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<BFloat16>([scalar], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(Complex scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<Complex>([scalar], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(short scalar, Device? device = null, bool requires_grad = false) =>
        From<short>([scalar], [], null, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(sbyte scalar, Device? device = null, bool requires_grad = false) =>
        From<sbyte>([scalar], [], null, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor((double, double) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<System.Numerics.Complex>([new System.Numerics.Complex(scalar.Item1, scalar.Item2)], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor((float, float) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<(float, float)>([scalar], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<bool>([scalar], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(byte scalar, Device? device = null, bool requires_grad = false) =>
        From<byte>([scalar], [], null, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(double real, double imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<System.Numerics.Complex>([new System.Numerics.Complex(real, imaginary)], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<double>([scalar], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(float real, float imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<(float, float)>([(real, imaginary)], [], dtype, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) =>
        From<float>([scalar], [], null, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(int scalar, Device? device = null, bool requires_grad = false) =>
        From<int>([scalar], [], null, device, requires_grad, null);

    /// <summary>A tensor without dimensions that holds one number.</summary>
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<long>([scalar], [], dtype, device, requires_grad, null);
}
