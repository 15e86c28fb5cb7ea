using Evo.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Element types in the words of the configuration and of libtorch.</summary>
public static class Dtypes
{
    /// <summary>The dtype of libtorch for one of the configuration.</summary>
    public static ScalarType TorchOf(DType dtype) => dtype switch
    {
        DType.BF16 => ScalarType.BFloat16,
        DType.F16 => ScalarType.Float16,
        DType.F64 => ScalarType.Float64,
        _ => ScalarType.Float32,
    };

    /// <summary>The inverse of <see cref="TorchOf"/>.</summary>
    public static DType Of(ScalarType dtype) => dtype switch
    {
        ScalarType.BFloat16 => DType.BF16,
        ScalarType.Float16 => DType.F16,
        ScalarType.Float64 => DType.F64,
        _ => DType.F32,
    };
}
