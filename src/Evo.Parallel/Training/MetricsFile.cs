using System.Text;
using System.Text.Json;

namespace Evo.Parallel;

/// <summary>
/// <c>metrics.jsonl</c>: one JSON object on a line per update, with the steps consumed so far under <c>batch_count</c>. A line is handed to the
/// system when its step ends, so that a killed process loses none, and to the disk before a checkpoint is committed. A run
/// that resumes first cuts off what lies after its checkpoint: no step stands there twice, and none is missing.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    private readonly FileStream file;

    /// <summary>Opens the file, keeping the lines of the steps up to <paramref name="lastStep"/> (0: none).</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public MetricsFile(string path, long lastStep)
    {
        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1 << 16);
        file.SetLength(EndOf(file, lastStep));
        file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Appends one line; <paramref name="json"/> holds no line break.</summary>
    public void Append(string json)
    {
        file.Write(Encoding.UTF8.GetBytes(json + "\n"));
        file.Flush();
    }

    /// <summary>Waits until all lines are on the disk.</summary>
    public void Sync() => file.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    // The byte after the last whole line, from the start, whose batch_count is at most lastStep. What cannot be read ends the file:
    // a kill can leave half a line.
    private static long EndOf(FileStream file, long lastStep)
    {
        file.Seek(0, SeekOrigin.Begin);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var end = 0;
        while (bytes.AsSpan(end).IndexOf((byte)'\n') is var length and >= 0
            && StepOf(bytes.AsMemory(end, length)) is { } step
            && step <= lastStep)
        {
            end += length + 1;
        }

        return end;
    }

    private static long? StepOf(ReadOnlyMemory<byte> line)
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
