namespace Evo.Data;

/// <summary>One tensor of a PyTorch file: a view of a storage, which several tensors may share.</summary>
/// <param name="Name">Its key in the state dictionary.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Elements between neighbours of each dim.</param>
/// <param name="Start">Where its first element begins in the file.</param>
public sealed record TorchTensor(string Name, SafeTensorType Type, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides, long Start)
{
    /// <summary>Bytes of it, laid out without gaps.</summary>
    public long ByteCount => Type.ByteCount(Shape)!.Value;

    /// <summary>Whether its bytes lie in the file as they are read: row after row without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            var step = 1L;
            for (var dim = Shape.Count - 1; dim >= 0; dim--)
            {
                if (Shape[dim] != 1 && Strides[dim] != step) return false;
                step *= Shape[dim];
            }
            return true;
        }
    }

    /// <summary>The tensor in a person's words.</summary>
    public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>
/// A state dictionary that torch.save wrote (a zip archive, PyTorch 1.6 and later), open for reading. Its pickle is read by
/// <see cref="Unpickler"/>, which executes nothing and refuses every name but those of tensors; bytes of tensors are read only
/// when they are asked for.
/// </summary>
public sealed class TorchFile : IDisposable
{
    private const int MostPickleBytes = 1 << 25;

    private readonly PositionedFile file;
    private readonly bool bigEndian;

    /// <summary>The file's path as it was given.</summary>
    public string Path => file.Path;

    /// <summary>The tensors in the order of the dictionary.</summary>
    public IReadOnlyList<TorchTensor> Tensors { get; }

    /// <summary>Opens a file. Throws <see cref="DataException"/> where it is missing, damaged, or holds anything but named tensors.</summary>
    public static TorchFile Open(string path) => Open(path, bare: false);

    /// <summary>Opens a file that holds one tensor and no dictionary; its name is "". Throws as <see cref="Open(string)"/> does.</summary>
    public static TorchFile OpenTensor(string path) => Open(path, bare: true);

    private static TorchFile Open(string path, bool bare)
    {
        var file = new PositionedFile(path);
        try
        {
            return new TorchFile(file, bare);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private TorchFile(PositionedFile file, bool bare)
    {
        this.file = file;
        RequireZip();
        var zip = new StoredZip(file);
        var pickles = zip.Entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickleName])
            throw new DataException(Path, $"{pickles.Count} entries are named data.pkl", "torch.save writes exactly one", "give a file of weights that torch.save wrote");
        var folder = pickleName[..^"data.pkl".Length];
        if (zip.Entries.ContainsKey(folder + "constants.pkl"))
            throw new DataException(Path, "it holds a TorchScript program", "it must be a state dictionary", "save model.state_dict() with torch.save");
        bigEndian = ByteOrder(zip, folder) == "big";
        var root = Unpickler.Read(Path, Small(zip, zip.Entries[pickleName], MostPickleBytes));
        Tensors = (bare ? Bare(zip, folder, root) : Views(zip, folder, root)).AsReadOnly();
    }

