// Whether operations of this thread are recorded for backward.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Records nothing in this thread until the result is disposed.</summary>
    public static IDisposable no_grad() => new GradientMode(false);

    /// <summary>Records (or does not) in this thread until the result is disposed.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new GradientMode(enabled);

    /// <summary>Records (or does not) in this thread from now on, or until the result is disposed.</summary>
    public static IDisposable set_grad_enabled(bool mode = true) => new GradientMode(mode);

    /// <summary>As <see cref="no_grad"/>, and what is made never takes part in a graph: faster, and final.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    public static bool is_grad_enabled() => NativeMethods.evo_grad_mode() != 0;

    public static bool is_inference_mode_enabled() => NativeMethods.evo_inference_mode() != 0;

    private sealed class GradientMode : IDisposable
    {
        private readonly bool before = is_grad_enabled();
        private bool closed;

        public GradientMode(bool enabled) => NativeMethods.evo_set_grad_mode(enabled ? 1 : 0);

        public void Dispose()
        {
            if (!closed)
            {
                closed = true;
                NativeMethods.evo_set_grad_mode(before ? 1 : 0);
            }
        }
    }

    private sealed class InferenceMode(bool enabled) : IDisposable
    {
        private readonly int thread = Environment.CurrentManagedThreadId;
        private nint guard = NativeMethods.evo_open_inference_mode(enabled ? 1 : 0);

        public void Dispose()
        {
            if (guard == 0)
            {
                return;
            }

            if (thread != Environment.CurrentManagedThreadId)
            {
                throw new InvalidOperationException("inference_mode must end in the thread in which it began");
            }

            NativeMethods.evo_close_inference_mode(guard);
            guard = 0;
        }
    }
}
