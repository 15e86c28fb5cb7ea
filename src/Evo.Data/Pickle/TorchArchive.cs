using System.Text;

namespace Evo.Data;

/// <summary>
/// An archive that torch.save wrote (a zip, PyTorch 1.6 and later), open for reading: what its pickle says, as data, and where
/// the storages lie that the pickle names.
/// </summary>
internal sealed class TorchArchive : IDisposable
{
    private const int MostPickleBytes = 1 << 25;

    private readonly StoredZip zip;
    private readonly string folder;
    private readonly Dictionary<string, (PickleStorage Storage, long Start)> starts = new(StringComparer.Ordinal);

    /// <summary>The file.</summary>
    public PositionedFile File { get; }

    /// <summary>Whether numbers lie in it with their highest byte first.</summary>
    public bool BigEndian { get; }

    /// <summary>The one value that was saved.</summary>
    public PickleValue Root { get; }

    /// <summary>Opens a file. Throws <see cref="DataException"/> where it is missing, damaged, or asks for more than data.</summary>
    public static TorchArchive Open(string path)
    {
        var file = new PositionedFile(path);
        try
        {
            return new TorchArchive(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private TorchArchive(PositionedFile file)
    {
        File = file;
        RequireZip();
        zip = new StoredZip(file);
        var pickles = zip.Entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickleName])
            throw new DataException(file.Path, $"{pickles.Count} entries are named data.pkl", "torch.save writes exactly one", "give a file of weights that torch.save wrote");
        folder = pickleName[..^"data.pkl".Length];
        if (zip.Entries.ContainsKey(folder + "constants.pkl"))
            throw new DataException(file.Path, "it holds a TorchScript program", "it must be a state dictionary", "save model.state_dict() with torch.save");
        BigEndian = ByteOrder() == "big";
        Root = Unpickler.Read(file.Path, Small(zip.Entries[pickleName], MostPickleBytes));
    }

    /// <summary>Where a storage begins in the file; its size there must be the one that the pickle says.</summary>
    public long StartOf(PickleStorage storage)
    {
        if (starts.TryGetValue(storage.Key, out var known))
            return known.Storage.Type == storage.Type && known.Storage.Elements == storage.Elements ? known.Start
                : throw new DataException(File.Path, $"storage '{Shown.Text(storage.Key)}' is described in two ways", "tensors that share a storage must agree on it");
        var name = $"{folder}data/{storage.Key}";
        if (!zip.Entries.TryGetValue(name, out var entry))
            throw new DataException(File.Path, $"there is no entry '{Shown.Text(name)}'", "every storage must be in the archive", "the file is damaged: copy or download it again");
        var width = (storage.Type?.Bits() ?? 8) / 8;
        if (entry.ByteCount % width != 0 || entry.ByteCount / width != storage.Elements)
            throw new DataException(File.Path, $"entry '{Shown.Text(name)}' has {entry.ByteCount} bytes for {storage.Elements} elements of {width}",
                "a storage must have the size that the pickle says", "the file is damaged: copy or download it again");
        var start = zip.DataOffset(entry);
        starts.Add(storage.Key, (storage, start));
        return start;
    }

    public void Dispose() => File.Dispose();

    private void RequireZip()
    {
        const string next = "load it with PyTorch 1.6 or later and save it again, or take the model's safetensors";
        Span<byte> start = stackalloc byte[14];
        start = start[..(int)Math.Min(start.Length, File.Length)];
        File.Read(0, start);
        // The pickled number that every file of older versions begins with.
        if (start.SequenceEqual<byte>([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]))
            throw new DataException(File.Path, "it is in the format that torch.save wrote before PyTorch 1.6", "it must be a zip archive, as torch.save writes it since", next);
        if (!start.StartsWith("PK"u8))
            throw new DataException(File.Path, "it is no zip archive", "it must be one, as torch.save writes it since PyTorch 1.6", next);
    }

    private string ByteOrder()
    {
        if (!zip.Entries.TryGetValue(folder + "byteorder", out var entry)) return "little";
        var order = Encoding.ASCII.GetString(Small(entry, 16));
        return order is "little" or "big" ? order : throw new DataException(File.Path, $"its byte order is '{Shown.Text(order)}'", "it must be little or big");
    }

    private byte[] Small(ZipEntry entry, int most) => entry.ByteCount <= most ? File.Bytes(zip.DataOffset(entry), (int)entry.ByteCount)
        : throw new DataException(File.Path, $"entry '{Shown.Text(entry.Name)}' has {entry.ByteCount} bytes", $"it must have at most {most}");
}
