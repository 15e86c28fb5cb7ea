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
    internal static RunLock Take(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refused(folder, error);
        }

        var path = Path.Combine(folder, ".lock");
        try
        {
            return new(folder, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException error)
        {
            throw Refused(folder, error);
        }
        catch (IOException error)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten,
                $"{folder}: another process is training here (or the folder cannot be written: {error.Message}); wait for it, or give this run another job_name.",
                error);
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