    /// <summary>Copies part of a tensor, as if it lay without gaps.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte; a multiple of the element's size.</param>
    /// <param name="into">Where to; a whole number of elements.</param>
    public void Read(TorchTensor tensor, long offset, Span<byte> into)
    {
        var width = tensor.Type.Bits() / 8;
        if (offset < 0 || offset > tensor.ByteCount - into.Length || offset % width != 0 || into.Length % width != 0)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + into.Length} of {tensor} with {tensor.ByteCount}");
        if (tensor.IsContiguous)
            file.Read(tensor.Start + offset, into);
        else
        {
            // Mapped for this piece only: what is touched of the file does not add up over its tensors.
            using var map = new MappedFile(Path);
            StridedCopy.Read(map, tensor, offset / width, into);
        }
        if (bigEndian)
            for (var at = 0; at < into.Length; at += width) into.Slice(at, width).Reverse();
    }

    public void Dispose() => file.Dispose();

    private void RequireZip()
    {
        const string next = "load it with PyTorch 1.6 or later and save it again, or take the model's safetensors";
        Span<byte> start = stackalloc byte[14];
        start = start[..(int)Math.Min(start.Length, file.Length)];
        file.Read(0, start);
        // The pickled number that every file of older versions begins with.
        if (start.SequenceEqual<byte>([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]))
            throw new DataException(Path, "it is in the format that torch.save wrote before PyTorch 1.6", "it must be a zip archive, as torch.save writes it since", next);
        if (!start.StartsWith("PK"u8))
            throw new DataException(Path, "it is no zip archive", "it must be one, as torch.save writes it since PyTorch 1.6", next);
    }

    private string ByteOrder(StoredZip zip, string folder)
    {
        if (!zip.Entries.TryGetValue(folder + "byteorder", out var entry)) return "little";
        var order = System.Text.Encoding.ASCII.GetString(Small(zip, entry, 16));
        return order is "little" or "big" ? order : throw new DataException(Path, $"its byte order is '{Shown.Text(order)}'", "it must be little or big");
    }

    private byte[] Small(StoredZip zip, ZipEntry entry, int most) => entry.ByteCount <= most ? file.Bytes(zip.DataOffset(entry), (int)entry.ByteCount)
        : throw new DataException(Path, $"entry '{Shown.Text(entry.Name)}' has {entry.ByteCount} bytes", $"it must have at most {most}");

    private List<TorchTensor> Bare(StoredZip zip, string folder, PickleValue root) => root is PickleTensor view
        ? [View(zip, folder, "", view, [])]
        : throw new DataException(Path, $"it holds {root.Kind}", "it must hold one tensor", "save the tensor itself with torch.save");

    private List<TorchTensor> Views(StoredZip zip, string folder, PickleValue root)
    {
        if (root is not PickleDict dictionary)
            throw new DataException(Path, $"it holds {root.Kind}", "it must hold a dictionary of named tensors", "save model.state_dict() with torch.save");
        var starts = new Dictionary<string, (PickleStorage Storage, long Start)>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var tensors = new List<TorchTensor>();
        foreach (var (key, value) in dictionary.Entries)
        {
            if (key is not PickleText { Value: var name }) throw new DataException(Path, $"{key.Kind} as a tensor's name", "names must be texts");
            if (value is not PickleTensor view)
                throw new DataException(Path, $"'{Shown.Text(name)}' is {value.Kind}", "every entry must be a tensor", "save model.state_dict() with torch.save");
            if (!names.Add(name)) throw new DataException(Path, $"'{Shown.Text(name)}' stands twice", "names must be unique");
            tensors.Add(View(zip, folder, name, view, starts));
        }
        return tensors;
    }

    private TorchTensor View(StoredZip zip, string folder, string name, PickleTensor view, Dictionary<string, (PickleStorage Storage, long Start)> starts) =>
        new(name, view.Type, view.Sizes, view.Strides, StartOf(zip, folder, view.Storage, starts) + view.Offset * (view.Type.Bits() / 8));

    private long StartOf(StoredZip zip, string folder, PickleStorage storage, Dictionary<string, (PickleStorage Storage, long Start)> starts)
    {
        if (starts.TryGetValue(storage.Key, out var known))
            return known.Storage.Type == storage.Type && known.Storage.Elements == storage.Elements ? known.Start
                : throw new DataException(Path, $"storage '{Shown.Text(storage.Key)}' is described in two ways", "tensors that share a storage must agree on it");
        var name = $"{folder}data/{storage.Key}";
        if (!zip.Entries.TryGetValue(name, out var entry))
            throw new DataException(Path, $"there is no entry '{Shown.Text(name)}'", "every storage must be in the archive", "the file is damaged: copy or download it again");
        var width = (storage.Type?.Bits() ?? 8) / 8;
        if (entry.ByteCount % width != 0 || entry.ByteCount / width != storage.Elements)
            throw new DataException(Path, $"entry '{Shown.Text(name)}' has {entry.ByteCount} bytes for {storage.Elements} elements of {width}",
                "a storage must have the size that the pickle says", "the file is damaged: copy or download it again");
        var start = zip.DataOffset(entry);
        starts.Add(storage.Key, (storage, start));
        return start;
    }
}
