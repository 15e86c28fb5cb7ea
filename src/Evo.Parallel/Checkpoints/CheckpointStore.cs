using System.Globalization;

namespace Evo.Parallel;

/// <summary>
/// Checkpoints in a local folder, one folder per step. A folder is written under another name, flushed, and renamed once, so what
/// has a step for its name is committed; a manifest with checksums tells whether it is still what was written. Killed at any
/// moment, a run loses nothing that was committed.
/// </summary>
/// <param name="folder">Holds one folder per checkpoint; all ranks see it.</param>
public sealed class CheckpointStore(string folder) : ICheckpointStore
{
    /// <inheritdoc/>
    public string Place => folder;

    /// <inheritdoc/>
    public IDisposable? Hold() =>
        RunLock.Hold(Path.Combine(folder, ".saving"), "another run saves here", "give this one another ckpt.save_ckpt_folder", NotWritable);

    /// <inheritdoc/>
    public void Open()
    {
        try
        {
            Directory.CreateDirectory(folder);
            StagingFolder.Recover(folder);
            var probe = Path.Combine(folder, StagingFolder.Prefix + "probe");
            Directory.CreateDirectory(probe);
            Directory.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(error);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<long> Steps() => Directory.Exists(folder)
        ? [.. Directory.EnumerateDirectories(folder).Select(StagingFolder.StepOf).OfType<long>().OrderDescending()]
        : [];

    /// <inheritdoc/>
    public ICheckpointFiles Files(long step) => new LocalFiles(Path.Combine(folder, Name(step)));

    /// <inheritdoc/>
    public ICheckpointDraft Draft(long step) => new LocalDraft(folder, Name(step));

    /// <inheritdoc/>
    public void Remove(long step) => StagingFolder.Remove(folder, Name(step));

    private CheckpointException NotWritable(Exception error) => new(
        CheckpointFault.NotWritten,
        $"{folder}: checkpoints cannot be written here: {error.Message.TrimEnd('.')}. Give the folder to this user, choose another with ckpt.save_ckpt_folder, or set ckpt.enable_save_ckpt to false.",
        error);

    private static string Name(long step) => step.ToString(CultureInfo.InvariantCulture);
}
