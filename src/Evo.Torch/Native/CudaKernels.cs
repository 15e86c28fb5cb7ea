namespace Evo.Torch.Native;

/// <summary>Which kernels for GPUs the native library was built with.</summary>
internal static class CudaKernels
{
    private static readonly int Built = NativeMethods.evo_cuda_kernels();

    /// <summary>There was a CUDA compiler when it was built.</summary>
    public static bool Any => (Built & 1) != 0;

    /// <summary>And its libtorch has flash attention in the form that is called.</summary>
    public static bool Attention => (Built & 2) != 0;
}
