// Turns a failed native call into the exception that it stands for.
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static unsafe class NativeFailure
{
    private const int ManagedFailure = 2;

    // .NET exceptions that are travelling through C++ frames, by the number that the C++ exception carries.
    private static readonly ConcurrentDictionary<long, ExceptionDispatchInfo> Travelling = new();
    private static long lastNumber;

    /// <summary>Throws when <paramref name="status"/> says that the native call failed.</summary>
    public static void Check(int status, string operation)
    {
        if (status != 0)
        {
            Throw(status, operation);
        }
    }

    /// <summary>Throws the failure that the native side recorded in this thread.</summary>
    [DoesNotReturn]
    public static void Throw(int status, string operation)
    {
        if (status == ManagedFailure && Travelling.TryRemove(NativeMethods.evo_error_managed(), out var found))
        {
            found.Throw();
        }

        var text = Marshal.PtrToStringUTF8((nint)NativeMethods.evo_error_text()) ?? "";
        throw new TorchException(operation, text.TrimEnd());
    }

    /// <summary>Keeps an exception of a callback until the native call that led there returns; gives its number.</summary>
    public static long Keep(Exception exception)
    {
        var number = Interlocked.Increment(ref lastNumber);
        Travelling[number] = ExceptionDispatchInfo.Capture(exception);
        return number;
    }
}
