// Settings of the C environment that must stand before libtorch and its BLAS are loaded.
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Evo.Torch.Native;

internal static partial class ProcessorSetup
{
    // Parameters of mallopt (malloc.h).
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;

    /// <summary>The OPENBLAS_CORETYPE that was set, or null when OpenBLAS is left to judge.</summary>
    public static string? CoreType { get; private set; }

    /// <summary>Why that core type, in one sentence.</summary>
    public static string CoreTypeReason { get; private set; } = "";

    /// <summary>What was done about malloc's thresholds, in one sentence.</summary>
    public static string MallocReason { get; private set; } = "";

    public static void Apply()
    {
        (CoreType, CoreTypeReason) = JudgeCoreType();
        if (CoreType is not null && Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE") is null or "")
        {
            // Environment.SetEnvironmentVariable would change .NET's copy only; OpenBLAS reads C's.
            _ = setenv("OPENBLAS_CORETYPE", CoreType!, 0);
        }

        MallocReason = KeepLargeBlocks();
    }

    /// <summary>How many threads were set and why, in one sentence.</summary>
    public static string ThreadsReason { get; private set; } = "";

    /// <summary>
    /// One thread for each physical core that the process may use. libtorch counts cores with a library that takes
    /// processors newer than itself for a single core.
    /// </summary>
    public static unsafe void SetThreads(nint library)
    {
        foreach (var variable in (string[])["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } own)
            {
                ThreadsReason = $"{variable}={own} of the environment";
                return;
            }
        }

        var cores = PhysicalCores();
        var set = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "evo_set_threads");
        ThreadsReason = set(cores) == 0 ? $"{cores} physical cores" : "libtorch judges";
    }

    private static int PhysicalCores()
    {
        // Siblings of one core name the same list; ProcessorCount knows affinity and the container's quota.
        const string Root = "/sys/devices/system/cpu";
        try
        {
            var cores = Directory.EnumerateDirectories(Root, "cpu*")
                .Select(folder => Path.Combine(folder, "topology", "thread_siblings_list"))
                .Where(File.Exists)
                .Select(File.ReadAllText)
                .Distinct(StringComparer.Ordinal)
                .Count();
            return cores > 0 ? Math.Min(cores, Environment.ProcessorCount) : Environment.ProcessorCount;
        }
        catch (IOException)
        {
            return Environment.ProcessorCount;
        }
    }

    private static (string? CoreType, string Reason) JudgeCoreType()
    {
        if (Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE") is { Length: > 0 } own)
        {
            return (own, "OPENBLAS_CORETYPE of the environment");
        }

        if (!X86Base.IsSupported)
        {
            return (null, "not an x86 processor: OpenBLAS judges");
        }

        var (vendor, family, model) = Identify();
        var name = $"{vendor} family {family} model {model}";
        var wide = Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512CD.IsSupported;
        if (vendor == "GenuineIntel" && family == 6 && (wide || Avx2.IsSupported))
        {
            return (null, $"{name}: OpenBLAS knows Intel's processors");
        }

        if (wide)
        {
            return ("SkylakeX", $"{name} has AVX-512, which OpenBLAS does not see on AMD processors newer than itself");
        }

        if (Avx2.IsSupported && Fma.IsSupported && !(vendor == "AuthenticAMD" && family <= 0x19))
        {
            return ("Haswell", $"{name} has AVX2 and may be unknown to OpenBLAS");
        }

        return (null, $"{name}: OpenBLAS judges");
    }

    /// <summary>The processor's name, with vendor, family and model where it says them.</summary>
    public static string Processor
    {
        get
        {
            const string Field = "model name";
            var name = "";
            try
            {
                name = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal)) ?? "";
            }
            catch (IOException)
            {
            }

            var (vendor, family, model) = X86Base.IsSupported ? Identify() : (RuntimeInformation.ProcessArchitecture.ToString(), 0, 0);
            return $"{name[(name.IndexOf(':') + 1)..].Trim()} {vendor} {family}/{model}".Trim();
        }
    }

    private static (string Vendor, int Family, int Model) Identify()
    {
        var (_, b, c, d) = X86Base.CpuId(0, 0);
        Span<int> words = [b, d, c];
        var vendor = System.Text.Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words));
        var signature = X86Base.CpuId(1, 0).Eax;
        var family = (signature >> 8) & 0xF;
        var model = (signature >> 4) & 0xF;
        if (family is 6 or 15)
        {
            model += ((signature >> 16) & 0xF) << 4;
        }

        if (family == 15)
        {
            family += (signature >> 20) & 0xFF;
        }

        return (vendor, family, model);
    }

    // By default glibc gives every freed block over 128 KB to 32 MB back to the kernel, and pays page faults for the
    // next one: a training step frees and takes the same large blocks all the time.
    private static string KeepLargeBlocks()
    {
        foreach (var variable in (string[])["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 })
            {
                return $"left as {variable} says";
            }
        }

        try
        {
            // 32 MB is the largest that mallopt takes for blocks from the heap; up to 2 GB of free heap are kept.
            var kept = mallopt(MmapThreshold, 32 << 20) != 0 && mallopt(TrimThreshold, int.MaxValue) != 0;
            return kept ? "blocks up to 32 MB stay in the process" : "mallopt refused: left as it is";
        }
        catch (EntryPointNotFoundException)
        {
            return "no mallopt in this C library: left as it is";
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
