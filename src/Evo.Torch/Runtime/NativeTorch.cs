// What the native side is: for `evo doctor`, for benchmarks, for bug reports.
using System.Runtime.InteropServices;
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>What was found and chosen on this machine.</summary>
/// <param name="Version">libtorch's version, "1.13.0".</param>
/// <param name="Folder">The folder that libevo_torch was built against.</param>
/// <param name="LoadedFile">The file of the libtorch that is loaded.</param>
/// <param name="Blas">The BLAS: OpenBLAS's description of itself, "MKL", or "unknown".</param>
/// <param name="BlasThreading">"OpenMP", "its own threads", "none" or "unknown".</param>
/// <param name="CoreType">The processor that OpenBLAS computes for, as it says itself ("" for another BLAS).</param>
/// <param name="CoreTypeChosen">The OPENBLAS_CORETYPE in force, null where OpenBLAS was left to judge.</param>
/// <param name="CoreTypeReason">Why.</param>
/// <param name="Malloc">What was done about the C library's memory thresholds.</param>
/// <param name="Threads">Threads of one operation.</param>
/// <param name="ThreadsReason">Why so many.</param>
/// <param name="Processors">Logical processors that this process may use.</param>
/// <param name="CudaDevices">CUDA devices that can be used.</param>
/// <param name="CudaParts">What the native library was built with for GPUs: "kernels", "flash attention", "memory counters"; none without CUDA.</param>
/// <param name="Warnings">What is wrong, a sentence each; empty when all is well.</param>
public sealed record NativeTorchInfo(
    string Version,
    string Folder,
    string LoadedFile,
    string Blas,
    string BlasThreading,
    string CoreType,
    string? CoreTypeChosen,
    string CoreTypeReason,
    string Malloc,
    int Threads,
    string ThreadsReason,
    int Processors,
    int CudaDevices,
    IReadOnlyList<string> CudaParts,
    IReadOnlyList<string> Warnings);

/// <summary>The native library as a whole.</summary>
public static unsafe class NativeTorch
{
    /// <summary>What was found and chosen; loads the library.</summary>
    /// <exception cref="TorchException">The library cannot be loaded.</exception>
    public static NativeTorchInfo Info
    {
        get
        {
            var config = Text(NativeMethods.evo_blas_config());
            var core = Text(NativeMethods.evo_blas_core());
            var threading = NativeMethods.evo_blas_threading() switch
            {
                0 => "none",
                1 => "its own threads",
                2 => "OpenMP",
                _ => "unknown",
            };
            var blas = config.Length > 0 ? config : NativeMethods.evo_has_mkl() != 0 ? "MKL" : "unknown";
            return new(
                Text(NativeMethods.evo_build_version()),
                Text(NativeMethods.evo_build_folder()),
                Text(NativeMethods.evo_loaded_file()),
                blas,
                threading,
                core,
                ProcessorSetup.CoreType,
                ProcessorSetup.CoreTypeReason,
                ProcessorSetup.MallocReason,
                NativeMethods.evo_threads(),
                ProcessorSetup.ThreadsReason,
                Environment.ProcessorCount,
                NativeMethods.evo_cuda_devices(),
                CudaKernels.Parts,
                Warnings(blas, threading, core));
        }
    }

    /// <summary>libtorch's version, as its headers say it.</summary>
    public static string Version => Text(NativeMethods.evo_build_version());

    /// <summary>
    /// Whether operations without a reproducible form are refused, and others take it, in the whole process.
    /// </summary>
    public static bool Deterministic
    {
        get => NativeMethods.evo_deterministic() != 0;
        set => NativeFailure.Check(NativeMethods.evo_set_deterministic(value ? 1 : 0), "use_deterministic_algorithms");
    }

    private static List<string> Warnings(string blas, string threading, string core)
    {
        var found = new List<string>();
        if (blas == "unknown")
        {
            found.Add("The BLAS is not OpenBLAS: matrix products may be ten times slower. Install libopenblas0-openmp.");
        }

        if (threading == "its own threads")
        {
            found.Add("OpenBLAS has threads of its own beside OpenMP's, and the two compete. Install libopenblas0-openmp.");
        }

        if (ProcessorSetup.CoreType is { } wanted && core.Length > 0 && !string.Equals(core, wanted, StringComparison.OrdinalIgnoreCase))
        {
            found.Add($"OpenBLAS computes for {core} though {wanted} was asked for: was it loaded before Evo?");
        }

        return found;
    }

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
