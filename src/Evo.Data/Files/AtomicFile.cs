namespace Evo.Data;

/// <summary>
/// A file that has its name only when it is complete: bytes go to a temporary file beside it, one rename publishes
/// it. Disposed without <see cref="Complete"/>, it leaves nothing behind and an older file untouched.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string temporary;
    private readonly bool durable;
    private bool completed;

    /// <summary>The name that the file will have.</summary>
    public string Path { get; }

    /// <summary>Where to write.</summary>
    public FileStream Stream { get; }

    /// <summary>Opens the temporary file; makes the folder where it is missing.</summary>
    /// <param name="path">The name of the finished file.</param>
    /// <param name="durable">Whether <see cref="Complete"/> waits until bytes and name are on the disk.</param>
    public AtomicFile(string path, bool durable = false)
    {
        Path = path;
        this.durable = durable;
        temporary = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            Directory.CreateDirectory(Folder);
            Stream = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, 1 << 16);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "write", error);
        }
    }

    /// <summary>Publishes the file. Disk errors of buffered bytes are reported here as <see cref="DataException"/>.</summary>
    public void Complete()
    {
        Finish();
        Publish();
    }

    /// <summary>The first half of <see cref="Complete"/>: everything is in the temporary file. For pairs of files.</summary>
    internal void Finish()
    {
        try
        {
            Stream.Flush(durable);
            Stream.Dispose();
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "write", error);
        }
    }

    /// <summary>The second half of <see cref="Complete"/>: the name.</summary>
    internal void Publish()
    {
        try
        {
            File.Move(temporary, Path, overwrite: true);
            completed = true;
            if (durable) DurableFiles.SyncFolder(Folder);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "finish", error);
        }
    }

    public void Dispose()
    {
        if (completed) return;
        try
        {
            Stream.Dispose(); // flushes: a full disk may speak up again here, after the first error was reported
        }
        catch (IOException)
        {
        }
        File.Delete(temporary);
    }

    private string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
}
