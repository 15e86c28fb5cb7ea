using System.Text;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>Keeps two processes from training in the same run folder. The system frees it when the process ends, however it ends.</summary>
internal sealed class RunLock : IDisposable
{
    private readonly string folder;
    private readonly FileStream file;

    private RunLock(string folder, FileStream file) => (this.folder, this.file) = (folder, file);

    /// <summary>Takes the folder, making it if needed.</summary>
    /// <exception cref="CheckpointException">Another process has it, or it cannot be written.</exception>
    internal static RunLock Take(string folder) =>
        new(folder, Hold(Path.Combine(folder, ".lock"), "another process is training here", "give this run another job_name", error => Refused(folder, error)));

    /// <summary>Opens a file that stands for its folder, making both if needed: nobody else opens it before this is disposed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="taken">What it means that another process has it.</param>
    /// <param name="otherwise">What to do instead of waiting.</param>
    /// <param name="refused">What to say of a folder that cannot be written.</param>
    /// <exception cref="CheckpointException">Another process has it, or it cannot be written.</exception>
    internal static FileStream Hold(string path, string taken, string otherwise, Func<Exception, CheckpointException> refused)
    {
        var folder = Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw refused(error);
        }

        try
        {
            return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException error)
        {
            throw refused(error);
        }
        catch (IOException error)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten, $"{folder}: {taken} (or the folder cannot be written: {error.Message}); wait for it, or {otherwise}.", error);
        }
    }

    /// <summary>Writes a small file of the run, which appears whole or not at all.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    internal void Write(string name, string text)
    {
        try
        {
            using var target = new AtomicFile(Path.Combine(folder, name));
            target.Stream.Write(Encoding.UTF8.GetBytes(text));
            target.Complete();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DataException)
        {
            throw Refused(folder, error);
        }
    }

    private static CheckpointException Refused(string folder, Exception error) => new(
        CheckpointFault.NotWritten,
        $"{folder}: the run folder cannot be written: {error.Message.TrimEnd('.')}. Give permission or space, or choose another with run_folder.",
        error);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
