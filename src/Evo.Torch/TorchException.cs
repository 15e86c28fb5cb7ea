// The one exception of Evo.Torch: what libtorch said, and which operator said it.
namespace Evo.Torch;

/// <summary>A failure inside libtorch: a bad shape, a wrong dtype, no memory.</summary>
public sealed class TorchException : Exception
{
    /// <summary>Makes the exception of one failed call.</summary>
    /// <param name="operation">The operator, "aten::matmul".</param>
    /// <param name="nativeText">libtorch's own words, without the C++ backtrace.</param>
    public TorchException(string operation, string nativeText)
        : base($"{operation}: {nativeText}")
    {
        Operator = operation;
        NativeText = nativeText;
    }

    /// <summary>The operator that failed: "aten::add.Tensor".</summary>
    public string Operator { get; }

    /// <summary>libtorch's own words.</summary>
    public string NativeText { get; }
}
