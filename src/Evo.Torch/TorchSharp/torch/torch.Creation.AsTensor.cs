// torch.as_tensor of an array or a list, by element type.

using System.Numerics;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(BFloat16[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<BFloat16>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(Complex[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<Complex>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<BFloat16> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<BFloat16>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<Complex>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<short>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<sbyte>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<(float, float)>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<bool>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<byte>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<double>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<float>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<int>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<long>(rawArray.ToArray(), [rawArray.Count], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<short>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<sbyte>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor((float, float)[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<(float, float)>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<bool>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<byte>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<double>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<float>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<int>(rawArray, [rawArray.Length], dtype, device, false, null);

    /// <summary>A tensor of one dimension with the given values (always a copy).</summary>
    public static Tensor as_tensor(long[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        From<long>(rawArray, [rawArray.Length], dtype, device, false, null);
}
