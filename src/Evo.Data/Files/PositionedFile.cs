using Microsoft.Win32.SafeHandles;

namespace Evo.Data;

/// <summary>
/// A file that is read at positions: nothing of it stays in memory but what was asked for, which a mapped file cannot promise.
/// </summary>
internal sealed class PositionedFile : IDisposable
{
    private readonly SafeFileHandle handle;

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file; throws <see cref="DataException"/> when the system refuses.</summary>
    public PositionedFile(string path)
    {
        Path = path;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            Length = RandomAccess.GetLength(handle);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            handle?.Dispose();
            throw DataException.FromSystem(path, "read", error);
        }
    }

    /// <summary>Fills a span with the bytes from a position on; they must lie inside the file.</summary>
    public void Read(long position, Span<byte> into)
    {
        if (position < 0 || position > Length - into.Length)
            throw new ArgumentOutOfRangeException(nameof(position), $"{Path}: bytes {position} to {position + into.Length} of {Length}");
        try
        {
            while (!into.IsEmpty)
            {
                var count = RandomAccess.Read(handle, into, position);
                if (count == 0)
                    throw new DataException(Path, $"it ends at byte {position} but had {Length} bytes when it was opened",
                        "a file must not change while it is read");
                position += count;
                into = into[count..];
            }
        }
        catch (Exception error) when (error is not ArgumentOutOfRangeException && DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "read", error);
        }
    }

    /// <summary>Some bytes of the file, as a new array.</summary>
    public byte[] Bytes(long position, int count)
    {
        if (position < 0 || count < 0 || position > Length - count)
            throw new ArgumentOutOfRangeException(nameof(position), $"{Path}: bytes {position} to {position + count} of {Length}");
        var bytes = GC.AllocateUninitializedArray<byte>(count);
        Read(position, bytes);
        return bytes;
    }

    public void Dispose() => handle.Dispose();
}
