using Evo.Core;

namespace Evo.Parallel;

/// <summary>Where a run's checkpoints are: those that were asked for, and among them a folder of snapshots, of which the newest two stay.</summary>
/// <param name="config">The run.</param>
internal sealed class RunStores(RunConfig config) : IDisposable
{
    private readonly List<IDisposable?> held = [];

    /// <summary>The folder of snapshots among a run's checkpoints.</summary>
    internal const string SnapshotFolder = "snapshot";

    /// <summary>Every <c>ckpt.checkpoint_every</c> updates, at the end and when asked for.</summary>
    internal SaveTarget Checkpoints { get; } = new(CheckpointPlace.Store(config.CheckpointFolder), new(config.Ckpt.KeepLast, config.Ckpt.KeepEvery));

    /// <summary>Every <c>ckpt.snapshot_every</c> updates.</summary>
    internal SaveTarget Snapshots { get; } = new(CheckpointPlace.Store(CheckpointPlace.Below(config.CheckpointFolder, SnapshotFolder)), new(2, 0));

    /// <summary>Makes the stores that the run writes to, and keeps them for it until this is disposed.</summary>
    /// <exception cref="CheckpointException">One of them cannot be written to, or another run has it.</exception>
    internal void Open()
    {
        foreach (var target in config.Ckpt.SnapshotEvery > 0 ? new[] { Checkpoints, Snapshots } : [Checkpoints])
        {
            held.Add(target.Store.Hold());
            target.Store.Open();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => held.ForEach(hold => hold?.Dispose());

    /// <summary>Every committed checkpoint with its store, newest first; of a step that has both, the checkpoint before the snapshot.</summary>
    internal IReadOnlyList<(long Step, ICheckpointStore Store)> All() =>
        [.. new[] { Checkpoints.Store, Snapshots.Store }.SelectMany(store => store.Steps().Select(step => (step, store))).OrderByDescending(found => found.step)];
}
