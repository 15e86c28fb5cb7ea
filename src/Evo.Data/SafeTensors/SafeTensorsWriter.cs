using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Evo.Data;

/// <summary>
/// Writes a safetensors file piece by piece: names, types and shapes are given first, the bytes in any order and in
/// pieces of any size, so nothing needs to be in memory at once. The file has its name only when it is complete:
/// until <see cref="Complete"/> it is a temporary file beside it, which <see cref="Dispose"/> removes.
/// </summary>
public sealed class SafeTensorsWriter : IDisposable
{
    private readonly string temporary;
    private readonly bool durable;
    private readonly SafeFileHandle handle;
    private readonly Dictionary<string, SafeTensor> byName;
    private readonly Dictionary<string, long> written;
    private readonly long dataStart;
    private bool completed;

    /// <summary>The name that the file will have.</summary>
    public string Path { get; }

    /// <summary>
    /// The tensors in the order in which the file holds them: by falling element size, then by name. Writing in this
    /// order is fastest, any order is right.
    /// </summary>
    public IReadOnlyList<SafeTensor> Tensors { get; }

    /// <summary>Bytes of the finished file.</summary>
    public long FileBytes => Tensors.Count == 0 ? dataStart : dataStart + Tensors[^1].Offset + Tensors[^1].ByteCount;

    /// <summary>Opens the temporary file and writes the header.</summary>
    /// <param name="path">The name of the finished file; its folder must exist.</param>
    /// <param name="tensors">What will be written. Names must be unique.</param>
    /// <param name="metadata">Free strings; <c>{ format: pt }</c> when null, as Hugging Face's loaders expect.</param>
    /// <param name="durable">Whether <see cref="Complete"/> waits until bytes and name are on the disk.</param>
    /// <param name="reserve">Whether the file's whole size is reserved at once, so that a full disk is known before work is done.</param>
    public SafeTensorsWriter(
        string path, IEnumerable<SafeTensorPlan> tensors, IReadOnlyDictionary<string, string>? metadata = null,
        bool durable = true, bool reserve = true)
    {
        Path = path;
        this.durable = durable;
        temporary = $"{path}.{Environment.ProcessId}.partial";
        Tensors = LayOut(path, tensors);
        byName = Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        written = Tensors.ToDictionary(tensor => tensor.Name, _ => 0L, StringComparer.Ordinal);
        var header = Header(Tensors, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        if (header.Length - 8 > SafeTensorsHeader.MaxBytes)
            throw new DataException(path, $"the header would have {header.Length - 8} bytes",
                $"the format allows {SafeTensorsHeader.MaxBytes}", "write fewer tensors to a file");
        dataStart = header.Length;
        try
        {
            handle = File.OpenHandle(
                temporary, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None, reserve ? FileBytes : 0);
            RandomAccess.Write(handle, header, 0);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            Dispose();
            throw DataException.FromSystem(path, "write", error);
        }
    }

    /// <summary>Writes bytes of a tensor, the whole of it unless an offset says that it is a part.</summary>
    public void Write(string name, ReadOnlySpan<byte> bytes, long offset = 0)
    {
        var tensor = byName.GetValueOrDefault(name) ?? throw new ArgumentException($"{Path}: '{name}' was not announced", nameof(name));
        if (offset < 0 || offset > tensor.ByteCount - bytes.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{Path}: bytes {offset} to {offset + bytes.Length} of {tensor} with {tensor.ByteCount}");
        try
        {
            RandomAccess.Write(handle, bytes, dataStart + tensor.Offset + offset);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, $"write tensor '{name}'", error);
        }
        written[name] += bytes.Length;
    }

    /// <summary>Writes the whole tensor from memory at an address, of any size.</summary>
    public unsafe void Write(string name, nint address, long byteCount)
    {
        const int piece = 1 << 28;
        for (var at = 0L; at < byteCount; at += piece)
            Write(name, new ReadOnlySpan<byte>((byte*)address + at, (int)Math.Min(piece, byteCount - at)), at);
    }

    /// <summary>Leaves a tensor's bytes zero; with nothing reserved they take no room on the disk.</summary>
    public void Skip(string name)
    {
        var tensor = byName.GetValueOrDefault(name) ?? throw new ArgumentException($"{Path}: '{name}' was not announced", nameof(name));
        written[name] = tensor.ByteCount;
    }

    /// <summary>
    /// Gives the file its name, replacing an older one in one step. Throws when bytes of a tensor were not written.
    /// </summary>
    public void Complete()
    {
        foreach (var tensor in Tensors)
            if (written[tensor.Name] != tensor.ByteCount)
                throw new InvalidOperationException($"{Path}: {written[tensor.Name]} of {tensor.ByteCount} bytes of '{tensor.Name}' were written");
        try
        {
            RandomAccess.SetLength(handle, FileBytes);
            if (durable) RandomAccess.FlushToDisk(handle);
            handle.Dispose();
            File.Move(temporary, Path, overwrite: true);
            completed = true;
            if (durable) DurableFiles.SyncFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "finish", error);
        }
    }

    /// <summary>Closes the file; removes it when it was not completed.</summary>
    public void Dispose()
    {
        handle?.Dispose();
        if (!completed) File.Delete(temporary);
    }

    private static IReadOnlyList<SafeTensor> LayOut(string path, IEnumerable<SafeTensorPlan> plans)
    {
        var sorted = plans.OrderByDescending(plan => plan.Type.Bits()).ThenByDescending(plan => plan.Type)
            .ThenBy(plan => plan.Name, StringComparer.Ordinal).ToList();
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        var tensors = new List<SafeTensor>(sorted.Count);
        var offset = 0L;
        foreach (var plan in sorted)
        {
            if (!names.Add(plan.Name))
                throw new DataException(path, $"two tensors called '{plan.Name}' are to be written", "names must be unique, and not __metadata__");
            var bytes = plan.ByteCount;
            tensors.Add(new SafeTensor(plan.Name, plan.Type, [.. plan.Shape], offset, bytes));
            offset = checked(offset + bytes);
        }
        return tensors.AsReadOnly();
    }

    // The length, then JSON padded with spaces so that the data begins at a multiple of 8.
    private static byte[] Header(IReadOnlyList<SafeTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        BinaryPrimitives.WriteInt64LittleEndian(buffer.GetSpan(8), 0);
        buffer.Advance(8);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(tensor.Offset);
                json.WriteNumberValue(tensor.Offset + tensor.ByteCount);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        var padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        var bytes = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        return bytes;
    }
}
