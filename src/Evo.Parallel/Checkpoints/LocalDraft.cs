using Evo.Data;

namespace Evo.Parallel;

/// <summary>A checkpoint under construction in a staging folder, which all ranks see.</summary>
/// <param name="parent">Holds the checkpoints.</param>
/// <param name="name">The checkpoint's name in it.</param>
internal sealed class LocalDraft(string parent, string name) : ICheckpointDraft
{
    private StagingFolder? staging;

    /// <inheritdoc/>
    public string Folder => StagingFolder.PathOf(parent, name);

    /// <inheritdoc/>
    public void Begin() => staging = new StagingFolder(parent, name);

    /// <inheritdoc/>
    public void Secure(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            DurableFiles.SyncFile(Path.Combine(Folder, file));
        }

        DurableFiles.SyncFolder(Folder);
    }

    /// <inheritdoc/>
    public byte[] ReadSecured(string file) => File.ReadAllBytes(Path.Combine(Folder, file));

    /// <inheritdoc/>
    public string Commit(IEnumerable<string> without)
    {
        foreach (var file in without)
        {
            File.Delete(Path.Combine(Folder, file));
        }

        return staging!.Commit();
    }

    /// <inheritdoc/>
    public void Discard() => staging?.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The staging folder belongs to all ranks.
    }
}
