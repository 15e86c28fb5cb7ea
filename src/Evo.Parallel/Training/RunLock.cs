namespace Evo.Parallel;

/// <summary>Keeps two processes from training in the same run folder. The system frees it when the process ends, however it ends.</summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

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
            throw new CheckpointException(
                CheckpointFault.NotWritten, $"{folder}: the run folder cannot be made: {error.Message} Give permission or choose another with run_folder.", error);
        }

        var path = Path.Combine(folder, ".lock");
        try
        {
            return new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException error)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten, $"{folder}: the run folder cannot be written: {error.Message} Give permission or choose another with run_folder.", error);
        }
        catch (IOException error)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten,
                $"{folder}: another process is training here (or the folder cannot be written: {error.Message}); wait for it, or give this run another job_name.",
                error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
