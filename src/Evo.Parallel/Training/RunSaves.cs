using System.Diagnostics;
using Evo.Core;

namespace Evo.Parallel;

/// <summary>When a run is saved, and what that costs it.</summary>
/// <remarks>All ranks run it alike.</remarks>
internal sealed class RunSaves(CkptConfig config, RunStores stores, RunCheckpoints checkpoints, CheckpointSaver saver, StepRecords? records, Action<TrainEvent> tell)
{
    private double blocked;
    private long saved = -1;
    private long updates;

    /// <summary>The newest committed checkpoint.</summary>
    internal string? Newest { get; private set; }

    /// <summary>Whether this rank still writes.</summary>
    internal bool IsWriting => saver.IsWriting;

    /// <summary>Where the run stands: in a checkpoint that it was resumed from, or at its beginning.</summary>
    internal void Begin(TrainState state, string? resumedFrom)
    {
        (Newest, updates) = (resumedFrom, state.Updates);
        saved = resumedFrom is null ? -1 : state.Step;
    }

    /// <summary>Begins a save where one is due, or is <paramref name="asked"/> for; a checkpoint is a snapshot, too.</summary>
    internal void AfterStep(RankModel model, TrainState state, bool asked)
    {
        bool Due(long every) => state.Updates != updates && every > 0 && state.Updates % every == 0;
        var (checkpoint, snapshot) = (asked || Due(config.CheckpointEvery), Due(config.SnapshotEvery));
        updates = state.Updates;
        if (checkpoint || snapshot)
        {
            Save(model, state, checkpoint ? stores.Checkpoints : stores.Snapshots);
        }
    }

    /// <summary>Saves what is not saved, and waits until everything stands.</summary>
    internal void AtEnd(RankModel model, TrainState state)
    {
        if (saved != state.Step)
        {
            Save(model, state, stores.Checkpoints);
        }

        Finish();
    }

    /// <summary>Waits for the save that is under way, if any, on all ranks, and commits it.</summary>
    /// <exception cref="CheckpointException">A rank could not write its part.</exception>
    internal void Finish()
    {
        if (saver.IsPending)
        {
            Blocking(() =>
            {
                var done = saver.Finish();
                Newest = done.Place;
                tell(new TrainEvent.CheckpointSaved(done.Step, done.Place, done.Bytes, done.Seconds));
            });
        }
    }

    /// <summary>Seconds for which training has waited for saves since this was asked last.</summary>
    internal double TakeBlockedSeconds()
    {
        var seconds = blocked;
        blocked = 0;
        return seconds;
    }

    private void Save(RankModel model, TrainState state, SaveTarget target)
    {
        Finish();
        Blocking(() =>
        {
            records?.Sync();
            saver.Begin(checkpoints.Content(model, state), target);
        });
        saved = target == stores.Checkpoints ? state.Step : saved;
        if (!config.AsyncSave)
        {
            Finish();
        }
    }

    private void Blocking(Action act)
    {
        var clock = Stopwatch.GetTimestamp();
        act();
        blocked += Stopwatch.GetElapsedTime(clock).TotalSeconds;
    }
}
