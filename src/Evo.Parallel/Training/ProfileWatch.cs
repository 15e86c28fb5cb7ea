using Evo.Core;
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
        private readonly StepRecorder recorder;

        internal Recorded(RankWorld world, Device device, ScalarType type)
        {
            (this.world, recorder) = (world, new(device, type));
            if (world.Flight is { } flight)
            {
                flight.Waited = recorder.Waited;
            }
        }

        /// <summary>The step is done.</summary>
        internal void Tell(long step, Action<TrainEvent> tell)
        {
            var profile = recorder.Stop(step);
            Dispose();
            tell(new TrainEvent.StepProfiled(profile));
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            recorder.Dispose();
            if (world.Flight is { } flight)
            {
                flight.Waited = null;
            }
        }
    }
}
