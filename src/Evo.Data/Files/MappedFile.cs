using System.IO.MemoryMappedFiles;

namespace Evo.Data;

/// <summary>
/// A file seen as read-only memory: pages come in when touched and cost the process nothing before. Any size; spans
/// end at 2^31 - 1 bytes, so larger pieces are reached by address. The file must not shrink while it is mapped.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;
    private byte* start;

    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps the whole file. Throws <see cref="DataException"/> when the system refuses.</summary>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            Length = RandomAccess.GetLength(handle);
            if (Length == 0) return;
            map = MemoryMappedFile.CreateFromFile(
                handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += view.PointerOffset;
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            view?.Dispose();
            map?.Dispose();
            throw DataException.FromSystem(path, "read", error);
        }
    }

    /// <summary>The address of a byte of the file; offset + length must lie inside it.</summary>
    public byte* At(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{Path}: bytes {offset} to {offset + length} of {Length}");
        if (start == null && Length > 0) throw new ObjectDisposedException(Path);
        return start + offset;
    }

    /// <summary>Bytes of the file as a span (at most 2^31 - 1 of them).</summary>
    public ReadOnlySpan<byte> Span(long offset, int length) => new(At(offset, length), length);

    public void Dispose()
    {
        if (start != null)
        {
            start = null;
            view!.SafeMemoryMappedViewHandle.ReleasePointer();
        }
        view?.Dispose();
        map?.Dispose();
    }
}
