namespace Evo.Data;

/// <summary>
/// A safetensors file, open for reading: its header is checked completely when it is opened, its data is mapped and
/// costs nothing until it is touched. Files and tensors of any size. Safe to read from several threads.
/// </summary>
public sealed class SafeTensors : IDisposable
{
    private readonly MappedFile file;
    private readonly long dataStart;
    private readonly Dictionary<string, SafeTensor> byName;
    private readonly Lock opening = new();
    private PositionedFile? positioned;

    /// <summary>The file's path as it was given.</summary>
    public string Path => file.Path;

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<SafeTensor> Tensors { get; }

    /// <summary>The free strings that the writer left (<c>__metadata__</c>), often <c>format = pt</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Opens a file and checks its header against every rule of the format. Throws <see cref="DataException"/> with
    /// the file's name and the reason when the file is missing, cut short, damaged or not of this format.
    /// </summary>
    public static SafeTensors Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new SafeTensors(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private SafeTensors(MappedFile file)
    {
        this.file = file;
        var layout = SafeTensorsLayout.Read(Path, file.Length, (offset, into) => file.Span(offset, into.Length).CopyTo(into));
        (Tensors, Metadata, dataStart) = (layout.Tensors, layout.Metadata, layout.DataStart);
        byName = Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The tensor of that name, or null.</summary>
    public SafeTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The tensor of that name; throws <see cref="DataException"/> when there is none.</summary>
    public SafeTensor this[string name] => Find(name) ?? throw new DataException(
        Path, $"it has no tensor '{name}'", $"the name must be one of its {Tensors.Count} tensors");

    /// <summary>
    /// The address of the tensor's first byte, valid until this object is disposed; <see cref="SafeTensor.ByteCount"/>
    /// bytes may be read there. Writers usually align it to 8 bytes, but the format does not promise it.
    /// </summary>
    public unsafe nint Address(SafeTensor tensor) => (nint)file.At(dataStart + tensor.Offset, tensor.ByteCount);

    /// <summary>The tensor's bytes; throws for tensors of 2^31 bytes and more, which are reached by <see cref="Address"/>.</summary>
    public ReadOnlySpan<byte> Bytes(SafeTensor tensor) => file.Span(dataStart + tensor.Offset, checked((int)tensor.ByteCount));

    /// <summary>Part of a tensor's bytes.</summary>
    public ReadOnlySpan<byte> Bytes(SafeTensor tensor, long offset, int count)
    {
        if (offset < 0 || count < 0 || offset > tensor.ByteCount - count)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + count} of {tensor} with {tensor.ByteCount}");
        return file.Span(dataStart + tensor.Offset + offset, count);
    }

    /// <summary>
    /// Copies part of a tensor's bytes without touching the map: unlike those of <see cref="Bytes(SafeTensor)"/>, they do not
    /// count as this process's memory afterwards.
    /// </summary>
    public void Read(SafeTensor tensor, long offset, Span<byte> into)
    {
        if (offset < 0 || offset > tensor.ByteCount - into.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + into.Length} of {tensor} with {tensor.ByteCount}");
        lock (opening) positioned ??= new PositionedFile(Path);
        positioned.Read(dataStart + tensor.Offset + offset, into);
    }

    public void Dispose()
    {
        positioned?.Dispose();
        file.Dispose();
    }
}
