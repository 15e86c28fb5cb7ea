namespace Evo.Torch.Native;

/// <summary>Which kernels for GPUs the native library was built with.</summary>
internal static class CudaKernels
{
    private static readonly int Built = NativeMethods.evo_cuda_kernels();

    /// <summary>There was a CUDA compiler when it was built.</summary>
    public static bool Any => (Built & 1) != 0;

    /// <summary>Everything that it was built with for GPUs, in words.</summary>
    public static IReadOnlyList<string> Parts { get; } = [.. Words()];

    private static IEnumerable<string> Words()
    {
        if (Any)
            yield return "kernels";
        if ((Built & 2) != 0)
            yield return "flash attention";
        if ((Built & 4) != 0)
            yield return "memory counters";
    }
}
