// What libtorch's operators do when.
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>One call of an operator, or of a backward function of the graph.</summary>
/// <param name="Name">Such as <c>aten::addmm</c>, <c>evo::rms_norm</c>, <c>AddmmBackward0</c>.</param>
/// <param name="Thread">As <see cref="OperatorProfile.Thread"/>.</param>
/// <param name="Begin">A timestamp of <see cref="System.Diagnostics.Stopwatch"/>.</param>
/// <param name="End">Another.</param>
/// <param name="Operations">Floating-point operations of our matrix products and attention, with those of calls inside it.</param>
/// <param name="Bytes">Of the tensors that it reads and writes; 0 where it moves none.</param>
public readonly record struct OperatorCall(string Name, int Thread, long Begin, long End, long Operations, long Bytes);

/// <summary>Records the calls of operators on all threads of the process, from its making until <see cref="Stop"/>; one at a time.</summary>
public sealed partial class OperatorProfile : IDisposable
{
    private bool records = true;

    /// <summary>Begins to record.</summary>
    /// <param name="device">A GPU: each operator is waited for there, so that it has a time of its own. Null, or a processor: none is.</param>
    /// <exception cref="TorchException">Another one records.</exception>
    public OperatorProfile(Device? device = null) => NativeFailure.Check(
        NativeMethods.evo_profile_start(device is { type: DeviceType.CUDA } gpu ? Math.Max(0, gpu.index) : -1), "operator profile");

    /// <summary>The number that calls of this thread have.</summary>
    public static int Thread => NativeMethods.evo_profile_thread();

    /// <summary>Ends the recording; gives the calls in the order in which they ended.</summary>
    public unsafe IReadOnlyList<OperatorCall> Stop()
    {
        Dispose();
        NativeMethods.OperatorCall* first;
        var count = NativeMethods.evo_profile_calls(&first);
        var names = new Dictionary<int, string>();
        var calls = new OperatorCall[count];
        for (var i = 0L; i < count; i++)
        {
            var call = first[i];
            if (!names.TryGetValue(call.Name, out var name))
                names[call.Name] = name = Readable(Marshal.PtrToStringUTF8((nint)NativeMethods.evo_profile_name(call.Name))!);
            calls[i] = new(name, call.Thread, call.Begin, call.End, call.Operations, call.Bytes);
        }

        return calls;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (records)
            NativeFailure.Check(NativeMethods.evo_profile_stop(), "operator profile");
        records = false;
    }

    // The graph's names of our own functions are C++ types: "torch::autograd::CppNode<evo::kernels::(anonymous namespace)::Linear>".
    private static string Readable(string name) =>
        name.StartsWith("autograd::engine", StringComparison.Ordinal) ? "autograd engine"
        : OwnFunction().Match(name) is { Success: true } own ? $"{own.Groups[1].Value} backward" : name;

    [GeneratedRegex(@"^torch::autograd::CppNode<(?:.*::)?(\w+)>$")]
    private static partial Regex OwnFunction();
}
