using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>A checkpoint that stands.</summary>
/// <param name="Step">Its step.</param>
/// <param name="Place">Where it is; empty on ranks that did not commit it.</param>
/// <param name="Bytes">Of all its files; 0 on ranks that did not commit it.</param>
/// <param name="Seconds">From the beginning of the save until it was committed.</param>
internal sealed record SavedCheckpoint(long Step, string Place, long Bytes, double Seconds);

/// <summary>What the first rank writes beside what all write, and what it makes of their parts.</summary>
/// <param name="Step">Steps consumed; names the checkpoint.</param>
/// <param name="Companions">Writes small files into a folder, on another thread, and returns their names.</param>
/// <param name="Manifest">The manifest of everything that was written.</param>
internal sealed record CheckpointContent(long Step, Func<string, IReadOnlyList<string>> Companions, Func<ManifestPart, Manifest> Manifest);

/// <summary>Where checkpoints go.</summary>
/// <param name="Store">The store.</param>
/// <param name="Keep">Which older ones stay after a save.</param>
internal sealed record SaveTarget(ICheckpointStore Store, KeepRule Keep);

/// <summary>
/// Saves a model's state from all ranks at once while training goes on. Training waits only until each rank has copied what it
/// writes; a thread of each rank writes it down. When all have (the ranks agree between two steps), the first one commits.
/// </summary>
/// <param name="model">The model; every rank has its own saver, and all call the same methods together.</param>
internal sealed class CheckpointSaver(RankModel model) : IDisposable
{
    private RankFiles? files;
    private Draft? pending;

    /// <summary>Whether a save has begun that is not committed.</summary>
    internal bool IsPending => pending is not null;

    /// <summary>Whether this rank still writes.</summary>
    internal bool IsWriting => pending is { Thread.IsAlive: true };

    /// <summary>Copies this rank's part and begins to write it; the save before must have been finished.</summary>
    /// <exception cref="CheckpointException">The draft cannot be made.</exception>
    internal void Begin(CheckpointContent content, SaveTarget target)
    {
        var draft = new Draft(content, target, Stopwatch.GetTimestamp());
        Together(draft, model.Leads ? draft.Files.Begin : null);
        files ??= new RankFiles(model);
        files.Collect();
        pending = draft;
        draft.Thread = new Thread(() => Write(draft, files)) { IsBackground = true, Name = "evo checkpoint" };
        draft.Thread.Start();
    }

    /// <summary>Waits until every rank has written its part, and commits the checkpoint; from the return on it survives a power cut. Then old ones are removed.</summary>
    /// <exception cref="CheckpointException">A rank could not write, with its words on every rank; nothing that was committed has changed.</exception>
    internal SavedCheckpoint Finish()
    {
        var draft = pending!;
        // Not one long wait, which would look like a rank that hangs.
        while (model.Count(draft.Thread!.IsAlive)[0] > 0)
        {
            draft.Thread.Join(millisecondsTimeout: 50);
        }

        pending = null;
        using var files = draft.Files;
        Together(draft, () => draft.Error?.Throw());
        Together(draft, model.Leads ? () => Commit(draft) : null);
        return new(draft.Content.Step, draft.Place, draft.Bytes, Stopwatch.GetElapsedTime(draft.Began).TotalSeconds);
    }

    /// <summary>Waits for this rank's thread. What is not committed is cleaned away when the run is started again.</summary>
    public void Dispose()
    {
        pending?.Thread?.Join();
        pending?.Files.Dispose();
        files?.Dispose();
    }

    private static string PartOf(int rank) => string.Create(CultureInfo.InvariantCulture, $"part-{rank + 1:00000}.json");

    private void Write(Draft draft, RankFiles written)
    {
        try
        {
            var folder = draft.Files.Folder;
            var part = written.Write(folder);
            if (model.Leads)
            {
                part = ManifestPart.Join([part, new([], [.. draft.Content.Companions(folder).Select(name => WrittenFile.Describe(folder, name))])]);
            }

            var name = PartOf(model.Groups.Rank);
            File.WriteAllText(Path.Combine(folder, name), part.ToJson());
            draft.Files.Secure([.. part.Files.Select(file => file.Path), name]);
        }
        catch (Exception error)
        {
            draft.Error = ExceptionDispatchInfo.Capture(error);
        }
    }

    private void Commit(Draft draft)
    {
        var names = Enumerable.Range(0, model.Groups.Everyone.Size).Select(PartOf).ToList();
        var whole = ManifestPart.Join(names.Select(name => ManifestPart.Parse(name, Encoding.UTF8.GetString(draft.Files.ReadSecured(name)))));
        var manifest = draft.Content.Manifest(whole);
        if (manifest.Problems is { IsEmpty: false } problems)
        {
            throw new UnreachableException($"the ranks' parts make no whole checkpoint: {problems[0]}");
        }

        File.WriteAllText(Path.Combine(draft.Files.Folder, Checkpoint.ManifestFile), manifest.ToJson());
        draft.Files.Secure([Checkpoint.ManifestFile]);
        (draft.Place, draft.Bytes) = (draft.Files.Commit(names), whole.Files.Sum(file => file.Bytes));
        foreach (var step in draft.Target.Keep.Removes(draft.Content.Step, draft.Target.Store.Steps()))
        {
            draft.Target.Store.Remove(step);
        }
    }

    // Does this rank's part; where that fails on any rank, it fails on all with the same words, and the draft is gone.
    private void Together(Draft draft, Action? act)
    {
        Exception? own = null;
        try
        {
            act?.Invoke();
        }
        catch (Exception error) when (IsOfStore(error))
        {
            own = error;
        }

        var words = own is null ? null : ((own as DataException) ?? DataException.FromSystem(draft.Files.Folder, "write", own)).Message.TrimEnd('.');
        if (Agreement.Of(model.Groups, model.Optimizer.Device, words) is { } failure)
        {
            throw Failed(draft, failure, own);
        }
    }

    private static bool IsOfStore(Exception error) => error is IOException or UnauthorizedAccessException or DataException;

    private CheckpointException Failed(Draft draft, string failure, Exception? own)
    {
        var (step, store) = (draft.Content.Step, draft.Target.Store);
        string last;
        try
        {
            if (model.Leads)
            {
                draft.Files.Discard();
            }

            last = store.Steps() is [var newest, ..] ? $"The checkpoint of step {newest} stands unharmed: the run can be resumed from it." : "No older checkpoint exists.";
        }
        catch (Exception error) when (IsOfStore(error))
        {
            last = "Nor can it be seen which older ones there are; they were not touched.";
        }

        return new(
            CheckpointFault.NotWritten,
            $"{store.Place}/{step}: the checkpoint of step {step} could not be written: {failure}. {last} Make room or give permission, or choose another folder with ckpt.save_ckpt_folder.",
            own);
    }

    private sealed class Draft(CheckpointContent content, SaveTarget target, long began)
    {
        internal CheckpointContent Content => content;

        internal SaveTarget Target => target;

        internal ICheckpointDraft Files { get; } = target.Store.Draft(content.Step);

        internal long Began => began;

        internal Thread? Thread { get; set; }

        internal ExceptionDispatchInfo? Error { get; set; }

        internal string Place { get; set; } = "";

        internal long Bytes { get; set; }
    }
}
