using System.Diagnostics;
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Records what this rank's operators do when in one step, where that is asked for: the third, as the first ones make what later ones find made.</summary>
/// <param name="world">Whose waits for other ranks are recorded, too.</param>
/// <param name="device">Where the rank computes.</param>
/// <param name="type">What it computes in.</param>
/// <param name="profiles">Whether a step is recorded.</param>
internal sealed class ProfileWatch(RankWorld world, Device device, ScalarType type, bool profiles)
{
    private const int WarmUp = 2;

    private long begun;

    /// <summary>A step begins; null where it is not recorded.</summary>
    /// <param name="left">Steps that are left, this one included. A short run has its last one recorded.</param>
    internal Recorded? Begin(long left)
    {
        var looks = profiles && (begun == WarmUp || (begun < WarmUp && left == 1));
        begun++;
        return looks ? new(world, device, type) : null;
    }

    /// <summary>One step that is recorded.</summary>
    internal sealed class Recorded : IDisposable
    {
        private readonly RankWorld world;
        private readonly Device device;
        private readonly ScalarType type;
        private readonly OperatorProfile operators;
        private readonly int thread = OperatorProfile.Thread;
        private readonly List<OperatorCall> waits = [];
        private readonly long readBefore = HostReads.OfThisThread;
        private readonly long began;

        internal Recorded(RankWorld world, Device device, ScalarType type)
        {
            (this.world, this.device, this.type) = (world, device, type);
            if (world.Flight is { } flight)
            {
                flight.Waited = (name, begin, end) => waits.Add(new(name, thread, begin, end, 0, 0));
            }

            operators = new(device);
            began = Stopwatch.GetTimestamp();
        }

        private bool OnCuda => device.type == DeviceType.CUDA;

        /// <summary>The step is done.</summary>
        internal void Tell(long step, Action<TrainEvent> tell)
        {
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            var reads = HostReads.OfThisThread - readBefore;
            // Other threads are other ranks, but on a GPU, where backward functions have one of their own.
            var calls = operators.Stop().Where(call => OnCuda || call.Thread == thread).Where(call => call.Begin >= began);
            Dispose();
            var ceilings = MachineCeilings.Measure(device, type);
            tell(new TrainEvent.StepProfiled(new(
                step, seconds,
                [.. calls.Select(call => Profiled(call, waits: false)), .. waits.Select(call => Profiled(call, waits: true))],
                reads, new(ceilings.Operations, ceilings.Bytes))));
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            operators.Dispose();
            if (world.Flight is { } flight)
            {
                flight.Waited = null;
            }
        }

        private ProfiledCall Profiled(OperatorCall call, bool waits) => new(
            call.Name, call.Thread, Seconds(call.Begin), Seconds(call.End), call.Operations, call.Bytes, waits);

        private double Seconds(long timestamp) => Stopwatch.GetElapsedTime(began, timestamp).TotalSeconds;
    }
}
