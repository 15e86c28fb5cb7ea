using System.Collections.Concurrent;
using Evo.Data;
using Microsoft.Win32.SafeHandles;

namespace Evo.Parallel;

/// <summary>The files of a checkpoint in a folder.</summary>
/// <param name="folder">The folder.</param>
public sealed class LocalFiles(string folder) : ICheckpointFiles
{
    private readonly ConcurrentDictionary<string, SafeFileHandle> open = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public string Place => folder;

    /// <inheritdoc/>
    public long? Length(string file) => new FileInfo(Path.Combine(folder, file)) is { Exists: true } info ? info.Length : null;

    /// <inheritdoc/>
    public void Read(string file, long offset, Span<byte> into)
    {
        var path = Path.Combine(folder, file);
        try
        {
            var handle = open.GetOrAdd(file, _ => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete));
            while (!into.IsEmpty)
            {
                var read = RandomAccess.Read(handle, into, offset);
                if (read == 0)
                {
                    throw new DataException(path, $"it ends at byte {offset}", "a checkpoint's files must stay as they were written");
                }

                offset += read;
                into = into[read..];
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var handle in open.Values)
        {
            handle.Dispose();
        }

        open.Clear();
    }
}
