// The entries by which libtorch's graph calls .NET functions. No exception leaves them: it travels by number.
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static unsafe class FunctionCallbacks
{
    private const int Ok = 0;
    private const int ManagedFailure = 2;

    [UnmanagedCallersOnly]
    public static int Forward(void* state, nint context, nint* outputs, int capacity, int* count, long* failure)
    {
        try
        {
            *count = Call(state).Forward(context, new(outputs, capacity));
            return Ok;
        }
        catch (Exception exception)
        {
            *failure = NativeFailure.Keep(exception);
            return ManagedFailure;
        }
    }

    [UnmanagedCallersOnly]
    public static int Backward(
        void* state, nint context, nint* gradients, int gradientCount, nint* results, int resultCount, long* failure)
    {
        try
        {
            Call(state).Backward(context, new(gradients, gradientCount), new(results, resultCount));
            return Ok;
        }
        catch (Exception exception)
        {
            *failure = NativeFailure.Keep(exception);
            return ManagedFailure;
        }
    }

    [UnmanagedCallersOnly]
    public static void Free(void* state) => GCHandle.FromIntPtr((nint)state).Free();

    private static FunctionCall Call(void* state) => (FunctionCall)GCHandle.FromIntPtr((nint)state).Target!;
}
