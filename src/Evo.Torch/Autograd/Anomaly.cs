// Finding the operation whose backward makes a NaN.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>Until the result is disposed, a backward that makes a NaN is an exception that names the operation.</summary>
        public static AnomalyMode detect_anomaly(bool check_nan = true) => new(true, check_nan);
    }
}

/// <summary>Checks backward for NaN, in the whole process, until it is disposed; slow.</summary>
public class AnomalyMode : IDisposable
{
    private readonly (bool Enabled, bool CheckNaN) before = Get();
    private bool closed;

    /// <summary>Begins to check, or not to.</summary>
    public AnomalyMode(bool enabled, bool check_nan = true) => Set(enabled, check_nan);

    /// <summary>Sets back what was.</summary>
    public void Dispose()
    {
        if (!closed)
        {
            closed = true;
            Set(before.Enabled, before.CheckNaN);
        }

        GC.SuppressFinalize(this);
    }

    private static (bool Enabled, bool CheckNaN) Get()
    {
        var flags = NativeMethods.evo_anomaly();
        return ((flags & 1) != 0, (flags & 2) != 0);
    }

    private static void Set(bool enabled, bool checkNaN) => NativeMethods.evo_set_anomaly((enabled ? 1 : 0) | (checkNaN ? 2 : 0));
}
