using System.Text;
using System.Text.Json;

namespace Evo.Parallel;

/// <summary>
/// <c>metrics.jsonl</c>: one JSON object on a line per update, with the steps consumed so far under <c>batch_count</c>. A line
/// is handed to the system when its step ends, so that a killed process loses none, and to the disk before a checkpoint is
/// committed. A run that resumes first cuts off what lies after its checkpoint: no step stands there twice, and none is missing.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    private readonly string path;
    private readonly FileStream file;

    /// <summary>Opens the file, keeping the lines of the steps up to <paramref name="lastStep"/> (0: none).</summary>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public MetricsFile(string path, long lastStep)
    {
        this.path = path;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1 << 16);
            file.SetLength(EndOf(file, lastStep));
            file.Seek(0, SeekOrigin.End);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            throw Refused(error);
        }
    }

    /// <summary>Appends one line; <paramref name="json"/> holds no line break.</summary>
    /// <exception cref="CheckpointException">The disk is full or refuses.</exception>
    public void Append(string json) => Write(() =>
    {
        file.Write(Encoding.UTF8.GetBytes(json + "\n"));
        file.Flush();
    });

    /// <summary>Waits until all lines are on the disk.</summary>
    /// <exception cref="CheckpointException">The disk is full or refuses.</exception>
    public void Sync() => Write(() => file.Flush(flushToDisk: true));

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            file.Dispose();
        }
        catch (IOException)
        {
            // A line that did not fit is tried once more on closing; its failure was reported when it was appended.
        }
    }

    private void Write(Action write)
    {
        try
        {
            write();
        }
        catch (IOException error)
        {
            throw Refused(error);
        }
    }

    private CheckpointException Refused(Exception error) => new(
        CheckpointFault.NotWritten,
        $"{path}: the run's metrics cannot be written: {error.Message.TrimEnd('.')}. Committed checkpoints stand unharmed; free space or give permission, then run the same command again.",
        error);

    // The byte after the last whole line, from the start, whose batch_count is at most lastStep. What cannot be read ends the
    // file: a kill can leave half a line.
    private static long EndOf(FileStream file, long lastStep)
    {
        file.Seek(0, SeekOrigin.Begin);
        using var lines = new StreamReader(file, Encoding.UTF8, false, 1 << 16, leaveOpen: true);
        long end = 0;
        while (lines.ReadLine() is { } line
            && end + Encoding.UTF8.GetByteCount(line) < file.Length
            && StepOf(line) is { } step
            && step <= lastStep)
        {
            end += Encoding.UTF8.GetByteCount(line) + 1;
        }

        return end;
    }

    private static long? StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("batch_count", out var step)
                && step.TryGetInt64(out var value) ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
