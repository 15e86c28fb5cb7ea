using System.Diagnostics;
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What the operators of one step do when, from the recorder's making on. On a GPU each of them is waited for, so that such a step takes
/// longer than others.
/// </summary>
/// <param name="device">Where the step is computed.</param>
/// <param name="type">What it computes in.</param>
public sealed class StepRecorder(Device device, ScalarType type) : IDisposable
{
    private readonly int thread = OperatorProfile.Thread;
    private readonly long readBefore = HostReads.OfThisThread;
    private readonly List<OperatorCall> waits = [];
    private readonly OperatorProfile operators = new(device);
    private readonly long began = Stopwatch.GetTimestamp();

    /// <summary>A wait for other ranks, by <see cref="Stopwatch"/>'s time.</summary>
    public void Waited(string name, long begin, long end) => waits.Add(new(name, thread, begin, end, 0, 0));

    /// <summary>The step is done: what it was, beside ceilings that are measured now.</summary>
    /// <param name="step">Its number.</param>
    public StepProfile Stop(long step)
    {
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var reads = HostReads.OfThisThread - readBefore;
        // Other threads are other ranks, but on a GPU, where backward functions have one of their own.
        var calls = operators.Stop()
            .Where(call => (device.type == DeviceType.CUDA || call.Thread == thread) && call.Begin >= began).ToList();
        var ceilings = MachineCeilings.Measure(device, type);
        return new(
            step, seconds, [.. calls.Select(call => Profiled(call, waits: false)), .. waits.Select(call => Profiled(call, waits: true))], reads,
            new(ceilings.Operations, ceilings.Bytes));
    }

    /// <inheritdoc/>
    public void Dispose() => operators.Dispose();

    private ProfiledCall Profiled(OperatorCall call, bool waits) => new(
        call.Name, call.Thread, Seconds(call.Begin), Seconds(call.End), call.Operations, call.Bytes, waits);

    private double Seconds(long timestamp) => Stopwatch.GetElapsedTime(began, timestamp).TotalSeconds;
}
