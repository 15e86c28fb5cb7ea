// Callbacks when a gradient has been computed, or when a leaf has its sum.
using System.Runtime.InteropServices;
using Evo.Torch.Native;
using TorchSharp;

namespace Evo.Torch;

/// <summary>Hooks on gradients, which TorchSharp has not. A hook's exception arrives at the backward call.</summary>
public static unsafe class GradientHooks
{
    /// <summary>
    /// Calls <paramref name="hook"/> with the tensor's gradient each time that backward has computed it; what it gives
    /// takes its place (null: it stays). The gradient lives for the duration of the call.
    /// </summary>
    /// <returns>Disposing it removes the hook.</returns>
    public static IDisposable register_hook(this torch.Tensor tensor, Func<torch.Tensor, torch.Tensor?> hook)
    {
        ArgumentNullException.ThrowIfNull(hook);
        uint position;
        NativeFailure.Check(
            NativeMethods.evo_register_hook(tensor.Handle, &Run, Pin(hook), &Free, &position), "register_hook");
        GC.KeepAlive(tensor);
        return new Removal(tensor, position);
    }

    /// <summary>
    /// Calls <paramref name="hook"/> with a leaf each time that backward has added to its gradient and adds no more.
    /// </summary>
    /// <returns>Must be kept: the hook lasts until it is disposed, or collected.</returns>
    public static IDisposable register_post_accumulate_grad_hook(this torch.Tensor tensor, Action<torch.Tensor> hook)
    {
        ArgumentNullException.ThrowIfNull(hook);
        Func<torch.Tensor, torch.Tensor?> run = leaf =>
        {
            hook(leaf);
            return null;
        };
        nint accumulator;
        NativeFailure.Check(
            NativeMethods.evo_register_accumulation_hook(tensor.Handle, &Run, Pin(run), &Free, &accumulator),
            "register_post_accumulate_grad_hook");
        GC.KeepAlive(tensor);
        return new Accumulator(accumulator);
    }

    private static void* Pin(Func<torch.Tensor, torch.Tensor?> hook) => (void*)GCHandle.ToIntPtr(GCHandle.Alloc(hook));

    [UnmanagedCallersOnly]
    private static void Free(void* context) => GCHandle.FromIntPtr((nint)context).Free();

    [UnmanagedCallersOnly]
    private static int Run(void* context, nint gradient, nint* replacement, long* failure)
    {
        try
        {
            var hook = (Func<torch.Tensor, torch.Tensor?>)GCHandle.FromIntPtr((nint)context).Target!;
            using var scope = torch.NewDisposeScope();
            if (gradient != 0 && hook(new torch.Tensor(gradient)) is { } given)
            {
                *replacement = NativeMethods.evo_tensor_share(given.Handle);
                GC.KeepAlive(given);
            }

            return 0;
        }
        catch (Exception exception)
        {
            *failure = NativeFailure.Keep(exception);
            return 2;
        }
    }

    private sealed class Removal(torch.Tensor tensor, uint position) : IDisposable
    {
        private bool removed;

        public void Dispose()
        {
            if (!removed && !tensor.IsInvalid)
            {
                removed = true;
                NativeFailure.Check(NativeMethods.evo_remove_hook(tensor.Handle, position), "remove_hook");
                GC.KeepAlive(tensor);
            }
        }
    }

    private sealed class Accumulator(nint accumulator) : IDisposable
    {
        private nint handle = accumulator;

        ~Accumulator() => Dispose();

        public void Dispose()
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0)
            {
                NativeMethods.evo_free_accumulator(owned);
            }

            GC.SuppressFinalize(this);
        }
    }
}
